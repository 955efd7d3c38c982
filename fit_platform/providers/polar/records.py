"""Polar's answers turned into rows. Small objects here record by record; sample series as DuckDB SELECTs in series.py.

Both spellings of every field are read: the spec has hyphens, live answers have underscores, and some objects mix them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fit_platform.providers import fields
from fit_platform.providers.base import RecordContext, Rows
from fit_platform.providers.fields import Json
from fit_platform.providers.polar import tables


def exercise_day(payload: Any) -> date:
    """UTC day of the start."""
    return _started_at(fields.an_object(payload)).date()


def night_day(payload: Any) -> date:
    """The wake day, as Polar dates the night."""
    return _date(payload, "date")


def heart_rate_day(payload: Any) -> date:
    """The device's civil date."""
    return _date(payload, "date")


def activity_day(payload: Any) -> date:
    """The device-local day: the spec calls the start time UTC, live answers are local."""
    return _date(payload, "start_time")


def _date(payload: Any, key: str) -> date:
    day: date = fields.required(fields.day(fields.an_object(payload), key), key)
    return day


def _started_at(exercise: Json) -> datetime:
    """The start instant: local start minus the offset. A start that carries a zone of its own is believed."""
    local: datetime = fields.required(fields.moment(exercise, "start_time"), "start_time")
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    offset_minutes = fields.whole(exercise, "start_time_utc_offset") or 0
    return fields.shifted(local.replace(tzinfo=UTC), -60 * offset_minutes)


def parse_exercise(payload: Any, context: RecordContext) -> Rows:
    """One exercise and its heart-rate zones. Samples and route are read columnar, see series.py."""
    exercise = fields.an_object(payload)
    exercise_id = fields.required(fields.text(exercise, "id"), "id")
    offset_minutes = fields.whole(exercise, "start_time_utc_offset")
    heart_rate = fields.child(exercise, "heart_rate")
    has_route = fields.flag(exercise, "has_route")
    rows = [
        (
            tables.EXERCISES.name,
            {
                "exercise_id": exercise_id,
                "started_at": _started_at(exercise),
                "utc_offset_seconds": None if offset_minutes is None else 60 * offset_minutes,
                "duration_seconds": fields.iso_seconds(exercise, "duration"),
                "sport": fields.text(exercise, "sport"),
                "detailed_sport": fields.text(exercise, "detailed_sport_info"),
                "device": fields.text(exercise, "device"),
                "device_id": fields.text(exercise, "device_id"),
                "distance_m": fields.number(exercise, "distance"),
                "energy_kcal": fields.number(exercise, "calories"),
                "avg_hr_bpm": fields.number(heart_rate, "average") or None,  # 0: no heart rate
                "max_hr_bpm": fields.number(heart_rate, "maximum") or None,
                "has_route": bool(fields.found(exercise, "route")) if has_route is None else has_route,
                "training_load": _training_load(exercise),
                "running_index": fields.number(exercise, "running_index"),
                "uploaded_at": fields.instant(exercise, "upload_time"),
            },
        ),
        *((tables.EXERCISE_ZONES.name, {"exercise_id": exercise_id, **zone}) for zone in _zones(exercise)),
    ]
    yield from rows


def _training_load(exercise: Json) -> float | None:
    """`training_load`, or the cardio load of Training Load Pro where that is absent. -1.0 means: not available."""
    load = fields.number(exercise, "training_load")
    if load is None:
        load = fields.number(fields.child(exercise, "training_load_pro"), "cardio_load")
    return None if load is None or load < 0 else load


def _zones(exercise: Json) -> list[dict[str, Any]]:
    """Zones counted from 1: the spec counts so, live answers count from 0. Transactions wrap the list in `zone`."""
    wrapped = fields.found(exercise, "heart_rate_zones")
    zones = (
        fields.children(wrapped, "zone") if isinstance(wrapped, dict) else fields.children(exercise, "heart_rate_zones")
    )
    indexes = [fields.required(fields.whole(zone, "index"), "heart_rate_zones.index") for zone in zones]
    first = 1 if 0 in indexes else 0
    return [
        {
            "zone": index + first,
            "lower_bpm": fields.number(zone, "lower_limit"),
            "upper_bpm": fields.number(zone, "upper_limit"),
            "seconds": fields.iso_seconds(zone, "in_zone"),
        }
        for index, zone in zip(indexes, zones, strict=True)
    ]


def parse_night(payload: Any, context: RecordContext) -> Rows:
    """One night. Start and end carry the offset of the place of recording, so they may differ."""
    night = fields.an_object(payload)
    start = fields.required(fields.moment(night, "sleep_start_time"), "sleep_start_time")
    end = fields.required(fields.moment(night, "sleep_end_time"), "sleep_end_time")
    score = fields.whole(night, "sleep_score")
    yield (
        tables.SLEEP.name,
        {
            "local_date": night_day(night),
            "started_at": fields.instant(night, "sleep_start_time"),
            "ended_at": fields.instant(night, "sleep_end_time"),
            "start_utc_offset_seconds": _offset_seconds(start),
            "end_utc_offset_seconds": _offset_seconds(end),
            "light_seconds": fields.whole(night, "light_sleep"),
            "deep_seconds": fields.whole(night, "deep_sleep"),
            "rem_seconds": fields.whole(night, "rem_sleep"),
            "unrecognized_seconds": fields.whole(night, "unrecognized_sleep_stage"),
            "interruption_seconds": fields.whole(night, "total_interruption_duration"),
            "sleep_score": score if score and score > 0 else None,
        },
    )


def _offset_seconds(value: datetime) -> int | None:
    offset = value.utcoffset()
    return None if offset is None else int(offset.total_seconds())


def parse_activity(payload: Any, context: RecordContext) -> Rows:
    """One day of all-day activity."""
    activity = fields.an_object(payload)
    yield (
        tables.DAILY_ACTIVITY.name,
        {
            "local_date": activity_day(activity),
            "steps": fields.whole(activity, "steps"),
            "distance_m": fields.number(activity, "distance_from_steps"),
            "active_kcal": fields.number(activity, "active_calories"),
            "total_kcal": fields.number(activity, "calories"),
            "active_seconds": fields.iso_seconds(activity, "active_duration"),
            "inactive_seconds": fields.iso_seconds(activity, "inactive_duration"),
        },
    )
