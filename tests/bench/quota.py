"""What a year's backfill costs: calls of the real clients at the simulated providers, against the computed floor.

Pulled in runs as long as those of `sync` and of a Dagster backfill.

Used-up windows are skipped on a simulated clock, so that nothing sleeps. The floor of a resource is what its limits
force: full pages, the longest ranges, one call for what is asked object by object. Google's page that is empty and
still has a token cannot be foreseen; those that came are part of its floor, and told.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import requests
from rich.console import Console
from rich.table import Table

from fit_platform.commands.simulate import SimulatedWorld
from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from fit_platform.providers.base import Resource, Window
from fit_platform.providers.registry import PROVIDERS, resources
from fit_platform.simulator import World, WorldConfig
from fit_platform.sync import raw_runs
from tests.integration.long_pull import CountingLedger, Puller, last_days, simulation

ATHLETE = "ada"
DAYS = 365
STRAVA_ACTIVITIES = 300
BAR = 1.02
# The invented athlete needs more than a year for 300 activities. The days between make no difference: Strava lists
# two years in one walk.
WORLD = SimulatedWorld(seed=7, days=700, athletes=1, end=date(2026, 11, 15))
ONE_BY_ONE = {
    ("strava", "gear"),
    ("strava", "activity_details"),
    ("polar", "exercise_files"),
    ("fitbit", "exercise_tcx"),
}


@dataclass
class Cost:
    """Calls for one resource."""

    resource: Resource
    objects: int
    calls: int
    empty_pages: int
    floor: int
    waits: int

    @property
    def ratio(self) -> float:
        return self.calls / self.floor


class EmptyPages:
    """Counts Google's empty pages with a token."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, response: requests.Response, *_: object, **__: object) -> None:
        body = response.content
        self.seen += b'"nextPageToken"' in body[:400] and b'"dataPoints"' not in body[:400]


def strava_window(activities: int) -> tuple[Window, int]:
    """The newest days that hold so many activities, and how many of these have streams (not those typed in)."""
    world = World(WorldConfig(seed=WORLD.seed, end=WORLD.end, days=WORLD.days, athletes=WORLD.athletes))
    records = [record for _, record in world.people[ATHLETE].records("strava")]
    for days in range(1, WORLD.days):
        window = last_days(WORLD, days)
        inside = [r for r in records if window.start_utc.timestamp() <= r.started_at < window.end_utc.timestamp()]
        if len(inside) >= activities:
            return window, sum(record.kind != "manual" for record in inside)
    raise ValueError(f"the world of {WORLD.window} has fewer than {activities} Strava activities")


def objects_of(resource: Resource, zone: LandingZone) -> int:
    """Landed objects; for samples, which land as one object a day, the data points in them."""
    items = [item for key in zone.keys(resource.provider, resource.name) for item in zone.items(key)]
    if resource.provider != "fitbit" or resource.object_id is not None:
        return len(items)
    return sum(
        len(msgspec.json.decode(item.payload, type=dict[str, list[msgspec.Raw]])["dataPoints"]) for item in items
    )


def distinct_in(resource: Resource, zone: LandingZone) -> int:
    """Landed objects, those that landed with every run counted once."""
    assert resource.object_id is not None
    keys = zone.keys(resource.provider, resource.name)
    return len({resource.object_id(msgspec.json.decode(item.payload)) for key in keys for item in zone.items(key)})


def floor_of(resource: Resource, window: Window, objects: int, zone: LandingZone, with_streams: int) -> int:
    """The fewest calls that can tell all this, and that nothing more is there."""
    if resource.key == ("strava", "streams"):
        return with_streams
    if resource.key in ONE_BY_ONE:
        return distinct_in(resource, zone)
    if resource.key == ("strava", "activities"):
        assert resource.page_size
        return -(-objects // resource.page_size) + 1  # only an empty page is the end
    if resource.page_size:
        return max(1, -(-objects // resource.page_size))
    return -(-len(window.days()) // resource.range_days) if resource.range_days else 1


def measure(home: Path) -> tuple[list[Cost], int]:
    """Every resource pulled to the end, in runs; and how often a provider had to say 429."""
    strava, with_streams = strava_window(STRAVA_ACTIVITIES)
    costs: list[Cost] = []
    with simulation(WORLD, home, (ATHLETE,)) as simulated:
        simulated.control("scenario", polar_window_days=30)
        ledger = CountingLedger(home / "state" / "quota.sqlite", simulated.now)
        for resource in resources():
            window = strava if resource.provider == "strava" else last_days(WORLD, DAYS)
            zone = LandingZone(FolderStore(home / "landing"))
            empty = EmptyPages()
            puller = Puller(simulated, zone, ledger, empty)
            simulated.control("reset-calls")
            for run in raw_runs(window):
                puller.to_the_end(resource, run, ATHLETE)
            objects = objects_of(resource, zone)
            floor = floor_of(resource, window, objects, zone, with_streams) + empty.seen
            calls, waits = simulated.calls(resource.provider), puller.waits.total()
            costs.append(Cost(resource, objects, calls, empty.seen, floor, waits))
        return costs, ledger.answers[429]


def show(console: Console, costs: list[Cost], refused: int) -> float:
    """Print a table; the worst provider's ratio."""
    table = Table(title=f"calls of a backfill: one athlete, {DAYS} days, {STRAVA_ACTIVITIES} Strava activities")
    for column in ("", "objects", "calls", "floor", "of these empty pages", "windows waited for", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    worst = 0.0
    for provider in PROVIDERS:
        # A simulated provider without this endpoint answers 404, and counts no call.
        mine = [cost for cost in costs if cost.resource.provider == provider and cost.calls]
        for cost in mine:
            counts = (cost.objects, cost.calls, cost.floor, cost.empty_pages, cost.waits)
            table.add_row(f"  {cost.resource.name}", *map(str, counts), f"{cost.ratio:.3f}")
        calls, floor = sum(cost.calls for cost in mine), sum(cost.floor for cost in mine)
        empty, waits = sum(cost.empty_pages for cost in mine), sum(cost.waits for cost in mine)
        worst = max(worst, calls / floor)
        row = (str(calls), str(floor), str(empty), str(waits), f"{calls / floor:.3f}")
        table.add_row(provider, "", *row, style="bold", end_section=True)
    console.print(table)
    left_out = [cost.resource.name for cost in costs if not cost.calls]
    if left_out:
        console.print(f"not simulated, so not measured: {', '.join(left_out)}")
    console.print(f"answers that said 429: {refused}")
    return worst


def main() -> int:
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        costs, refused = measure(Path(folder))
    worst = show(console, costs, refused)
    console.print(f"the bar of {BAR} of the floor for each provider: {'kept' if worst <= BAR else 'MISSED'}")
    return int(refused > 0 or worst > BAR)


if __name__ == "__main__":
    sys.exit(main())
