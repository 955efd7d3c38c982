"""What refreshing one day reads and replaces on BigQuery, judged from the compiled SQL: that day and its neighbours."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from fit_platform.providers.registry import every_resource
from tests.integration.bigquery_partitions import CompiledProject
from tests.integration.compile_for_bigquery import DAY
from tests.integration.dbt_warehouse import BASE_TABLES

ROOT = Path(__file__).parents[2]
REFRESHED = date.fromisoformat(DAY.split('"')[3])
SAMPLE_TABLES = {
    name: "dt"
    for resource in every_resource()
    if resource.parse.columnar is not None
    for name in resource.parse.columnar.selects
}
LONGEST_RECORD_DAYS = 11  # a record that long may cover the day, and so may the one that it is compared with
MOST_DAYS_REPLACED = 2 * LONGEST_RECORD_DAYS + 3
MOST_DAYS_AWAY = 2 * LONGEST_RECORD_DAYS + 2
READ_WHOLE = {  # by models that are built whole: a few columns of tables with a row a minute or fewer
    "daily_summary": {"fitbit_distance", "fitbit_steps"},
    "int_local_time_map": {"polar_continuous_heart_rate"},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> CompiledProject:
    """Compiled as for one day of a built warehouse."""
    folder = tmp_path_factory.mktemp("incremental")
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.compile_for_bigquery", "incremental", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return CompiledProject(folder, {table.name: [c.name for c in table.all_columns] for table in BASE_TABLES})


def big_tables(project: CompiledProject) -> dict[str, str]:
    """Tables of samples, and the models that are rebuilt by days, with their partition columns."""
    day_ranged = project.of_materialization("incremental")
    return {**SAMPLE_TABLES, **{model: project.partition_column(model) for model in day_ranged}}


def test_refreshing_a_day_replaces_a_static_list_of_partitions_around_it(project: CompiledProject) -> None:
    """A list that is computed would be a query of its own, and MERGE would scan what it compares with."""
    for model in project.of_materialization("incremental"):
        config = project.nodes[model]["config"]
        assert config["incremental_strategy"] == "insert_overwrite", model
        days = project.replaced_days(model)
        assert days == [days[0] + timedelta(days=n) for n in range(len(days))], model
        assert REFRESHED in days
        assert len(days) <= MOST_DAYS_REPLACED, model


def test_refreshing_a_day_reads_only_that_day_and_its_neighbours(project: CompiledProject) -> None:
    big = big_tables(project)
    scans = [scan for model in project.of_materialization("incremental") for scan in project.scans(model, big)]
    assert {scan.table for scan in scans} >= {"fitbit_heart_rate", "strava_stream_samples", "int_activity_samples"}
    for scan in scans:
        first, last = scan.days
        assert first is not None, f"{scan.model} reads every day of {scan.table} up to {last}"
        assert last is not None, f"{scan.model} reads every day of {scan.table} from {first} on"
        assert REFRESHED - timedelta(days=MOST_DAYS_AWAY) <= first <= last, scan
        assert last <= REFRESHED + timedelta(days=MOST_DAYS_AWAY), scan


def test_models_that_are_built_whole_read_no_table_of_samples_but_these(project: CompiledProject) -> None:
    found: dict[str, set[str]] = {}
    for model in project.of_materialization("table"):
        whole = {scan.table for scan in project.scans(model, SAMPLE_TABLES)}
        if whole:
            found[model] = whole
    assert found == READ_WHOLE


def test_a_model_that_lost_its_days_is_found(project: CompiledProject) -> None:
    """The check itself: without its conditions a query counts as one that reads everything."""
    query = project.queries["int_activity_samples"]
    project.queries["int_activity_samples"] = query.transform(
        lambda node: None if type(node).__name__ == "Where" and "2026-02-28" in node.sql() else node
    )
    try:
        scans = project.scans("int_activity_samples", SAMPLE_TABLES)
        assert (None, None) in {scan.days for scan in scans} or any(scan.days[1] is None for scan in scans)
    finally:
        project.queries["int_activity_samples"] = query
