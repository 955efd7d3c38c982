"""The definitions as a product surface: they load fast, offline, and every asset explains itself."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from fit_platform.definitions import defs
from fit_platform.defs.transform import day_ranges
from fit_platform.pipeline.ranges import windows_of
from fit_platform.providers.registry import resources

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def graph() -> dg.AssetGraph:
    return defs().resolve_asset_graph()


def test_a_code_server_can_load_the_definitions() -> None:
    """Two jobs with an op of the same name made every asset disappear from the UI; only this call notices."""
    dg.Definitions.validate_loadable(defs())


def test_every_resource_has_a_raw_and_a_load_asset_in_daily_partitions(graph) -> None:
    for resource in resources():
        for layer in ("raw", "load"):
            node = graph.get(dg.AssetKey([layer, *resource.key]))
            assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
            assert node.partitions_def.end_offset == 1, "today is a partition"
            assert node.backfill_policy is not None
            assert (node.backfill_policy.max_partitions_per_run is None) == (layer == "load")


def test_every_asset_has_description_group_owner_and_kind(graph) -> None:
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, f"{key} has no description"
        assert node.group_name not in (None, "default"), f"{key} has no group"
        assert node.owners, f"{key} has no owner"
        assert node.kinds, f"{key} has no kind"


def test_the_flow_is_connected_from_raw_to_published(graph) -> None:
    for resource in resources():
        raw, load = (dg.AssetKey([layer, *resource.key]) for layer in ("raw", "load"))
        assert raw in graph.get(load).parent_keys
    behind: set[dg.AssetKey] = set()
    frontier = {dg.AssetKey(["published", "marts"])}
    while frontier:
        behind |= frontier
        frontier = {parent for key in frontier for parent in graph.get(key).parent_keys} - behind
    assert {key for key in graph.materializable_asset_keys if key.path[0] == "marts"} <= behind
    for provider in ("polar", "strava", "fitbit"):
        assert any(key.path[:2] == ["raw", provider] for key in behind), f"no mart knows {provider}"


def test_what_blocks_publishing_is_unpartitioned_and_says_what_to_do(graph) -> None:
    checks = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    reconcile = [spec for spec in checks if spec.name == "rows_reconcile"]
    assert len(reconcile) == len(resources())
    assert all(spec.blocking for spec in reconcile)
    ours = [spec for spec in checks if spec.asset_key.path[0] in {"raw", "load"}]
    assert all(
        spec.description and "When it fails" in spec.description for spec in ours if spec.name != "heart_rate_in_range"
    )


def test_day_ranges_cover_the_asked_days_and_those_that_a_killed_run_left() -> None:
    asked = [date(2026, 3, 5), date(2026, 3, 6), date(2026, 3, 7)]
    assert json.loads(day_ranges(windows_of(asked))) == [["2026-03-05", "2026-03-08"]]
    left = [date(2026, 3, 1), date(2024, 11, 3)]
    expected = [["2024-11-03", "2024-11-04"], ["2026-03-01", "2026-03-08"]]
    assert json.loads(day_ranges(windows_of([*asked, *left]))) == expected


def test_loading_the_definitions_imports_nothing_heavy() -> None:
    """Each of these adds 0.2 to 0.7 s to every Dagster process; `make bench-definitions` has the times."""
    loaded = subprocess.run(
        [sys.executable, "-c", "from fit_platform.definitions import defs; defs(); import sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    heavy = {"pandas", "matplotlib", "google.cloud.bigquery", "cryptography", "starlette", "uvicorn"}
    assert heavy.isdisjoint(loaded), heavy.intersection(loaded)


def test_every_check_says_what_it_looks_at_and_what_to_do_when_it_fails(graph) -> None:
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        assert spec.description, f"{key} says nothing"
        assert "When it fails" in spec.description or spec.name == "heart_rate_in_range", key


def test_raw_assets_and_marts_lead_to_their_landing_folder_and_to_the_page_that_explains_them(graph) -> None:
    for resource in resources():
        metadata = graph.get(dg.AssetKey(["raw", *resource.key])).metadata
        assert f"provider={resource.provider}/resource={resource.name}" in str(metadata["landing"].value)
        assert str(metadata["provider's documentation"].value).startswith("https://")
    for key in graph.materializable_asset_keys:
        if key.path[0] == "marts":
            page = graph.get(key).metadata["explained in"].value
            assert (ROOT / page).is_file(), page


def test_every_job_sensor_and_schedule_says_what_it_is_for() -> None:
    repository = defs().get_repository_def()
    named = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    silent = [
        each.name for each in [*named, *repository.sensor_defs, *repository.schedule_defs] if not each.description
    ]
    assert silent == []
