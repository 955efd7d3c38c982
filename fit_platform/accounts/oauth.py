"""The OAuth side of each provider, by the provider's name."""

from __future__ import annotations

from collections.abc import Mapping

from fit_platform.errors import ConfigError
from fit_platform.providers.fitbit import oauth as fitbit
from fit_platform.providers.oauth_base import OAuthProvider
from fit_platform.providers.polar import oauth as polar
from fit_platform.providers.strava import oauth as strava

OAUTH: Mapping[str, OAuthProvider] = {"polar": polar, "strava": strava, "fitbit": fitbit}


def oauth_of(provider: str, providers: Mapping[str, OAuthProvider] = OAUTH) -> OAuthProvider:
    """The provider's OAuth side, or a ConfigError that names those there are."""
    try:
        return providers[provider]
    except KeyError:
        raise ConfigError(f"unknown provider {provider!r}: use one of {', '.join(providers)}") from None
