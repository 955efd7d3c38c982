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

# "(GMT-05:00) America/New_York": the label is standard time all year round, only the name is right.
_ZONE_LABEL = re.compile(r"^\((?:GMT|UTC)[^)]*\)\s*")


def activity_day(payload: Any) -> date:
    """UTC day of the start."""
    return _started_at(fields.an_object(payload)).date()


def _started_at(activity: Json) -> datetime:
    """`start_date`, an instant. `start_date_local` is never read: it ends in a Z that is not true."""
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
            "utc_offset_seconds": fields.whole(activity, "utc_offset"),
            "timezone": None if label is None else _ZONE_LABEL.sub("", label) or None,
            "distance_m": fields.number(activity, "distance"),
            "moving_seconds": fields.number(activity, "moving_time"),
            "elapsed_seconds": fields.number(activity, "elapsed_time"),
            "ascent_m": fields.number(activity, "total_elevation_gain"),
            "avg_hr_bpm": fields.number(activity, "average_heartrate"),
            "max_hr_bpm": fields.number(activity, "max_heartrate"),
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


def _position(activity: Json) -> tuple[float | None, float | None]:
    """Start position; null or `[]` where there is none."""
    position = fields.found(activity, "start_latlng")
    if position is None or position == []:
        return None, None
    if not isinstance(position, list) or len(position) != 2:
        raise BadRecord("`start_latlng` is not a pair of numbers")
    pair = dict(zip(("latitude", "longitude"), position, strict=True))
    return fields.number(pair, "latitude"), fields.number(pair, "longitude")
