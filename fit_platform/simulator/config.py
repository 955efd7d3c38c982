"""What a simulation is made of: the world's seed and window, who may log in, how much may be asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pydantic import Field, model_validator

from fit_platform.simulator.scenario import PROVIDERS, Frozen, Limits, Provider, Scenario

__all__ = ["PROVIDERS", "Credentials", "Limits", "Provider", "Scenario", "SimulatorConfig", "WorldConfig"]


class WorldConfig(Frozen):
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


class Credentials(Frozen):
    """An application as a provider knows it."""

    client_id: str
    client_secret: str


def _demo_application(provider: Provider) -> Credentials:
    return Credentials(client_id=f"demo-{provider}", client_secret=f"demo-{provider}-secret")


class SimulatorConfig(Frozen):
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
