"""A month with everything that goes wrong, followed in three ways; each must end with the marts of a clean full load.

Simulated providers on a simulated clock: 2 % of the notifications are lost, 5 % come twice, 10 % out of order; 3 % of
the activities are edited and 2 % deleted after their upload, one in ten comes late, up to 120 days; all-day data come
up to a week late. All three ways reconcile on Sundays, as an install does: `webhooks` has nothing else beside the
receiver, `looks` no receiver. Looks are made every six hours instead of every 15 minutes, only to save time here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from fit_platform.commands.simulate import SimulatedWorld
from tests.integration.moving_world import FAULTS, Follower, following, sunday_morning
from tests.integration.same_marts import Difference, differing

WEEKS = 4
POLAR_DAYS = 30  # what Polar serves; only a full load is served its whole history
HISTORY_DAYS = 120
SATURDAY = date(2026, 4, 4)
_TICK_HOURS, _LOOK_HOURS = 3, 6
_COLUMNS = (
    "followed by",
    *("delivered", "lost", "twice", "reordered"),
    *("created", "edited", "deleted", "came late"),
    *("runs", "calls", "failed", "seconds"),
    "marts",
)
_LATE = """
SELECT count(*), coalesce(max(date_diff('day', ended_at, first_fetched_at)), 0)
FROM intermediate.int_activity_records
WHERE first_fetched_at > ? AND first_fetched_at > ended_at + INTERVAL 1 DAY
"""
_EXCEPTIONS = """The same but for three things that nobody who comes at the end can know:
- Activities are named by the record that came first. Compared are the names of their least records.
- Snapshots of an account (zones, gear, devices, profile) hold from the day they were told on: the clean load has been
  given the follower's.
- Polar serves four weeks, and no more to the follower either. The clean load is served the whole history."""


WAYS = {
    "webhooks and looks": (True, True),
    "webhooks": (True, False),
    "looks": (False, True),
}


@dataclass
class Outcome:
    """How one way of following came out."""

    name: str
    sent: Counter[str]
    changed: Counter[str]
    late: int
    latest_days: int
    runs: int
    calls: int
    failures: Counter[str]
    seconds: float
    marts: int
    differing: Difference


def follow(follower: Follower, end: datetime, *, webhooks: bool, looks: bool, weeks: int) -> None:
    """Weeks until `end`, a Sunday: ticks, the reconciliation of each Sunday, builds."""
    begin = end - timedelta(weeks=weeks)
    with ExitStack() as stack:
        if webhooks:
            stack.enter_context(follower.subscribed())
        for hours in range(_TICK_HOURS, weeks * 7 * 24 + 1, _TICK_HOURS):
            is_look = looks and hours % _LOOK_HOURS == 0
            if not webhooks and not is_look:
                continue
            follower.move_to(begin + timedelta(hours=hours))
            follower.tick("new" if is_look else None)
            if hours % (7 * 24) == 0:
                follower.tick("all")
                if hours % (14 * 24) == 0 or hours == weeks * 7 * 24:
                    follower.settle()
                    follower.build()


def run(root: Path, athletes: int, weeks: int, ways: Sequence[str]) -> Iterator[Outcome]:
    """Each way on a copy of the same home, and then against the clean load of the same world."""
    days = HISTORY_DAYS + 7 * weeks
    world = SimulatedWorld(seed=7, days=days, athletes=athletes, end=SATURDAY)
    end = sunday_morning(world.end)
    begin = end - timedelta(weeks=weeks)
    started = time.monotonic()

    def say(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:5.0f} s  {what}\n")

    loaded = {}
    for name, moment in (("start", begin), ("clean", end)):
        done = root / f"{name}-is-loaded"
        with following(world, root / name, moment, root / f"{name}.json") as loaded[name]:
            if not done.exists():
                loaded[name].load_all()
                done.touch()
        say(f"{name}: everything up to {moment:%Y-%m-%d} is loaded")
    clean = loaded["clean"]
    for name in ways:
        webhooks, looks = WAYS[name]
        home = root / name.replace(" ", "-")
        shutil.copytree(root / "start", home, symlinks=True)
        shutil.copyfile(root / "start.json", home.with_suffix(".json"))
        with following(world, home, begin, home.with_suffix(".json")) as follower:
            follower.control("scenario", **{**FAULTS, "polar_window_days": POLAR_DAYS})
            follower.control("reset-calls")
            began = time.monotonic()
            follow(follower, end, webhooks=webhooks, looks=looks, weeks=weeks)
            seconds = time.monotonic() - began
            sent: Counter[str] = Counter()
            for counts in follower.ask("webhooks")["counts"].values():
                sent.update(counts)
            changes = [change for change in follower.ask("changes")["changes"] if change["what"] == "activity"]
            calls = sum(sum(templates.values()) for templates in follower.ask("calls").values())
        clean.take_snapshots_of(follower)
        clean.build()
        with duckdb.connect(follower.warehouse, read_only=True) as db:
            ((late, latest_days),) = db.execute(_LATE, [begin + timedelta(hours=1)]).fetchall()
            ((marts,),) = db.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall()
        say(f"{name}: followed in {seconds:.0f} s and held against the clean load")
        yield Outcome(
            name,
            sent,
            Counter(change["action"] for change in changes),
            late,
            latest_days,
            follower.runs,
            calls,
            follower.failures,
            seconds,
            marts,
            differing(follower.warehouse, clean.warehouse),
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--athletes", type=int, default=1)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument(
        "--keep",
        type=Path,
        help="A folder for the homes, which stay, so that a further way of the same weeks begins at once.",
    )
    options = parser.parse_args()
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as folder:
        root = options.keep or Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        outcomes = []
        for outcome in run(root.resolve(), options.athletes, options.weeks, options.ways):
            outcomes.append(outcome)
            console.print(_table(outcomes, options.weeks, options.athletes))
            for mart, rows in outcome.differing.items():
                console.print(f"{outcome.name}, {mart}:", *rows, sep="\n  ", markup=False)
    console.print(_EXCEPTIONS)
    return int(any(outcome.differing or outcome.failures for outcome in outcomes))


def _table(outcomes: Sequence[Outcome], weeks: int, athletes: int) -> Table:
    table = Table(title=f"{weeks} weeks of {athletes} athletes, against a clean full load of the final world")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("followed by", "marts") else "right")
    for outcome in outcomes:
        same = outcome.marts - len(outcome.differing)
        table.add_row(
            outcome.name,
            *(str(outcome.sent[name]) for name in ("delivered", "lost", "duplicated", "out_of_order")),
            *(str(outcome.changed[name]) for name in ("create", "update", "delete")),
            f"{outcome.late} (oldest {outcome.latest_days} days)",
            str(outcome.runs),
            str(outcome.calls),
            str(outcome.failures.total()),
            f"{outcome.seconds:.0f}",
            f"{same} of {outcome.marts} identical" + "".join(f"\n{name}" for name in outcome.differing),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
