"""The landing zone: days of provider answers, rewritten only when their content differs, never forgetting a version.

`write_day` holds the rules that make landing trustworthy: unchanged objects keep the line they had, edited ones keep
the time they were first seen, vanished ones leave a tombstone, and a day that could not be read whole loses nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from fit_platform.errors import BusyError, DamagedObject
from fit_platform.landing.envelope import (
    HEAD_BYTES,
    Line,
    closing_line,
    content_hash,
    decode_lines,
    encode_lines,
    hash_in_header,
    line_of,
)
from fit_platform.landing.layout import DayKey, day_prefix, history_path, history_prefix, resource_prefix
from fit_platform.landing.store import Listed, ObjectStore
from fit_platform.providers.base import DayAnswer, Item, Rejected, Resource

NOTHING = content_hash([])
"""The content hash of a day that was pulled and holds nothing."""
GONE = "no longer in the provider's answer"
_WRITE_ATTEMPTS = 20

WhyAbsent = Callable[[str], str]
"""An object's id -> why an answer no longer shows it, for its tombstone. Never raises."""


def _left_out(_object_id: str) -> str:
    return GONE


@dataclass(frozen=True, slots=True)
class Written:
    """What writing a day came to."""

    changed: bool
    content_hash: str
    objects: int  # live objects
    rejected: int
    bytes_written: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How an answer differs from what has landed of its day."""

    content_hash: str  # what the day would hold
    objects: int  # live objects it would hold
    is_first: bool  # the day was never pulled


@dataclass(frozen=True, slots=True)
class Purged:
    """What purging a day came to. `lines`: objects, tombstones and rejected bodies of the current version."""

    lines: int
    versions: int


class LandingZone:
    """Reads and writes day objects in an object store."""

    def __init__(self, store: ObjectStore) -> None:
        """Use this store."""
        self.store = store

    def write_day(
        self,
        resource: Resource,
        athlete_id: str,
        answer: DayAnswer,
        now: datetime,
        *,
        why_absent: WhyAbsent = _left_out,
    ) -> Written:
        """Land one day's answer. Nothing is written when the content is what has landed already.

        `why_absent` is asked about each object that has landed and that the answer does not show.
        """
        key = DayKey(resource.provider, resource.name, answer.day, athlete_id)
        history = history_path(key.path, f"{now:%Y%m%dT%H%M%S%f}")
        for _ in range(_WRITE_ATTEMPTS):
            before, version = self._before(key)
            lines = _merge(before or [], answer, resource.object_id, now, why_absent)
            new_hash = content_hash(lines)
            rejected = sum(line.rejected is not None for line in lines)
            if before is not None and new_hash == content_hash(before):
                return Written(False, new_hash, _live(lines), rejected, 0)
            body = encode_lines(lines)
            # Refused when another process wrote the day since it was read: then its version is merged with, too.
            if self.store.write_if(key.path, body, version, content_hash=new_hash, history=history):
                return Written(True, new_hash, _live(lines), rejected, len(body))
        raise _busy(key)

    def difference(
        self, resource: Resource, athlete_id: str, answer: DayAnswer, now: datetime, listed_hash: str | None = None
    ) -> Difference | None:
        """What landing this answer would change; None: nothing. Writes nothing.

        `listed_hash`: the day's content hash, where a listing has shown it; an equal answer then needs no reading.
        """
        if listed_hash is not None and listed_hash == _hash_alone(answer):
            return None
        before, version = self._before(DayKey(resource.provider, resource.name, answer.day, athlete_id))
        lines = _merge(before or [], answer, resource.object_id, now)
        new_hash = content_hash(lines)
        if before is not None and new_hash == content_hash(before):
            return None
        return Difference(new_hash, _live(lines), is_first=version is None)

    def _before(self, key: DayKey) -> tuple[list[Line] | None, str | None]:
        """The lines that a day has now (None: none, or none that can be read), and the version of its object."""
        found = self.store.read_version(key.path)
        if found is None:
            return None, None
        body, version = found
        try:
            return decode_lines(body), version
        except DamagedObject:
            return None, version

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

    def has(self, key: DayKey) -> bool:
        """Was this day pulled?"""
        return self.store.head(key.path, 1) is not None

    def closed_because(self, key: DayKey) -> str | None:
        """Why the day is not to be pulled again; None: it may be."""
        try:
            notes = [line.tombstone["purged"] for line in self.lines(key) or [] if line.tombstone and line.closes_day]
        except DamagedObject:
            return None
        return str(notes[0]) if notes else None

    def purge(self, key: DayKey, now: datetime, *, closed: str | None = None, archive_too: bool = False) -> Purged:
        """Remove what the API gave for a day, superseded versions included; what came from an archive stays.

        With `closed`, the day keeps a note that says why it is not to be pulled again. Purging twice changes nothing.
        """
        replaced = 0
        for _ in range(_WRITE_ATTEMPTS):
            before, version = self._before(key)
            lines = before or []
            kept = [] if archive_too else [line for line in lines if line.acquired_via == "archive"]
            gone = [line for line in lines if line not in kept and not line.closes_day]
            if closed is not None:
                notes = [line for line in lines if line.closes_day]
                kept += notes or [closing_line(closed, now)]
            if kept == lines and kept:
                break
            if not kept:
                self.store.delete(key.path)
                break
            body, history = encode_lines(kept), history_path(key.path, f"{now:%Y%m%dT%H%M%S%f}")
            # Refused when a pull wrote the day since it was read: what it landed is looked at, too.
            if self.store.write_if(key.path, body, version, content_hash=content_hash(kept), history=history):
                replaced = int(version is not None)
                break
        else:
            raise _busy(key)
        # Last, because what was just replaced is kept, too; it is no version that there was before.
        forgotten = self.store.forget_versions(key.path, history_prefix(key.path))
        return Purged(len(gone), max(0, forgotten - replaced))

    def hashes(self, provider: str, resource: str, first: date, last: date) -> dict[DayKey, str]:
        """Content hashes of every day object of a resource from one day to another, both inside.

        Where the store keeps them beside its objects, a listing is all that is asked of it.
        """
        found: dict[DayKey, str] = {}
        for listed in self._listing(provider, resource, first, last):
            key = DayKey.from_path(listed.name)
            if key is not None and (known := listed.content_hash or self.content_hash(key)) is not None:
                found[key] = known
        return found

    def listed_days(
        self, provider: str, resource: str, athlete_id: str, first: date = date.min, last: date = date.max
    ) -> dict[date, str | None]:
        """An athlete's landed days, oldest first, with their content hashes where a listing shows them.

        A bucket's does, a folder's does not. Reads no object.
        """
        return {
            key.dt: listed.content_hash
            for listed in self._listing(provider, resource, first, last)
            if (key := DayKey.from_path(listed.name)) is not None and key.athlete_id == athlete_id
        }

    def _listing(self, provider: str, resource: str, first: date, last: date) -> Iterator[Listed]:
        end_offset = day_prefix(provider, resource, last + timedelta(days=1)) if last < date.max else ""
        return self.store.listing(
            resource_prefix(provider, resource), day_prefix(provider, resource, first), end_offset
        )

    def local_files(self, keys: Iterable[DayKey], folder: Path) -> Iterator[Path]:
        """Files of this machine with the objects' bytes, in the order of the keys; see `ObjectStore.local_files`."""
        return self.store.local_files((key.path for key in keys), folder)


