"""Polar's view of an activity: local start beside an offset in minutes, fractional durations, series as text.

Unless the scenario says otherwise, spelling and types follow live answers: underscores, integer sample types, zones
counted from 0, and hyphens only inside training_load_pro.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from fit_platform.simulator.scenario import PolarQuirks
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.clock import iso_z
from fit_platform.simulator.world.draw import digest

_HEART_RATE, _SPEED, _CADENCE, _ALTITUDE, _POWER, _RUNNING_CADENCE, _TEMPERATURE, _DISTANCE = 0, 1, 2, 3, 4, 8, 9, 10
_LIVE = PolarQuirks()
_HYPHENATED = ("running_index", "lower_limit", "upper_limit", "in_zone", "recording_rate", "sample_type")
_ZONE_FLOORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def user_url(person: Person) -> str:
    """How Polar names a user inside its answers."""
    return f"https://www.polaraccesslink/v3/users/{person.athlete.polar_user_id}"


def exercise(
    person: Person,
    activity: TrueActivity,
    record: Record,
    *,
    samples: bool,
    zones: bool,
    route: bool,
    quirks: PolarQuirks = _LIVE,
) -> dict[str, Any]:
    """One exercise, with the parts that were asked for."""
    sport, label = activity.session.sport, record.sport_of(activity)
    streams = person.body.streams(activity)
    bpm = person.devices.recorded_heart_rate(activity, record)
    beating = bpm[bpm > 0]
    lot = digest(record.provider_activity_id)
    offset_s = person.clock.offset_at(record.started_at)
    seconds = record.ended_at - record.started_at
    distance_m = float(streams.distance_m[:seconds][-1]) * record.distance_factor
    mean = float(beating.mean())
    load = training_load(person, activity, record)
    answer: dict[str, Any] = {
        "id": record.provider_activity_id,
        "upload_time": iso_z(record.uploaded_at) if lot % 2 else iso_z(record.uploaded_at).replace("Z", ".000Z"),
        "polar_user": user_url(person),
        "device": "Polar Vantage V3",
        "device_id": f"{digest(person.athlete.athlete_id, 'watch') % 16**8:08X}",
        "start_time": person.clock.local(record.started_at).isoformat(),
        "start_time_utc_offset": offset_s // 60,
        "duration": _duration(seconds, lot),
        "calories": round(seconds / 60 * mean * person.athlete.weight_kg / 1150),
        "heart_rate": {"average": round(mean), "maximum": int(beating.max())},
        "training_load": round(load, 2),
        # Since mid-2026 the coarse sport is OTHER for some sports that detailed_sport_info has right.
        "sport": "OTHER" if lot % 11 == 0 else label.polar[0],
        "has_route": sport.has_gps,
        "detailed_sport_info": label.polar[1],
        "training_load_pro": _training_load_pro(load, lot),
    }
    if distance_m > 0:
        answer["distance"] = round(distance_m, 1)
    if sport.name == "run" and lot % 2:
        answer["running_index"] = 44 + lot % 12
    if zones:
        answer["heart_rate_zones"] = _zones(person, beating, quirks.first_zone)
    if samples:
        answer["samples"] = _samples(activity, person, record, lot, quirks)
    if route and sport.has_gps:
        answer["route"] = _route(activity, person, person.config.polar_route_interval_seconds, seconds)
    return _spelt_with_hyphens(answer) if quirks.spelling == "hyphen" else answer


def training_load(person: Person, activity: TrueActivity, record: Record) -> float:
    """Training impulse of a session: how far above rest, for how long."""
    bpm = person.devices.recorded_heart_rate(activity, record)
    mean = float(bpm[bpm > 0].mean())
    return max(0.0, (mean - person.athlete.resting_hr_bpm) * (record.ended_at - record.started_at) / 1900)


def _duration(seconds: int, lot: int) -> str:
    """ISO 8601 in Polar's several ways; the fraction falls just short of the session."""
    if lot % 4 == 0:
        return f"PT{seconds // 3600}H{seconds % 3600 // 60}M{seconds % 60}S"
    return f"PT{seconds - 1}.{900 + lot % 100}S"


