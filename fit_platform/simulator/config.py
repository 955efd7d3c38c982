"""What a simulation is made of: the world's seed and window, who may log in, how much may be asked, what goes wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

Provider = Literal["polar", "strava", "fitbit"]
PROVIDERS: tuple[Provider, ...] = ("polar", "strava", "fitbit")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WorldConfig(_Frozen):
    """One true world. The same values give the same bytes, on every run."""

    seed: int = Field(7, ge=0)
    end: date = Field(date(2026, 11, 15), description="Last full UTC day of the world.")
    days: int = Field(90, ge=1, le=3660, description="Full UTC days, `end` included.")
    athletes: int = Field(2, ge=1, le=10)
    now: datetime | None = Field(None, description="The frozen instant (UTC) at which the world is looked at.")
    polar_route_interval_seconds: int = Field(5, ge=1, description="A Polar GPS fix every so many seconds.")
    fitbit_civil_times: bool = Field(True, description="Whether heart-rate points carry civilTime beside the offset.")

    @model_validator(mode="after")
    def _now_is_inside(self) -> WorldConfig:
        if self.now is not None and (self.now.tzinfo is None or self.now <= _midnight(self.first_day)):
            raise ValueError("now needs a zone, and must lie after the first day has begun")
        return self

    @property
    def first_day(self) -> date:
        """First UTC day that has data."""
        return self.end - timedelta(days=self.days - 1)

    @property
    def begin(self) -> int:
        """Epoch second at which the data begin."""
        return int(_midnight(self.first_day).timestamp())

    @property
    def now_epoch(self) -> int:
        """Epoch second after which nothing is visible yet: `now`, by default six hours after the last full day."""
        now = self.now or _midnight(self.end + timedelta(days=1)) + timedelta(hours=6)
        return int(now.timestamp())


class Credentials(_Frozen):
    """An application as a provider knows it."""

    client_id: str
    client_secret: str


def _demo_application(provider: Provider) -> Credentials:
    return Credentials(client_id=f"demo-{provider}", client_secret=f"demo-{provider}-secret")


class Limits(_Frozen):
    """Rate limits: requests per window. Polar's two grow with its registered users, as documented."""

    strava_overall: tuple[int, int] = Field((200, 2000), description="15 minutes, UTC day.")
    strava_read: tuple[int, int] = Field((200, 2000), description="15 minutes, UTC day, as after the self-upgrade.")
    polar_short_base: int = 500
    polar_short_per_user: int = 20
    polar_long_base: int = 5000
    polar_long_per_user: int = 100
    fitbit_per_minute: int = Field(300, description="Per user.")


FaultKind = Literal[
    "status_500", "status_429", "malformed_json", "html_200", "missing_key", "unknown_sport", "sentinel", "empty"
]


class Poison(_Frozen):
    """One targeted fault: every answer it matches is spoilt, `times` times or for ever."""

    provider: Provider
    kind: FaultKind
    path_contains: str = ""
    day: date | None = Field(None, description="Only requests that ask for this day, or records that carry it.")
    athlete: str | None = None
    key: str | None = Field(None, description="missing_key, sentinel: the member to spoil, dots for nesting.")
    value: int | float | str = Field(0, description="sentinel: what stands in the member instead.")
    records: int = Field(1, ge=1, description="Record-level kinds: how many records of an answer are spoilt.")
    times: int | None = Field(None, ge=1, description="None: for ever.")


class PolarQuirks(_Frozen):
    """What Polar does to some athletes."""

    without_consent: tuple[str, ...] = Field((), description="Path parts of data types that answer 403: no consent.")


class StravaQuirks(_Frozen):
    """What Strava does to some applications, athletes and activities."""

    is_inactive: bool = Field(False, description="The application's owner has no subscription: every call is a 403.")
    athlete_capacity: int | None = Field(None, ge=1, description="So many athletes may connect; the next gets a 403.")
    broken_activities: tuple[int, ...] = Field((), description="Ids that answer 500 for ever, on every call for them.")
    has_blank_usage: bool = Field(False, description='Rate usage headers without numbers: ",".')
    hides_start_times: bool = Field(False, description="Athletes hide some start times, which then read 00:00:01.")
    privacy_zone_m: int = Field(200, ge=0, description="Cut off both ends of a way, for tokens without read_all.")


class Scenario(_Frozen):
    """What goes wrong on the way. Rates are shares of the data calls of a provider, drawn by seed and call number."""

    seed: int = 0
    providers: tuple[Provider, ...] = PROVIDERS
    status_500: float = Field(0.0, ge=0, le=1)
    status_429: float = Field(0.0, ge=0, le=1)
    malformed_json: float = Field(0.0, ge=0, le=1)
    html_200: float = Field(0.0, ge=0, le=1)
    missing_key: float = Field(0.0, ge=0, le=1)
    unknown_sport: float = Field(0.0, ge=0, le=1)
    latency_ms: int = Field(0, ge=0)
    poison: tuple[Poison, ...] = ()
    limits: Limits | None = Field(None, description="Replaces the limits of the simulation while it holds.")
    polar_window_days: int | None = Field(None, ge=1)
    strava: StravaQuirks = StravaQuirks()
    polar: PolarQuirks = PolarQuirks()

    @model_validator(mode="after")
    def _rates_fit(self) -> Scenario:
        if sum(rate for _, rate in self.rates()) > 1:
            raise ValueError("the rates add up to more than 1")
        return self

    def rates(self) -> list[tuple[FaultKind, float]]:
        """The random faults with their rates, in a fixed order."""
        return [
            ("status_500", self.status_500),
            ("status_429", self.status_429),
            ("malformed_json", self.malformed_json),
            ("html_200", self.html_200),
            ("missing_key", self.missing_key),
            ("unknown_sport", self.unknown_sport),
        ]


def load_scenario(path: Path) -> Scenario:
    """A scenario from a YAML or JSON file (JSON is YAML). Raises ValueError with the reason."""
    try:
        content = msgspec.yaml.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"scenario {path}: {error}") from error
    return Scenario.model_validate(content or {})


class SimulatorConfig(_Frozen):
    """The whole simulation: world, applications, limits, faults."""

    world: WorldConfig = WorldConfig()
    polar: Credentials = _demo_application("polar")
    strava: Credentials = _demo_application("strava")
    fitbit: Credentials = _demo_application("fitbit")
    limits: Limits = Limits()
    scenario: Scenario = Scenario()
    polar_window_days: int | None = Field(
        None, ge=1, description="How far back Polar's lists show uploads. The real 30 would hide most of a demo."
    )
    strava_token_seconds: int = 21_600
    fitbit_testing_mode: bool = Field(False, description="Refresh tokens that die after 7 days, as Google's do.")
    redirect_uris: tuple[str, ...] = Field((), description="Allowed beside loopback addresses.")
    state_file: Path | None = Field(None, description="Keeps grants and registrations over a restart.")

    def credentials(self, provider: Provider) -> Credentials:
        """The application that a provider knows."""
        found: Credentials = getattr(self, provider)
        return found


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
