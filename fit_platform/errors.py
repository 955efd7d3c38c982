"""The failure taxonomy: every way a provider, a file or the operator can fail us, and whether trying again can help.

One module, used by all rooms, so that a retry is decided in one place. `verdict_of_response` is the only
translation from an HTTP answer to a verdict. Nothing here imports anything of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any


class FitError(Exception):
    """Base of all our errors. The message is one line for a person: what happened, and the way out."""


class ConfigError(FitError):
    """A setting is missing or wrong. Nothing was tried."""


class BusyError(FitError):
    """Another process holds what we need (the warehouse writer, a sync)."""


@dataclass(eq=False)  # an exception with a generated __eq__ would lose its __hash__
class ProviderError(FitError):
    """A provider did not give what was asked.

    `what` says what was asked (method and path, never a token), `detail` what came back.
    """

    provider: str
    what: str
    detail: str
    status: int | None = None

    retryable = False
    verdict = "permanent"

    def __str__(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"{self.provider}: {self.what} ->{status} {self.detail}"


class Permanent(ProviderError):
    """Asking again cannot help (403, 404, 410, a request the provider refuses)."""


class NotFound(Permanent):
    """404 or 410: gone, not visible, or nothing there. Several endpoints use it for 'empty'."""

    verdict = "not found"


class Forbidden(Permanent):
    """403: a scope or consent is missing, or the application is switched off."""

    verdict = "forbidden"


class BadRequest(Permanent):
    """400 or 422: the provider refuses the request itself (a range too long, a day too old)."""

    verdict = "bad request"


class AccountNotLinked(BadRequest):
    """Google: this account has never signed in to the Google Health app, so there are no data to ask for."""

    verdict = "account not linked"


class AuthRevoked(ProviderError):
    """The connection is dead until the athlete consents again (401 after a refresh, invalid_grant)."""

    verdict = "needs re-consent"


class Transient(ProviderError):
    """408, 5xx or a broken connection: a bounded number of further tries may help."""

    retryable = True
    verdict = "transient"


class NoNetwork(Transient):
    """The host cannot be reached at all (no route, no name): not the provider's fault, nor ours."""

    verdict = "no network"


@dataclass(eq=False)
class BadPayload(Transient):
    """The status was fine, the body was not what was promised (an HTML page, cut JSON).

    Retryable, because proxies and gateways do this for minutes; when it persists, the body is quarantined. It is never
    part of the message: it may hold personal data.
    """

    body: bytes = field(default=b"", repr=False)

    verdict = "bad payload"


@dataclass(eq=False)
class QuotaExhausted(ProviderError):
    """The shared budget is used up, or the provider said 429. Nothing may be asked before `until` (UTC)."""

    until: datetime | None = None

    verdict = "quota"

    def __str__(self) -> str:
        when = f" until {self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until else ""
        return f"{self.provider}: no requests left{when} ({self.detail}); run the same command again then, it resumes"


class DamagedObject(FitError):
    """A landing object cannot be read (a bad disk, a foreign hand). Its day is pulled again; nothing else suffers."""


class BadRecord(FitError):
    """One record cannot be turned into a row; the message is the reason. It goes to quarantine, the rest loads."""


