"""What Google Health posts to us: a handshake, or notifications, signed with ECDSA P-256 over the raw body.

Source: Google Health API v4 docs, "Webhooks". Live deliveries are a JSON array while the docs show one object: both are
read. A notification names a data type and intervals in one or more forms, of which any may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from fit_platform.providers.fitbit.keyset import KeySet, KeysUnavailable
from fit_platform.providers.webhook_base import (
    Delivery,
    Notice,
    ProviderId,
    Reply,
    Undecodable,
    day_of,
    days_between,
    decode,
    fingerprint,
    read_as,
    same,
)

METHODS = ("POST",)
SIGNATURE_HEADERS = ("google-health-api-signature", "x-healthapi-signature")  # today's, and the older one

# Google's data types that tell of changes (none does for daily-vo2-max); ours are called the same, in snake case.
DATA_TYPES = (
    "active-zone-minutes",
    "daily-heart-rate-variability",
    "daily-heart-rate-zones",
    "daily-oxygen-saturation",
    "daily-respiratory-rate",
    "daily-resting-heart-rate",
    "distance",
    "exercise",
    "floors",
    "heart-rate",
    "heart-rate-variability",
    "sleep",
    "steps",
    "total-calories",
    "weight",
)
UTC_DATED = frozenset({"exercise", "heart-rate", "heart-rate-variability", "weight"})  # the others: civil dates

# Civil time is between 12 hours behind UTC and 14 hours ahead of it.
_BEHIND, _AHEAD = timedelta(hours=12), timedelta(hours=14)
_MAX_DEPTH = 6


class _Interval(msgspec.Struct):
    physicalTimeInterval: Any = None  # noqa: N815  (Google's words)
    civilDateTimeInterval: Any = None  # noqa: N815
    civilIso8601TimeInterval: Any = None  # noqa: N815


class _Data(msgspec.Struct):
    healthUserId: ProviderId  # noqa: N815
    dataType: str  # noqa: N815
    operation: str = ""
    intervals: list[_Interval] | None = None
    recordId: ProviderId | None = None  # noqa: N815


class _Notification(msgspec.Struct):
    data: _Data


class Receiver:
    """Judges deliveries; keeps Google's keys."""

    def __init__(self, keys: KeySet) -> None:
        """`keys`: Google's public keys."""
        self._keys = keys

    def receive(self, delivery: Delivery, own: Mapping[str, str], now: datetime) -> Reply:
        """Judge one delivery. `own`: `authorization`, the whole header that Google is to send.

        The handshake is two requests, with and without the header, which must be told apart: 201 and 401. Of a
        notification the signature counts. The header was seen to be missing, so only a wrong one is refused.
        """
        try:
            content: Any = decode(delivery.body)
        except Undecodable:
            return Reply(400, "malformed")
        header = delivery.headers.get("authorization")
        is_authorized = same(own.get("authorization", ""), header)
        if isinstance(content, dict) and content.get("type") == "verification":
            return Reply(201, "handshake") if is_authorized else Reply(401, "handshake without authorization")
        if header is not None and not is_authorized:
            return Reply(401, "wrong authorization")
        signature = next((delivery.headers[name] for name in SIGNATURE_HEADERS if name in delivery.headers), None)
        try:
            if not self._keys.verifies(signature, delivery.body, now):
                return Reply(401, "bad signature")
        except KeysUnavailable:
            return Reply(503, "no keys to check signatures")  # kept for seven days and sent again
        parts = content if isinstance(content, list) else [content]
        notices = tuple(notice for notice in map(_notice, parts) if notice)
        return Reply(204, "event" if notices else "not ours to act on", notices, ignored=len(parts) - len(notices))


def _notice(part: Any) -> Notice | None:
    try:
        data = read_as(_Notification, part).data
    except Undecodable:
        return None
    if data.dataType not in DATA_TYPES:
        return None
    return Notice(
        user_id=str(data.healthUserId),
        kind="deleted" if data.operation == "DELETE" else "changed",
        resources=(data.dataType.replace("-", "_"),),
        days=_days(data.intervals or [], is_utc=data.dataType in UTC_DATED),
        object_id=None if data.recordId is None else str(data.recordId),
        version=fingerprint(part),
        detail=f"{data.dataType} {data.operation}"[:60].strip(),
    )


def _days(intervals: list[_Interval], *, is_utc: bool) -> tuple[date, ...]:
    """Partition days of all intervals; none as soon as one interval cannot be read, for then a day would be missing."""
    days: set[date] = set()
    for interval in intervals:
        found = _days_of(interval, is_utc=is_utc)
        if not found:
            return ()
        days.update(found)
    return tuple(sorted(days))


def _days_of(interval: _Interval, *, is_utc: bool) -> tuple[date, ...]:
    """The form that is dated as the resource is, else the other with the days that it may mean."""
    instants = sorted(_instants(interval.physicalTimeInterval))
    civil = sorted(_dates(interval.civilIso8601TimeInterval)) or sorted(_dates(interval.civilDateTimeInterval))
    if is_utc and instants:
        return days_between(instants[0].date(), instants[-1].date())
    if civil:
        return days_between(civil[0], civil[-1], margin_days=1 if is_utc else 0)
    if instants:
        return days_between((instants[0] - _BEHIND).date(), (instants[-1] + _AHEAD).date())
    return ()


def _instants(value: Any) -> Iterator[datetime]:
    for text in value.values() if isinstance(value, dict) else ():
        if day_of(text) is None:
            continue
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        yield (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)


def _dates(value: Any, depth: int = 0) -> Iterator[date]:
    """Every date in a civil interval, whether as text or as `{year, month, day}`, wherever it stands."""
    if isinstance(value, str) and (day := day_of(value)):
        yield day
    elif isinstance(value, dict) and depth < _MAX_DEPTH:
        parts = [part for name in ("year", "month", "day") if isinstance(part := value.get(name), int)]
        if len(parts) == 3:
            if day := day_of("-".join(f"{part:02d}" for part in parts)):
                yield day
        else:
            for inner in value.values():
                yield from _dates(inner, depth + 1)
