"""Whether a provider knows our client id and secret, as far as that can be told before anybody consents.

The token endpoint is asked to exchange an authorization code that nobody was given. A provider judges the client first
(RFC 6749, 5.2): `invalid_client` means that id or secret are wrong; a complaint about the code, that they are right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fit_platform.accounts.oauth import oauth_of
from fit_platform.errors import BadRequest, ConfigError, Forbidden, ProviderError
from fit_platform.providers.http import utc_now
from fit_platform.settings import Settings

_NO_CODE = "fit-platform-asks-whether-this-client-is-known"
_REDIRECT = "http://127.0.0.1:8787/callback"
_ABOUT_THE_CODE = ("invalid_grant", "redirect_uri_mismatch", "/code/invalid")  # Polar and Google; Google; Strava


@dataclass(frozen=True, slots=True)
class ClientCheck:
    """What a provider says to a client id and secret. `unknown`: it could not be asked, or its answer says neither."""

    provider: str
    state: Literal["accepted", "refused", "unknown"]
    detail: str


def check_client(settings: Settings, provider: str, now: datetime | None = None) -> ClientCheck:
    """Ask once. No secret is in the answer. ConfigError when there is no client id or secret to ask about."""
    settings.provider(provider).credentials(provider)
    try:
        oauth_of(provider).exchange_code(settings, _NO_CODE, _REDIRECT, None, now or utc_now())
    except BadRequest as error:
        if any(sign in error.detail for sign in _ABOUT_THE_CODE):
            return ClientCheck(provider, "accepted", "the provider knows this client id and secret")
        return ClientCheck(provider, "unknown", f"the provider's answer says neither yes nor no: {error.detail}")
    except Forbidden as error:
        return ClientCheck(provider, "refused", error.detail)
    except ProviderError as error:
        return ClientCheck(provider, "unknown", f"the provider could not be asked: {error.detail}")
    raise ConfigError(
        f"{provider}: the token address accepts made-up codes; is FIT_{provider.upper()}_TOKEN_URL right?"
    )
