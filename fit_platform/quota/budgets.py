"""How many requests each provider allows, and how its answers tell what is used. Pure functions and constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

MINUTE_S = 60
QUARTER_HOUR_S = 900
DAY_S = 86_400

Purpose = Literal["backfill", "webhook"]
_WEBHOOK_SHARE = 10  # one call in so many
_WEBHOOK_CALLS = 10  # at least


@dataclass(frozen=True, slots=True)
class Budget:
    """So many calls per window.

    `aligned` windows begin at multiples of their length since midnight UTC; the others begin with the first call after
    the last one ended. `per_athlete`: each athlete has a window of their own. `limit` holds until an answer's headers
    tell another.
    """

    name: str
    window_s: int
    limit: int
    aligned: bool = False
    per_athlete: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """What the headers of one answer tell about one budget. None: nothing."""

    limit: int | None = None
    used: int | None = None
    resets_in_s: int | None = None


BUDGETS: Mapping[str, tuple[Budget, ...]] = {
    # developers.strava.com/docs/rate-limits: a new application's numbers. Reads count in both kinds. The quarter hours
    # are those of the clock, the day is UTC's.
    "strava": (
        Budget("read 15 min", QUARTER_HOUR_S, 100, aligned=True),
        Budget("read day", DAY_S, 1_000, aligned=True),
        Budget("overall 15 min", QUARTER_HOUR_S, 200, aligned=True),
        Budget("overall day", DAY_S, 2_000, aligned=True),
    ),
    # Polar AccessLink v3 docs: 500 + 20 per registered user, 5000 + 100 per user; here for one user.
    "polar": (
        Budget("15 min", QUARTER_HOUR_S, 520),
        Budget("24 h", DAY_S, 5_100),
    ),
    # developers.google.com/health: per user and minute, and per project and minute.
    "fitbit": (
        Budget("user minute", MINUTE_S, 300, per_athlete=True),
        Budget("project minute", MINUTE_S, 120_000),
    ),
}


def kept_for_webhooks(limit: int) -> int:
    """The calls of a window that backfills leave alone: a tenth, at least 10, never more than half of it."""
    return min(max(_WEBHOOK_CALLS, -(-limit // _WEBHOOK_SHARE)), limit // 2)


def read_headers(provider: str, headers: Mapping[str, str]) -> dict[str, Hint]:
    """What an answer's headers tell, by budget name. Missing, empty and unreadable parts tell nothing."""
    reader = _READERS.get(provider)
    return reader({name.lower(): value for name, value in headers.items()}) if reader else {}


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by `Retry-After`, which may be a number or a date; None if absent or unreadable."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def _strava(headers: Mapping[str, str]) -> dict[str, Hint]:
    """`X-ReadRateLimit-*` and `X-RateLimit-*`, each "15 minutes,day". Stream answers carry none of them."""
    hints = {}
    for kind, prefix in (("read", "x-readratelimit"), ("overall", "x-ratelimit")):
        limits, used = _pair(headers.get(f"{prefix}-limit")), _pair(headers.get(f"{prefix}-usage"))
        hints[f"{kind} 15 min"] = Hint(limits[0], used[0])
        hints[f"{kind} day"] = Hint(limits[1], used[1])
    return hints


def _polar(headers: Mapping[str, str]) -> dict[str, Hint]:
    """`RateLimit-Limit`, `-Usage` and `-Reset` (seconds), each "short, long"."""
    limits, used, resets = (_pair(headers.get(f"ratelimit-{part}")) for part in ("limit", "usage", "reset"))
    return {
        "15 min": Hint(limits[0], used[0], resets[0]),
        "24 h": Hint(limits[1], used[1], resets[1]),
    }


def _pair(value: str | None) -> tuple[int | None, int | None]:
    """The two numbers of "short,long"; a POST to Strava was seen to answer with "," alone."""
    parts = [part.strip() for part in (value or "").split(",")]
    numbers = [int(part) if part.isdigit() else None for part in parts]
    return numbers[0], numbers[1] if len(numbers) > 1 else None


_READERS: Mapping[str, Callable[[Mapping[str, str]], dict[str, Hint]]] = {"strava": _strava, "polar": _polar}
