"""The whole platform on Google Cloud's emulators and on this machine: every row of every mart is the same.

What this proves and what it cannot is in docs/google-cloud.md: the emulator runs BigQuery's SQL on DuckDB.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests
from google.cloud import storage

from fit_platform.commands.demo import link_everyone
from fit_platform.commands.demo_home import environment_with
from fit_platform.dbt import DBT_DIR, DBT_EXECUTABLE, dbt_environment, dbt_target
from fit_platform.landing.store import FolderStore
from fit_platform.pipeline.load import load, unloaded_days
from fit_platform.pipeline.publish import MARTS_SCHEMA
from fit_platform.providers.base import Window
from fit_platform.providers.registry import resources
from fit_platform.settings import Settings
from fit_platform.simulator import SimulatorConfig, WorldConfig, running
from tests.gcp.emulators import PROJECT
from tests.integration.conftest import House

WINDOW = Window(date(2026, 3, 27), date(2026, 4, 1))  # Berlin's clocks go forward on 29 March
CONFIG = SimulatorConfig(world=WorldConfig(seed=11, end=WINDOW.last, days=len(WINDOW.days()), athletes=2))
MARTS = [
    "athletes",
    "activities",
    "activity_sources",
    "activity_match_review",
    "activity_zones",
    "heart_rate_daily",
    "heart_rate_hourly",
    "sleep_nights",
    "daily_summary",
    "health_daily",
]


@dataclass
class CloudHouse(House):
    """A FIT_HOME whose landing zone and warehouse are on the emulators."""

    cloud: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.cloud}

    def dbt(self, **variables: str) -> None:
        """Build every model and run every data test."""
        with self.open() as runtime:
            dbt_environment(runtime.settings)
            command = [
                str(DBT_EXECUTABLE), "build", "--exclude-resource-type", "unit_test", "--vars", json.dumps(variables),
                "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR), "--target", dbt_target(runtime.settings),
                "--target-path", str(self.home / "dbt"), "--log-path", str(self.home / "dbt"),
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stdout[-4000:]


@pytest.fixture(scope="module")
def houses(bigquery_url: str, storage_url: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[House, CloudHouse]:
    """One world, synced on this machine; its landing zone copied to a bucket, and loaded and built from there."""
    folder = tmp_path_factory.mktemp("parity")
    bucket = f"fit-{uuid.uuid4().hex[:12]}"
    cloud = {
        "FIT_TARGET": "gcp",
        "FIT_GCP_PROJECT": PROJECT,
        "FIT_LANDING_URL": f"gs://{bucket}/landing",
        "FIT_BIGQUERY_DATASET_PREFIX": f"p{uuid.uuid4().hex[:8]}_",
        "BIGQUERY_EMULATOR_HOST": bigquery_url,
        "STORAGE_EMULATOR_HOST": storage_url,
    }
    with running(CONFIG) as base_url:
        local = House(folder / "local", base_url)
        truth = requests.get(f"{base_url}/_sim/truth", timeout=60).json()
        with environment_with(local.environment):
            link_everyone(Settings(), truth)
        result = local.sync(WINDOW)
        assert (result.problems, result.exit_code) == ([], 0)
    shutil.copytree(local.home, folder / "cloud", symlinks=True)
    in_cloud = CloudHouse(folder / "cloud", base_url, cloud)
    with in_cloud.open() as runtime:
        storage.Client(project=PROJECT).create_bucket(bucket)
        landed = FolderStore(local.home / "landing")
        for name in landed.names("raw/"):
            runtime.zone.store.write(name, landed.read(name) or b"")
        runtime.prepare_warehouse()
        for resource in resources(runtime.settings):
            load(resource, WINDOW.days(), runtime.zone, runtime.warehouse)
        runtime.load_athletes()
    in_cloud.dbt()
    return local, in_cloud


def rows(house: House, mart: str) -> Counter[tuple[tuple[str, Any], ...]]:
    with house.open() as runtime:
        found = runtime.warehouse.query(f"SELECT * FROM {runtime.warehouse.relation(MARTS_SCHEMA, mart)}").to_pylist()
    return Counter(tuple(sorted((name, comparable(value)) for name, value in row.items())) for row in found)


def comparable(value: Any) -> Any:
    """Instants in UTC, and floats to nine digits: the two engines may add up in another order."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return float(f"{value:.9g}") if isinstance(value, float) else value


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_has_the_same_rows_on_both_targets(houses: tuple[House, CloudHouse], mart: str) -> None:
    local, cloud = houses
    here, there = rows(local, mart), rows(cloud, mart)
    assert there - here == Counter(), "rows that only BigQuery has"
    assert here - there == Counter(), "rows that only DuckDB has"
    if mart != "activity_match_review":
        assert here, "the world fills this mart"


