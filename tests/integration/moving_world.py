"""A world that moves on a simulated clock, and an install that follows it: webhooks with faults, looks, pulls, builds.

Raw runs are the pulls that the raw assets make, called directly: a month has a thousand of them, and Dagster would add
a second to each. A pull that fails is made again at the next tick, as Dagster would. Builds are real ones.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests

from fit_platform.commands.demo import link_everyone
from fit_platform.commands.demo_home import environment_with
from fit_platform.commands.simulate import SimulatedWorld, simulator
from fit_platform.feed import subscriptions
from fit_platform.feed.assemble import build_receiver
from fit_platform.feed.look import Mode, look
from fit_platform.feed.plan import PlannedRun, finish, take
from fit_platform.feed.receiver import Receiver
from fit_platform.landing.layout import resource_prefix
from fit_platform.pipeline.pull import pull
from fit_platform.providers.base import DayOf, Window
from fit_platform.providers.fitbit import subscription as google
from fit_platform.providers.polar import pulls
from fit_platform.providers.registry import PROVIDERS, resources
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings, load_settings
from fit_platform.sync import SyncResult, sync, update
from tests.integration.long_pull import Landed, landed_objects
from tests.integration.test_webhook_server import listening

_KEYSET = "/fitbit/googlehealthapi/webhooks/webhooks_public_keyset.json"
FAULTS: dict[str, Any] = {
    "seed": 3,
    "limits": {"strava_overall": [10**6, 10**6], "strava_read": [10**6, 10**6], "fitbit_per_minute": 10**6},
    "churn": {
        "seed": 5,
        "edits": 0.03,
        "deletes": 0.02,
        "late": {"share": 0.1, "max_days": 120},
        "late_days": {"share": 0.05, "max_days": 7},
        "split_nights": 0.03,
    },
    "webhooks": {"is_automatic": False, "lost": 0.02, "duplicated": 0.05, "out_of_order": 0.1},
}
"""What happens to the records, and to the notifications on their way. Quotas stand out of the way."""


@dataclass
class Follower:
    """One install and its simulated providers, both going by `now`."""

    home: Path
    base_url: str
    variables: Mapping[str, str]
    first_day: date
    ahead: timedelta = timedelta()
    runs: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    receiver: Receiver | None = None
    again: list[tuple[str, PlannedRun]] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move_to(self, moment: datetime, *, world: bool = True) -> None:
        """Clocks and, unless told otherwise, the world; what happened meanwhile is on its way to the receiver."""
        by = moment - self.now()
        self.control("clock", advance_seconds=by.total_seconds())
        self.ahead += by
        if world:
            self.control("clock", world_now=moment.isoformat())

    def control(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.base_url}/_sim/{path}", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str) -> Any:
        return requests.get(f"{self.base_url}/_sim/{path}", timeout=120).json()

    @contextmanager
    def open(self) -> Iterator[Runtime]:
        """The install as of now."""
        variables = {
            **self.variables,
            "FIT_HOME": str(self.home),
            "FIT_START_DATE": str(self.first_day),
            "FIT_CLOCK_OFFSET_S": str(self.ahead.total_seconds()),
            "FIT_STRAVA_API_RETENTION_DAYS": "keep",
            "FIT_FITBIT_WEBHOOK_KEYS_URL": f"{self.base_url}{_KEYSET}",
            "FIT_FITBIT_WEBHOOK_PROJECT": "4711",
        }
        with environment_with(variables):
            yield Runtime(load_settings())

    @contextmanager
    def subscribed(self) -> Iterator[None]:
        """The receiver listens, and every provider posts to it."""
        with self.open() as runtime, ExitStack() as stack:
            self.receiver = build_receiver(runtime.settings, self.now)
            port = stack.enter_context(listening(self.receiver))
            stack.enter_context(patch.object(google, "_service_token", lambda: "a-service-token"))
            for provider in PROVIDERS:
                report = subscriptions.subscribe(runtime.settings, provider, f"http://127.0.0.1:{port}")
                assert report.state == "active", report
            yield

    def tick(self, mode: Mode | None = None) -> None:
        """Deliver what is due, look if told to, and pull what the inbox asks for: a tick of every sensor."""
        if self.receiver is not None:
            self.control("webhooks/flush")
        with self.open() as runtime:
            again, self.again = self.again, []
            for provider, planned in again:
                self._pull(runtime, provider, planned)
            for provider in PROVIDERS:
                if mode is not None:
                    self.failures.update(failure.verdict for failure in look(runtime, provider, mode).failures)
                is_all = False
                while not is_all:
                    tick = take(runtime, provider)
                    assert tick.rejected == {}
                    for planned in tick.runs:
                        self._pull(runtime, provider, planned)
                    finish(runtime, tick.handled)
                    is_all = tick.is_all

    def _pull(self, runtime: Runtime, provider: str, planned: PlannedRun) -> None:
        self.runs += 1
        for resource in resources(runtime.settings):
            if resource.provider == provider and resource.name in planned.resources:
                clients = runtime.clients(provider, planned.athletes)
                report = pull(resource, planned.window, clients, runtime.zone, now=runtime.clock)
                self.failures.update(failure.verdict for failure in report.failures)
                if report.failures:
                    self.again.append((provider, planned))

    def settle(self) -> None:
        """Give what was put off its time: the clocks go on, the world stands still. Days to come may wait."""
        for _ in range(8):
            with self.open() as runtime:
                soon = runtime.clock() + timedelta(hours=4)
                if not self.again and not any(runtime.inbox.due(provider, soon, 1) for provider in PROVIDERS):
                    return
            self.move_to(self.now() + timedelta(minutes=20), world=False)
            self.tick()
        raise AssertionError("the inbox does not become empty")

    def build(self) -> SyncResult:
        """Load and build as `fit-platform update` does, without looking."""
        with self.open() as runtime:
            result, _ = update(runtime, providers=list(PROVIDERS), mode=None)
        assert result.problems == []
        return result

    def load_all(self) -> SyncResult:
        """A full load of everything there is by now.

        Without Polar's windows of four weeks, which the simulated one has only where a scenario says so: whoever was
        linked all the time has what they have closed upon.
        """
        wide: dict[str, Any] = {name: 3650 for name in vars(pulls) if name.endswith("_WINDOW_DAYS")}
        with self.open() as runtime, patch.multiple(pulls, **wide):
            result = sync(runtime, Window(self.first_day, self.now().date()), providers=list(PROVIDERS))
        assert result.problems == []
        return result

    def pull_all(self) -> None:
        """Everything there is by now, into the landing zone only."""
        with self.open() as runtime:
            for resource in resources(runtime.settings):
                window = Window(self.first_day, self.now().date())
                report = pull(resource, window, runtime.clients(resource.provider), runtime.zone, now=runtime.clock)
                assert report.failures == []

    def landed(self) -> Landed:
        """Every live payload by day; what a provider only shows as it is now is left out."""
        with self.open() as runtime:
            dated = [resource for resource in resources(runtime.settings) if resource.day_of is not DayOf.FILING_DAY]
            return landed_objects(runtime.zone, dated)[0]

    def take_snapshots_of(self, other: Follower) -> None:
        """Have what was told of the accounts on the other's days: nobody who comes later can be told it."""
        for resource in resources(load_settings()):
            if resource.day_of is DayOf.FILING_DAY:
                lies_at = Path("landing") / resource_prefix(resource.provider, resource.name)
                shutil.rmtree(self.home / lies_at, ignore_errors=True)
                if (other.home / lies_at).exists():
                    shutil.copytree(other.home / lies_at, self.home / lies_at)

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse" / "fit.duckdb"


@contextmanager
def following(
    world: SimulatedWorld, home: Path, moment: datetime, state_file: Path, faults: Mapping[str, Any] = FAULTS
) -> Iterator[Follower]:
    """The simulated providers at a moment, with these faults, and an install in `home` that is linked."""
    with simulator(world, state_file=state_file) as process:
        follower = Follower(home, process.base_url, process.environment, world.window.first)
        follower.control("scenario", **faults)
        follower.move_to(moment)
        with follower.open():
            link_everyone(Settings(), follower.ask("truth"))
        yield follower


def sunday_morning(last_full_day: date) -> datetime:
    """When a simulation ends: a Sunday, after the weekly reconciliation at 03:17."""
    assert last_full_day.isoweekday() == 6
    return datetime.combine(last_full_day + timedelta(days=1), time(6), UTC)
