"""Strava's push subscription, seen by its owner: one per application, never switched off, gone when deleted.

Source: Strava API v3 docs, "Webhook Events API". Creating one makes Strava ask the address for an echo, which must come
within two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fit_platform.errors import BadPayload, BadRequest, ConfigError
from fit_platform.providers.oauth_base import json_call
from fit_platform.providers.subscription_base import MISSING, Made, Subscription, SubscriptionState
from fit_platform.settings import Settings

NAME = "strava"
_MAX_CALLBACK = 255  # characters


def look(settings: Settings, own: Mapping[str, str]) -> Subscription:
    """The one subscription of our application."""
    answer = _call(settings, "GET", "/push_subscriptions")
    listed = answer if isinstance(answer, list) else []
    found = next((entry for entry in listed if isinstance(entry, dict) and entry.get("id") is not None), None)
    if found is None:
        return MISSING
    return Subscription(SubscriptionState.ACTIVE, str(found["id"]), str(found.get("callback_url") or ""))


def subscribe(settings: Settings, callback_url: str, own: Mapping[str, str]) -> Made:
    """Create the subscription, or adopt the one that has this address. One with another address is replaced."""
    if len(callback_url) > _MAX_CALLBACK:
        raise ConfigError(f"strava: the callback address has {len(callback_url)} characters, Strava takes 255")
    found, done = look(settings, own), "created"
    if found.id is not None:
        if found.callback_url == callback_url:
            adopted = own.get("subscription_id") != found.id
            return Made(found, {**own, "subscription_id": found.id}, "adopted" if adopted else "nothing to do")
        _call(settings, "DELETE", f"/push_subscriptions/{found.id}")
        done = "replaced one with another address"
    try:
        answer = _call(
            settings,
            "POST",
            "/push_subscriptions",
            callback_url=callback_url,
            verify_token=own["verify_token"],
        )
    except BadRequest as error:
        way_out = (
            "Strava could not reach the receiver: start `fit-platform webhooks serve` and check the public address"
        )
        raise ConfigError(f"{error}; {way_out}") from None
    if not isinstance(answer, dict) or answer.get("id") is None:
        raise BadPayload(NAME, "POST /push_subscriptions", "the answer has no id")
    made = Subscription(SubscriptionState.ACTIVE, str(answer["id"]), callback_url)
    return Made(made, {**own, "subscription_id": str(answer["id"])}, done)


def reactivate(settings: Settings, callback_url: str, own: Mapping[str, str]) -> Subscription:
    """Strava switches nothing off."""
    return look(settings, own)


def _call(settings: Settings, method: str, path: str, **form: str) -> Any:
    """The application's credentials travel as a form, or as query where there is no form (Strava docs)."""
    provider = settings.provider(NAME)
    client_id, client_secret = provider.credentials(NAME)
    fields = {"client_id": client_id, "client_secret": client_secret, **form}
    what = f"{method} /push_subscriptions"
    place = "data" if method == "POST" else "params"
    return json_call(NAME, what, method, f"{provider.api_url}{path}", None, **{place: fields})
