"""Answers as a published schema allows them: one complete, then one for each member left out and each other choice.

For Google's discovery documents, OpenAPI 3 and Swagger 2. Values come from the schema's own examples where it has them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]

_BY_FORMAT: dict[str, Any] = {
    "int64": "7",  # Google writes 64-bit numbers as text
    "google-datetime": "2026-09-01T10:00:00Z",
    "google-duration": "7200s",
    "date-time": "2026-09-01T10:00:00Z",
    "date": "2026-09-01",
}
_BY_TYPE: dict[str, Any] = {"string": "text", "number": 1.5, "integer": 7, "boolean": True}


@dataclass(frozen=True)
class Variant:
    """An answer, and how it differs from the complete one: `-member` left out, `member=choice`."""

    what: str
    value: Any


@dataclass(frozen=True)
class Generator:
    """Makes answers for the schemas of one document. `given`: values by member name that must make sense together."""

    named: Mapping[str, Schema]
    given: Mapping[str, Any]

    def variants(self, schema: str) -> Iterator[Variant]:
        """The complete answer first."""
        whole = self.complete({"$ref": schema})
        yield Variant("complete", whole)
        yield from without_each_member(whole)
        for path, choices in self._choices({"$ref": schema}, ()):
            for choice in choices:
                yield Variant(f"{_name(path)}={choice}", _replaced(whole, path, choice))

    def complete(self, schema: Schema, name: str = "", seen: tuple[str, ...] = ()) -> Any:
        """An answer with every member that the schema knows; a list has one element."""
        if name in self.given:
            return self.given[name]
        if "$ref" in schema:
            target = schema["$ref"].rsplit("/", 1)[-1]
            return None if target in seen else self.complete(self.named[target], "", (*seen, target))
        if "allOf" in schema:
            parts = [self.complete(part, name, seen) for part in schema["allOf"]]
            return {member: value for part in parts for member, value in (part or {}).items()}
        if "properties" in schema:
            members = {key: self.complete(part, key, seen) for key, part in schema["properties"].items()}
            return {key: value for key, value in members.items() if value is not None} | schema.get("example", {})
        if schema.get("type") == "array":
            element = self.complete(schema.get("items", {}), name, seen)
            return [] if element is None else [element]
        if "example" in schema:
            return schema["example"]
        if choices := schema.get("enum"):
            return next((choice for choice in choices if not str(choice).endswith("UNSPECIFIED")), choices[0])
        if schema.get("type") == "object":
            return {}
        # In OpenAPI an int64 is a number; only Google writes it as text.
        if schema.get("type") == "string" or schema.get("format") not in _BY_FORMAT:
            return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(schema.get("type", "string")))
        return _BY_TYPE[schema["type"]]

    def _choices(self, schema: Schema, path: Path, seen: tuple[str, ...] = ()) -> Iterator[tuple[Path, list[Any]]]:
        if "$ref" in schema:
            target = schema["$ref"].rsplit("/", 1)[-1]
            if target not in seen:
                yield from self._choices(self.named[target], path, (*seen, target))
            return
        for part in schema.get("allOf", ()):
            yield from self._choices(part, path, seen)
        for key, part in schema.get("properties", {}).items():
            if key not in self.given:
                yield from self._choices(part, (*path, key), seen)
        if schema.get("type") == "array":
            yield from self._choices(schema.get("items", {}), (*path, 0), seen)
        elif "enum" in schema:
            yield path, list(schema["enum"])


def without_each_member(whole: Any) -> Iterator[Variant]:
    """The answer with one member left out, for each at any depth; and with each list empty."""
    for path in _paths(whole, ()):
        yield Variant(f"-{_name(path)}", _replaced(whole, path, None, leave_out=True))


def _paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield (*path, key)
            yield from _paths(member, (*path, key))
    elif isinstance(value, list):
        for index, element in enumerate(value[:1]):
            yield from _paths(element, (*path, index))


def _name(path: Path) -> str:
    return ".".join("[]" if isinstance(part, int) else part for part in path).replace(".[]", "[]")


def _replaced(whole: Any, path: Path, value: Any, *, leave_out: bool = False) -> Any:
    changed = copy.deepcopy(whole)
    inside = changed
    for part in path[:-1]:
        inside = inside[part]
    if leave_out:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return changed
