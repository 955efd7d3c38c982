"""One activity with its recording: which provider's record is written out, and what another record adds to it.

The track is that of the best record that has positions (else of the best with any samples); where it lacks heart rate,
the heart rate of the next record is laid over it. `provenance` says so, and goes into every file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from fit_platform.errors import ConfigError
from fit_platform.pipeline.publish import MARTS_SCHEMA
from fit_platform.warehouse.base import BASE_SCHEMA, Warehouse

_PAUSE_SECONDS = 60.0  # GPS points lie 1 to 10 s apart; a longer gap was not recorded
_NEAR_SECONDS = 5.0  # heart rate of another record counts for a point this near: an all-day feed comes every 5 s or so
_MIN_ID_LENGTH = 6
_VALID_BPM = (30, 250)
_VALUES = ("altitude_m", "distance_m", "heart_rate_bpm", "cadence_rpm", "speed_mps", "power_w")


@dataclass(frozen=True, slots=True)
class Point:
    """One instant of a recording. `segment` grows after a pause."""

    at: datetime
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None
    distance_m: float | None = None
    heart_rate_bpm: float | None = None
    cadence_rpm: float | None = None
    speed_mps: float | None = None
    power_w: float | None = None
    segment: int = 1

    @property
    def has_position(self) -> bool:
        """Whether it is a place, and not only a moment."""
        return self.latitude_deg is not None and self.longitude_deg is not None

    @property
    def says_something(self) -> bool:
        """Whether it is more than an instant."""
        return self.has_position or any(getattr(self, name) is not None for name in _VALUES)


@dataclass(frozen=True, slots=True)
class Source:
    """A provider record that is part of the activity."""

    provider: str
    provider_activity_id: str
    acquired_via: str
    relation: str
    is_primary: bool
    started_at: datetime
    ended_at: datetime

    @property
    def words(self) -> str:
        """`strava 123 (api)`."""
        return f"{self.provider} {self.provider_activity_id} ({self.acquired_via})"


@dataclass(frozen=True, slots=True)
class Recording:
    """An activity of the marts and its points in order of time. `facts`: the row of `activities`."""

    facts: dict[str, Any]
    sources: tuple[Source, ...]
    points: tuple[Point, ...]
    track_of: Source | None
    heart_rate_of: Source | None

    @property
    def has_route(self) -> bool:
        """Whether any point is a place."""
        return any(point.has_position for point in self.points)

    @property
    def provenance(self) -> str:
        """Where each part comes from, in one line."""
        parts = [f"fit_platform activity {self.facts['activity_id']}"]
        parts.append(f"track: {self.track_of.words}" if self.track_of else "no recording")
        if self.heart_rate_of and self.heart_rate_of != self.track_of:
            parts.append(f"heart rate: {self.heart_rate_of.words}")
        same = [source.words for source in self.sources if source not in (self.track_of, self.heart_rate_of)]
        if same:
            parts.append(f"also recorded by: {', '.join(same)}")
        return "; ".join(parts)


def find_activity(warehouse: Warehouse, wanted: str) -> dict[str, Any]:
    """The row of `activities` whose id is, or begins with, `wanted`; ConfigError unless there is exactly one."""
    if len(wanted) < _MIN_ID_LENGTH or not wanted.isalnum():
        raise ConfigError(f"{wanted!r} is no activity id: give the id, or at least its first {_MIN_ID_LENGTH} letters")
    rows = warehouse.query(
        f"SELECT * FROM {warehouse.relation(MARTS_SCHEMA, 'activities')} WHERE activity_id LIKE ? ORDER BY activity_id",
        [f"{wanted}%"],
    ).to_pylist()
    if not rows:
        raise ConfigError(
            f"there is no activity {wanted!r}; `fit-platform export marts activities` lists all with their ids"
        )
    if len(rows) > 1 and rows[0]["activity_id"] != wanted:
        raise ConfigError(f"{len(rows)} activities begin with {wanted!r}: give more of the id")
    return dict(rows[0])


def read_recording(warehouse: Warehouse, wanted: str) -> Recording:
    """The activity and its points."""
    with warehouse.session():
        facts = find_activity(warehouse, wanted)
        sources = _sources(warehouse, str(facts["activity_id"]))
        recorded = {source: _points_of(warehouse, str(facts["athlete_id"]), source) for source in sources}
    with_route = [source for source in sources if any(point.has_position for point in recorded[source])]
    with_samples = [source for source in sources if recorded[source]]
    track_of = next(iter([*with_route, *with_samples]), None)
    points = recorded[track_of] if track_of else []
    by_heart = [track_of] if track_of else []
    by_heart += [source for source in sources if source != track_of]
    heart_rate_of = next(
        (source for source in by_heart if any(point.heart_rate_bpm for point in recorded[source])), None
    )
    if heart_rate_of and heart_rate_of != track_of:
        points = with_heart_rate(points, recorded[heart_rate_of])
    points = in_segments(point for point in points if point.says_something)
    return Recording(facts, tuple(sources), tuple(points), track_of, heart_rate_of)


def with_heart_rate(points: Sequence[Point], beats: Sequence[Point]) -> list[Point]:
    """`points`, each with the heart rate of the nearest of `beats`, unless that is too far away in time."""
    beats = [beat for beat in beats if beat.heart_rate_bpm is not None]
    times = [beat.at for beat in beats]
    filled = []
    for point in points:
        position = bisect_left(times, point.at)
        near = min(beats[max(0, position - 1) : position + 1], key=lambda beat: abs(beat.at - point.at), default=None)
        is_near = near is not None and abs(near.at - point.at) <= timedelta(seconds=_NEAR_SECONDS)
        filled.append(replace(point, heart_rate_bpm=near.heart_rate_bpm) if near and is_near else point)
    return filled


def in_segments(points: Iterable[Point]) -> list[Point]:
    """In order of time, the segments counted from 1: a new one where the file said so, or after a gap."""
    ordered = sorted(points, key=lambda point: point.at)
    segment, result = 1, []
    for before, point in zip([None, *ordered], ordered, strict=False):
        if before is not None:
            gap = (point.at - before.at).total_seconds()
            segment += gap > _PAUSE_SECONDS or point.segment != before.segment
        result.append(replace(point, segment=segment))
    return result


def _sources(warehouse: Warehouse, activity_id: str) -> list[Source]:
    """The records of the activity, the best first. A copy under a wrong clock is none: its times are not true."""
    rows = warehouse.query(
        "SELECT provider, provider_activity_id, acquired_via, relation, is_primary, started_at, ended_at "
        f"FROM {warehouse.relation(MARTS_SCHEMA, 'activity_sources')} "
        "WHERE activity_id = ? AND relation <> 'shifted_copy'",
        [activity_id],
    ).to_pylist()
    sources = [Source(**row) for row in rows]
    rank = {"polar": 0, "strava": 1, "fitbit": 2}  # the marts' own order
    return sorted(
        sources,
        key=lambda s: (
            not s.is_primary,
            s.relation == "part_of",
            rank.get(s.provider, len(rank)),
            s.provider_activity_id,
        ),
    )


def _points_of(warehouse: Warehouse, athlete_id: str, source: Source) -> list[Point]:
    reader = {"polar": _polar, "strava": _strava, "fitbit": _fitbit}.get(source.provider)
    return reader(warehouse, athlete_id, source) if reader else []


def _polar(warehouse: Warehouse, athlete_id: str, source: Source) -> list[Point]:
    """Samples and route: each at its own rate, both counted from the start."""
    samples = _rows(warehouse, "polar_exercise_samples", "exercise_id", athlete_id, source)
    places = _rows(warehouse, "polar_exercise_route", "exercise_id", athlete_id, source)
    found: dict[float, dict[str, Any]] = {row["elapsed_seconds"]: row for row in samples}
    for row in places:
        found[row["elapsed_seconds"]] = {**found.get(row["elapsed_seconds"], {}), **_place(row)}
    return [_point(source.started_at + timedelta(seconds=elapsed), row) for elapsed, row in sorted(found.items())]


def _strava(warehouse: Warehouse, athlete_id: str, source: Source) -> list[Point]:
    rows = _rows(warehouse, "strava_stream_samples", "activity_id", athlete_id, source)
    return [_point(row["sampled_at"], {**row, **_place(row)}) for row in rows]


def _fitbit(warehouse: Warehouse, athlete_id: str, source: Source) -> list[Point]:
    """The trackpoints where Google has a track, else the band's heart rate in the time of the exercise."""
    rows = _rows(warehouse, "fitbit_exercise_trackpoints", "exercise_id", athlete_id, source)
    points = [
        _point(row["sampled_at"], {**row, **_place(row)}, segment=row["segment"]) for row in rows if row["sampled_at"]
    ]
    beats = warehouse.query(
        f"SELECT sampled_at, max(bpm) AS heart_rate_bpm FROM {warehouse.relation(BASE_SCHEMA, 'fitbit_heart_rate')} "
        "WHERE athlete_id = ? AND dt BETWEEN ? AND ? AND sampled_at >= ? AND sampled_at < ? GROUP BY sampled_at "
        "ORDER BY sampled_at",
        [athlete_id, *_days(source), source.started_at, source.ended_at],
    ).to_pylist()
    hearts = [_point(row["sampled_at"], row) for row in beats]
    if not points:
        return hearts
    return points if any(point.heart_rate_bpm for point in points) else with_heart_rate(points, hearts)


