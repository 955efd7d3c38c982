"""Fitbit's OAuth, which is Google's: PKCE, offline access, scopes that the user may untick.

Source: developers.google.com/identity/protocols/oauth2 and developers.google.com/health. Refresh tokens do not rotate
and are absent from refresh answers; while the Cloud project is in "Testing" they die after seven days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fit_platform.errors import BadPayload, BadRequest, ConfigError
from fit_platform.providers.oauth_base import Grant, Token, api_call, token_call, token_from_answer
from fit_platform.settings import Settings

_SCOPE = "https://www.googleapis.com/auth/googlehealth.{}.readonly"

NAME: str = "fitbit"
SCOPES: Mapping[str, str] = {
    _SCOPE.format("activity_and_fitness"): "exercises, steps and calories",
    _SCOPE.format("health_metrics_and_measurements"): "heart rate, oxygen saturation and weight",
    _SCOPE.format("sleep"): "sleep",
    _SCOPE.format("settings"): "time zone and devices",
    _SCOPE.format("location"): "the track of exercises with GPS",
    _SCOPE.format("profile"): "age and stride",
}
PKCE: bool = True
REFRESHES: bool = True
REGISTERS: bool = False
RETENTION_CHOICE: str = ""
DELETES_AFTER_REVOCATION: bool = False
APPS_PAGE: str = "myaccount.google.com/connections"

_DEAD = frozenset({"invalid_grant"})


def authorize_url(settings: Settings, redirect_uri: str, state: str, code_challenge: str | None) -> str:
    """Google's consent page. Without `prompt=consent` a second consent brings no refresh token."""
    provider = settings.provider(NAME)
    client_id, _ = provider.credentials(NAME)
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
        "access_type": "offline",
        "prompt": "consent",
    }
    if code_challenge:
        query |= {"code_challenge": code_challenge, "code_challenge_method": "S256"}
    return f"{provider.authorize_url}?{urlencode(query)}"


def exchange_code(settings: Settings, code: str, redirect_uri: str, code_verifier: str | None, now: datetime) -> Grant:
    """Code to token. The answer does not say whose it is: ask `user_id`."""
    what = "POST token (code)"
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if code_verifier:
        form["code_verifier"] = code_verifier
    return Grant(token_from_answer(NAME, what, _token_call(settings, what, form), now), None)


def refresh(settings: Settings, refresh_token: str, now: datetime) -> Token:
    """A new access token; `invalid_grant` is the only sign of a dead refresh token."""
    what = "POST token (refresh)"
    answer = _token_call(settings, what, {"grant_type": "refresh_token", "refresh_token": refresh_token}, _DEAD)
    return token_from_answer(NAME, what, answer, now)


def revoke(settings: Settings, token: Token, provider_user_id: str | None) -> None:
    """Revoke the grant. Google answers 400 `invalid_token` for one that had ended before."""
    revoke_url = settings.provider(NAME).revoke_url
    if not revoke_url:
        raise ConfigError("fitbit: set FIT_FITBIT_REVOKE_URL")
    try:
        token_call(NAME, "POST revoke", revoke_url, {"token": token.refresh_token or token.access_token}, empty_ok=True)
    except BadRequest as error:
        if "invalid_token" not in error.detail:
            raise


def user_id(settings: Settings, access_token: str) -> str | None:
    """The Google Health user id (GET /users/me/identity), which any one scope may read."""
    what = "GET /users/me/identity"
    url = f"{settings.provider(NAME).api_url}/users/me/identity"
    identity = api_call(NAME, what, "GET", url, access_token)
    if not isinstance(identity, dict) or not identity.get("healthUserId"):
        raise BadPayload(NAME, what, "the answer has no healthUserId")
    return str(identity["healthUserId"])


def register(settings: Settings, access_token: str, member_id: str) -> str | None:
    """Google needs no registration."""
    return None


def _token_call(
    settings: Settings, what: str, form: dict[str, str], dead: frozenset[str] = frozenset()
) -> dict[str, Any]:
    provider = settings.provider(NAME)
    client_id, client_secret = provider.credentials(NAME)
    form |= {"client_id": client_id, "client_secret": client_secret}
    return token_call(NAME, what, provider.token_url, form, dead=dead)
