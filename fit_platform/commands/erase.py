"""`erase`: an athlete's data gone from everywhere, proven by a search, with a receipt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fit_platform.errors import BusyError
from fit_platform.feed.roster import share_links
from fit_platform.instance import runs_in_flight
from fit_platform.pipeline.load import landed_days
from fit_platform.providers.registry import every_resource
from fit_platform.retention import erase
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings
from fit_platform.sync import one_at_a_time, rebuild


@dataclass
class Erased:
    """What an erasure came to. `left`: where anything is still found; `problems`: why the marts are not rebuilt."""

    receipt: Path | None
    notes: tuple[str, ...] = ()
    left: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all gone, 1 something was found, 3 all gone, but the marts of the others are not there yet."""
        return 1 if self.left else 3 if self.problems else 0


def run_erase(settings: Settings, athlete_id: str, provider: str | None, tell: Callable[[str], None]) -> Erased:
    """Erase, rebuild, search, receipt. ConfigError for nobody, BusyError while anything runs on this home."""
    runtime = Runtime(settings)
    with one_at_a_time(runtime):
        if running := runs_in_flight(settings):
            raise BusyError(f"{running} Dagster runs are under way; wait for them to end or cancel them, then erase")
        plan = erase.prepare(runtime, athlete_id, provider, runtime.clock())
        tell("removing access, landing, warehouse, published copies and mentions in logs")
        plan = erase.remove(runtime, plan)
        share_links(runtime)
    problems = []
    if any(landed_days(runtime.zone, resource) for resource in every_resource()):
        tell("building the warehouse anew from what is left")
        problems = rebuild(runtime).problems
        erase.drop_artifacts(settings.home_dir)
    tell("searching for what is left")
    left = erase.traces(runtime, plan)
    receipt = None if left else erase.finish(runtime, plan, runtime.clock())
    return Erased(receipt, plan.notes, left, problems)
