"""Google Health's answers turned into rows, record by record. Heart-rate samples and steps are in samples.py, columnar.

JSON rules (Google Health API reference): whole numbers come as text, zero and false are left out, durations are
`"1025.5s"`, offsets `"-14400s"`. Civil times may be missing from intervals, so they are made from instant and offset.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fit_platform.errors import BadRecord
from fit_platform.providers import fields
from fit_platform.providers.base import RecordContext, Rows
from fit_platform.providers.fields import Json
from fit_platform.providers.fitbit import tables
from fit_platform.providers.pulling import fingerprint

_MM_PER_M = 1000.0


def exercise_day(payload: Any) -> date:
    """UTC day of the start."""
    return _time(_interval(_part(payload, "exercise")), "startTime").date()


def sleep_day(payload: Any) -> date:
    """Civil date of the end."""
    return _civil_date(_interval(_part(payload, "sleep")), "end")


def steps_day(payload: Any) -> date:
    """Civil date of the start."""
    return _civil_date(_interval(_part(payload, "steps")), "start")


def resting_heart_rate_day(payload: Any) -> date:
    """The civil date the value is of."""
    return _date(fields.child(_part(payload, "dailyRestingHeartRate"), "date"))


def exercise_id(payload: Any) -> str:
    """Last part of the point's name; without a name made from source and start."""
    return _point_id(payload, "exercise")


def sleep_id(payload: Any) -> str:
    """Last part of the point's name; without a name made from source and start."""
    return _point_id(payload, "sleep")


def _point_id(payload: Any, kind: str) -> str:
    """An id that never fails: a broken point needs one, too."""
    point = payload if isinstance(payload, dict) else {}
    name = point.get("name") or point.get("dataPointName")
    if isinstance(name, str):
        return name.rsplit("/", 1)[-1]
    body = point.get(kind)
    interval = body.get("interval") if isinstance(body, dict) else None
    start = interval.get("startTime") if isinstance(interval, dict) else None
    return fingerprint([point.get("dataSource"), start] if start else payload)


def resting_heart_rate_key(payload: Any) -> dict[str, str]:
    """Date and source as texts; empty for a point without a readable date."""
    try:
        return {"date": str(resting_heart_rate_day(payload)), "source": fingerprint(payload.get("dataSource"))}
    except BadRecord:
        return {}


def parse_exercise(payload: Any, context: RecordContext) -> Rows:
    """One exercise."""
    exercise = _part(payload, "exercise")
    interval = _interval(exercise)
    summary = fields.child(exercise, "metricsSummary")
    yield (
        tables.EXERCISES.name,
        {
            "exercise_id": exercise_id(payload),
            "started_at": _time(interval, "startTime"),
            "ended_at": _time(interval, "endTime"),
            "utc_offset_seconds": _offset_seconds(interval, "start"),
            "end_utc_offset_seconds": _offset_seconds(interval, "end"),
            "exercise_type": fields.text(exercise, "exerciseType"),
            "title": fields.text(exercise, "displayName"),
            "active_seconds": fields.proto_seconds(exercise, "activeDuration"),
            "distance_m": _metres(summary, "distanceMillimeters"),
            "energy_kcal": fields.number(summary, "caloriesKcal"),
            "steps": fields.whole(summary, "steps"),
            "ascent_m": _metres(summary, "elevationGainMillimeters"),
            "avg_hr_bpm": fields.number(summary, "averageHeartRateBeatsPerMinute"),
            "has_gps": fields.flag(fields.child(exercise, "exerciseMetadata"), "hasGps") or False,
            **_source(payload),
            "updated_at": fields.instant(exercise, "updateTime"),
        },
    )


def parse_sleep(payload: Any, context: RecordContext) -> Rows:
    """One sleep session. While it is not processed its stages are missing; it is read again later."""
    sleep = _part(payload, "sleep")
    interval = _interval(sleep)
    metadata = fields.child(sleep, "metadata")
    summary = fields.child(sleep, "summary")
    stages = _stage_minutes(sleep, summary)
    yield (
        tables.SLEEP.name,
        {
            "sleep_id": sleep_id(payload),
            "local_date": _civil_date(interval, "end"),
            "started_at": _time(interval, "startTime"),
            "ended_at": _time(interval, "endTime"),
            "start_utc_offset_seconds": _offset_seconds(interval, "start"),
            "end_utc_offset_seconds": _offset_seconds(interval, "end"),
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
        seconds = (_time(stage, "endTime") - _time(stage, "startTime")).total_seconds()
        minutes[kind] = minutes.get(kind, 0.0) + seconds / 60
    return minutes


def parse_resting_heart_rate(payload: Any, context: RecordContext) -> Rows:
    """The resting heart rate of a day."""
    daily = _part(payload, "dailyRestingHeartRate")
    metadata = fields.child(daily, "dailyRestingHeartRateMetadata")
    method = fields.text(metadata, "calculationMethod") or fields.text(daily, "calculationMethod")
    yield (
        tables.DAILY_RESTING_HEART_RATE.name,
        {
            "local_date": resting_heart_rate_day(payload),
            "bpm": fields.required(fields.number(daily, "beatsPerMinute"), "beatsPerMinute"),
            "calculation_method": method,
        },
    )


def _part(payload: Any, kind: str) -> Json:
    """The typed member of a data point."""
    point = fields.an_object(payload)
    return fields.an_object(fields.required(point.get(kind), kind), f"`{kind}`")


def _interval(part: Json) -> Json:
    return fields.an_object(fields.required(part.get("interval"), "interval"), "`interval`")


def _time(interval: Json, key: str) -> datetime:
    time: datetime = fields.required(fields.instant(interval, key), key)
    return time


def _offset_seconds(interval: Json, side: str) -> int | None:
    seconds = fields.proto_seconds(interval, f"{side}UtcOffset")
    return None if seconds is None else round(seconds)


def _civil_date(interval: Json, side: str) -> date:
    """Civil date of one side of an interval: as given, else instant plus offset (UTC where that is missing, too)."""
    given = fields.child(fields.child(interval, f"civil{side.title()}Time"), "date")
    if given:
        return _date(given)
    return fields.shifted(_time(interval, f"{side}Time"), _offset_seconds(interval, side) or 0).date()


def _date(value: Json) -> date:
    """`{"year", "month", "day"}`."""
    parts = [fields.required(fields.whole(value, key), f"date.{key}") for key in ("year", "month", "day")]
    try:
        return date(*parts)
    except (ValueError, OverflowError):
        raise BadRecord("`date` is not a date of the calendar") from None


def _metres(summary: Json, key: str) -> float | None:
    millimetres = fields.number(summary, key)
    return None if millimetres is None else millimetres / _MM_PER_M


def _flag_or_left_out(parent: Json, key: str) -> bool | None:
    """False is left out of a parent that is there; of a parent that is not, nothing is known."""
    return (fields.flag(parent, key) or False) if parent else None


def _number_or_left_out(parent: Json, key: str) -> float | None:
    """Zero is left out of a parent that is there; of a parent that is not, nothing is known."""
    return (fields.number(parent, key) or 0.0) if parent else None


def _source(payload: Any) -> dict[str, str | None]:
    """Where the point came from. HEALTH_CONNECT marks copies from other apps."""
    source = fields.child(payload, "dataSource")
    return {
        "recording_method": fields.text(source, "recordingMethod"),
        "platform": fields.text(source, "platform"),
        "device_name": fields.text(fields.child(source, "device"), "displayName"),
        "source_package": fields.text(fields.child(source, "application"), "packageName"),
    }
