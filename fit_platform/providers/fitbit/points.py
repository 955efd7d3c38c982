"""Parts that Google Health's data points have in common: the typed member, intervals, civil dates, sources, ids."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fit_platform.errors import BadRecord
from fit_platform.providers import fields
from fit_platform.providers.fields import Json
from fit_platform.providers.pulling import fingerprint, identity

_MM_PER_M = 1000.0


def part_of(payload: Any, kind: str) -> Json:
    """The typed member of a data point."""
    point = fields.an_object(payload)
    return fields.an_object(fields.required(point.get(kind), kind), f"`{kind}`")


def interval_of(part: Json) -> Json:
    """The interval of a typed member."""
    return fields.an_object(fields.required(part.get("interval"), "interval"), "`interval`")


def time_of(interval: Json, key: str) -> datetime:
    """The instant at one end of an interval."""
    time: datetime = fields.required(fields.instant(interval, key), key)
    return time


def offset_seconds(interval: Json, side: str) -> int | None:
    """Offset from UTC at one side of an interval; None where it is not given."""
    return offset_of(interval, f"{side}UtcOffset")


def offset_of(part: Json, key: str) -> int | None:
    """An offset from UTC in seconds; None where it is not given."""
    seconds = fields.proto_seconds(part, key)
    return None if seconds is None else round(seconds)


def sample_time(payload: Any, kind: str) -> datetime:
    """The instant of a sample of this kind (`weight`, `heartRateVariability`...)."""
    return time_of(fields.child(part_of(payload, kind), "sampleTime"), "physicalTime")


def civil_date(interval: Json, side: str) -> date:
    """Civil date of one side of an interval: as given, else instant plus offset (UTC where that is missing, too)."""
    given = fields.child(fields.child(interval, f"civil{side.title()}Time"), "date")
    if given:
        return date_of(given)
    return fields.shifted(time_of(interval, f"{side}Time"), offset_seconds(interval, side) or 0).date()


def date_of(value: Json) -> date:
    """`{"year", "month", "day"}`."""
    parts = [fields.required(fields.whole(value, key), f"date.{key}") for key in ("year", "month", "day")]
    try:
        return date(*parts)
    except (ValueError, OverflowError):
        raise BadRecord("`date` is not a date of the calendar") from None


def metres(summary: Json, key: str) -> float | None:
    """Metres from millimetres."""
    millimetres = fields.number(summary, key)
    return None if millimetres is None else millimetres / _MM_PER_M


def source_of(payload: Any) -> dict[str, str | None]:
    """Where the point came from. HEALTH_CONNECT marks copies from other apps."""
    source = fields.child(payload, "dataSource")
    return {
        "recording_method": fields.text(source, "recordingMethod"),
        "platform": fields.text(source, "platform"),
        "device_name": fields.text(fields.child(source, "device"), "displayName"),
        "source_package": fields.text(fields.child(source, "application"), "packageName"),
    }


def point_id(payload: Any, kind: str) -> str:
    """An id that never fails: a broken point needs one, too."""
    point = payload if isinstance(payload, dict) else {}
    name = point.get("name") or point.get("dataPointName")
    if isinstance(name, str):
        return name.rsplit("/", 1)[-1]
    body = point.get(kind)
    when = (body.get("interval") or body.get("sampleTime")) if isinstance(body, dict) else None
    start = (when.get("startTime") or when.get("physicalTime")) if isinstance(when, dict) else None
    return fingerprint([point.get("dataSource"), start] if start else payload)


def daily_date(payload: Any, kind: str) -> date:
    """The civil date that a daily value is of."""
    return date_of(fields.child(part_of(payload, kind), "date"))


def daily_id(payload: Any, kind: str) -> str:
    """Date and source; of a point without a readable date a hash."""
    try:
        return f"{daily_date(payload, kind)}|{fingerprint(payload.get('dataSource'))}"
    except BadRecord:
        return identity(payload)


def rolled_up_date(payload: Any) -> date:
    """The civil date on which the window of a roll-up begins."""
    start = fields.child(fields.an_object(payload), "civilStartTime")
    return date_of(fields.an_object(fields.required(start.get("date"), "civilStartTime.date"), "`civilStartTime.date`"))


def rolled_up_id(payload: Any) -> str:
    """The date; of a point without a readable date a hash."""
    try:
        return str(rolled_up_date(payload))
    except BadRecord:
        return identity(payload)
