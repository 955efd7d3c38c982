"""The sparse types: exercise, sleep, daily resting heart rate, profile and devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fit_platform.simulator.fitbit.jsontext import BAND, interval
from fit_platform.simulator.fitbit.query import Bounds
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.clock import day_start, iso_z
from fit_platform.simulator.world.draw import digest
from fit_platform.simulator.world.night import STAGES, Night

_SOURCE: dict[str, Any] = msgspec.json.decode(BAND)
_MIRROR: dict[str, Any] = {
    "recordingMethod": "ACTIVELY_MEASURED",
    "platform": "HEALTH_CONNECT",
    "application": {"packageName": "com.strava"},
}
_STILL_PROCESSING_S = 86_400


@dataclass(frozen=True, slots=True)
class DataPoint:
    """One point with the time its type is filtered by."""

    at: int
    offset_s: int
    content: dict[str, Any]

    def is_in(self, bounds: Bounds) -> bool:
        """Does it pass the filter?"""
        return bounds.has(self.at, self.offset_s)


def exercises(person: Person) -> list[DataPoint]:
    """Exercises, oldest first, filtered by start. Heart rate lies in its own feed, not in here."""
    return [_exercise(person, activity, record) for activity, record in person.records("fitbit")]


def with_mirrors(person: Person, *, is_reconciled: bool) -> list[DataPoint]:
    """Exercises beside their HEALTH_CONNECT mirrors from Strava's app; reconciled, a mirror only where it is alone."""
    own = exercises(person)
    seen = {activity.true_id for activity, _ in person.records("fitbit")}
    for activity, record in person.records("strava"):
        if not (is_reconciled and activity.true_id in seen):
            own.append(_mirror(person, activity, record))
    return sorted(own, key=lambda point: point.at)


def _mirror(person: Person, activity: TrueActivity, record: Record) -> DataPoint:
    offset, end_offset = person.clock.offset_at(record.started_at), person.clock.offset_at(record.ended_at)
    kind = record.sport_of(activity).fitbit
    content = {
        "name": _name(person, "exercise", str(digest(record.provider_activity_id, "mirror") >> 3)),
        "dataSource": _MIRROR,
        "exercise": {
            "interval": _interval(record.started_at, offset, record.ended_at, end_offset),
            "exerciseType": kind,
            "displayName": record.title or kind.replace("_", " ").title(),
            "activeDuration": f"{record.ended_at - record.started_at}s",
            "metricsSummary": {},
            "exerciseMetadata": {},
            "createTime": iso_z(record.uploaded_at),
            "updateTime": iso_z(record.updated_at or record.uploaded_at),
        },
    }
    return DataPoint(record.started_at, offset, content)


def _exercise(person: Person, activity: TrueActivity, record: Record) -> DataPoint:
    sport, session, label = activity.session.sport, activity.session, record.sport_of(activity)
    lot = digest(record.provider_activity_id)
    is_detected = record.kind == "detected"
    seconds = record.ended_at - record.started_at
    bpm = person.body.heart_rate_between(record.started_at, record.ended_at)
    streams = person.body.streams(activity)
    share = np.array([0.5, 0.65, 0.8, 0.9]) * person.athlete.max_hr_bpm
    floors = [int(((bpm >= low) & (bpm < high)).sum()) for low, high in zip(share, [*share[1:], 999], strict=True)]
    zones = {
        f"{name}Time": f"{count}s"
        for name, count in zip(("light", "moderate", "vigorous", "peak"), floors, strict=True)
        if count
    }
    metrics: dict[str, Any] = {
        "caloriesKcal": round(seconds / 60 * float(bpm.mean()) * person.athlete.weight_kg / 1150, 1),
        "averageHeartRateBeatsPerMinute": str(round(float(bpm.mean()))),
        "heartRateZoneDurations": zones,
    }
    if sport.speed_mps:
        metres = float(streams.distance_m[-1]) * record.distance_factor
        metrics["distanceMillimeters"] = round(metres * 1000)
        metrics["averagePaceSecondsPerMeter"] = round(seconds / metres, 4)
    if sport.steps_per_minute:
        metrics["steps"] = str(round(sport.steps_per_minute * session.seconds / 60))
    if sport.has_gps and not is_detected:
        metrics["elevationGainMillimeters"] = round(streams.ascent_m * 1000)
    offset, end_offset = person.clock.offset_at(record.started_at), person.clock.offset_at(record.ended_at)
    splits = _splits(person, record, streams.distance_m * record.distance_factor) if sport.speed_mps else []
    kind = (label.detected if is_detected else None) or label.fitbit
    # A detected exercise is active a little less than its interval; such durations come with fractions.
    active = f"{seconds - lot % 60 - 0.5}s" if is_detected else f"{seconds}s"
    content = {
        "name": _name(person, "exercise", record.provider_activity_id),
        "dataSource": _SOURCE if is_detected else _SOURCE | {"recordingMethod": "ACTIVELY_MEASURED"},
        "exercise": {
            "interval": _interval(record.started_at, offset, record.ended_at, end_offset),
            "exerciseType": kind,
            "displayName": record.title or kind.replace("_", " ").title(),
            "activeDuration": active,
            "metricsSummary": metrics,
            "exerciseMetadata": {"hasGps": True} if sport.has_gps and not is_detected else {},
            "createTime": iso_z(record.uploaded_at),
            "updateTime": iso_z(record.updated_at or record.uploaded_at).replace("Z", ".5Z"),
            **({"splits": splits} if splits else {}),
        },
    }
    return DataPoint(record.started_at, offset, content)


