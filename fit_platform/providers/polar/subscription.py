"""Polar's webhook, seen by its owner: one per API client, switched off by Polar after seven days without success.

Source: Polar AccessLink v3 docs, "Webhooks". The signing secret is told once, in the answer that creates the webhook:
without it there is only deleting and creating anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from requests.auth import HTTPBasicAuth

from fit_platform.errors import BadPayload, BadRequest, ConfigError
from fit_platform.providers.oauth_base import json_call
from fit_platform.providers.polar.webhook import EVENTS
from fit_platform.providers.subscription_base import MISSING, Made, Subscription, SubscriptionState
from fit_platform.settings import Settings

NAME = "polar"


def look(settings: Settings, own: Mapping[str, str]) -> Subscription:
    """The one webhook of our client."""
    found = _webhook(settings)
    return MISSING if found is None else _subscription(found)


def subscribe(settings: Settings, callback_url: str, own: Mapping[str, str]) -> Made:
    """Create the webhook, or put the one that is there right. One whose secret nobody knows is replaced."""
    found = _webhook(settings)
    done = "created"
    if found is not None:
        webhook_id = str(found["id"])
        if own.get("webhook_id") == webhook_id and own.get("signing_secret"):
            return Made(*_put_right(settings, found, callback_url, own))
        _call(settings, "DELETE", f"/webhooks/{webhook_id}")
        done = "replaced one whose signing secret is not known here"
    body = {"events": list(EVENTS), "url": callback_url}
    answer = _pinged(settings, "POST", "/webhooks", body)
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or not data.get("id") or not data.get("signature_secret_key"):
        raise BadPayload(NAME, "POST /webhooks", "the answer has no id or no signature_secret_key")
    keep = {"webhook_id": str(data["id"]), "signing_secret": str(data["signature_secret_key"])}
    return Made(Subscription(SubscriptionState.ACTIVE, keep["webhook_id"], callback_url), keep, done)


def reactivate(settings: Settings, callback_url: str, own: Mapping[str, str]) -> Subscription:
    """Ask Polar to ping us and go on."""
    _pinged(settings, "POST", "/webhooks/activate")
    return look(settings, own)


def _put_right(
    settings: Settings, found: Mapping[str, Any], callback_url: str, own: Mapping[str, str]
) -> tuple[Subscription, Mapping[str, str], str]:
    done = "nothing to do"
    if found.get("url") != callback_url or set(found.get("events") or ()) != set(EVENTS):
        _pinged(settings, "PATCH", f"/webhooks/{found['id']}", {"events": list(EVENTS), "url": callback_url})
        done = "changed"
    if not found.get("active", True):
        _pinged(settings, "POST", "/webhooks/activate")
        done = "re-activated"
    return look(settings, own), own, done


def _webhook(settings: Settings) -> Mapping[str, Any] | None:
    answer = _call(settings, "GET", "/webhooks")
    data = answer.get("data") if isinstance(answer, dict) else answer
    listed = [data] if isinstance(data, dict) else data  # the docs list it, their examples of a create do not
    return next((entry for entry in listed or () if isinstance(entry, dict) and entry.get("id")), None)


def _subscription(found: Mapping[str, Any]) -> Subscription:
    state = SubscriptionState.ACTIVE if found.get("active", True) else SubscriptionState.INACTIVE
    return Subscription(state, str(found["id"]), str(found.get("url") or ""))


def _pinged(settings: Settings, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """A call during which Polar asks our address."""
    try:
        return _call(settings, method, path, body)
    except BadRequest as error:
        way_out = "Polar could not reach the receiver: start `fit-platform webhooks serve` and check the public address"
        raise ConfigError(f"{error}; {way_out}") from None


def _call(settings: Settings, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    provider = settings.provider(NAME)
    auth, url = HTTPBasicAuth(*provider.credentials(NAME)), f"{provider.api_url}{path}"
    what = f"{method} {path if path.count('/') == 1 or path.endswith('activate') else '/webhooks/{id}'}"
    return json_call(NAME, what, method, url, auth, json=body)
