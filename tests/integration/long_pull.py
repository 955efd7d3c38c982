"""Pulling years on a simulated clock: the real clients, custody and ledger; a used-up window is skipped, not slept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import requests

from fit_platform.accounts.custody import Custody
from fit_platform.accounts.link import link
from fit_platform.commands.demo import consenting
from fit_platform.commands.demo_home import environment_with
from fit_platform.commands.simulate import SimulatedWorld, simulator
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.pull import PullReport, pull
from fit_platform.providers.base import Resource, Window
from fit_platform.providers.http import ApiClient, RetryPolicy
from fit_platform.providers.registry import PROVIDERS
from fit_platform.quota.ledger import QuotaLedger
from fit_platform.settings import Settings, load_settings

AT_ONCE = RetryPolicy(wait_initial_s=0, wait_max_s=0, jitter_s=0)
_WAITS = {"quota", "transient", "bad payload"}


@dataclass
class Simulation:
    """Simulated providers, and the one clock that they and we go by: that of the world, and ahead of it by skips."""

    base_url: str
    settings: Settings
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def skip_to(self, moment: datetime) -> None:
        by = moment - self.now()
        self.control("clock", advance_seconds=by.total_seconds())
        self.ahead += by

    def control(self, path: str, **body: Any) -> None:
        requests.post(f"{self.base_url}/_sim/{path}", json=body, timeout=10).raise_for_status()

    def calls(self, provider: str) -> int:
        """Requests that the provider has seen since `control("reset-calls")`."""
        counted = requests.get(f"{self.base_url}/_sim/calls", timeout=10).json()
        return sum(counted.get(provider, {}).values())


@contextmanager
def simulation(world: SimulatedWorld, home: Path, athletes: tuple[str, ...]) -> Iterator[Simulation]:
    """Simulated providers in a process of their own, every athlete linked, the clock at the morning after the world."""
    with simulator(world) as process:
        environment = {**process.environment, "FIT_HOME": str(home), "FIT_STRAVA_API_RETENTION_DAYS": "keep"}
        with environment_with(environment):
            settings = load_settings()
        simulated = Simulation(process.base_url, settings)
        simulated.skip_to(datetime.combine(world.end + timedelta(days=1), time(6), UTC))
        for athlete in athletes:
            for provider in PROVIDERS:
                link(settings, provider, athlete, open_browser=consenting(athlete), clock=simulated.now)
        yield simulated


class CountingLedger(QuotaLedger):
    """The real ledger, which also counts the answers by status."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        super().__init__(path, clock)
        self.answers: Counter[int] = Counter()

    def observe(self, provider: str, athlete_id: str, headers: Mapping[str, str], status: int) -> None:
        self.answers[status] += 1
        super().observe(provider, athlete_id, headers, status)


@dataclass
class Puller:
    """Pulls to the end, whatever it takes: the part of Dagster that waits for a window and tries again."""

    simulated: Simulation
    zone: LandingZone
    ledger: CountingLedger
    on_response: Callable[..., Any] | None = None
    waits: Counter[str] = field(default_factory=Counter)

    def client(self, provider: str, athlete: str) -> ApiClient:
        session = requests.Session()
        session.trust_env = False
        if self.on_response is not None:
            session.hooks["response"].append(self.on_response)
        custody = Custody(self.simulated.settings, clock=self.simulated.now)
        return ApiClient(
            provider,
            athlete,
            self.simulated.settings.provider(provider).api_url,
            custody.token_source(provider, athlete),
            self.ledger,
            session,
            self.simulated.now,
            AT_ONCE,
        )

    def to_the_end(self, resource: Resource, window: Window, athlete: str, most_rounds: int = 200) -> list[PullReport]:
        """Pull a window, and again what is open of it, until every day is answered."""
        client = self.client(resource.provider, athlete)
        open_days = set(window.days())
        reports: list[PullReport] = []
        for _ in range(most_rounds):
            part = Window(min(open_days), max(open_days))
            report = pull(resource, part, [client], self.zone, now=self.simulated.now)
            reports.append(report)
            spoilt = {day for (_, day), written in report.written.items() if written.rejected}
            open_days -= ({day for _, day in report.written} - spoilt) | {day for _, day in report.unknown}
            if not open_days:
                return reports
            for failure in report.failures:
                assert failure.verdict in _WAITS, failure.message
                self.waits[failure.verdict] += 1
                if failure.verdict == "quota":
                    assert failure.retry_at is not None
                    self.simulated.skip_to(failure.retry_at + timedelta(seconds=1))
        raise AssertionError(f"{resource.key} of {athlete}: {len(open_days)} days still open")


def last_days(world: SimulatedWorld, days: int) -> Window:
    """The newest days of a world."""
    return Window(world.end - timedelta(days=days - 1), world.end)


Landed = dict[tuple[str, str, str, date], Counter[bytes]]


def landed_objects(zone: LandingZone, resources: list[Resource]) -> tuple[Landed, int]:
    """The payloads of every day that has any, and how many lines are no objects (tombstones, rejected bodies)."""
    found: Landed = {}
    others = 0
    for resource in resources:
        for key in zone.keys(resource.provider, resource.name):
            lines = zone.lines(key) or []
            others += sum(not line.is_live for line in lines)
            payloads = Counter(line.payload for line in lines if line.is_live)
            if payloads:
                found[resource.provider, resource.name, key.athlete_id, key.dt] = payloads
    return found, others
