"""The truth to score a platform by: which records are one activity, and what the union of all samples adds up to.

Computed from the same served samples that the providers show, not from the signals behind them: an hour's maximum
is the highest valid sample (30..250 bpm) that any provider serves in that hour.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fit_platform.simulator.config import Provider, WorldConfig
from fit_platform.simulator.world.clock import DAY, QUARTER, day_start, iso_z, utc_day
from fit_platform.simulator.world.night import STAGES, Night, Span

if TYPE_CHECKING:
    from fit_platform.simulator.world.world import Person

_VALID_BPM = (30, 250)


def truth_of(config: WorldConfig, people: list[Person], first: date, last: date) -> dict[str, Any]:
    """The truth about UTC days `first`..`last` as plain JSON values.

    `hourly_max_bpm`: athlete -> [[start of the local hour in UTC, bpm]...]. `worn_minutes`, `steps`, `resting_bpm`:
    athlete -> {civil date: value}; civil dates at the window's edges are partial. `sleep`, `naps`: lists of sleeps.
    """
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    hourly: dict[str, list[list[Any]]] = {}
    worn: dict[str, dict[str, float]] = {}
    steps: dict[str, dict[str, int]] = {}
    for person in people:
        name = person.athlete.athlete_id
        hourly[name], worn[name] = _heart(person, days)
        steps[name] = _steps(person, days)
    return {
        "config": config.model_dump(mode="json"),
        "now": iso_z(config.now_epoch),
        "athletes": [_athlete(person) for person in people],
        "activities": [entry for person in people for entry in _activities(person, first, last)],
        "hourly_max_bpm": hourly,
        "worn_minutes": worn,
        "resting_bpm": {
            p.athlete.athlete_id: {
                str(day): round(p.body.resting_bpm(day), 1) for day in p.civil_dates() if first <= day <= last
            }
            for p in people
        },
        "steps": steps,
        "sleep": [entry for person in people for entry in _nights(person, first, last)],
        "naps": [entry for person in people for entry in _naps(person, first, last)],
    }


def _athlete(person: Person) -> dict[str, Any]:
    a = person.athlete
    landings = [iso_z(stay.since) for stay in person.clock.stays[1:]]
    return {
        "id": a.athlete_id,
        "display_name": f"{a.first_name} {a.last_name}",
        "timezone": a.timezone,
        "sex": a.sex,
        "birth_date": str(a.birth_date),
        "max_hr_bpm": a.max_hr_bpm,
        "resting_hr_bpm": a.resting_hr_bpm,
        "weight_kg": a.weight_kg,
        "travel_days": sorted(map(str, person.travel_days)),
        "landings": landings,
        "provider_user_ids": {
            "polar": str(a.polar_user_id),
            "strava": str(a.strava_athlete_id),
            "fitbit": a.fitbit_user_id,
        },
    }


def _activities(person: Person, first: date, last: date) -> list[dict[str, Any]]:
    return [
        {
            "true_id": activity.true_id,
            "athlete": person.athlete.athlete_id,
            "sport": activity.session.sport.name,
            "started_at": iso_z(activity.session.started_at),
            "ended_at": iso_z(activity.session.ended_at),
            "is_trap": activity.session.is_trap,
            "records": [
                {
                    "provider": r.provider,
                    "provider_activity_id": r.provider_activity_id,
                    "relation": "same",
                    "kind": r.kind,
                    **(
                        {"edited": {"title": r.title, "sport": r.sport_name, "ended_at": iso_z(r.ended_at)}}
                        if r.updated_at
                        else {}
                    ),
                }
                for r in activity.records
            ],
        }
        for activity in person.activities
        if first <= utc_day(activity.session.started_at) <= last
    ]


def _heart(person: Person, days: list[date]) -> tuple[list[list[Any]], dict[str, float]]:
    highest: dict[int, int] = {}
    worn_seconds: defaultdict[str, int] = defaultdict(int)
    for day in days:
        start = day_start(day)
        served, worn = _served_day(person, day)
        bpm = served.reshape(96, QUARTER).max(axis=1).tolist()
        seconds = worn.reshape(96, QUARTER).sum(axis=1).tolist()
        for quarter, offset in enumerate(person.clock.quarter_offsets(day).tolist()):
            instant = start + quarter * QUARTER
            hour = instant - (instant + offset) % 3600
            if bpm[quarter]:
                highest[hour] = max(highest.get(hour, 0), bpm[quarter])
            if seconds[quarter]:
                worn_seconds[str(utc_day(instant + offset))] += seconds[quarter]
    hours = [[iso_z(hour), bpm] for hour, bpm in sorted(highest.items())]
    return hours, {day: round(seconds / 60, 2) for day, seconds in worn_seconds.items()}


def _served_day(person: Person, day: date) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Highest valid sample at each second (0: none served), and whether a device was delivering heart rate."""
    start = day_start(day)
    devices = person.devices
    served = np.zeros(DAY, dtype=np.uint8)
    for feed in (devices.band_samples(day), devices.watch_samples(day)):
        served[feed.second_of_day] = np.maximum(served[feed.second_of_day], _valid(feed.bpm))
    worn = devices.band_worn(day) | devices.watch_worn(day)
    for activity in person.activities:
        if not activity.span.touches(Span(start, start + DAY)):
            continue
        for record in activity.records:
            if record.provider == "fitbit" or not record.has_heart_rate:
                continue  # a Fitbit exercise carries no samples of its own
            bpm = _valid(devices.recorded_heart_rate(activity, record))
            inside = Span(record.started_at, record.started_at + len(bpm)).shrunk_to(start, start + DAY)
            if inside is not None:
                part = slice(inside.start - start, inside.end - start)
                served[part] = np.maximum(
                    served[part], bpm[inside.start - record.started_at : inside.end - record.started_at]
                )
                worn[part] = True
    return served, worn


