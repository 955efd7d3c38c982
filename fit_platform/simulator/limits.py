"""Rate limits as each provider counts them: when windows start, what a refused call costs, which headers say so."""

from __future__ import annotations

from dataclasses import dataclass, field

from fit_platform.simulator.config import Limits

_QUARTER_S, _MINUTE_S, _DAY_S = 900, 60, 86_400


@dataclass(frozen=True, slots=True)
class Verdict:
    """May the call pass, and what the answer's headers say about the budget."""

    is_allowed: bool
    headers: dict[str, str]


@dataclass
class _Window:
    seconds: int
    is_aligned: bool
    start: float = float("-inf")
    used: int = 0

    def count(self, now: float) -> int:
        """Count one call and return the usage; a new window begins when the old one is over."""
        if now >= self.start + self.seconds:
            self.start = now // self.seconds * self.seconds if self.is_aligned else now
            self.used = 0
        self.used += 1
        return self.used

    def left(self, now: float) -> int:
        return max(0, round(self.start + self.seconds - now))


@dataclass
class StravaLimits:
    """Clock-aligned quarter hours and UTC days, shared by all athletes. A refused call still costs the day."""

    short: _Window = field(default_factory=lambda: _Window(_QUARTER_S, is_aligned=True))
    day: _Window = field(default_factory=lambda: _Window(_DAY_S, is_aligned=True))
    calls: int = 0

    def take(self, limits: Limits, now: float) -> Verdict:
        """Count one read. Header names come in both of Strava's spellings."""
        short, day = self.short.count(now), self.day.count(now)
        self.calls += 1
        overall, read = limits.strava_overall, limits.strava_read
        rate = "RateLimit" if self.calls % 2 else "Ratelimit"
        headers = {
            f"X-{rate}-Limit": f"{overall[0]},{overall[1]}",
            f"X-{rate}-Usage": f"{short},{day}",
            f"X-Read{rate}-Limit": f"{read[0]},{read[1]}",
            f"X-Read{rate}-Usage": f"{short},{day}",
        }
        return Verdict(short <= min(overall[0], read[0]) and day <= min(overall[1], read[1]), headers)


@dataclass
class PolarLimits:
    """15 minutes and 24 hours from the first request on, per application, growing with the registered users."""

    short: _Window = field(default_factory=lambda: _Window(_QUARTER_S, is_aligned=False))
    long: _Window = field(default_factory=lambda: _Window(_DAY_S, is_aligned=False))

    def take(self, limits: Limits, users: int, now: float) -> Verdict:
        """Count one call; refused calls count toward the 24 hours as well."""
        short_limit = limits.polar_short_base + users * limits.polar_short_per_user
        long_limit = limits.polar_long_base + users * limits.polar_long_per_user
        short, long = self.short.count(now), self.long.count(now)
        headers = {
            "RateLimit-Usage": f"{short}, {long}",
            "RateLimit-Limit": f"{short_limit}, {long_limit}",
            "RateLimit-Reset": f"{self.short.left(now)}, {self.long.left(now)}",
        }
        return Verdict(short <= short_limit and long <= long_limit, headers)


@dataclass
class FitbitLimits:
    """Requests per minute and user. Google sends no rate headers."""

    minutes: dict[str, _Window] = field(default_factory=dict)

    def take(self, limits: Limits, athlete: str, now: float) -> Verdict:
        """Count one call of one user."""
        window = self.minutes.setdefault(athlete, _Window(_MINUTE_S, is_aligned=True))
        return Verdict(window.count(now) <= limits.fitbit_per_minute, {})
