"""The landing zone: days of provider answers, rewritten only when their content differs, never forgetting a version.

`write_day` holds the rules that make landing trustworthy: unchanged objects keep the line they had, edited ones keep
the time they were first seen, vanished ones leave a tombstone, and a day that could not be read whole loses nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from fit_platform.errors import DamagedObject
from fit_platform.landing.envelope import (
    HEAD_BYTES,
    Line,
    content_hash,
    decode_lines,
    encode_lines,
    hash_in_header,
    line_of,
)
from fit_platform.landing.layout import DayKey, day_prefix, history_path, resource_prefix
from fit_platform.landing.store import ObjectStore
from fit_platform.providers.base import DayAnswer, Item, Rejected, Resource

_GONE = "no longer in the provider's answer"


@dataclass(frozen=True, slots=True)
class Written:
    """What writing a day came to."""

    changed: bool
    content_hash: str
    objects: int  # live objects
    rejected: int
    bytes_written: int


class LandingZone:
    """Reads and writes day objects in an object store."""

    def __init__(self, store: ObjectStore) -> None:
        """Use this store."""
        self.store = store

    def write_day(self, resource: Resource, athlete_id: str, answer: DayAnswer, now: datetime) -> Written:
        """Land one day's answer. Nothing is written when the content is what has landed already."""
        key = DayKey(resource.provider, resource.name, answer.day, athlete_id)
        try:
            before = self.lines(key)
            is_damaged = False
        except DamagedObject:
            before, is_damaged = None, True
        lines = _merge(before or [], answer, resource.object_id, now)
        new_hash = content_hash(lines)
        live, rejected = sum(line.is_live for line in lines), sum(line.rejected is not None for line in lines)
        if before is not None and new_hash == content_hash(before):
            return Written(False, new_hash, live, rejected, 0)
        body = encode_lines(lines)
        if before is not None or is_damaged:
            self.store.move(key.path, history_path(key.path, f"{now:%Y%m%dT%H%M%S%f}"))
        self.store.write(key.path, body)
        return Written(True, new_hash, live, rejected, len(body))

    def lines(self, key: DayKey) -> list[Line] | None:
        """The lines of a day; None when the day was never pulled (an empty list: pulled, and nothing there).

        Raises DamagedObject.
        """
        body = self.store.read(key.path)
        return None if body is None else decode_lines(body)

    def items(self, key: DayKey) -> list[Item]:
        """The live objects of a day, as the provider rooms know them; none where the object is damaged."""
        try:
            return [line.item() for line in self.lines(key) or [] if line.is_live]
        except DamagedObject:
            return []

    def content_hash(self, key: DayKey) -> str | None:
        """A day's content hash, read from the object's first bytes where we wrote it; None: never pulled."""
        head = self.store.head(key.path, HEAD_BYTES)
        if head is None:
            return None
        if known := hash_in_header(head):
            return known
        try:
            return content_hash(self.lines(key) or [])
        except DamagedObject:
            return hashlib.sha256(self.store.read(key.path) or b"").hexdigest()

    def keys(self, provider: str, resource: str, dt: date | None = None) -> Iterator[DayKey]:
        """Every day object of a resource (of one day, when given), sorted by day and athlete."""
        prefix = resource_prefix(provider, resource) if dt is None else day_prefix(provider, resource, dt)
        for name in self.store.names(prefix):
            if key := DayKey.from_path(name):
                yield key

    def local_path(self, key: DayKey) -> Path:
        """A file on this machine with the object's bytes."""
        return self.store.local_path(key.path)


def _merge(
    before: Sequence[Line], answer: DayAnswer, object_id: Callable[[Any], str] | None, now: datetime
) -> list[Line]:
    """The day's new lines: this answer, joined to what is known of the same objects."""
    rejects = [
        Line(
            b"null",
            item.request,
            item.fetched_at,
            item.fetched_at,
            rejected={"reason": item.reason, "body": item.body.decode("utf-8", "replace")},
        )
        for item in answer.items
        if isinstance(item, Rejected)
    ]
    fresh = [line_of(item) for item in answer.items if isinstance(item, Item)]
    if object_id is None:
        lines = [_same_as_before(line, before) for line in fresh]
        if rejects and not fresh:
            lines = [line for line in before if line.is_live]
        return lines + rejects

    old = {_identity(line, object_id): line for line in before if line.rejected is None}
    new = {_identity(line, object_id): line for line in fresh}  # a repeated object: the last one counts
    lines = []
    for identity, line in new.items():
        known = old.get(identity)
        lines.append(line if known is None else _succeed(known, line))
    for identity, line in old.items():
        if identity in new:
            continue
        if line.tombstone is not None or rejects:  # an answer with rejects is no proof that something is gone
            lines.append(line)
        else:
            lines.append(
                Line(
                    b"null",
                    line.request,
                    now,
                    line.first_fetched_at,
                    tombstone={"object_id": identity, "reason": _GONE, "content": content_hash([line])},
                )
            )
    return lines + rejects


def _identity(line: Line, object_id: Callable[[Any], str]) -> str:
    if line.tombstone is not None:
        return str(line.tombstone["object_id"])
    parent = line.request.get("activity")  # streams carry no id of their own: they are their activity's
    return str(parent["id"]) if parent else object_id(msgspec.json.decode(line.payload))


def _succeed(known: Line, line: Line) -> Line:
    """The line that follows `known`: `known` itself when nothing changed."""
    if content_hash([known]) == content_hash([line]):
        return known
    return line.seen_since(known.first_fetched_at)


def _same_as_before(line: Line, before: Sequence[Line]) -> Line:
    mine = content_hash([line])
    return next((known for known in before if known.is_live and content_hash([known]) == mine), line)
