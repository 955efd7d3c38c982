"""Strava's OAuth: comma-separated scopes that the athlete may untick, six-hour tokens, rotating refresh tokens.

Source: developers.strava.com/docs/authentication; `/oauth/revoke` exists since 2026-06-01. Once an answer brings a new
refresh token the old one is dead, so an answer that is not stored is a connection lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fit_platform.errors import BadPayload, BadRequest, ConfigError
from fit_platform.providers.oauth_base import WRONG_CLIENT, Grant, Token, api_call, token_call, token_from_answer
from fit_platform.settings import Settings

NAME: str = "strava"
SCOPES: Mapping[str, str] = {
    "read": "the public profile",
    "activity:read_all": "all activities, private ones and privacy zones included",
    "profile:read_all": "weight, gear and heart-rate zones",
}
PKCE: bool = False
REFRESHES: bool = True
REGISTERS: bool = False
RETENTION_CHOICE: str = (
    "how long may Strava data be kept? Set FIT_STRAVA_API_RETENTION_DAYS: 7 is what Strava's API policy of June 2026"
    " allows; `keep` keeps everything, and answering for that is up to you. The choice is recorded with the connection."
    " (Your own bulk export from strava.com is not limited.)"
)
DELETES_AFTER_REVOCATION: bool = True  # API Policy 2026-06-01, 6.3 and 7.4: within 48 h
APPS_PAGE: str = "strava.com/settings/apps"

_DEAD = frozenset({"RefreshToken invalid", "invalid_grant"})
_WRONG_CLIENT = WRONG_CLIENT | {"Application invalid"}


def authorize_url(settings: Settings, redirect_uri: str, state: str, code_challenge: str | None) -> str:
    """Strava's consent page. 127.0.0.1 is always allowed as a callback, on any port."""
    provider = settings.provider(NAME)
    client_id, _ = provider.credentials(NAME)
    query = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "approval_prompt": "force",  # `auto` would silently keep an earlier, smaller grant
        "scope": ",".join(SCOPES),
        "state": state,
    }
    return f"{provider.authorize_url}?{urlencode(query)}"


def exchange_code(settings: Settings, code: str, redirect_uri: str, code_verifier: str | None, now: datetime) -> Grant:
    """Code to token; only this answer carries the athlete."""
    what = "POST token (code)"
    answer = _token_call(settings, what, {"grant_type": "authorization_code", "code": code})
    athlete = answer.get("athlete")
    athlete_id = athlete.get("id") if isinstance(athlete, dict) else None
    return Grant(token_from_answer(NAME, what, answer, now), str(athlete_id) if athlete_id is not None else None)


def refresh(settings: Settings, refresh_token: str, now: datetime) -> Token:
    """A new token; with more than an hour left Strava answers with the same access token."""
    what = "POST token (refresh)"
    answer = _token_call(settings, what, {"grant_type": "refresh_token", "refresh_token": refresh_token}, _DEAD)
    return token_from_answer(NAME, what, answer, now)


def revoke(settings: Settings, token: Token, provider_user_id: str | None) -> None:
    """Revoke the athlete's authorisation (client credentials by HTTP Basic)."""
    provider = settings.provider(NAME)
    if not provider.revoke_url:
        raise ConfigError("strava: set FIT_STRAVA_REVOKE_URL")
    form = {"token": token.refresh_token or token.access_token}
    form["token_type_hint"] = "refresh_token" if token.refresh_token else "access_token"
    basic = provider.credentials(NAME)
    try:
        token_call(
            NAME, "POST revoke", provider.revoke_url, form, basic=basic, wrong_client=_WRONG_CLIENT, empty_ok=True
        )
    except BadRequest as error:
        if "invalid" not in error.detail.lower():  # `invalid`: Strava does not know the token, it had ended before
            raise


def user_id(settings: Settings, access_token: str) -> str | None:
    """The athlete's id at Strava (GET /athlete)."""
    athlete = api_call(NAME, "GET /athlete", "GET", f"{settings.provider(NAME).api_url}/athlete", access_token)
    if not isinstance(athlete, dict) or athlete.get("id") is None:
        raise BadPayload(NAME, "GET /athlete", "the answer has no id")
    return str(athlete["id"])


def register(settings: Settings, access_token: str, member_id: str) -> str | None:
    """Strava needs no registration."""
    return None


def _token_call(
    settings: Settings, what: str, form: dict[str, str], dead: frozenset[str] = frozenset()
) -> dict[str, Any]:
    provider = settings.provider(NAME)
    client_id, client_secret = provider.credentials(NAME)
    form |= {"client_id": client_id, "client_secret": client_secret}
    return token_call(NAME, what, provider.token_url, form, dead=dead, wrong_client=_WRONG_CLIENT)