def _rows(warehouse: Warehouse, table: str, id_column: str, athlete_id: str, source: Source) -> list[dict[str, Any]]:
    rows = warehouse.query(
        f"SELECT * FROM {warehouse.relation(BASE_SCHEMA, table)} "
        f"WHERE athlete_id = ? AND {id_column} = ? AND dt BETWEEN ? AND ?",
        [athlete_id, source.provider_activity_id, *_days(source)],
    )
    return [dict(row) for row in rows.to_pylist()]


def _days(source: Source) -> tuple[date, date]:
    """The partition days in which the record's rows can lie, with a day of room: big tables want to be told."""
    return (source.started_at - timedelta(days=1)).date(), (source.ended_at + timedelta(days=1)).date()


def _place(row: dict[str, Any]) -> dict[str, Any]:
    """The position, if it is one on Earth."""
    latitude, longitude = row.get("latitude_deg"), row.get("longitude_deg")
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return {"latitude_deg": None, "longitude_deg": None}
    return {"latitude_deg": latitude, "longitude_deg": longitude}


def _point(at: datetime, row: dict[str, Any], segment: int = 1) -> Point:
    values = {name: row.get(name) for name in _VALUES}
    bpm = values["heart_rate_bpm"]
    if bpm is not None and not _VALID_BPM[0] <= bpm <= _VALID_BPM[1]:
        values["heart_rate_bpm"] = None
    return Point(at, row.get("latitude_deg"), row.get("longitude_deg"), **values, segment=segment)
