"""The reader of schemas sees what is wrong: without that, no finding would mean nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.schemas import Schemas

SCHEMAS = Schemas(
    {
        "Point": {
            "type": "object",
            "required": ["count"],
            "properties": {
                "count": {"type": "string", "format": "int64"},
                "at": {"type": "string", "format": "google-datetime"},
                "lasts": {"type": "string", "format": "google-duration"},
                "kind": {"type": "string", "enum": ["RUN", "WALK"]},
                "share": {"type": "number"},
                "whole": {"type": "integer", "format": "int32"},
                "parts": {"type": "array", "items": {"$ref": "Point"}},
                "by_key": {"type": "object", "additionalProperties": {"type": "integer"}},
            },
        }
    }
)
GOOD = {
    "count": "12",
    "at": "2026-03-02T10:00:00Z",
    "lasts": "60s",
    "kind": "RUN",
    "share": 1,
    "whole": 3,
    "parts": [{"count": "-1"}],
    "by_key": {"any": 1},
}


def test_a_good_answer_has_no_problems() -> None:
    assert SCHEMAS.problems(GOOD, "Point") == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"count": 12}, "$.count: int instead of string"),
        ({"count": "12.5"}, "$.count: not a int64"),
        ({"at": "2026-03-02 10:00"}, "$.at: not a google-datetime"),
        ({"lasts": "PT60S"}, "$.lasts: not a google-duration"),
        ({"kind": "SWIM"}, "$.kind: not in the enumeration"),
        ({"share": True}, "$.share: bool instead of number"),
        ({"whole": 2**31}, "$.whole: not an int32"),
        ({"whole": 1.5}, "$.whole: float instead of integer"),
        ({"parts": [GOOD, {"at": None, "count": "1"}]}, "$.parts[].at: NoneType instead of string"),
        ({"parts": [{}]}, "$.parts[].count: missing"),
        ({"by_key": {"any": "1"}}, "$.by_key.*: str instead of integer"),
        ({"colour": "red"}, "$.colour: unknown"),
    ],
)
def test_each_kind_of_problem_is_found(change: dict[str, Any], problem: str) -> None:
    assert SCHEMAS.problems({**GOOD, **change}, "Point") == [problem]
