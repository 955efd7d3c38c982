"""A stock daemon, killed -9 with all that it started, at one point after the other while news is under way.

Each time an activity that was hidden arrives at simulated Strava, and the daemon begins anew after the kill. Whatever
went with the processes is done again: the activity reaches the published marts once, no event stays in the inbox, and
no pool stays taken.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.table import Table

from fit_platform.instance import pools_are_free
from fit_platform.runtime import Runtime
from tests.bench.latency import Followed, daemon, followed, wait_for

_UNFINISHED = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED")


def waiting(runtime: Runtime) -> list[str]:
    """Events that nobody has seen to, or that a tick took and did not finish."""
    return [name for part in ("", "_taken/") for name in runtime.inbox.store.names(f"inbox/{part}strava/")]


def runs_under_way(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    return [run for run in instance.get_runs(limit=30) if run.status.value in _UNFINISHED]


def points(runtime: Runtime, instance: dg.DagsterInstance) -> Iterator[tuple[str, Callable[[float], bool]]]:
    """Where to kill: a name, and whether things have come so far since a moment."""

    def step_started(prefix: str) -> Callable[[float], bool]:
        def has_started(since: float) -> bool:
            for run in runs_under_way(instance):
                entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
                if any(entry.timestamp > since and (entry.step_key or "").startswith(prefix) for entry in entries):
                    return True
            return False

        return has_started

    yield "the event is in the inbox", lambda _: bool(waiting(runtime))
    yield "its run is recorded", lambda _: bool(runs_under_way(instance))
    yield "it pulls", step_started("raw__strava__activities")
    yield "it loads", step_started("load__strava")
    yield "dbt builds", step_started("dbt_")
    yield "it publishes", step_started("published")


def killed_at(home: Followed, reached: Callable[[float], bool], athlete: str, record: str) -> tuple[float, float]:
    """Seconds from the upload to the kill, and from the new start to the published marts."""
    runtime, instance = home.runtime, home.instance
    with daemon(instance) as process:
        began = time.time()
        home.upload(athlete, record)
        wait_for("the point of the kill", lambda: reached(began))
        os.killpg(process.pid, signal.SIGKILL)  # the daemon, its code server, and the runs that they started
        process.wait()
        killed = time.time()
    again = time.time()
    with daemon(instance):
        published = "SELECT 1 FROM marts.activity_sources WHERE provider_activity_id = ?"
        wait_for("the activity in the marts", lambda: runtime.warehouse.query(published, (record,)).num_rows == 1)
        wait_for("an empty inbox", lambda: not waiting(runtime))
        wait_for("the end of every run", lambda: not runs_under_way(instance))
        wait_for("free pools", lambda: pools_are_free(instance))
        return killed - began, time.time() - again


def run(root: Path) -> list[tuple[str, float, float]]:
    with followed(root, 6) as home:
        rows = [
            (name, *killed_at(home, reached, *activity))
            for (name, reached), activity in zip(points(home.runtime, home.instance), home.hidden, strict=True)
        ]
        known = home.runtime.warehouse.query(
            "SELECT provider_activity_id AS id FROM marts.activity_sources"
        ).to_pylist()
        ids = [row["id"] for row in known]
        assert all(ids.count(record) == 1 for _, record in home.hidden), "every upload is there once"
        return rows


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        rows = run(Path(folder))
    table = Table(title="killed -9 with all that it had started; each upload reached the published marts once")
    for column in ("killed when", "s after the upload", "s from the new start to the end of all runs"):
        table.add_column(column, justify="left" if column == "killed when" else "right")
    for name, before, after in rows:
        table.add_row(name, f"{before:.1f}", f"{after:.1f}")
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
