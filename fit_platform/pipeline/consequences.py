"""Days that a build changed without being asked to: those it has to build as well.

The day-ranged models read three small whole tables: where the athlete's clocks stood, which pairs of records are
compared, and which recordings repeat another. A flight, a decision of a person about an old pair, or an upload that
joins two sessions changes these for days that nobody loaded. Copies of what the last complete build had are kept in
`ops`; held against what stands now, they name those days, also after a build that was killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from fit_platform.pipeline.ranges import outside
from fit_platform.providers.base import Window
from fit_platform.warehouse.base import OPS_SCHEMA, Warehouse

_SCHEMA = "intermediate"
_TABLES = {
    "int_utc_offset_segments": "athlete_id, from_second, to_second, utc_offset_seconds",
    "int_activity_candidates": "dt, record_id, other_record_id, shift_minutes",
    "int_heart_rate_repeats": "dt, athlete_id, provider, provider_activity_id",
}
_PAIR_DAYS = 12  # a build of some days compares the pairs of so many days around them anyway
_EPOCH = date(1970, 1, 1)
_Segment = tuple[int, int, int]  # from second, to second (exclusive), offset in seconds


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the day-ranged models read beside the days themselves. Pairs and repeats begin with their day."""

    clocks: dict[str, tuple[_Segment, ...]]
    pairs: frozenset[tuple[Any, ...]]
    repeats: frozenset[tuple[Any, ...]]
    loaded_days: tuple[date, ...]


def surroundings_now(warehouse: Warehouse) -> Surroundings | None:
    """What stands in the warehouse now; None where one of the tables is missing."""
    return _read(warehouse, {name: (_SCHEMA, name) for name in _TABLES})


def surroundings_built(warehouse: Warehouse) -> Surroundings | None:
    """What the last complete build had; None before the first."""
    return _read(warehouse, {name: _copy_of(name) for name in _TABLES})


def keep_surroundings(warehouse: Warehouse) -> None:
    """Every day is built with what stands now: keep a copy."""
    for name in _TABLES:
        warehouse.copy_table((_SCHEMA, name), _copy_of(name))


def _copy_of(name: str) -> tuple[str, str]:
    return OPS_SCHEMA, f"built_{name.removeprefix('int_')}"


def _read(warehouse: Warehouse, tables: Mapping[str, tuple[str, str]]) -> Surroundings | None:
    by_schema = {schema: [name for of, name in tables.values() if of == schema] for schema, _ in tables.values()}
    if not all(set(names) <= warehouse.tables(schema) for schema, names in by_schema.items()):
        return None
    rows = {
        name: _rows(warehouse, f"SELECT {columns} FROM {warehouse.relation(*tables[name])}")
        for name, columns in _TABLES.items()
    }
    clocks: dict[str, list[_Segment]] = {}
    for athlete_id, first, end, offset in rows["int_utc_offset_segments"]:
        clocks.setdefault(athlete_id, []).append((first, end, offset))
    ledger = warehouse.relation(OPS_SCHEMA, "load_ledger")
    return Surroundings(
        clocks={athlete_id: tuple(sorted(segments)) for athlete_id, segments in clocks.items()},
        pairs=frozenset(rows["int_activity_candidates"]),
        repeats=frozenset(rows["int_heart_rate_repeats"]),
        loaded_days=tuple(day for (day,) in _rows(warehouse, f"SELECT DISTINCT dt FROM {ledger} ORDER BY dt")),
    )


def _rows(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    found = warehouse.query(sql)
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


def also_changed(before: Surroundings | None, after: Surroundings | None, built: Iterable[Window]) -> list[date]:
    """Days that a build of these windows changed and did not build; none where there was nothing to compare with."""
    if before is None or after is None:
        return []
    windows = list(built)
    moved = set(_days_of(_moved_spans(before.clocks, after.clocks), after.loaded_days))
    compared = {row[0] for row in before.pairs ^ after.pairs}
    repeated = {row[0] for row in before.repeats ^ after.repeats}
    around = [Window(w.first - timedelta(days=_PAIR_DAYS), w.last + timedelta(days=_PAIR_DAYS)) for w in windows]
    return sorted({*outside(compared, around), *outside(moved | repeated, windows)})


def _moved_spans(
    before: dict[str, tuple[_Segment, ...]], after: dict[str, tuple[_Segment, ...]]
) -> Iterator[tuple[int, int]]:
    """Spans of seconds in which an athlete's clocks stood otherwise than was thought."""
    for athlete_id in before.keys() | after.keys():
        old, new = before.get(athlete_id, ()), after.get(athlete_id, ())
        edges = sorted({second for first, end, _ in (*old, *new) for second in (first, end)})
        for first, end in pairwise(edges):
            if _offset_at(first, old) != _offset_at(first, new):
                yield first, end


def _offset_at(second: int, segments: Sequence[_Segment]) -> int | None:
    return next((offset for first, end, offset in segments if first <= second < end), None)


def _days_of(spans: Iterable[tuple[int, int]], days: Sequence[date]) -> Iterator[date]:
    """Those of the days that a span touches. A day here is a local or a UTC one, so a day more on each side."""
    for first, end in spans:
        low, high = _epoch_day(first) - 1, _epoch_day(end - 1) + 1
        yield from (day for day in days if low <= (day - _EPOCH).days <= high)


def _epoch_day(second: int) -> int:
    return second // 86_400
