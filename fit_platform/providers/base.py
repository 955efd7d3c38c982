"""What a provider is to the rest of the house: a list of `Resource` rows, each with how to pull and how to parse it.

A provider folder fills these types in; nothing else in the house knows one provider from another. No dagster here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fit_platform.warehouse.schema import Table

if TYPE_CHECKING:
    from fit_platform.providers.http import ApiClient


class DayOf(StrEnum):
    """How a provider dates a resource, and so what its partition day means (see docs: the day of a partition)."""

    UTC_START = "UTC day of the start instant"
    CIVIL_DATE = "the civil date the provider gives"
    FILING_DAY = "the last day of the window that was asked for (a snapshot without a date of its own)"


@dataclass(frozen=True, slots=True)
class Window:
    """A range of partition days, `first` and `last` both inside."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse an empty window."""
        if self.last < self.first:
            raise ValueError(f"empty window {self.first}..{self.last}")

    def days(self) -> list[date]:
        """Every day of the window, oldest first."""
        return [self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1)]

    def chunks(self, days: int) -> Iterator[Window]:
        """The window cut into pieces of at most `days` days, oldest first."""
        first = self.first
        while first <= self.last:
            last = min(first + timedelta(days=days - 1), self.last)
            yield Window(first, last)
            first = last + timedelta(days=1)

    @property
    def start_utc(self) -> datetime:
        """Midnight UTC at which the window begins."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def end_utc(self) -> datetime:
        """Midnight UTC at which the window has ended (exclusive)."""
        end = self.last + timedelta(days=1)
        return datetime(end.year, end.month, end.day, tzinfo=UTC)

    def __contains__(self, day: date) -> bool:
        """Is this day in the window?"""
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


@dataclass(frozen=True, slots=True)
class Item:
    """One provider object as it came. `payload` is the verbatim JSON, free of line breaks."""

    payload: bytes
    request: Mapping[str, Any]  # {"path", "params", ...}: what was asked; never a token
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """A body that was not what was promised. Kept in landing as text so that nothing is lost, and quarantined."""

    body: bytes
    reason: str
    request: Mapping[str, Any]
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class DayAnswer:
    """All that the provider has for one day. An empty `items` means: asked, and there is nothing."""

    day: date
    items: tuple[Item | Rejected, ...]


@dataclass(frozen=True, slots=True)
class DayUnknown:
    """The provider cannot be asked about this day (older than its window). What has landed stays as it is."""

    day: date
    reason: str


Pulled = DayAnswer | DayUnknown
Landed = Callable[[str, date], list[Item]]
"""(resource name, day) -> what this athlete has landed there, as items. Read-only."""

Pull = Callable[["ApiClient", Window, Landed], Iterator[Pulled]]
"""Pull a window. Yields each day of the window exactly once, as soon as that day is complete."""


@dataclass(frozen=True, slots=True)
class RecordContext:
    """What a row parser may know beside the payload."""

    athlete_id: str
    dt: date
    request: Mapping[str, Any]


Rows = Iterator[tuple[str, dict[str, Any]]]
"""(table name, row). The row has the table's own columns only; missing nullable ones may be left out."""

ParseRecord = Callable[[Any, RecordContext], Rows]
"""For small objects: one decoded payload -> rows. Raises BadRecord with the reason."""


@dataclass(frozen=True, slots=True)
class ColumnarParser:
    """For sample feeds: one DuckDB SELECT per table, over the view `lines`.

    `lines` has: athlete_id, dt, fetched_at, first_fetched_at, landing_object, line_number, request (JSON text),
    payload (of type `payload_type`). Each SELECT returns the table's own columns by name, plus athlete_id, dt,
    fetched_at, first_fetched_at, landing_object, line_number as they stand in `lines`, plus `bad_reason` (VARCHAR,
    NULL = good) and `bad_value` (VARCHAR, the offending piece as JSON text). Leaves should be read as VARCHAR and
    cast with TRY_CAST, so that a wrong type is a reason and never an exception.
    """

    payload_type: str
    selects: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parser:
    """How a resource's items become rows: small objects record by record, samples columnar, or both for one payload."""

    records: ParseRecord | None = None
    columnar: ColumnarParser | None = None

    def __post_init__(self) -> None:
        """Refuse a parser that parses nothing."""
        if self.records is None and self.columnar is None:
            raise ValueError("a parser needs a record parser, a columnar parser, or both")


@dataclass(frozen=True)
class Resource:
    """One thing that can be pulled from a provider, and everything the house needs to know about it."""

    provider: str
    name: str
    description: str
    day_of: DayOf
    tables: tuple[Table, ...]
    pull: Pull
    parse: Parser
    object_id: Callable[[Any], str] | None = None  # decoded payload -> id; None: no identity (sample feeds)
    scopes: tuple[str, ...] = ()
    window_days: int | None = None  # how far back the provider serves it; None: no limit known
    is_window_by_upload: bool = False  # what was uploaded within the window is served, of whichever day it is
    range_days: int | None = None  # longest range one request may span; None: no limit known
    page_size: int | None = None
    max_quiet_days: int | None = None  # longer without data means that something is wrong; None: silence says nothing
    calls: str = ""  # what a backfill costs, in words, for the coverage table
    calls_per_day: str = "1"  # what one more day costs an athlete, in words
    needs: tuple[str, ...] = ()  # resources of the same provider whose landed days it reads
    day_by_id: Callable[[ApiClient, str], date] | None = (
        None  # asks for one object's partition day; NotFound: it is gone
    )
    look: Pull | None = None  # a cheaper pull, good enough for a poll to notice a change; None: the pull itself
    look_back_days: int = 3  # how far a poll looks back, at least; where one call has the whole window: over all of it
    switch: str | None = None  # the setting that turns it on: it costs many calls for what few need; None: always on
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """(provider, resource)."""
        return self.provider, self.name
