"""What every provider's OAuth side shares: token, grant, protocol, and how its HTTP answers are judged.

What differs (hosts, parameters, scopes, how a token is revoked) is in `providers/<name>/oauth.py`; each of those
modules *is* an `OAuthProvider`. Storing tokens and deciding when to refresh is not here but in `accounts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from fit_platform.errors import AuthRevoked, BadPayload, Forbidden, detail_of_body, verdict_of_response
from fit_platform.providers.http import utc_now, verdict_of_broken_connection
from fit_platform.settings import Settings

TIMEOUT_S = (5.0, 30.0)  # to connect, to read: these answers are small, and a browser or a lock is waiting for them
WRONG_CLIENT = frozenset({"invalid_client", "unauthorized_client"})  # RFC 6749, 5.2
USER_AGENT = "fit-platform/0.1"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and what is needed to get the next one. Its repr shows no secret.

    `scopes` is None when the provider did not say what it granted. `expires_at` is the access token's end,
    `refresh_expires_at` the refresh token's, where the provider announces one (Google, apps in testing mode).
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    scopes: tuple[str, ...] | None = None
    token_type: str = "bearer"  # noqa: S105
    refresh_expires_at: datetime | None = None

    def seconds_left(self, now: datetime) -> float:
        """Seconds until the access token ends; infinite when no end is known."""
        return (self.expires_at - now).total_seconds() if self.expires_at else float("inf")

    @property
    def consent_expires_at(self) -> datetime | None:
        """When the athlete must consent again even if nobody revokes anything; None: not foreseeable."""
        return self.refresh_expires_at if self.refresh_token else self.expires_at

    def successor(self, fresh: Token) -> Token:
        """`fresh`, completed with what a refresh answer may leave out: it then still holds."""
        return replace(
            fresh,
            refresh_token=fresh.refresh_token or self.refresh_token,
            scopes=self.scopes if fresh.scopes is None else fresh.scopes,
            refresh_expires_at=fresh.refresh_expires_at or self.refresh_expires_at,
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What came of an authorization code: the token, and whose it is, where the answer says so."""

    token: Token
    provider_user_id: str | None


class OAuthProvider(Protocol):
    """The OAuth side of one provider. All calls have timeouts and raise our `ProviderError`s only.

    `SCOPES` maps each scope that is asked for to what it is for, in words. `PKCE`: the provider takes a code challenge.
    `REFRESHES`: it hands out refresh tokens. `REGISTERS`: users must be registered before any data call.
    `RETENTION_CHOICE`: what the operator must know to choose how long data may be kept; empty where there is no choice.
    `DELETES_AFTER_REVOCATION`: its terms ask that what its API gave goes soon after the athlete withdraws the consent.
    `APPS_PAGE`: where the athlete removes an application by hand.
    """

    NAME: str
    SCOPES: Mapping[str, str]
    PKCE: bool
    REFRESHES: bool
    REGISTERS: bool
    RETENTION_CHOICE: str
    DELETES_AFTER_REVOCATION: bool
    APPS_PAGE: str

    def authorize_url(self, settings: Settings, redirect_uri: str, state: str, code_challenge: str | None) -> str:
        """Where to send the athlete's browser."""

    def exchange_code(
        self, settings: Settings, code: str, redirect_uri: str, code_verifier: str | None, now: datetime
    ) -> Grant:
        """Turn the one-time code into a token."""

    def refresh(self, settings: Settings, refresh_token: str, now: datetime) -> Token:
        """A new access token. AuthRevoked when the refresh token is dead; what the answer leaves out stays None."""

    def revoke(self, settings: Settings, token: Token, provider_user_id: str | None) -> None:
        """End the connection at the provider. A connection that had ended before is no error."""

    def user_id(self, settings: Settings, access_token: str) -> str | None:
        """The provider's id of the token's owner; None where the provider cannot be asked."""

    def register(self, settings: Settings, access_token: str, member_id: str) -> str | None:
        """Register the user under our `member_id`; the provider's user id, None if it had been registered before."""


def split_scopes(value: object) -> tuple[str, ...] | None:
    """Scopes as providers write them, split at commas (Strava) or spaces (the standard); None for nothing said."""
    scopes = tuple(re.split(r"[,\s]+", value.strip())) if isinstance(value, str) and value.strip() else ()
    return scopes or None


def token_from_answer(provider: str, what: str, answer: Mapping[str, Any], now: datetime) -> Token:
    """The token in a token endpoint's JSON. `expires_at` (epoch seconds) wins over `expires_in`; both may lack."""
    access_token = answer.get("access_token")
    if not isinstance(access_token, str) or not access_token:
        raise BadPayload(provider, what, "the answer has no access_token")
    try:
        expires_at = epoch(answer.get("expires_at")) or _after(now, answer.get("expires_in"))
        refresh_expires_at = _after(now, answer.get("refresh_token_expires_in"))
    except (ValueError, TypeError, OverflowError, OSError):
        raise BadPayload(provider, what, "the answer's expiry is not a number of seconds") from None
    return Token(
        access_token=access_token,
        refresh_token=answer.get("refresh_token") or None,
        expires_at=expires_at,
        scopes=split_scopes(answer.get("scope")),
        token_type=str(answer.get("token_type") or "bearer").lower(),
        refresh_expires_at=refresh_expires_at,
    )


