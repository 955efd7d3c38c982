"""The original files of exercises: fetched once, kept bit for bit, and a missing one is not asked for again."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date

import pytest
import responses

from fit_platform.errors import BadRecord, Transient
from fit_platform.providers.base import Item
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import API, NOW, client, landed_as, payloads, pull, rejects, rows

FILES = resource("polar", "exercise_files")
DAY = date(2026, 9, 1)
FIT = bytes([14, 16, 100, 0, 0, 1, 0, 0]) + b".FIT\x00\x00" + bytes(range(256)) + b"\r\n"


def exercises(*identities: str | None) -> list[Item]:
    return [Item(json.dumps({"id": identity}).encode(), {}, NOW) for identity in identities]


@responses.activate
def test_a_file_is_kept_bit_for_bit_and_fetched_once():
    responses.get(f"{API}/exercises/a/fit", body=FIT)
    landed = {("exercises", DAY): exercises("a", None)}
    first = pull(client(), FILES, "2026-09-01", "2026-09-01", landed_as(landed))[DAY]
    (payload,) = payloads(first)
    assert base64.b64decode(payload.pop("content_base64")) == FIT
    assert payload == {"exercise_id": "a", "format": "fit"}
    assert responses.calls[0].request.headers["Accept"] == "*/*"

    landed["exercise_files", DAY] = [item for item in first.items if isinstance(item, Item)]
    assert pull(client(), FILES, "2026-09-01", "2026-09-01", landed_as(landed))[DAY] == first
    assert len(responses.calls) == 1


@pytest.mark.parametrize("status", [404, 204])
@responses.activate
def test_an_exercise_without_a_file_is_not_asked_for_again(status: int):
    responses.get(f"{API}/exercises/a/fit", status=status)
    landed = {("exercises", DAY): exercises("a")}
    first = pull(client(), FILES, "2026-09-01", "2026-09-01", landed_as(landed))[DAY]
    assert [p["content_base64"] for p in payloads(first)] == [None]
    landed["exercise_files", DAY] = [item for item in first.items if isinstance(item, Item)]
    assert pull(client(), FILES, "2026-09-01", "2026-09-01", landed_as(landed))[DAY] == first
    assert len(responses.calls) == 1
    assert rows(FILES.parse.records, payloads(first)[0]) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>maintenance</html>", "not the FIT file promised"),
        (b"", "not the FIT file promised"),
        (FIT[:-1], "a FIT file that is cut short"),
    ],
)
@responses.activate
def test_what_is_no_whole_fit_file_is_rejected_and_the_other_files_land(body: bytes, reason: str):
    responses.get(f"{API}/exercises/a/fit", body=body)
    responses.get(f"{API}/exercises/b/fit", body=FIT)
    landed = {("exercises", DAY): exercises("a", "b")}
    answer = pull(client(), FILES, "2026-09-01", "2026-09-01", landed_as(landed))[DAY]
    assert [p["exercise_id"] for p in payloads(answer)] == ["b"]
    (rejected,) = rejects(answer)
    assert rejected.body == body
    assert reason in rejected.reason


@responses.activate
def test_three_files_in_a_row_that_fail_are_a_failure_of_the_endpoint():
    for identity in "abc":
        responses.get(f"{API}/exercises/{identity}/fit", status=500)
    with pytest.raises(Transient):
        pull(client(), FILES, "2026-09-01", "2026-09-01", landed_as({("exercises", DAY): exercises(*"abcd")}))


def test_a_file_becomes_a_row_with_its_checksum():
    payload = {"exercise_id": "a", "format": "fit", "content_base64": base64.b64encode(FIT).decode()}
    ((name, row),) = rows(FILES.parse.records, payload)
    assert name == "polar_exercise_files"
    assert (row["size_bytes"], row["sha256"]) == (len(FIT), hashlib.sha256(FIT).hexdigest())
    with pytest.raises(BadRecord, match="not base64"):
        rows(FILES.parse.records, payload | {"content_base64": "?"})
