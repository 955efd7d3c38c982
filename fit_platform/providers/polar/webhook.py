"""What Polar posts to us: a PING, or one of seven events, signed with HMAC-SHA256 over the raw body.

Source: Polar AccessLink v3 docs, "Webhooks" (www.polar.com/accesslink-api). The event's `url` is never followed: what
changed is asked for through our own client, so a forged address leads nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

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

# Event -> the resources to pull again. Nothing is sent for nightly recharge and cardio load: they follow from a night
# and from training.
EVENTS: dict[str, tuple[str, ...]] = {
    "EXERCISE": ("exercises", "cardio_load"),
    "SLEEP": ("sleep", "nightly_recharge", "cardio_load"),
    "CONTINUOUS_HEART_RATE": ("continuous_heart_rate",),
    "SLEEP_WISE_CIRCADIAN_BEDTIME": ("circadian_bedtime",),
    "SLEEP_WISE_ALERTNESS": ("alertness",),
    "ACTIVITY_SUMMARY": ("daily_activity",),
    "PHYSICAL_INFORMATION": ("physical_info",),
}
# These partitions are UTC days while the event names civil ones, which may begin up to 14 hours before or after.
_UTC_DATED = {"SLEEP_WISE_CIRCADIAN_BEDTIME", "SLEEP_WISE_ALERTNESS"}


class _Event(msgspec.Struct):
    """Members of all events; which of them are there depends on the event."""

    event: str
    user_id: ProviderId | None = None
    entity_id: ProviderId | None = None
    date: Any = None
    first: Any = msgspec.field(default=None, name="from")
    last: Any = msgspec.field(default=None, name="to")


def receive(delivery: Delivery, own: Mapping[str, str], now: datetime) -> Reply:
    """Judge one delivery. `own`: `signing_secret`, once `webhooks subscribe polar` has it.

    A PING is answered before any signature is checked and has no effect: the first one comes while the secret is not
    known yet. Events that we do not know are answered 200 too, as anything else counts towards deactivation.
    """
    try:
        content = decode(delivery.body)
        event = read_as(_Event, content)
    except Undecodable:
        return Reply(400, "malformed")
    if event.event == "PING":
        return Reply(200, "ping")
    secret = own.get("signing_secret", "")
    if not secret:
        return Reply(503, "not subscribed yet")  # Polar tries again; an event is not lost while we store the secret
    if not same(signature(secret, delivery.body), delivery.headers.get("polar-webhook-signature")):
        return Reply(401, "bad signature")
    if event.event not in EVENTS or event.user_id is None:
        return Reply(200, "not ours to act on", ignored=1)
    return Reply(200, "event", notices=(_notice(event, fingerprint(content)),))


def signature(secret: str, body: bytes) -> str:
    """Lower-case hexadecimal HMAC-SHA256 of the body; the key is the secret's text, dashes included."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _notice(event: _Event, version: str) -> Notice:
    first, last = (day_of(event.date),) * 2 if event.date is not None else (day_of(event.first), day_of(event.last))
    return Notice(
        user_id=str(event.user_id),
        resources=EVENTS[event.event],
        days=days_between(first, last, margin_days=1 if event.event in _UTC_DATED else 0),
        object_id=None if event.entity_id is None else str(event.entity_id),
        # Everything Polar says, its timestamp included: the same day may come again after a later sync.
        version=version,
        detail=event.event,
    )