def _training_load_pro(load: float, lot: int) -> dict[str, Any]:
    has_muscle = lot % 3 == 0
    return {
        "cardio-load": round(load, 4),
        "muscle-load": round(load * 1.4, 4) if has_muscle else -1.0,
        "perceived-load": 0.0,
        "cardio-load-interpretation": "MEDIUM",
        "muscle-load-interpretation": "LOW" if has_muscle else "NOT_AVAILABLE",
        "perceived-load-interpretation": "NOT_AVAILABLE",
        "user-rpe": "UNKNOWN",
    }


def _spelt_with_hyphens(answer: dict[str, Any]) -> dict[str, Any]:
    """The specification's spelling of those members that it spells so."""

    def spelt(part: dict[str, Any]) -> dict[str, Any]:
        return {name.replace("_", "-") if name in _HYPHENATED else name: value for name, value in part.items()}

    parts = {name: [spelt(part) for part in answer[name]] for name in ("heart_rate_zones", "samples") if name in answer}
    return spelt(answer | parts)


def _zones(person: Person, bpm: np.ndarray[Any, np.dtype[np.uint8]], first: int) -> list[dict[str, Any]]:
    limits = [round(share * person.athlete.max_hr_bpm) for share in _ZONE_FLOORS]
    return [
        {
            "index": index,
            "lower_limit": low,
            "upper_limit": high,
            "in_zone": f"PT{int(((bpm >= low) & (bpm < high)).sum())}S",
        }
        for index, (low, high) in enumerate(pairwise(limits), first)
    ]


def _samples(
    activity: TrueActivity, person: Person, record: Record, lot: int, quirks: PolarQuirks
) -> list[dict[str, Any]]:
    sport = activity.session.sport
    streams = person.body.streams(activity)
    bpm = person.devices.recorded_heart_rate(activity, record)
    count = len(bpm)
    series: list[tuple[int, list[Any]]] = [(_HEART_RATE, bpm.tolist())]
    if sport.speed_mps:
        series.append((_SPEED, np.round(streams.speed_mps[:count] * 3.6, 1).tolist()))
        series.append((_DISTANCE, np.round(streams.distance_m[:count] * record.distance_factor, 1).tolist()))
    if sport.cadence_rpm:
        kind = _RUNNING_CADENCE if sport.steps_per_minute else _CADENCE
        series.append((kind, streams.cadence_rpm[:count].tolist()))
    if sport.has_gps:
        altitude: list[Any] = np.round(streams.altitude_m[:count], 1).tolist()
        if lot % 8 == 0:  # the barometer wakes up late: nothing, then null, then values
            altitude[:3] = ["", "null", "null"]
        series.append((_ALTITUDE, altitude))
    if sport.has_power:
        series.append((_POWER, streams.power_w[:count].tolist()))
    if not sport.has_gps and lot % 3 == 0:
        series.append((_TEMPERATURE, [0.0] * count))
    return [
        {
            "recording_rate": 1,
            "sample_type": kind if quirks.sample_type == "integer" else str(kind),
            "data": ",".join(map(str, values)),
        }
        for kind, values in sorted(series)
    ]


def _route(activity: TrueActivity, person: Person, every_s: int, seconds: int) -> list[dict[str, Any]]:
    streams = person.body.streams(activity)
    if streams.latitude_deg is None or streams.longitude_deg is None:
        return []
    latitudes = np.round(streams.latitude_deg[:seconds:every_s], 6).tolist()
    longitudes = np.round(streams.longitude_deg[:seconds:every_s], 6).tolist()
    return [
        {"latitude": latitude, "longitude": longitude, "time": f"PT{n * every_s}S", "satellites": 9 + n % 5, "fix": 2}
        for n, (latitude, longitude) in enumerate(zip(latitudes, longitudes, strict=True))
    ]