def _splits(person: Person, record: Record, distance_m: npt.NDArray[np.float64]) -> list[dict[str, Any]]:
    """One split for each full kilometre that ends within the record."""
    reached = distance_m[: record.ended_at - record.started_at]
    ends = np.searchsorted(reached, np.arange(1000, int(reached[-1]) + 1, 1000)).tolist()
    splits = []
    for begin, end in zip([0, *ends], ends, strict=False):
        start_s, end_s = record.started_at + begin, record.started_at + end
        bounds = _interval(start_s, person.clock.offset_at(start_s), end_s, person.clock.offset_at(end_s))
        metrics = {"distanceMillimeters": 1_000_000, "averagePaceSecondsPerMeter": (end - begin) / 1000}
        splits.append(
            {**bounds, "activeDuration": f"{end - begin}s", "splitType": "DISTANCE", "metricsSummary": metrics}
        )
    return splits


def sleeps(person: Person) -> list[DataPoint]:
    """Nights and naps, oldest end first, filtered by end. The newest night is still being worked on."""
    found: list[DataPoint] = []
    now = person.config.now_epoch
    for day in person.civil_dates():
        parts = person.devices.band_nights(day)
        main = max(parts, key=lambda part: part.end - part.start, default=None)
        for number, part in enumerate(parts):
            is_processed = now - parts[-1].end >= _STILL_PROCESSING_S
            key = f"night-{day}" if number == 0 else f"night-{day}-{number + 1}"
            found.append(_night(person, part, key, is_processed=is_processed, is_main=part is main))
        nap = person.planner.nap(day)
        if nap is not None and person.is_synced("fitbit", day) and person.config.begin <= nap.start and nap.end <= now:
            found.append(_nap(person, day, nap.start, nap.end))
    return found


