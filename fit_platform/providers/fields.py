"""Single values out of decoded JSON objects: found, checked, converted. A bad one is a BadRecord that names its key.

The message never quotes the value: the quarantine keeps it, a log must not. Absent and null mean the same here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fit_platform.errors import BadRecord

Json = Mapping[str, Any]


def an_object(value: Any, what: str = "the payload") -> Json:
    """The value, if it is a JSON object."""
    if not isinstance(value, dict):
        raise BadRecord(f"{what} is {_kind(value)}, expected an object")
    return value


def found(obj: Json, key: str) -> Any:
    """The value under `key`, or under its hyphenated spelling: Polar uses both for the same field."""
    value = obj.get(key)
    return obj.get(key.replace("_", "-")) if value is None else value


def required(value: Any, key: str) -> Any:
    """The value, or a BadRecord if there is none."""
    if value is None:
        raise BadRecord(f"`{key}` is missing")
    return value


def child(obj: Json, key: str) -> Json:
    """The object under `key`; an empty one where it is absent."""
    value = found(obj, key)
    return {} if value is None else an_object(value, f"`{key}`")


def children(obj: Json, key: str) -> list[Json]:
    """The list of objects under `key`; null entries are left out."""
    value = found(obj, key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRecord(f"`{key}` is {_kind(value)}, expected a list")
    return [an_object(v, f"an entry of `{key}`") for v in value if v is not None]


def text(obj: Json, key: str) -> str | None:
    """Text under `key`; a number is taken as its digits (ids come as either)."""
    value = found(obj, key)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BadRecord(f"`{key}` is {_kind(value)}, expected text")


def number(obj: Json, key: str) -> float | None:
    """A number under `key`; also as text, as Google sends whole numbers."""
    value = found(obj, key)
    if value is None:
        return None
    try:
        result = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise BadRecord(f"`{key}` is {_kind(value)}, expected a number")
    return result


def whole(obj: Json, key: str) -> int | None:
    """A whole number under `key`; `3600.0` counts as one."""
    value = number(obj, key)
    if value is None:
        return None
    if value != int(value):
        raise BadRecord(f"`{key}` is a fraction, expected a whole number")
    return int(value)


def flag(obj: Json, key: str) -> bool | None:
    """True or false under `key`."""
    value = found(obj, key)
    if value is None or isinstance(value, bool):
        return value
    raise BadRecord(f"`{key}` is {_kind(value)}, expected true or false")


def moment(obj: Json, key: str) -> datetime | None:
    """An ISO 8601 date-time under `key`, naive or aware as written; seconds may be missing, fractions any length."""
    value = text(obj, key)
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise BadRecord(f"`{key}` is not an ISO 8601 time") from None


def instant(obj: Json, key: str) -> datetime | None:
    """The instant under `key`, in UTC; a time without zone is taken as UTC."""
    value = moment(obj, key)
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def day(obj: Json, key: str) -> date | None:
    """The civil date under `key`, of a date or of a date-time."""
    value = moment(obj, key)
    return None if value is None else value.date()


_ISO_DURATION = re.compile(
    r"(?P<sign>-)?P(?:(?P<weeks>[\d.,]+)W)?(?:(?P<days>[\d.,]+)D)?"
    r"(?:T(?:(?P<hours>[\d.,]+)H)?(?:(?P<minutes>[\d.,]+)M)?(?:(?P<seconds>[\d.,]+)S)?)?",
    re.ASCII,
)
_UNIT_SECONDS = {"weeks": 604_800.0, "days": 86_400.0, "hours": 3_600.0, "minutes": 60.0, "seconds": 1.0}


def iso_seconds(obj: Json, key: str) -> float | None:
    """An ISO 8601 duration under `key`, in seconds: `PT2H44M45S` and `PT6917.941S` alike. No months, no years."""
    value = text(obj, key)
    if value is None:
        return None
    match = _ISO_DURATION.fullmatch(value)
    parts = {u: match[u].replace(",", ".") for u in _UNIT_SECONDS if match[u]} if match else {}
    try:
        seconds = sum(float(amount) * _UNIT_SECONDS[unit] for unit, amount in parts.items())
    except ValueError:
        parts = {}
    if not match or not parts:
        raise BadRecord(f"`{key}` is not an ISO 8601 duration")
    return -seconds if match["sign"] else seconds


def proto_seconds(obj: Json, key: str) -> float | None:
    """A protobuf JSON duration under `key`, in seconds: `"1025.5s"`, `"-14400s"`."""
    value = text(obj, key)
    if value is None:
        return None
    if not re.fullmatch(r"-?\d+(\.\d+)?s", value, re.ASCII):
        raise BadRecord(f"`{key}` is not a duration in seconds")
    return float(value[:-1])


def shifted(value: datetime, seconds: float) -> datetime:
    """The time, moved; a BadRecord if that leaves the calendar."""
    try:
        return value + timedelta(seconds=seconds)
    except OverflowError:
        raise BadRecord("a time outside of the calendar") from None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "text" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"