def _busy(key: DayKey) -> BusyError:
    return BusyError(f"{key.path} is being written by other processes all the time; end them, then run this again")


def _merge(
    before: Sequence[Line],
    answer: DayAnswer,
    object_id: Callable[[Any], str] | None,
    now: datetime,
    why_absent: WhyAbsent = _left_out,
) -> list[Line]:
    """The day's new lines: this answer, joined to what is known of the same objects.

    Lines of an archive stand beside those of the API and outlive them; a day that is pulled again is no longer closed.
    """
    archived = [line for line in before if line.acquired_via == "archive"]
    before = [line for line in before if line.acquired_via == "api" and not line.closes_day]
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
        return archived + lines + rejects

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
            note = {"object_id": identity, "reason": why_absent(identity), "content": content_hash([line])}
            lines.append(Line(b"null", line.request, now, line.first_fetched_at, tombstone=note))
    return archived + lines + rejects


def _hash_alone(answer: DayAnswer) -> str | None:
    """The content hash of a day that holds this answer and nothing else; None where it holds what was refused."""
    items = [item for item in answer.items if isinstance(item, Item)]
    return content_hash(map(line_of, items)) if len(items) == len(answer.items) else None


def _live(lines: Sequence[Line]) -> int:
    return sum(line.is_live for line in lines)


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
