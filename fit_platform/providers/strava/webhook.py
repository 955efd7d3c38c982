"""What Strava posts to us, and the challenge it asks before it does.

Source: Strava API v3 docs, "Webhook Events API" (developers.strava.com/docs/webhooks). The body is a hint to ask again
and is never believed: a delete counts once Strava answers 404. Strava documents no signature; an unguessable address,
the subscription's id and a known owner are what tells its deliveries from a stranger's.
"""

from __future__ import annotations

import hashlib
import hmac
import re
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
    decode,
    fingerprint,
    read_as,
    same,
)

METHODS = ("GET", "POST")
MAX_SIGNATURE_AGE_S = 15 * 60  # three attempts within minutes, and clocks that are a little off
_MAX_CHALLENGE = 256

# `X-Strava-Signature: t=<epoch seconds>,v1=<hex>`: seen in the wild, undocumented.
_SIGNATURE = re.compile(r"t=(?P<time>\d{1,12}),v1=(?P<digest>[0-9a-f]{1,128})")


class _Event(msgspec.Struct):
    object_type: str
    object_id: ProviderId
    aspect_type: str
    owner_id: ProviderId
    subscription_id: ProviderId
    event_time: ProviderId = 0
    updates: dict[str, Any] | None = None


def receive(delivery: Delivery, own: Mapping[str, str], now: datetime) -> Reply:
    """Judge one delivery.

    `own`: `verify_token` (for the challenge), `subscription_id` (once subscribed) and, where the operator has one,
    `signing_key`: then every event must carry a valid signature. Without it, a signature is only looked at for its age.
    """
    if delivery.method == "GET":
        return _challenge(delivery.query, own)
    try:
        content = decode(delivery.body)
        event = read_as(_Event, content)
    except Undecodable:
        return Reply(400, "malformed")
    if not own.get("subscription_id"):
        return Reply(503, "not subscribed yet")
    if not same(own["subscription_id"], str(event.subscription_id)):
        return Reply(403, "another subscription")
    if complaint := _signature_complaint(delivery, own.get("signing_key", ""), now):
        return Reply(401, complaint)
    notice = _notice(event, fingerprint(content))
    return Reply(200, "event", notices=(notice,)) if notice else Reply(200, "not ours to act on", ignored=1)


def signature(key: str, time_s: int, body: bytes) -> str:
    """The header's value: HMAC-SHA256 over `<time>.<body>`."""
    digest = hmac.new(key.encode(), f"{time_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={digest}"


def _challenge(query: Mapping[str, str], own: Mapping[str, str]) -> Reply:
    """The echo that Strava wants within two seconds before it makes a subscription."""
    challenge = query.get("hub.challenge", "")
    if query.get("hub.mode") != "subscribe" or not 0 < len(challenge) <= _MAX_CHALLENGE:
        return Reply(400, "malformed challenge")
    if not same(own.get("verify_token", ""), query.get("hub.verify_token")):
        return Reply(403, "wrong verify token")
    return Reply(200, "challenge", body=msgspec.json.encode({"hub.challenge": challenge}))


def _signature_complaint(delivery: Delivery, key: str, now: datetime) -> str | None:
    header = delivery.headers.get("x-strava-signature")
    if header is None:
        return "no signature" if key else None
    found = _SIGNATURE.fullmatch(header.strip())
    if found is None:
        return "malformed signature"
    if abs(now.timestamp() - int(found["time"])) > MAX_SIGNATURE_AGE_S:
        return "old signature"
    if key and not same(signature(key, int(found["time"]), delivery.body), found.group()):
        return "bad signature"
    return None


def _notice(event: _Event, version: str) -> Notice | None:
    user_id = str(event.owner_id)
    detail = f"{event.object_type} {event.aspect_type}"[:40]
    if event.object_type == "activity" and event.aspect_type in ("create", "update", "delete"):
        return Notice(
            user_id=user_id,
            kind="deleted" if event.aspect_type == "delete" else "changed",
            resources=("activities", "streams"),
            object_id=str(event.object_id),
            version=version,
            detail=detail,
        )
    # An end of access comes as an *update* of the athlete, with the text "false".
    if event.object_type == "athlete" and str((event.updates or {}).get("authorized")).lower() == "false":
        return Notice(user_id=user_id, kind="revoked", version=version, detail="athlete deauthorised")
    return None
