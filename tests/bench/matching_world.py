"""Labelled activity records for the matching benchmark: what bodies did, what devices recorded, and both as base rows.

A `Scene` is a few days of one athlete with true sessions, and the provider records of them, each labelled with its
session. Hearts are continuous, so that every device sees the same beats at the same true time, with its own noise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fit_platform.providers.fitbit import tables as fitbit
from fit_platform.providers.polar import tables as polar
from fit_platform.providers.strava import tables as strava
from fit_platform.simulator.world.sports import SPORTS, Sport
from fit_platform.warehouse.schema import Table

Provider = Literal["polar", "strava", "fitbit"]
Relation = Literal["same", "part_of", "shifted_copy"]
Floats = npt.NDArray[np.float64]

STEP_S = 5
SCENE_DAYS = 6
SCENE_S = SCENE_DAYS * 86400
FIRST_SCENE = int(datetime(2025, 1, 6, tzinfo=UTC).timestamp())  # a Monday
MINUTE, HOUR = 60, 3600


@dataclass
class Session:
    """What somebody really did: the truth. `is_trap`: it stands beside one that it must not be merged with."""

    key: str
    sport: Sport
    started: int
    seconds: int
    is_trap: bool = False
    counted_seconds: int | None = None  # what can be known, where that is not what the records cover together
    course: Floats | None = None  # the ups and downs of its effort

    @property
    def ended(self) -> int:
        """Epoch second of the end."""
        return self.started + self.seconds

    @property
    def distance_m(self) -> float:
        """How far."""
        return self.sport.speed_mps * self.seconds


@dataclass
class Record:
    """One provider's record: claimed times, and true times of its samples (`clock_off_s` = claimed minus true)."""

    athlete: str
    provider: Provider
    record_id: str
    session: Session
    started: int
    seconds: int
    relation: Relation
    bpm: Floats | None
    row: dict[str, Any]
    clock_off_s: int = 0
    is_deleted: bool = False  # it was there, and is not any more
    is_spanning: bool = False  # over several sessions: no pair of it is right or wrong, but it may not hide or add any
    distance_factor: float = 1.0  # measured by true metres, whatever the clock did

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity."""
        return self.athlete, self.provider, self.record_id

    @property
    def ended(self) -> int:
        """Claimed end."""
        return self.started + self.seconds


class Body:
    """A heart over the days of a scene, in steps of 5 seconds: rest, efforts, and how it comes down after them."""

    def __init__(self, rng: np.random.Generator, begin: int) -> None:
        """Resting and maximum rates are drawn."""
        self.rng, self.begin = rng, begin
        self.rest, self.most = float(rng.uniform(48, 64)), float(rng.uniform(172, 198))
        self.drive = np.zeros(SCENE_S // STEP_S)
        self._daily: Floats | None = None
        self._bpm: Floats | None = None

    def exert(self, session: Session, beside: Session | None = None) -> None:
        """Let the heart work for a session. beside: somebody else's on the same course, which shapes both efforts."""
        first, count = (session.started - self.begin) // STEP_S, max(1, session.seconds // STEP_S)
        t = np.arange(count) * STEP_S
        level = session.sport.intensity * self.rng.uniform(0.88, 1.1)
        course = 0.05 * _wander(self.rng, count)
        if self.rng.random() < 0.35:
            course = course + 0.1 * np.sign(np.sin(2 * np.pi * t / self.rng.uniform(180, 420)))
        if beside is not None and beside.course is not None:
            share = self.rng.uniform(0.3, 0.85)
            behind = (session.started - beside.started) // STEP_S
            theirs = beside.course[behind if 0 <= behind < len(beside.course) else 0 :][:count]
            course = np.sqrt(1 - share**2) * course
            course[: len(theirs)] += share * theirs
        session.course = course
        level = level + course
        part = self.drive[max(0, first) : first + count]
        part[:] = np.maximum(part, np.clip(level, 0.05, 1)[: len(part)])
        self._bpm = None  # what was recorded before had another effort

    @property
    def bpm(self) -> Floats:
        """The heart rate, lagging behind the effort by half a minute or so."""
        if self._bpm is None:
            if self._daily is None:
                self._daily = np.clip(0.09 + 0.04 * _wander(self.rng, len(self.drive), knot_s=900), 0.0, 0.3)
            target = np.maximum(self.drive, self._daily)
            kernel = np.exp(-np.arange(60) * STEP_S / 45)
            smooth = np.convolve(target, kernel / kernel.sum())[: len(target)]
            self._bpm = self.rest + (self.most - self.rest) * smooth
        return self._bpm

    def seen(self, started: int, seconds: int, sensor: Sensor, lag_s: int = 0, *, is_strength: bool = False) -> Floats:
        """What a sensor shows of a true interval, every 5 seconds."""
        first = (started - lag_s - self.begin) // STEP_S
        true = self.bpm[max(0, first) : max(0, first) + max(1, seconds // STEP_S)]
        error = sensor.error(self.rng, len(true), is_strength=is_strength)
        return np.round(np.clip(true + error, 35, 215))


@dataclass(frozen=True)
class Sensor:
    """How wrong a heart-rate sensor is on one athlete. On the wrist: by some beats always, and by more now and then."""

    noise_bpm: float
    bias_bpm: float = 0.0
    is_on_wrist: bool = False

    def error(self, rng: np.random.Generator, count: int, *, is_strength: bool) -> Floats:
        """Shown minus true, every 5 seconds."""
        error = self.bias_bpm + rng.normal(0, self.noise_bpm, count)
        if self.is_on_wrist and is_strength:  # a gripping hand
            error = error + 7 * _wander(rng, count, knot_s=60)
        if self.is_on_wrist and rng.random() < 0.05:  # the steps taken for the pulse, for some minutes
            first, length = int(rng.integers(0, max(1, count))), int(rng.integers(2, 9)) * MINUTE // STEP_S
            error[first : first + length] += rng.choice([-20, 20])
        return error


def _wander(rng: np.random.Generator, count: int, knot_s: int = 90) -> Floats:
    knots = rng.normal(size=count * STEP_S // knot_s + 3)
    return np.interp(np.arange(count) * STEP_S / knot_s, np.arange(len(knots)), knots)


@dataclass
class Scene:
    """A few days of one athlete."""

    stratum: str
    athlete: str
    begin: int
    rng: np.random.Generator
    offset_s: int = 3600
    has_band: bool = True
    has_samples: bool = True  # else summaries only: streams cost requests, and not everybody pulls them
    sessions: list[Session] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The athlete's heart."""
        self.body = Body(self.rng, self.begin)
        self._number = 0
        wrists = [Sensor(noise, float(self.rng.normal(0, 3)), is_on_wrist=True) for noise in (1.5, 3.0, 3.0)]
        # Half of the Polar watches go with a strap.
        self.sensors: dict[Provider, Sensor] = {
            "polar": Sensor(1.0) if self.rng.random() < 0.5 else wrists[0],
            "strava": wrists[1],
            "fitbit": wrists[2],
        }

    def at(self, day: int, hour: float) -> int:
        """An odd second near that local time."""
        return self.begin + 43200 + day * 86400 + int(hour * HOUR) - self.offset_s + int(self.rng.integers(0, 1800))

    def session(
        self,
        sport: str,
        started: int,
        minutes: float,
        *,
        is_trap: bool = False,
        body: Body | None = None,
        beside: Session | None = None,
        seconds: int | None = None,
    ) -> Session:
        """Something done. beside: together with somebody else, or by the same plan. seconds: instead of the minutes."""
        found = Session(
            f"{self.stratum}/{self.athlete}/{self.begin}/{len(self.sessions)}",
            SPORTS[sport],
            started,
            seconds or int(minutes * 60) + int(self.rng.integers(0, 60)),
            is_trap,
        )
        (body or self.body).exert(found, beside)
        self.sessions.append(found)
        return found

    def record(
        self,
        session: Session,
        provider: Provider,
        *,
        late: int = 0,
        early: int = 0,
        clock: int = 0,
        relation: Relation = "same",
        heart: bool = True,
        gps: bool | None = None,
        copy_of: Record | None = None,
        distance: float | None = None,
        paused: int = 0,
        body: Body | None = None,
        **row: Any,
    ) -> Record:
        """A record from `late` s after the start to `early` s before the end (negative: the other way), `clock` s off.

        copy_of: the same file, sample by sample. distance: factor on what was covered within the record. paused: so
        many seconds its clock stood still, without missing any way. Further columns of the provider's base table go
        into `row`.
        """
        self._number += 1
        started, seconds = session.started + late, max(0, session.seconds - late - early - paused)
        sport = session.sport
        bpm = None
        if copy_of is not None and copy_of.bpm is not None:
            skipped = max(0, started - (copy_of.started - copy_of.clock_off_s)) // STEP_S
            bpm = copy_of.bpm[skipped : skipped + max(1, seconds // STEP_S)]
        elif heart and (provider != "fitbit" or self.has_band):
            lag = 0 if provider == "polar" else int(self.rng.integers(0, 15))
            sensor, is_strength = self.sensors[provider], sport.name == "strength"
            bpm = (body or self.body).seen(started, seconds, sensor, lag, is_strength=is_strength)
        has_gps = sport.has_gps if gps is None else gps
        covered = min(session.ended, started + seconds + paused) - max(session.started, started)
        factor = distance if distance is not None else float(self.rng.uniform(0.98, 1.02))
        if copy_of is not None and distance is None:
            factor = copy_of.distance_factor
        metres = sport.speed_mps * max(0, covered) * factor
        if copy_of is not None and distance is None and copy_of.seconds:
            metres = (copy_of.row["distance_m"] or 0) * min(1, seconds / copy_of.seconds)
        identity = f"{self.begin % 10**8:08d}{self._number:02d}{abs(hash_of(self.athlete, self.stratum)) % 10**6:06d}"
        found = Record(
            self.athlete, provider, ("x" if provider == "polar" else "") + identity, session, started + clock, seconds,
            relation, bpm,
            {
                "distance_m": round(metres, 1) if metres else None,
                "has_gps": has_gps,
                "avg_hr_bpm": round(float(bpm.mean()), 1) if bpm is not None else None,
                "max_hr_bpm": float(bpm.max()) if bpm is not None else None,
                **row,
            },
            clock, distance_factor=factor,
        )  # fmt: skip
        self.records.append(found)
        return found

    def band_feed(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """The band's all-day samples around its exercises, at true and at claimed times: seconds of the scene, bpm."""
        worn = np.zeros(SCENE_S // STEP_S, dtype=np.bool_)
        for record in self.records if self.has_samples else []:
            if record.provider == "fitbit" and record.bpm is not None and not record.is_deleted:
                for start in {record.started, record.started - record.clock_off_s}:
                    first = (start - self.begin - 600) // STEP_S
                    worn[max(0, first) : max(0, first + (record.seconds + 1200) // STEP_S)] = True
        seconds = np.flatnonzero(worn)[::3] * STEP_S
        # A wrist sensor wanders, and now and then takes the steps for the pulse.
        error = self.sensors["fitbit"].bias_bpm + self.rng.normal(0, 2, len(seconds))
        error += 3 * _wander(self.rng, len(seconds), knot_s=40)
        for start in self.rng.integers(0, max(1, len(seconds)), int(len(seconds) * 0.002)):
            error[start : start + 20] += self.rng.choice([-20, 20])
        return seconds, np.round(self.body.bpm[seconds // STEP_S] + error)


def hash_of(*parts: object) -> int:
    """A number that is the same in every process."""
    value = 0
    for letter in "/".join(map(str, parts)):
        value = (value * 131 + ord(letter)) % 2**61
    return value


_FETCHED_AT = datetime(2026, 11, 1, tzinfo=UTC)


def _instant(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def base_row(record: Record, offset_s: int) -> tuple[Table, dict[str, Any]]:
    """A record as a row of its provider's base table."""
    sport, row = record.session.sport, dict(record.row)
    has_gps = row.pop("has_gps")
    words = {"polar": sport.polar[1], "strava": sport.strava[1], "fitbit": sport.fitbit}
    word = row.pop("sport", words[record.provider])
    common: dict[str, Any] = {
        "athlete_id": record.athlete,
        "dt": _instant(record.started).date(),
        "started_at": _instant(record.started),
        "utc_offset_seconds": offset_s,
        "acquired_via": "api",
        "fetched_at": _FETCHED_AT,
        "first_fetched_at": _FETCHED_AT,
        "landing_object": "bench",
    }
    if record.provider == "polar":
        row = {"device": "Polar Vantage V3", "duration_seconds": float(record.seconds), "has_route": has_gps, **row}
        return polar.EXERCISES, {**common, "exercise_id": record.record_id, "detailed_sport": word, **row}
    if record.provider == "strava":
        elapsed = float(record.seconds)
        where = {"start_latitude_deg": 52.5, "start_longitude_deg": 13.4} if has_gps else {}
        row = {"title": "Activity", "moving_seconds": elapsed, "has_heart_rate": record.bpm is not None, **where, **row}
        identity = {"activity_id": record.record_id, "sport_type": word, "elapsed_seconds": elapsed}
        return strava.ACTIVITIES, {**common, **identity, **row}
    row.pop("max_hr_bpm")
    row = {"recording_method": "ACTIVELY_MEASURED", "platform": "FITBIT", "device_name": "Charge 6", **row}
    times = {"ended_at": _instant(record.ended), "end_utc_offset_seconds": offset_s, "has_gps": has_gps}
    return fitbit.EXERCISES, {**common, **times, "exercise_id": record.record_id, "exercise_type": word, **row}


def samples(scenes: Iterable[Scene]) -> Iterable[tuple[Table, pa.Table]]:
    """Heart-rate samples of every record: Polar's and Strava's own, and the band's around each of an athlete's."""
    parts: dict[str, list[dict[str, npt.NDArray[Any]]]] = {"polar": [], "strava": [], "fitbit": []}
    for scene in scenes:
        for record in scene.records:
            has_series = scene.has_samples and record.provider != "fitbit" and not record.is_deleted
            if has_series and record.bpm is not None and record.seconds:
                seconds = np.arange(len(record.bpm)) * STEP_S
                parts[record.provider].append(
                    _columns(record.athlete, record.record_id, record.started, seconds, record.bpm)
                )
        seconds, bpm = scene.band_feed()
        if len(seconds):
            parts["fitbit"].append(_columns(scene.athlete, "", scene.begin, seconds, bpm))
    for provider, table, id_name in (
        ("polar", polar.EXERCISE_SAMPLES, "exercise_id"),
        ("strava", strava.STREAM_SAMPLES, "activity_id"),
        ("fitbit", fitbit.HEART_RATE, None),
    ):
        if parts[provider]:
            yield table, _as_table(table, parts[provider], id_name)


def _columns(
    athlete: str, record_id: str, started: int, seconds: npt.NDArray[Any], bpm: Floats
) -> dict[str, npt.NDArray[Any]]:
    at = started + seconds
    return {
        "athlete_id": np.full(len(at), athlete),
        "record_id": np.full(len(at), record_id),
        "dt": (at // 86400 if not record_id else np.full(len(at), started // 86400)).astype("int32"),
        "sampled_at": at * 1_000_000,
        "elapsed_seconds": seconds.astype(float),
        "bpm": bpm.astype(float),
    }


def _as_table(table: Table, parts: list[dict[str, npt.NDArray[Any]]], id_name: str | None) -> pa.Table:
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    count = len(joined["bpm"])
    schema = table.arrow_schema
    known: dict[str, pa.Array] = {
        "athlete_id": pa.array(joined["athlete_id"], pa.string()),
        "dt": pa.array(joined["dt"], pa.int32()).cast(pa.date32()),
        "sampled_at": pa.array(joined["sampled_at"], pa.timestamp("us", tz="UTC")),
        "fetched_at": pa.array([_FETCHED_AT] * count, pa.timestamp("us", tz="UTC")),
        "first_fetched_at": pa.array([_FETCHED_AT] * count, pa.timestamp("us", tz="UTC")),
        "acquired_via": pa.array(["api"] * count),
        "landing_object": pa.array(["bench"] * count),
    }
    if id_name:
        known[id_name] = pa.array(joined["record_id"], pa.string())
        known["elapsed_seconds"] = pa.array(joined["elapsed_seconds"])
        known["heart_rate_bpm"] = pa.array(joined["bpm"])
    else:
        known["bpm"] = pa.array(joined["bpm"])
        known["utc_offset_seconds"] = pa.array(np.zeros(count, dtype="int64"))
        known["platform"] = pa.array(["FITBIT"] * count)
        known["device_name"] = pa.array(["Charge 6"] * count)
    arrays = [known.get(name.name, pa.nulls(count, name.type)) for name in schema]
    return pa.table(arrays, schema=schema)
