"""Polar's OAuth: AccessLink v3, one scope, a token that lasts and cannot be refreshed, and users to register.

Source: Polar AccessLink v3 documentation (www.polar.com/accesslink-api). Using an authorization code twice deletes all
tokens that were issued for it, so the exchange is never retried.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from fit_platform.errors import AuthRevoked, NotFound, Permanent, ProviderError
from fit_platform.providers.oauth_base import Grant, Token, api_call, token_call, token_from_answer
from fit_platform.settings import Settings

NAME: str = "polar"
SCOPES: Mapping[str, str] = {"accesslink.read_all": "all AccessLink data"}
PKCE: bool = False
REFRESHES: bool = False
REGISTERS: bool = True
RETENTION_CHOICE: str = ""
DELETES_AFTER_REVOCATION: bool = False
APPS_PAGE: str = "account.polar.com"


def authorize_url(settings: Settings, redirect_uri: str, state: str, code_challenge: str | None) -> str:
    """Polar's consent page. `redirect_uri` must equal one that is registered for the client."""
    provider = settings.provider(NAME)
    client_id, _ = provider.credentials(NAME)
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
    }
    return f"{provider.authorize_url}?{urlencode(query)}"


def exchange_code(settings: Settings, code: str, redirect_uri: str, code_verifier: str | None, now: datetime) -> Grant:
    """Code to token. The answer names the user (`x_user_id`): there is no other way to ask whose token it is."""
    provider = settings.provider(NAME)
    what = "POST token (code)"
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    answer = token_call(NAME, what, provider.token_url, form, basic=provider.credentials(NAME))
    user_id = answer.get("x_user_id")
    return Grant(token_from_answer(NAME, what, answer, now), str(user_id) if user_id is not None else None)


def refresh(settings: Settings, refresh_token: str, now: datetime) -> Token:
    """AccessLink v3 has no refresh grant: only a new consent helps."""
    raise AuthRevoked(NAME, "refresh", "AccessLink v3 tokens cannot be refreshed")


def revoke(settings: Settings, token: Token, provider_user_id: str | None) -> None:
    """De-register the user, which also revokes the token."""
    what = "DELETE /users/{id}"
    if provider_user_id is None:
        raise Permanent(NAME, what, "the Polar user id is unknown; remove the app at account.polar.com instead")
    url = f"{settings.provider(NAME).api_url}/users/{quote(provider_user_id, safe='')}"
    try:
        api_call(NAME, what, "DELETE", url, token.access_token)
    except (AuthRevoked, NotFound):
        return  # ended before


def user_id(settings: Settings, access_token: str) -> str | None:
    """Unknown: v3 has no call that tells a token's owner. The token answer and the registration do."""
    return None


def register(settings: Settings, access_token: str, member_id: str) -> str | None:
    """Register the user: no data without it. 409: it was done before, and Polar does not tell the id again."""
    what = "POST /users"
    url = f"{settings.provider(NAME).api_url}/users"
    try:
        answer = api_call(NAME, what, "POST", url, access_token, body={"member-id": member_id})
    except ProviderError as error:
        if error.status == 409:
            return None
        raise
    found = answer.get("polar-user-id", answer.get("polar_user_id")) if isinstance(answer, dict) else None
    return str(found) if found is not None else None