def _valid(bpm: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.where((bpm >= _VALID_BPM[0]) & (bpm <= _VALID_BPM[1]), bpm, 0).astype(np.uint8)


def _steps(person: Person, days: list[date]) -> dict[str, int]:
    total: defaultdict[str, int] = defaultdict(int)
    for day in days:
        minutes = visible_steps(person, day).reshape(96, 15).sum(axis=1).tolist()
        for quarter, offset in enumerate(person.clock.quarter_offsets(day).tolist()):
            total[str(utc_day(day_start(day) + quarter * QUARTER + offset))] += minutes[quarter]
    return dict(total)


def visible_steps(person: Person, day: date, provider: Provider | None = None) -> npt.NDArray[np.int64]:
    """True steps per minute of a UTC day, as far as the world, and a provider (None: any), has got."""
    if not any(person.is_synced(source, day) for source in ((provider,) if provider else ("polar", "fitbit"))):
        return np.zeros(1440, dtype=np.int64)
    minutes = person.body.steps(day).copy()
    minutes[max(0, (person.config.now_epoch - day_start(day)) // 60) :] = 0
    minutes[: max(0, min(1440, (person.config.begin - day_start(day)) // 60))] = 0
    return minutes


def _nights(person: Person, first: date, last: date) -> list[dict[str, Any]]:
    return [
        _night(person, person.planner.night(day))
        for day in person.civil_dates()
        if first <= day <= last and person.planner.night(day).end <= person.config.now_epoch
    ]


def _night(person: Person, night: Night) -> dict[str, Any]:
    records = []
    for part in person.devices.band_nights(night.wake_date):
        records.append({"provider": "fitbit", "started_at": iso_z(part.start), "ended_at": iso_z(part.end)})
    watch = person.devices.watch_night(night.wake_date)
    if watch:
        records.append({"provider": "polar", "started_at": _iso_ms(watch[0]), "ended_at": _iso_ms(watch[1])})
    minutes = {f"{stage}_minutes": night.minutes(stage) for stage in STAGES}
    return {
        "athlete": person.athlete.athlete_id,
        "local_date": str(night.wake_date),
        "started_at": iso_z(night.start),
        "ended_at": iso_z(night.end),
        "asleep_minutes": sum(minutes.values()) - minutes["awake_minutes"],
        **minutes,
        "records": records,
    }


def _naps(person: Person, first: date, last: date) -> list[dict[str, Any]]:
    naps = [(day, person.planner.nap(day)) for day in person.civil_dates() if first <= day <= last]
    return [
        {
            "athlete": person.athlete.athlete_id,
            "local_date": str(day),
            "started_at": iso_z(nap.start),
            "ended_at": iso_z(nap.end),
        }
        for day, nap in naps
        if nap is not None and person.config.begin <= nap.start and nap.end <= person.config.now_epoch
    ]


def _iso_ms(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
