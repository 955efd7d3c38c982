"""A batch of events is stored as if each had come alone, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from fit_platform.instance import open_instance
from fit_platform.settings import Settings

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-02-01")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def asset(name: str, check_fails: bool = False) -> dg.AssetsDefinition:
    @dg.asset(
        name=name,
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[dg.AssetCheckSpec("looks_right", asset=name)],
    )
    def made() -> dg.MaterializeResult:
        check = dg.AssetCheckResult(check_name="looks_right", passed=not check_fails)
        return dg.MaterializeResult(data_version=dg.DataVersion("v1"), check_results=[check])

    return made


@pytest.fixture(params=["0", "7", "1000"])
def instance(request: pytest.FixtureRequest, tmp_path, monkeypatch) -> Iterator[dg.DagsterInstance]:
    """With Dagster's own way, event by event, and with batches shorter and longer than what is stored."""
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", request.param)
    with open_instance(Settings(home=tmp_path, _env_file=None)) as opened:
        yield opened


def run(instance: dg.DagsterInstance, first: str, last: str) -> dg.ExecuteInProcessResult:
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.materialize([asset("one"), asset("two", True)], instance=instance, tags=tags, run_config=QUIET)


def test_every_day_of_a_range_is_known_as_materialized(instance: dg.DagsterInstance) -> None:
    done = run(instance, "2026-01-03", "2026-01-20")
    for name in ("one", "two"):
        key = dg.AssetKey(name)
        assert instance.get_materialized_partitions(key) == {f"2026-01-{day:02}" for day in range(3, 21)}
        records = instance.fetch_materializations(key, limit=100).records
        assert [record.partition_key for record in records] == [f"2026-01-{day:02}" for day in range(20, 2, -1)]
        assert len({record.storage_id for record in records}) == 18
        last = instance.get_latest_materialization_event(key)
        assert last is not None
        assert last.run_id == done.run_id
        assert last.asset_materialization.partition == "2026-01-20"


def test_tags_and_checks_are_stored_with_the_events(instance: dg.DagsterInstance) -> None:
    done = run(instance, "2026-01-03", "2026-01-06")
    found = {str(tag["dagster/data_version"]) for tag in instance.get_event_tags_for_asset(dg.AssetKey("one"))}
    assert found == {"v1"}
    checks = {
        evaluation.asset_key.to_user_string(): evaluation.passed for evaluation in done.get_asset_check_evaluations()
    }
    assert checks == {"one": True, "two": False}
    planned = instance.all_logs(done.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED)
    assert len(planned) == 2


def test_a_second_run_is_the_latest(instance: dg.DagsterInstance) -> None:
    run(instance, "2026-01-01", "2026-01-31")
    second = run(instance, "2026-01-02", "2026-01-04")
    record = instance.get_asset_records([dg.AssetKey("one")])[0]
    assert record.asset_entry.last_run_id == second.run_id
    assert record.asset_entry.last_materialization.asset_materialization.partition == "2026-01-04"
