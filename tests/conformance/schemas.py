"""Does a JSON answer fit a published schema? For Google's discovery documents, OpenAPI 3 and Swagger 2.

A small strict reader: unknown members are problems too. It gives the problems of all elements of a list once, with
`[]` in the place of the index, so that they can be compared with a list of known differences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

Schema = Mapping[str, Any]

_INT64 = re.compile(r"-?\d{1,19}")
_SECONDS = re.compile(r"-?\d+(\.\d{1,9})?s")
_ISO_DURATION = re.compile(r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}


@dataclass(frozen=True)
class Schemas:
    """The named schemas of one document."""

    named: Mapping[str, Schema]

    def problems(self, value: Any, schema: Schema | str) -> list[str]:
        """What does not fit, each once, sorted."""
        found = self.named[schema] if isinstance(schema, str) else schema
        return sorted(set(self._walk(value, found, "$")))

    def _walk(self, value: Any, schema: Schema, at: str) -> Iterator[str]:
        while "$ref" in schema:
            schema = self.named[schema["$ref"].rsplit("/", 1)[-1]]
        for part in schema.get("allOf", ()):
            yield from self._walk(value, part, at)
        kind = schema.get("type", "object" if "properties" in schema else "any")
        if kind == "any" or "allOf" in schema:
            return
        expected = _TYPES[kind]
        if not isinstance(value, expected) or (isinstance(value, bool) and kind != "boolean"):
            yield f"{at}: {type(value).__name__} instead of {kind}"
            return
        if isinstance(value, dict):
            yield from self._members(value, schema, at)
        elif isinstance(value, list):
            for item in value:
                yield from self._walk(item, schema.get("items", {}), f"{at}[]")
        else:
            yield from _scalar(value, schema, at)

    def _members(self, value: dict[str, Any], schema: Schema, at: str) -> Iterator[str]:
        properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{at}.{name}: missing"
        for name, member in value.items():
            if name in properties:
                yield from self._walk(member, properties[name], f"{at}.{name}")
            elif isinstance(rest, Mapping):
                yield from self._walk(member, rest, f"{at}.*")
            elif properties and not rest:
                yield f"{at}.{name}: unknown"


def _scalar(value: Any, schema: Schema, at: str) -> Iterator[str]:
    allowed = schema.get("enum")
    if allowed and value not in allowed:
        yield f"{at}: not in the enumeration"
    form = schema.get("format")
    if isinstance(value, str) and form and not _fits(value, form):
        yield f"{at}: not a {form}"
    elif not isinstance(value, str) and form == "int32" and not -(2**31) <= value < 2**31:
        yield f"{at}: not an int32"


def _fits(text: str, form: str) -> bool:
    if form in ("int64", "uint64"):
        return bool(_INT64.fullmatch(text))
    if form == "google-duration":
        return bool(_SECONDS.fullmatch(text))
    if form == "duration":
        return bool(_ISO_DURATION.fullmatch(text))
    try:
        if form == "google-datetime":
            return datetime.fromisoformat(text).tzinfo is not None
        if form == "date-time":  # a zone is asked for by the standard, and absent in Polar's own examples
            return bool(datetime.fromisoformat(text))
        if form == "date":
            return str(date.fromisoformat(text)) == text
    except ValueError:
        return False
    return True
