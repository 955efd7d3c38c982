"""What stops a build, and what only warns."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from fit_platform.defs.checks import _loaded_as_landed, _rows_reconcile, other_runs
from fit_platform.providers.base import DayAnswer, Item
from fit_platform.providers.registry import resource
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
ACTIVITIES = resource("strava", "activities")


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIT_HOME", str(tmp_path / "home"))
    return Runtime(load_settings())


def test_what_another_run_has_landed_and_not_loaded_yet_stops_no_build(runtime: Runtime) -> None:
    runtime.prepare_warehouse()
    item = Item(b'{"id":1,"start_date":"2026-03-01T10:00:00Z"}', {}, NOW)
    runtime.zone.write_day(ACTIVITIES, "ada", DayAnswer(date(2026, 3, 1), (item,)), NOW)
    with runtime.warehouse.session():
        assert _rows_reconcile(runtime, ACTIVITIES)[0]
        assert _loaded_as_landed(runtime, ACTIVITIES, is_alone=False)[0]
        assert not _loaded_as_landed(runtime, ACTIVITIES, is_alone=True)[0], "nobody is about to load it"


def test_a_run_that_waits_or_works_is_another_one_until_it_has_ended() -> None:
    with dg.instance_for_test() as instance:
        own = dg.DagsterRun(job_name="own", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(own)
        instance.add_run(dg.DagsterRun(job_name="ended", status=dg.DagsterRunStatus.SUCCESS))
        assert not other_runs(instance, own.run_id)
        instance.add_run(dg.DagsterRun(job_name="waits", status=dg.DagsterRunStatus.NOT_STARTED))
        assert other_runs(instance, own.run_id)
