"""Strava's answers turned into rows, record by record. Streams are in streams.py, columnar.

Facts: Strava API reference; `utc_offset`, heart-rate and visibility keys are in live rows though not in the swagger.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from fit_platform.errors import BadRecord
from fit_platform.providers import fields
from fit_platform.providers.base import RecordContext, Rows
from fit_platform.providers.fields import Json
from fit_platform.providers.strava import tables

_GEAR_KINDS = {"b": "bike", "g": "shoes"}
# What Strava shows instead of the time when the athlete hides it (Strava API changelog, 2024-07-03). It does not say
# in which of the two times; either is taken, and a true start in just that second only costs a flag.
_HIDDEN_START = "T00:00:01Z"
# "(GMT-05:00) America/New_York": the label is standard time all year round, only the name is right.
_ZONE_LABEL = re.compile(r"^\((?:GMT|UTC)[^)]*\)\s*")


def activity_day(payload: Any) -> date:
    """UTC day of the start."""
    return _started_at(fields.an_object(payload)).date()


def _started_at(activity: Json) -> datetime:
    """`start_date`, an instant. Never `start_date_local`: it ends in a Z that is not true."""
    started_at: datetime = fields.required(fields.instant(activity, "start_date"), "start_date")
    return started_at


def parse_athlete(payload: Any, context: RecordContext) -> Rows:
    """The profile. Without the profile scope only a part of it is there."""
    athlete = fields.an_object(payload)
    yield (
        tables.ATHLETES.name,
        {
            "provider_athlete_id": fields.required(fields.text(athlete, "id"), "id"),
            "sex": fields.text(athlete, "sex"),
            "weight_kg": fields.number(athlete, "weight") or None,  # 0: never set
            "ftp_w": fields.number(athlete, "ftp"),
            "measurement_preference": fields.text(athlete, "measurement_preference"),
            "created_at": fields.instant(athlete, "created_at"),
        },
    )


def parse_zones(payload: Any, context: RecordContext) -> Rows:
    """Both kinds of zones; either may be absent. The top one's `max` of -1 means that it has none."""
    answer = fields.an_object(payload)
    for kind, unit in (("heart_rate", "bpm"), ("power", "w")):
        group = fields.child(answer, kind)
        for number, zone in enumerate(fields.children(group, "zones"), 1):
            upper = fields.number(zone, "max")
            yield (
                tables.ZONES.name,
                {
                    "kind": kind,
                    "zone": number,
                    f"lower_{unit}": fields.number(zone, "min"),
                    f"upper_{unit}": None if upper is None or upper < 0 else upper,
                    "is_custom": fields.flag(group, "custom_zones"),
                },
            )


def gear_ids(payload: Any) -> set[str]:
    """Ids of the gear that an athlete's profile lists, or that an activity was done with."""
    if not isinstance(payload, dict):
        return set()
    lists = [payload[key] for key in ("bikes", "shoes") if isinstance(payload.get(key), list)]
    named = [piece.get("id") for pieces in lists for piece in pieces if isinstance(piece, dict)]
    # The id becomes part of a path: whatever is not one stays out of it.
    return {i for i in (*named, payload.get("gear_id")) if isinstance(i, str) and re.fullmatch(r"\w+", i, re.ASCII)}


def parse_gear(payload: Any, context: RecordContext) -> Rows:
    """One piece. `weight` and `notification_distance` have no documented unit and stay in landing."""
    gear = fields.an_object(payload)
    gear_id: str = fields.required(fields.text(gear, "id"), "id")
    yield (
        tables.GEAR.name,
        {
            "gear_id": gear_id,
            "kind": _GEAR_KINDS.get(gear_id[:1]),
            "name": fields.text(gear, "name"),
            "nickname": fields.text(gear, "nickname") or None,  # "": none given
            "brand_name": fields.text(gear, "brand_name"),
            "model_name": fields.text(gear, "model_name"),
            "distance_m": fields.number(gear, "distance"),
            "is_primary": fields.flag(gear, "primary"),
            "is_retired": fields.flag(gear, "retired"),
        },
    )


