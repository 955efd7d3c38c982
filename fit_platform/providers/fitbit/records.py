"""Google Health's answers turned into rows, record by record. Heart-rate samples and steps are in samples.py, columnar.

JSON rules (Google Health API reference): whole numbers come as text, zero and false are left out, durations are
`"1025.5s"`, offsets `"-14400s"`. Civil times may be missing from intervals, so they are made from instant and offset.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from fit_platform.providers import fields
from fit_platform.providers.base import RecordContext, Rows
from fit_platform.providers.fields import Json
from fit_platform.providers.fitbit import tables
from fit_platform.providers.fitbit.points import (
    civil_date,
    daily_date,
    interval_of,
    metres,
    offset_seconds,
    part_of,
    point_id,
    source_of,
    time_of,
)


def exercise_day(payload: Any) -> date:
    """UTC day of the start."""
    return time_of(interval_of(part_of(payload, "exercise")), "startTime").date()


def sleep_day(payload: Any) -> date:
    """Civil date of the end."""
    return civil_date(interval_of(part_of(payload, "sleep")), "end")


def civil_start_day(payload: Any, kind: str) -> date:
    """Civil date of the start of an interval of this kind (`steps`, `distance`...)."""
    return civil_date(interval_of(part_of(payload, kind)), "start")


def exercise_id(payload: Any) -> str:
    """Last part of the point's name; without a name made from source and start."""
    return point_id(payload, "exercise")


def sleep_id(payload: Any) -> str:
    """Last part of the point's name; without a name made from source and start."""
    return point_id(payload, "sleep")


def parse_exercise(payload: Any, context: RecordContext) -> Rows:
    """One exercise."""
    exercise = part_of(payload, "exercise")
    interval = interval_of(exercise)
    summary = fields.child(exercise, "metricsSummary")
    yield (
        tables.EXERCISES.name,
        {
            "exercise_id": exercise_id(payload),
            "started_at": time_of(interval, "startTime"),
            "ended_at": time_of(interval, "endTime"),
            "utc_offset_seconds": offset_seconds(interval, "start"),
            "end_utc_offset_seconds": offset_seconds(interval, "end"),
            "exercise_type": fields.text(exercise, "exerciseType"),
            "title": fields.text(exercise, "displayName"),
            "active_seconds": fields.proto_seconds(exercise, "activeDuration"),
            "distance_m": metres(summary, "distanceMillimeters"),
            "energy_kcal": fields.number(summary, "caloriesKcal"),
            "steps": fields.whole(summary, "steps"),
            "ascent_m": metres(summary, "elevationGainMillimeters"),
            "avg_hr_bpm": fields.number(summary, "averageHeartRateBeatsPerMinute") or None,  # 0: no heart rate
            "has_gps": fields.flag(fields.child(exercise, "exerciseMetadata"), "hasGps") or False,
            **source_of(payload),
            "updated_at": fields.instant(exercise, "updateTime"),
        },
    )
    # Laps are what the athlete or a plan marked, splits come by themselves every kilometre or mile.
    for key, is_lap in (("splits", False), ("splitSummaries", True)):
        for number, split in enumerate(fields.children(exercise, key), start=1):
            yield tables.EXERCISE_SPLITS.name, _split(payload, split, number, is_lap=is_lap)


def _split(payload: Any, split: Json, number: int, *, is_lap: bool) -> dict[str, Any]:
    summary = fields.child(split, "metricsSummary")
    return {
        "exercise_id": exercise_id(payload),
        "is_lap": is_lap,
        "split_number": number,
        "started_at": time_of(split, "startTime"),
        "ended_at": time_of(split, "endTime"),
        "split_type": fields.text(split, "splitType"),
        "active_seconds": fields.proto_seconds(split, "activeDuration"),
        "distance_m": metres(summary, "distanceMillimeters"),
        "energy_kcal": fields.number(summary, "caloriesKcal"),
        "steps": fields.whole(summary, "steps"),
        "ascent_m": metres(summary, "elevationGainMillimeters"),
        "avg_hr_bpm": fields.number(summary, "averageHeartRateBeatsPerMinute") or None,
    }


def parse_sleep(payload: Any, context: RecordContext) -> Rows:
    """One sleep session. While it is not processed its stages are missing; it is read again later."""
    sleep = part_of(payload, "sleep")
    interval = interval_of(sleep)
    metadata = fields.child(sleep, "metadata")
    summary = fields.child(sleep, "summary")
    stages = _stage_minutes(sleep, summary)
    yield (
        tables.SLEEP.name,
        {
            "sleep_id": sleep_id(payload),
            "local_date": civil_date(interval, "end"),
            "started_at": time_of(interval, "startTime"),
            "ended_at": time_of(interval, "endTime"),
            "start_utc_offset_seconds": offset_seconds(interval, "start"),
            "end_utc_offset_seconds": offset_seconds(interval, "end"),
            "sleep_type": fields.text(sleep, "type"),
            "is_main": _flag_or_left_out(metadata, "mainSleep"),
            "is_nap": _flag_or_left_out(metadata, "nap"),
            "is_processed": _flag_or_left_out(metadata, "processed"),
            "asleep_minutes": _number_or_left_out(summary, "minutesAsleep"),
            "awake_minutes": _number_or_left_out(summary, "minutesAwake"),
            "deep_minutes": stages.get("DEEP"),
            "light_minutes": stages.get("LIGHT"),
            "rem_minutes": stages.get("REM"),
        },
    )
    for stage in fields.children(sleep, "stages"):
        yield (
            tables.SLEEP_STAGES.name,
            {
                "sleep_id": sleep_id(payload),
                "started_at": time_of(stage, "startTime"),
                "ended_at": time_of(stage, "endTime"),
                "utc_offset_seconds": offset_seconds(stage, "start"),
                "stage": fields.required(fields.text(stage, "type"), "type"),
            },
        )


def _stage_minutes(sleep: Json, summary: Json) -> dict[str, float]:
    """Minutes by stage from the summary; from the stages themselves where it has none."""
    minutes: dict[str, float] = {}
    for stage in fields.children(summary, "stagesSummary"):
        kind = fields.text(stage, "type") or ""
        minutes[kind] = minutes.get(kind, 0.0) + (fields.number(stage, "minutes") or 0.0)
    if minutes:
        return minutes
    for stage in fields.children(sleep, "stages"):
        kind = fields.text(stage, "type") or ""
        seconds = (time_of(stage, "endTime") - time_of(stage, "startTime")).total_seconds()
        minutes[kind] = minutes.get(kind, 0.0) + seconds / 60
    return minutes


def parse_resting_heart_rate(payload: Any, context: RecordContext) -> Rows:
    """The resting heart rate of a day."""
    daily = part_of(payload, "dailyRestingHeartRate")
    metadata = fields.child(daily, "dailyRestingHeartRateMetadata")
    method = fields.text(metadata, "calculationMethod") or fields.text(daily, "calculationMethod")
    yield (
        tables.DAILY_RESTING_HEART_RATE.name,
        {
            "local_date": daily_date(payload, "dailyRestingHeartRate"),
            "bpm": fields.required(fields.number(daily, "beatsPerMinute"), "beatsPerMinute"),
            "calculation_method": method,
        },
    )


def _flag_or_left_out(parent: Json, key: str) -> bool | None:
    """False is left out of a parent that is there; of a parent that is not, nothing is known."""
    return (fields.flag(parent, key) or False) if parent else None


def _number_or_left_out(parent: Json, key: str) -> float | None:
    """Zero is left out of a parent that is there; of a parent that is not, nothing is known."""
    return (fields.number(parent, key) or 0.0) if parent else None
