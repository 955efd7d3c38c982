"""Who is asking: nobody but this machine by default; behind a proxy or with a link, a known viewer.

Identity-Aware Proxy: https://cloud.google.com/iap/docs/signed-headers-howto
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import requests

from fit_platform.dashboard.viewers import LOCAL, Viewer, ViewerStore
from fit_platform.errors import ConfigError
from fit_platform.settings import Settings

COOKIE = "fit_dashboard"
PROXY_SECRET_HEADER = "x-fit-proxy-secret"  # noqa: S105  # its name
IAP_HEADER = "x-goog-iap-jwt-assertion"
_IAP_ISSUER = "https://cloud.google.com/iap"
_KEYS_SECONDS = 3600.0  # Google rotates them; an unknown one is asked for at once
_KEYS_PAUSE_SECONDS = 60.0  # but not more often than that, whatever is sent
_KEYS_TIMEOUT_SECONDS = 5.0
_CLOCK_SKEW_SECONDS = 30


class SignIn(Protocol):
    """Tells who asks."""

    kind: str

    def viewer(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Viewer | None:
        """The viewer, None if unknown. Header names are in lower case."""


class ThisMachine:
    """Whoever can ask at all: for a server that only this machine can reach."""

    kind = "none"

    def viewer(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Viewer | None:
        """The person at the machine."""
        return LOCAL


class Links:
    """A link for each viewer, which sets a cookie."""

    kind = "link"

    def __init__(self, store: ViewerStore, clock: Callable[[], datetime]) -> None:
        """Viewers and their links are in `store`."""
        self._store = store
        self._clock = clock

    def viewer(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Viewer | None:
        """The viewer whose token the cookie holds; looked up each time, so that a removed link ends at once."""
        token = cookies.get(COOKIE)
        return self._store.by_token(token, self._clock()) if token else None


class ProxyHeader:
    """A reverse proxy that signs people in, and proves with a shared secret that it is the one."""

    kind = "proxy"

    def __init__(self, store: ViewerStore, secret: str, header: str) -> None:
        """`header` holds the mail address."""
        self._store = store
        self._secret = secret.encode()
        self._header = header.lower()

    def viewer(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Viewer | None:
        """The viewer whom the proxy names."""
        told = headers.get(PROXY_SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        name = headers.get(self._header, "")
        if not secrets.compare_digest(told, self._secret) or not name:
            return None
        return self._store.by_name(name)


class IdentityAwareProxy:
    """Google's Identity-Aware Proxy: a signed assertion in a header."""

    kind = "iap"

    def __init__(
        self, store: ViewerStore, audience: str, keys: Callable[[], Mapping[str, str]], clock: Callable[[], float]
    ) -> None:
        """`keys` fetches Google's public keys: id -> PEM."""
        self._store = store
        self._audience = audience
        self._fetch = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, str] = {}
        self._fetched_at: float | None = None

    def viewer(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Viewer | None:
        """The viewer whom the assertion names."""
        assertion = headers.get(IAP_HEADER)
        claims = self._verified(assertion) if assertion else None
        email = (claims or {}).get("email")
        return self._store.by_name(email) if isinstance(email, str) and email else None

    def _verified(self, assertion: str) -> dict[str, Any] | None:
        from google.auth import exceptions, jwt  # only where it is used

        try:
            header = jwt.decode_header(assertion)  # type: ignore[no-untyped-call]
            if header.get("alg") != "ES256" or not isinstance(header.get("kid"), str):
                return None
            key = self._key(header["kid"])
            if key is None:
                return None
            claims = jwt.decode(  # type: ignore[no-untyped-call]
                assertion,
                certs={header["kid"]: key},
                audience=self._audience,
                clock_skew_in_seconds=_CLOCK_SKEW_SECONDS,
            )
        except (ValueError, exceptions.GoogleAuthError):
            return None
        return dict(claims) if claims.get("iss") == _IAP_ISSUER else None

    def _key(self, key_id: str) -> str | None:
        with self._lock:
            age = None if self._fetched_at is None else self._clock() - self._fetched_at
            wanted = age is None or age > _KEYS_SECONDS or (key_id not in self._keys and age > _KEYS_PAUSE_SECONDS)
            if wanted:
                self._fetched_at = self._clock()
                self._keys = self._fetch() or self._keys
            return self._keys.get(key_id)


def fetch_keys(url: str) -> Mapping[str, str]:
    """Google's public keys; empty if they cannot be had now."""
    try:
        answer = requests.get(url, timeout=_KEYS_TIMEOUT_SECONDS, allow_redirects=False)
        answer.raise_for_status()
        return {str(name): str(key) for name, key in answer.json().items()}
    except (requests.RequestException, ValueError, AttributeError):
        return {}


def sign_in_of(settings: Settings) -> SignIn:
    """The sign-in that the settings ask for; a ConfigError names what it lacks."""
    store = ViewerStore(settings.home_dir)
    if settings.dashboard_sign_in == "none":
        return ThisMachine()
    if not settings.dashboard_url:
        raise ConfigError("FIT_DASHBOARD_SIGN_IN: set FIT_DASHBOARD_URL too, the address that people open")
    if settings.dashboard_sign_in == "link":
        return Links(store, lambda: datetime.now(UTC))
    if settings.dashboard_sign_in == "proxy":
        secret = settings.dashboard_proxy_secret
        if secret is None or len(secret.get_secret_value()) < 16:
            raise ConfigError(
                "FIT_DASHBOARD_SIGN_IN=proxy: set FIT_DASHBOARD_PROXY_SECRET, 16 characters or more, "
                f"and let the proxy send it as {PROXY_SECRET_HEADER}"
            )
        return ProxyHeader(store, secret.get_secret_value(), settings.dashboard_proxy_header)
    if not settings.dashboard_iap_audience:
        raise ConfigError("FIT_DASHBOARD_SIGN_IN=iap: set FIT_DASHBOARD_IAP_AUDIENCE, as the proxy's page shows it")
    url = settings.dashboard_iap_keys_url
    return IdentityAwareProxy(store, settings.dashboard_iap_audience, lambda: fetch_keys(url), time.monotonic)