def epoch(value: Any) -> datetime | None:
    """Epoch seconds, as number or numeric string, to an instant; None or empty is unknown."""
    return datetime.fromtimestamp(float(value), UTC) if value not in (None, "") else None


def _after(now: datetime, seconds: Any) -> datetime | None:
    return now + timedelta(seconds=float(seconds)) if seconds not in (None, "") else None


def token_call(
    provider: str,
    what: str,
    url: str,
    form: Mapping[str, str],
    *,
    basic: tuple[str, str] | None = None,
    dead: frozenset[str] = frozenset(),
    wrong_client: frozenset[str] = WRONG_CLIENT,
    empty_ok: bool = False,
) -> dict[str, Any]:
    """POST a form to a token endpoint; its JSON object.

    Only an error code of `dead` means that the athlete must consent again (AuthRevoked). A refused client id or secret
    (401, or a code of `wrong_client`) is Forbidden: the operator's mistake must not mark connections as dead. HTML,
    even with status 400, comes from a proxy or a maintenance page, and is as transient as a 5xx. `empty_ok`: a success
    needs no JSON (revocation).
    """
    response = _send("POST", provider, what, url, HTTPBasicAuth(*basic) if basic else _NoAuth(), data=dict(form))
    status, succeeded = response.status_code, 200 <= response.status_code < 300
    answer = _json(response)
    if succeeded and (empty_ok or isinstance(answer, dict)):
        return answer if isinstance(answer, dict) else {}
    detail = detail_of_body(response.content)
    if not isinstance(answer, dict) and (succeeded or status in (400, 401, 403)):
        raise BadPayload(provider, what, detail, status)
    codes = _error_codes(answer)
    if codes & dead:
        raise AuthRevoked(provider, what, detail, status)
    if status == 401 or codes & wrong_client:
        hint = f"client id or secret refused ({detail}); check FIT_{provider.upper()}_CLIENT_ID and _CLIENT_SECRET"
        raise Forbidden(provider, what, hint, status)
    raise verdict_of_response(provider, what, status, response.headers, response.content, utc_now())


def api_call(
    provider: str, what: str, method: str, url: str, access_token: str, *, body: Mapping[str, str] | None = None
) -> Any:
    """One call of the data API with a bearer token; its decoded JSON, None for an empty answer.

    401 is AuthRevoked. Used for the few questions that linking asks; syncing has its own client.
    """
    return json_call(provider, what, method, url, Bearer(access_token), json=body)


def json_call(
    provider: str, what: str, method: str, url: str, auth: AuthBase | None, **content: Mapping[str, Any] | None
) -> Any:
    """One call that is made for the application or for a user; its decoded JSON, None for an empty answer.

    `auth` None: no Authorization header. `content`: `params`, `data` (a form) or `json`, as requests takes them.
    """
    response = _send(method, provider, what, url, auth or _NoAuth(), **content)
    if 200 <= response.status_code < 300:
        if response.status_code == 204 or not response.content:
            return None
        answer = _json(response)
        if answer is None:
            raise BadPayload(provider, what, detail_of_body(response.content), response.status_code)
        return answer
    raise verdict_of_response(provider, what, response.status_code, response.headers, response.content, utc_now())


class Bearer(AuthBase):
    """The token in its header. As an auth object, because requests lets ~/.netrc override a plain header."""

    def __init__(self, access_token: str) -> None:
        self._access_token = access_token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header."""
        request.headers["Authorization"] = f"Bearer {self._access_token}"
        return request


class _NoAuth(AuthBase):
    """No Authorization header, not even one from ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _send(method: str, provider: str, what: str, url: str, auth: AuthBase, **body: Any) -> requests.Response:
    """Send without following redirects. Errors are raised `from None`: the original carries the request's secrets."""
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    try:
        return requests.request(
            method, url, headers=headers, auth=auth, timeout=TIMEOUT_S, allow_redirects=False, **body
        )
    except requests.RequestException as error:
        raise verdict_of_broken_connection(provider, what, error) from None


def _json(response: requests.Response) -> Any:
    """The decoded body, None if it is not JSON."""
    try:
        return response.json()
    except requests.JSONDecodeError:
        return None


def _error_codes(answer: Any) -> frozenset[str]:
    """An error body's codes: `error` (RFC 6749), or Strava's `{errors: [{resource, code}]}` as "resource code"."""
    if not isinstance(answer, dict):
        return frozenset()
    faults = answer.get("errors")
    codes = [f"{f.get('resource')} {f.get('code')}" for f in faults if isinstance(f, dict)] if faults else []
    return frozenset([*codes, *([answer["error"]] if isinstance(answer.get("error"), str) else [])])