def parse_activity(payload: Any, context: RecordContext) -> Rows:
    """One summary. Unknown sports and keys are kept or passed over; Strava adds both unannounced."""
    activity = fields.an_object(payload)
    label = fields.text(activity, "timezone")
    latitude, longitude = _position(activity)
    yield (
        tables.ACTIVITIES.name,
        {
            "activity_id": fields.required(fields.text(activity, "id"), "id"),
            "upload_id": fields.text(activity, "upload_id"),
            "external_id": fields.text(activity, "external_id"),
            "title": fields.text(activity, "name"),
            "sport_type": fields.text(activity, "sport_type") or fields.text(activity, "type"),
            "started_at": _started_at(activity),
            "is_start_hidden": _is_start_hidden(activity),
            "utc_offset_seconds": fields.whole(activity, "utc_offset"),
            "timezone": None if label is None else _ZONE_LABEL.sub("", label) or None,
            "distance_m": fields.number(activity, "distance"),
            "moving_seconds": fields.number(activity, "moving_time"),
            "elapsed_seconds": fields.number(activity, "elapsed_time"),
            "ascent_m": fields.number(activity, "total_elevation_gain"),
            "avg_hr_bpm": fields.number(activity, "average_heartrate") or None,  # 0: no heart rate
            "max_hr_bpm": fields.number(activity, "max_heartrate") or None,
            "has_heart_rate": fields.flag(activity, "has_heartrate"),
            "avg_speed_mps": fields.number(activity, "average_speed"),
            "max_speed_mps": fields.number(activity, "max_speed"),
            "avg_cadence_rpm": fields.number(activity, "average_cadence"),
            "energy_kj": fields.number(activity, "kilojoules"),
            "device_name": fields.text(activity, "device_name"),
            "gear_id": fields.text(activity, "gear_id"),
            "is_manual": fields.flag(activity, "manual"),
            "is_trainer": fields.flag(activity, "trainer"),
            "is_private": fields.flag(activity, "private"),
            "visibility": fields.text(activity, "visibility"),
            "start_latitude_deg": latitude,
            "start_longitude_deg": longitude,
        },
    )


def _is_start_hidden(activity: Json) -> bool:
    starts = (fields.text(activity, "start_date"), fields.text(activity, "start_date_local"))
    return any(start is not None and start.endswith(_HIDDEN_START) for start in starts)


def _position(activity: Json) -> tuple[float | None, float | None]:
    """Start position; null or `[]` where there is none."""
    position = fields.found(activity, "start_latlng")
    if position is None or position == []:
        return None, None
    if not isinstance(position, list) or len(position) != 2:
        raise BadRecord("`start_latlng` is not a pair of numbers")
    pair = dict(zip(("latitude", "longitude"), position, strict=True))
    return fields.number(pair, "latitude"), fields.number(pair, "longitude")


def parse_activity_detail(payload: Any, context: RecordContext) -> Rows:
    """What the summary lacks, and the laps. A lap without `lap_index` is numbered by its place in the list."""
    detail = fields.an_object(payload)
    activity_id = fields.required(fields.text(detail, "id"), "id")
    laps = fields.children(detail, "laps")
    yield (
        tables.ACTIVITY_DETAILS.name,
        {
            "activity_id": activity_id,
            "calories_kcal": fields.number(detail, "calories"),
            "device_name": fields.text(detail, "device_name"),
            "perceived_exertion": fields.number(detail, "perceived_exertion"),
            "lap_count": len(laps),
        },
    )
    for place, lap in enumerate(laps, 1):
        lap_number = fields.whole(lap, "lap_index")
        yield (
            tables.LAPS.name,
            {
                "activity_id": activity_id,
                "lap_number": place if lap_number is None else lap_number,
                "lap_id": fields.text(lap, "id"),
                "name": fields.text(lap, "name"),
                "started_at": fields.instant(lap, "start_date"),
                "elapsed_seconds": fields.number(lap, "elapsed_time"),
                "moving_seconds": fields.number(lap, "moving_time"),
                "distance_m": fields.number(lap, "distance"),
                "ascent_m": fields.number(lap, "total_elevation_gain"),
                "avg_speed_mps": fields.number(lap, "average_speed"),
                "max_speed_mps": fields.number(lap, "max_speed"),
                "avg_hr_bpm": fields.number(lap, "average_heartrate") or None,
                "max_hr_bpm": fields.number(lap, "max_heartrate") or None,
                "avg_cadence_rpm": fields.number(lap, "average_cadence"),
                "avg_power_w": fields.number(lap, "average_watts"),
                "first_sample": fields.whole(lap, "start_index"),
                "last_sample": fields.whole(lap, "end_index"),
            },
        )
