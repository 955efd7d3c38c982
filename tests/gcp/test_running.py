"""Running the platform on Google Cloud: what `status` and `doctor` tell, retention, blocked marts, erasure, rebuild.

The tests follow the synced home on through its life, in this order, because every build on the emulator takes minutes.
They change it: no module that comes after this one may use it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from os import environ
from pathlib import Path
from typing import Any

import pytest

from fit_platform.commands.doctor import examine
from fit_platform.commands.erase import run_erase
from fit_platform.commands.status import status_facts
from fit_platform.feed.roster import share_links, shared
from fit_platform.pipeline.load import unloaded_days
from fit_platform.providers.base import Window
from fit_platform.providers.registry import resources
from fit_platform.retention import cloud_traces
from fit_platform.retention.overdue import overdue
from fit_platform.retention.purge import purge_expired
from fit_platform.retention.receipts import receipts_folder
from tests.gcp.houses import WINDOW, CloudHouse, cloud_copy, every_row, rows
from tests.integration.conftest import House

ADA, BEN = "ada", "ben"
LAST_DAY = Window(WINDOW.last, WINDOW.last)
CHEAP_SYNC: dict[str, Any] = {"providers": ["strava"], "athletes": [ADA]}


@pytest.fixture(scope="module")
def house(cloud: CloudHouse) -> CloudHouse:
    """Synced once; the tests below change it one after another."""
    return cloud


def test_status_of_a_home_that_has_no_dataset_yet_says_so(
    linked: House, storage_url: str, bigquery_url: str, tmp_path: Path
) -> None:
    empty = cloud_copy(linked, tmp_path / "home", storage_url=storage_url, bigquery_url=bigquery_url)
    with empty.open() as runtime:
        facts = status_facts(runtime.settings, runtime.clock())
    assert (facts["published"], facts["last_build_at"], facts["warehouse_busy"]) == (None, None, None)


def fit_platform(house: CloudHouse, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fit_platform", *arguments],
        env={**environ, **house.environment}, cwd=house.home, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip


def test_status_tells_what_bigquery_knows(house: CloudHouse) -> None:
    done = fit_platform(house, "status", "--json")
    facts = json.loads(done.stdout)
    prefix = house.cloud["FIT_BIGQUERY_DATASET_PREFIX"]
    assert facts["published"] == f"test.{prefix}published"
    assert facts["last_build_at"]
    assert facts["quarantined_records"] == 0
    assert facts["warehouse_busy"] is None
    (ada,) = [c for c in facts["connections"] if (c["athlete_id"], c["provider"]) == (ADA, "fitbit")]
    assert ada["newest_day"]["heart_rate"] == str(WINDOW.last)


def test_doctor_looks_at_the_bucket_and_every_dataset(house: CloudHouse) -> None:
    with house.open() as runtime:
        found = examine(runtime.settings, runtime.clock())
    about = {one.about: one.level for one in found if one.about.startswith(("bucket", "dataset", "project"))}
    prefix = house.cloud["FIT_BIGQUERY_DATASET_PREFIX"]
    assert about[f"dataset test.{prefix}published"] == "ok"
    assert about[f"dataset test.{prefix}base"] == "ok"
    (versioning,) = [one for one in found if "versioning" in one.detail]
    assert (versioning.level, "--versioning" in versioning.fix) == ("problem", True), "the emulator's buckets have none"


def test_what_may_not_be_kept_longer_leaves_bucket_tables_and_published_marts(house: CloudHouse) -> None:
    at = datetime.now(UTC) + timedelta(days=7.1)
    with house.open() as runtime:
        connection = runtime.connections.get("strava", ADA)
        assert connection is not None
        runtime.connections.save(connection.model_copy(update={"retention": 7}))
        found = overdue(runtime, at)
        places = {"landing days", "base.strava_activities", "marts.activity_sources", "published.activity_sources"}
        assert places <= set(found)
        (receipt,) = purge_expired(runtime, at)
        assert receipt.removed.base_rows["strava_activities"] > 0
        assert "landing days" not in overdue(runtime, at)
        assert overdue(runtime, at), "the marts have not been built yet, and the check says so"
    assert house.sync(LAST_DAY, **CHEAP_SYNC).exit_code == 0
    with house.open() as runtime:
        assert overdue(runtime, at) == {}
    left = {
        dict(row)["athlete_id"] for row in rows(house, "activity_sources", "published") if ("provider", "strava") in row
    }
    assert left == {BEN}, "the other athlete chose `keep`"


def test_marts_that_a_blocking_check_refuses_do_not_reach_readers(house: CloudHouse) -> None:
    before = every_row(house, "published")
    with house.open() as runtime:
        warehouse = runtime.bigquery
        nights, queue = warehouse.relation("base", "polar_sleep"), warehouse.relation("ops", "build_queue")
        warehouse.jobs.script(f"UPDATE {nights} SET deep_seconds = -600 WHERE dt >= DATE '2026-01-01'")
        warehouse.jobs.script(
            f"INSERT INTO {queue} (dt, queued_at) VALUES (DATE '{WINDOW.last}', TIMESTAMP '2026-01-01 00:00:00Z')"
        )
    result = house.sync(LAST_DAY, **CHEAP_SYNC)
    failed = {(check.asset, check.name) for check in result.checks if not check.passed and check.is_error}
    assert "marts/sleep_nights" in {asset for asset, _ in failed}
    assert not result.published
    assert result.exit_code != 0
    assert rows(house, "sleep_nights", "marts") != before["sleep_nights"], "the mart was built, or this proves nothing"
    assert every_row(house, "published") == before, "readers keep the last good set"


def test_an_erasure_rebuilds_and_no_table_and_no_object_names_the_athlete(house: CloudHouse) -> None:
    others = {mart: ben_of(found) for mart, found in every_row(house, "published").items()}
    with house.open() as runtime:
        words = {ADA} | {
            str(dict(row)["provider_activity_id"])
            for row in rows(house, "activity_sources")
            if dict(row)["athlete_id"] == ADA
        }
        places = {place.rsplit(".", 1)[-1] for place in cloud_traces.columns_with(runtime, words)}
        assert {"activities", "polar_exercises", "load_ledger"} & places >= {"activities", "polar_exercises"}
        share_links(runtime)
        assert {ADA, BEN} <= {link.athlete_id for link in shared(runtime.zone.store)()}
        assert cloud_traces.objects_with(runtime, {ADA})
        erased = run_erase(runtime.settings, ADA, None, lambda _: None)
        assert (erased.exit_code, erased.left, erased.problems) == (0, [], [])
        assert any("fail-safe" in note for note in erased.notes)
        assert cloud_traces.columns_with(runtime, words) == []
        assert cloud_traces.objects_with(runtime, words) == []
        assert {link.athlete_id for link in shared(runtime.zone.store)()} == {BEN}, "a receiver forgets at once, too"
    after = every_row(house, "published")
    assert {mart: ben_of(found) for mart, found in after.items()} == others, "the other athlete's numbers stay"
    assert not any(("athlete_id", ADA) in row for found in after.values() for row in found)
    assert "erasure" in {json.loads(path.read_text())["kind"] for path in receipts_folder(house.home).glob("*.json")}


def test_a_rebuilt_warehouse_is_loaded_as_the_bucket_says(house: CloudHouse) -> None:
    """The erasure has just made it anew from the bucket alone: also what was tampered with above is right again."""
    with house.open() as runtime:
        assert [r.key for r in resources(runtime.settings) if unloaded_days(r, runtime.zone, runtime.warehouse)] == []
        assert runtime.warehouse.pending_days() == []
    assert all((dict(row)["deep_minutes"] or 0) >= 0 for row in rows(house, "sleep_nights", "published"))


def ben_of(found: Any) -> list[Any]:
    return sorted((row for row in found if ("athlete_id", BEN) in row), key=str)
