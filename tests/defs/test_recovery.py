"""Runs that were killed: what they were to pull is asked for again, and they hold no pool."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from fit_platform import run_tags
from fit_platform.definitions import defs
from fit_platform.defs.publish import PUBLISHED_KEY
from fit_platform.defs.recovery import dead_runs, news_of_canceled_runs, news_of_failed_runs, put_back
from fit_platform.defs.resources import Platform
from fit_platform.pipeline.pull import AthleteFailure, PullReport
from fit_platform.providers.registry import resource
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings

DAY = date(2026, 3, 1)
NAMES = ("activities", "streams")
RAW = frozenset(dg.AssetKey(["raw", "strava", name]) for name in NAMES)
TAGS = {
    "dagster/partition": str(DAY),
    run_tags.NEWS: "true",
    run_tags.ATHLETES: "ada,ben",
    run_tags.ATTEMPT: "1",
}
Waiting = list[tuple[str, tuple[str, ...], tuple[date, ...], int]]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIT_HOME", str(tmp_path / "home"))
    return Runtime(load_settings())


def a_run(status: dg.DagsterRunStatus, run_id: str | None = None, **tags: str) -> dg.DagsterRun:
    return dg.DagsterRun(job_name="news", run_id=run_id, status=status, tags={**TAGS, **tags}, asset_selection=RAW)


def waiting(runtime: Runtime) -> Waiting:
    events = [runtime.inbox.read(name) for name in runtime.inbox.names("strava")]
    return sorted((e.athlete_id, e.resources, e.days, e.attempt) for e in events if e is not None)


def executed(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """The run for news after whatever its steps did in this process, with the selection that a daemon gives it."""
    job = defs().resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(RAW))
    done = job.execute_in_process(instance=instance, partition_key=str(DAY), tags=TAGS, raise_on_error=False)
    return a_run(dg.DagsterRunStatus.FAILURE, run_id=done.run_id)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_the_news_of_a_run_that_never_reported_waits_again(runtime: Runtime, status: dg.DagsterRunStatus) -> None:
    run = a_run(status)
    with dg.instance_for_test() as instance:
        instance.add_run(run)
        event = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_FAILURE.value, job_name="news")
        resources = {"platform": Platform()}
        context: Any = dg.build_run_status_sensor_context(
            sensor_name="sensor", dagster_event=event, dagster_instance=instance, dagster_run=run, resources=resources
        )
        if status is dg.DagsterRunStatus.FAILURE:
            news_of_failed_runs(context.for_run_failure())
        else:
            news_of_canceled_runs(context)
    assert waiting(runtime) == [("ada", NAMES, (DAY,), 2), ("ben", NAMES, (DAY,), 2)]
    now = datetime.now(UTC)
    assert runtime.inbox.due("strava", now, 10) == [], "not at once: it may be killed again"
    assert len(runtime.inbox.due("strava", now + timedelta(minutes=5), 10)) == 2


def test_a_run_that_dies_again_and_again_is_counted(runtime: Runtime) -> None:
    with dg.instance_for_test() as instance:
        put_back(runtime, instance, a_run(dg.DagsterRunStatus.FAILURE, **{run_tags.DEATHS: "3"}))
        events = [runtime.inbox.read(name) for name in runtime.inbox.names("strava")]
        assert [event.deaths for event in events if event is not None] == [4, 4]
        put_back(runtime, instance, a_run(dg.DagsterRunStatus.FAILURE, **{run_tags.DEATHS: "9"}))
    assert len(list(runtime.inbox.rejected())) == 2, "an alert says so"


def test_a_run_that_is_no_news_is_left_to_dagster(runtime: Runtime) -> None:
    with dg.instance_for_test() as instance:
        assert put_back(runtime, instance, a_run(dg.DagsterRunStatus.FAILURE, **{run_tags.NEWS: ""})) == 0


def test_of_a_run_that_died_midway_only_what_it_had_not_pulled_waits_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pull(resource: Any, *_: Any, **__: Any) -> PullReport:
        if resource.name == "streams":
            raise OSError(28, "No space left on device")
        return PullReport(resource)

    monkeypatch.setattr("fit_platform.defs.raw.pull", pull)
    monkeypatch.setattr(Runtime, "clients", lambda *_, **__: [SimpleNamespace(athlete_id="ada")])
    with dg.instance_for_test() as instance:
        run = executed(instance)
        assert waiting(runtime) == [], "the step itself had no occasion"
        assert put_back(runtime, instance, run) == 2
    assert [names for _, names, *_ in waiting(runtime)] == [("streams",), ("streams",)]


@pytest.mark.parametrize(("is_last", "waits"), [(True, 2), (False, 0)])
def test_of_a_run_that_was_killed_before_it_had_built_everything_waits_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, is_last: bool, waits: int
) -> None:
    """It had planned checks, which count as not passed until they run: automation would build nothing behind them."""
    monkeypatch.setattr("fit_platform.defs.raw.pull", lambda resource, *_, **__: PullReport(resource))
    monkeypatch.setattr(Runtime, "clients", lambda *_, **__: [SimpleNamespace(athlete_id="ada")])
    with dg.instance_for_test() as instance:
        run = executed(instance)
        selected = RAW | {PUBLISHED_KEY} if is_last else RAW
        assert put_back(runtime, instance, run._replace(asset_selection=selected)) == waits
    assert [names for _, names, *_ in waiting(runtime)] == [NAMES] * waits


def test_what_a_provider_refused_for_good_is_not_asked_for_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = PullReport(resource("strava", "activities"), failures=[AthleteFailure("ada", "forbidden", "no")])
    monkeypatch.setattr("fit_platform.defs.raw.pull", lambda *_, **__: refused)
    monkeypatch.setattr(Runtime, "clients", lambda *_, **__: [SimpleNamespace(athlete_id="ada")])
    with dg.instance_for_test() as instance:
        run = executed(instance)
        assert put_back(runtime, instance, run) == 0


def test_a_run_whose_process_is_gone_ends_while_the_daemon_runs(runtime: Runtime) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with dg.instance_for_test() as instance:
        dead = a_run(dg.DagsterRunStatus.STARTED, **{run_tags.PID: str(gone.pid)})
        alive = a_run(dg.DagsterRunStatus.STARTED, **{run_tags.PID: "1"})
        for run in (dead, alive):
            instance.add_run(run)
        dead_runs(dg.build_sensor_context(instance=instance, resources={"platform": Platform()}))
        statuses = [found.status for run in (dead, alive) if (found := instance.get_run_by_id(run.run_id))]
    assert statuses == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED]
