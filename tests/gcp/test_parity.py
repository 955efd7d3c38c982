"""`sync` on Google Cloud's emulators and on this machine, API to published marts: every row of every mart is the same.

What this proves and what it cannot is in docs/google-cloud.md: the emulator runs BigQuery's SQL on DuckDB.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from fit_platform.dbt import DBT_DIR
from fit_platform.pipeline.load import unloaded_days
from fit_platform.providers.registry import resources
from tests.gcp.houses import WINDOW, CloudHouse, every_row, marts_of, rows
from tests.integration.conftest import House

MARTS = sorted(path.stem for path in (DBT_DIR / "models" / "marts").glob("*.sql"))
MAY_BE_EMPTY = {"activity_match_review"}  # in a world of a few days no pair is left for a person


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_has_the_same_rows_on_both_targets(local: House, cloud: CloudHouse, mart: str) -> None:
    here, there = rows(local, mart), rows(cloud, mart)
    assert there - here == Counter(), "rows that only BigQuery has"
    assert here - there == Counter(), "rows that only DuckDB has"
    assert here or mart in MAY_BE_EMPTY, "the world fills this mart"


def test_every_mart_is_compared(local: House, cloud: CloudHouse) -> None:
    assert marts_of(local) == marts_of(cloud) == MARTS


def test_what_readers_see_is_what_was_built(cloud: CloudHouse) -> None:
    assert every_row(cloud, "published") == every_row(cloud, "marts")


def test_ledgers_and_quarantine_are_the_same(local: House, cloud: CloudHouse) -> None:
    found: list[dict[str, Counter[tuple[Any, ...]]]] = []
    for house in (local, cloud):
        with house.open() as runtime:
            warehouse = runtime.warehouse
            ledger = "SELECT provider, resource, dt, content_hash, loaded_rows, quarantined FROM "
            bad = "SELECT provider, resource, dt, reason, records FROM "
            found.append(
                {
                    "ledger": Counter(
                        tuple(row.values())
                        for row in warehouse.query(ledger + warehouse.relation("ops", "load_ledger")).to_pylist()
                    ),
                    "quarantine": Counter(
                        tuple(row.values())
                        for row in warehouse.query(bad + warehouse.relation("ops", "quarantine")).to_pylist()
                    ),
                }
            )
    assert found[0] == found[1]
    assert len(found[0]["ledger"]) > len(WINDOW.days())


def test_after_a_sync_nothing_waits_to_be_loaded_or_built(cloud: CloudHouse) -> None:
    with cloud.open() as runtime:
        assert [r.key for r in resources(runtime.settings) if unloaded_days(r, runtime.zone, runtime.warehouse)] == []
        assert runtime.warehouse.pending_days() == []
        assert runtime.warehouse.last_build()


def test_dbt_says_in_labels_who_asked_and_sets_a_ceiling(cloud: CloudHouse) -> None:
    with cloud.open() as runtime:
        jobs = [job for job in runtime.bigquery.client.list_jobs() if (job.labels or {}).get("step") == "dbt"]
    assert {job.labels["model"] for job in jobs if "model" in job.labels} >= {"activities", "heart_rate_hourly"}
    assert all(job.labels["dbt_run"] for job in jobs)
    assert {job.maximum_bytes_billed for job in jobs} == {100 * 10**9}


def test_jobs_of_a_run_name_it_and_what_they_are_for(cloud: CloudHouse) -> None:
    with cloud.open() as runtime:
        prefix = f"{runtime.settings.bigquery_dataset_prefix}scratch"
        jobs = [
            job
            for job in runtime.bigquery.client.list_jobs()
            if job.job_type == "load" and job.destination.dataset_id == prefix
        ]
    assert jobs
    assert all(len(job.labels.get("run", "")) == 36 and job.labels["step"] == "load" for job in jobs)
    assert {job.labels.get("provider") for job in jobs} == {"fitbit", "polar", "strava", None}
