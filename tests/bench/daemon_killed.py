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
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import requests
from rich.console import Console
from rich.table import Table

from fit_platform.commands.children import child
from fit_platform.commands.demo import link_everyone
from fit_platform.commands.demo_home import environment_with
from fit_platform.commands.simulate import SimulatedWorld, simulator
from fit_platform.feed import subscriptions
from fit_platform.instance import open_instance, pools_are_free, prepare_dagster_home
from fit_platform.providers.registry import PROVIDERS
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings, load_settings
from fit_platform.sync import sync
from tests.bench.latency import DAYS, WORKSPACE, answers, control, hidden_activities, wait_for
from tests.bench.webhooks import free_port

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


@contextmanager
def daemon() -> Iterator[Callable[[], None]]:
    """The daemon with its code server; what is yielded kills both, and the runs that they started."""
    with child(["dagster._daemon", "run", "-w", str(WORKSPACE)]) as process:

        def kill() -> None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

        yield kill


def killed_at(
    runtime: Runtime,
    instance: dg.DagsterInstance,
    reached: Callable[[float], bool],
    upload: Callable[[], None],
    record: str,
) -> tuple[float, float]:
    """Seconds from the upload to the kill, and from the new start to the published marts."""
    with daemon() as kill:
        wait_for("the daemon", lambda: "SENSOR" in instance.get_daemon_heartbeats())
        began = time.time()
        upload()
        wait_for("the point of the kill", lambda: reached(began))
        kill()
        killed = time.time()
    with daemon():
        again = time.time()
        published = "SELECT 1 FROM marts.activity_sources WHERE provider_activity_id = ?"
        wait_for("the activity in the marts", lambda: runtime.warehouse.query(published, (record,)).num_rows == 1)
        wait_for("an empty inbox", lambda: not waiting(runtime))
        wait_for("the end of every run", lambda: not runs_under_way(instance))
        wait_for("free pools", lambda: pools_are_free(instance))
        return killed - began, time.time() - again


def run(root: Path) -> list[tuple[str, float, float]]:
    world = SimulatedWorld(seed=7, days=DAYS, athletes=1, end=datetime.now(UTC).date() - timedelta(days=1))
    with ExitStack() as stack:
        process = stack.enter_context(simulator(world))
        variables = {
            **process.environment,
            "FIT_HOME": str(root / "home"),
            "FIT_START_DATE": str(world.window.first),
            "FIT_POLL_CRON": "0 0 1 1 *",  # the webhook alone
        }
        stack.enter_context(environment_with(variables))
        hidden = hidden_activities(process.base_url, 6)
        link_everyone(Settings(), requests.get(f"{process.base_url}/_sim/truth", timeout=60).json())
        runtime = Runtime(load_settings())
        assert sync(runtime, world.window, providers=list(PROVIDERS)).problems == []
        port = free_port()
        stack.enter_context(child(["fit_platform", "webhooks", "serve", "--port", str(port)]))
        wait_for("the receiver", lambda: answers(port))
        assert subscriptions.subscribe(runtime.settings, "strava", f"http://127.0.0.1:{port}").is_fine
        prepare_dagster_home(runtime.settings)
        instance = stack.enter_context(open_instance(runtime.settings))
        rows = []
        for (name, reached), (athlete, record) in zip(points(runtime, instance), hidden, strict=True):
            news = {"op": "reveal", "provider": "strava", "athlete": athlete, "record": record}

            def upload(news: dict[str, str] = news) -> None:
                control(process.base_url, "world", ops=[news])

            rows.append((name, *killed_at(runtime, instance, reached, upload, record)))
        known = runtime.warehouse.query("SELECT provider_activity_id AS id FROM marts.activity_sources").to_pylist()
        ids = [row["id"] for row in known]
        assert all(ids.count(record) == 1 for _, record in hidden), "every upload is there once"
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