def verdict_of_response(
    provider: str, what: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> ProviderError:
    """What an answer other than the promised one means. `headers` must look names up regardless of case.

    A 401 is `AuthRevoked` here; the caller refreshes the token once before it believes that. The detail quotes the
    provider's own message where it has a known JSON shape, shortened and without anything that looks like a key.
    """
    detail = detail_of_body(body)
    if status == 401:
        # Strava says 401 for a scope that was not granted: a new token would not help, a new consent would.
        if "permission/missing" in detail:
            return Forbidden(provider, what, f"{detail}; link again and grant this permission", status)
        return AuthRevoked(provider, what, detail, status)
    if status == 403:
        return Forbidden(provider, what, f"{detail}{_hint(body)}", status)
    if status in (404, 410):
        return NotFound(provider, what, detail, status)
    if b"ACCOUNT_NOT_LINKED" in body:
        return AccountNotLinked(provider, what, f"{detail}{_hint(body)}", status)
    if status in (400, 422):
        return BadRequest(provider, what, f"{detail}{_hint(body)}", status)
    if status == 429:
        return QuotaExhausted(provider, what, detail, status, until=_open_again(provider, headers, now))
    if status == 408 or status >= 500:
        return Transient(provider, what, detail, status)
    if 200 <= status < 300:
        return BadPayload(provider, what, "an answer without what was asked for", status, body=body)
    if 300 <= status < 400:
        return Permanent(provider, what, "a redirect, which is not followed: check the API URL", status)
    return Permanent(provider, what, f"{detail}{_hint(body)}", status)


# Reasons that a person can act on, as the providers word them, and what to do (Google Health docs, Strava API FAQ,
# Polar AccessLink v3 docs).
_HINTS = {
    b"ACCOUNT_NOT_LINKED": "sign in to the Google Health app with this Google account, then link again",
    b"Precondition check failed": "there is no Google Health profile yet: open the Google Health app once",
    b"ACCESS_TOKEN_SCOPE_INSUFFICIENT": "a permission was not granted: link again and tick it",
    b"MISSING_OAUTH_SCOPE": "a permission was not granted: link again and tick it",
    b"DISALLOWED_OAUTH_SCOPES": "the token also has the cloud-platform scope, which health data refuses: link again",
    b"SERVICE_DISABLED": "enable the Google Health API in the Cloud project",
    b"Inactive": "the Strava application is inactive: its owner needs a subscription, see strava.com/settings/api",
    b"connected athletes exceeded": "the Strava application may connect no more athletes: unlink one"
    " (fit-platform unlink strava ATHLETE), or ask for more at strava.com/settings/api",
    b"mandatory consents": "the athlete must accept the consents at account.polar.com",
}


def _hint(body: bytes) -> str:
    return next((f"; {hint}" for reason, hint in _HINTS.items() if reason in body), "")


# Long runs of key characters with a digit in them: tokens, ids, addresses. Reason words have no digits.
_OPAQUE = re.compile(r"(?=[^\s\"']*\d)[\w.+/=@-]{20,}")


def detail_of_body(body: bytes) -> str:
    """One line on an error body: the provider's message if it has a known JSON shape, else what kind of body it is.

    Shapes: Polar flat `{errorType, message}` and nested `{"error": {error_type, message}}`, Strava
    `{message, errors: [{resource, field, code}]}`, Google `{"error": {message, status, details: [{reason}]}}`,
    OAuth `{error, error_description}`.
    """
    start = body[:512].lstrip().lower()
    if not start:
        return "an empty body"
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return f"a body that is not JSON ({len(body)} bytes)"
    if not isinstance(answer, dict):
        return "JSON without a message"
    error = answer.get("error")
    inner = error if isinstance(error, dict) else answer
    parts = [inner.get(k) for k in ("status", "error_type", "errorType", "message", "error_description")]
    if isinstance(error, str):
        parts.insert(0, error)
    for problem in _objects(inner.get("errors")):
        parts.append("/".join(str(problem[k]) for k in ("resource", "field", "code") if problem.get(k)))
    for more in _objects(inner.get("details")):
        parts.append(more.get("reason"))
        metadata = more.get("metadata")
        parts.append(metadata.get("detailedReasons") if isinstance(metadata, dict) else None)
    text = ", ".join(dict.fromkeys(p for p in parts if isinstance(p, str) and p))
    return _OPAQUE.sub("[...]", " ".join(text.split()))[:200] or "JSON without a message"


def _objects(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _open_again(provider: str, headers: Mapping[str, str], now: datetime) -> datetime:
    """When requests may be sent again after a 429 (UTC)."""
    if (asked := _retry_after(headers.get("Retry-After"), now)) is not None:
        return asked
    if provider == "strava":
        # Fixed windows: quarter hours, and the UTC day (Strava rate limit docs). The day is told by its own counter.
        for kind in ("X-ReadRateLimit", "X-RateLimit"):
            usage, limit = _numbers(headers.get(f"{kind}-Usage")), _numbers(headers.get(f"{kind}-Limit"))
            if len(usage) == len(limit) == 2 and usage[1] is not None and limit[1] and usage[1] >= limit[1]:
                return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + timedelta(minutes=15)
    if provider == "polar":
        # "short, long" in seconds (Polar AccessLink v3 docs): wait for each window that is used up.
        reset = _numbers(headers.get("RateLimit-Reset"))
        usage, limit = _numbers(headers.get("RateLimit-Usage")), _numbers(headers.get("RateLimit-Limit"))
        full = [r for r, u, m in zip(reset, usage, limit, strict=False) if r and u is not None and m and u >= m]
        known = [r for r in reset if r]
        return now + timedelta(seconds=max(full) if full else min(known) if known else 15 * 60)
    return now + timedelta(seconds=60)


def _retry_after(value: str | None, now: datetime) -> datetime | None:
    if not value:
        return None
    if value.strip().isdigit():
        return now + timedelta(seconds=int(value))
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _numbers(value: str | None) -> list[int | None]:
    """`"12, 340"` -> [12, 340]; an empty part (Strava has sent `","`) is None."""
    return [int(p) if p.strip().isdigit() else None for p in (value or "").split(",")]