def _night(person: Person, night: Night, key: str, *, is_processed: bool, is_main: bool) -> DataPoint:
    minutes = {stage: night.minutes(stage) for stage in STAGES}
    asleep = sum(minutes.values()) - minutes["awake"]
    summary: dict[str, Any] = {
        "minutesInSleepPeriod": str(int((night.end - night.start) // 60)),
        "minutesAsleep": str(round(asleep)),
        "minutesAwake": str(round(minutes["awake"])),
        "minutesToFallAsleep": "4",
    }
    sleep: dict[str, Any] = {"type": "STAGES"}
    if is_processed:
        sleep["stages"] = [
            _interval(s.start, person.clock.offset_at(s.start), s.end, person.clock.offset_at(s.end))
            | {"type": s.stage.upper()}
            for s in night.stages
        ]
        summary["stagesSummary"] = [
            {
                "type": stage.upper(),
                "minutes": str(round(minutes[stage])),
                "count": str(sum(1 for s in night.stages if s.stage == stage)),
            }
            for stage in STAGES
        ]
    metadata: dict[str, Any] = {"processed": is_processed, **({"mainSleep": True} if is_main else {})}
    if is_processed:
        metadata["stagesStatus"] = "SUCCEEDED"
    changed_at = night.end + (_STILL_PROCESSING_S if is_processed else 1200)
    return _sleep_point(person, key, night.start, night.end, sleep, summary, metadata, changed_at)


def _nap(person: Person, day: date, start: int, end: int) -> DataPoint:
    minutes = (end - start) // 60
    parts = [_interval(start, person.clock.offset_at(start), end, person.clock.offset_at(end)) | {"type": "ASLEEP"}]
    summary = {"minutesInSleepPeriod": str(minutes), "minutesAsleep": str(minutes)}
    return _sleep_point(
        person,
        f"nap-{day}",
        start,
        end,
        {"type": "CLASSIC", "stages": parts},
        summary,
        {"processed": True, "nap": True},
        end + 1200,
    )


def _sleep_point(
    person: Person,
    key: str,
    start: int,
    end: int,
    sleep: dict[str, Any],
    summary: dict[str, Any],
    metadata: dict[str, Any],
    changed_at: int,
) -> DataPoint:
    identity = str(digest(person.config.seed, person.athlete.index, key) >> 3)
    offset, end_offset = person.clock.offset_at(start), person.clock.offset_at(end)
    content = {
        "name": _name(person, "sleep", identity),
        "dataSource": _SOURCE,
        "sleep": {
            "interval": _interval(start, offset, end, end_offset),
            **sleep,
            "summary": summary,
            "metadata": metadata,
            "createTime": iso_z(end + 1200),
            "updateTime": iso_z(changed_at),
        },
    }
    return DataPoint(end, end_offset, content)


def resting_heart_rates(person: Person) -> list[DataPoint]:
    """One point per civil date that is over, oldest first, filtered by date."""
    found = []
    for day in person.civil_dates():
        if person.clock.date_bounds(day)[1] > person.config.now_epoch or not person.is_synced("fitbit", day):
            continue
        has_sleep = person.devices.band_night(day) is not None
        found.append(
            DataPoint(
                day_start(day),
                0,
                {
                    "dataSource": _SOURCE,
                    "dailyRestingHeartRate": {
                        "date": {"year": day.year, "month": day.month, "day": day.day},
                        "beatsPerMinute": str(round(person.body.resting_bpm(day))),
                        "dailyRestingHeartRateMetadata": {
                            "calculationMethod": "WITH_SLEEP" if has_sleep else "ONLY_WITH_AWAKE_DATA"
                        },
                    },
                },
            )
        )
    return found


def identity(person: Person) -> dict[str, Any]:
    """Who the token belongs to."""
    user = person.athlete.fitbit_user_id
    return {"name": f"users/{user}/identity", "healthUserId": user, "legacyUserId": f"SIM{person.athlete.index:03}"}


def profile(person: Person) -> dict[str, Any]:
    """Age and stride."""
    athlete = person.athlete
    age = (person.config.end - athlete.birth_date) // timedelta(days=365, hours=6)
    return {
        "name": f"users/{athlete.fitbit_user_id}/profile",
        "age": age,
        "membershipStartDate": {"year": 2021, "month": 3, "day": 9},
        "autoWalkingStrideLengthMm": round(athlete.height_cm * 4.15),
        "autoRunningStrideLengthMm": round(athlete.height_cm * 6.1),
    }


def settings(person: Person) -> dict[str, Any]:
    """Zone and units, by where the athlete is now."""
    now = person.config.now_epoch - 1
    return {
        "name": f"users/{person.athlete.fitbit_user_id}/settings",
        "timeZone": person.clock.zone_at(now).key,
        "utcOffset": f"{person.clock.offset_at(now)}s",
        "distanceUnit": "DISTANCE_UNIT_KILOMETERS",
        "weightUnit": "WEIGHT_UNIT_KILOGRAMS",
        "languageLocale": "en_GB",
        "autoStrideEnabled": True,
    }


def paired_devices(person: Person) -> dict[str, Any]:
    """The one band."""
    user = person.athlete.fitbit_user_id
    return {
        "pairedDevices": [
            {
                "name": f"users/{user}/pairedDevices/{digest(user, 'band') >> 16}",
                "deviceType": "TRACKER",
                "deviceVersion": "Charge 6",
                "batteryLevel": 74,
                "batteryStatus": "MEDIUM",
                "lastSyncTime": iso_z(person.config.now_epoch - 240),
                "features": ["HEART_RATE", "SLEEP"],
            }
        ]
    }


def _name(person: Person, data_type: str, point_id: str) -> str:
    return f"users/{person.athlete.fitbit_user_id}/dataTypes/{data_type}/dataPoints/{point_id}"


def _interval(start: int, start_offset: int, end: int, end_offset: int) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(interval(start, start_offset, end, end_offset, with_civil=False))
    return found