def test_every_mart_is_compared(houses: tuple[House, CloudHouse]) -> None:
    with houses[0].open() as runtime:
        found = runtime.duckdb.query("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'")
    assert set(found.column("table_name").to_pylist()) == set(MARTS)


def test_base_tables_and_ledgers_are_the_same(houses: tuple[House, CloudHouse]) -> None:
    ledgers = []
    for house in houses:
        with house.open() as runtime:
            ledger = runtime.warehouse.relation("ops", "load_ledger")
            sql = f"SELECT provider, resource, dt, loaded_rows, quarantined FROM {ledger}"
            ledgers.append(Counter(tuple(row.values()) for row in runtime.warehouse.query(sql).to_pylist()))
    assert ledgers[0] == ledgers[1]


def test_loading_again_finds_nothing_to_do(houses: tuple[House, CloudHouse]) -> None:
    with houses[1].open() as runtime:
        assert [r.key for r in resources(runtime.settings) if unloaded_days(r, runtime.zone, runtime.warehouse)] == []


def test_a_killed_load_is_made_good_and_one_day_is_built_anew(houses: tuple[House, CloudHouse]) -> None:
    """Killed after the ledger forgot a day and before it learnt it again: nothing claims that the day is loaded."""
    local, cloud = houses
    with cloud.open() as runtime:
        heart_rate = next(r for r in resources(runtime.settings) if r.key == ("fitbit", "heart_rate"))
        ledger = runtime.warehouse.relation("ops", "load_ledger")
        samples = runtime.warehouse.relation("base", "fitbit_heart_rate")
        day = f"dt = DATE '{WINDOW.first}'"
        runtime.warehouse.jobs.script(f"DELETE FROM {ledger} WHERE resource = 'heart_rate' AND {day}")
        runtime.warehouse.jobs.script(f"DELETE FROM {samples} WHERE {day}")
        assert unloaded_days(heart_rate, runtime.zone, runtime.warehouse) == [WINDOW.first]
        report = load(heart_rate, WINDOW.days(), runtime.zone, runtime.warehouse)
        assert [entry.dt for entry in report.loaded] == [WINDOW.first]
    cloud.dbt(start_date=str(WINDOW.first), end_date=str(WINDOW.first + timedelta(days=1)))
    for mart in ("heart_rate_hourly", "heart_rate_daily", "activity_zones"):
        assert rows(cloud, mart) == rows(local, mart)


def test_dbt_says_in_labels_who_asked_and_sets_a_ceiling(houses: tuple[House, CloudHouse]) -> None:
    with houses[1].open() as runtime:
        jobs = [job for job in runtime.warehouse.client.list_jobs() if (job.labels or {}).get("step") == "dbt"]
    assert {job.labels["model"] for job in jobs if "model" in job.labels} >= {"activities", "heart_rate_hourly"}
    assert all(job.labels["dbt_run"] for job in jobs)
    assert {job.maximum_bytes_billed for job in jobs} == {100 * 10**9}
