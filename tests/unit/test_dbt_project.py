"""The dbt project's promises that need no dbt: sources for every base table, and the marts' contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fit_platform.accounts import tables as accounts
from fit_platform.providers.registry import PROVIDERS

MODELS = Path(__file__).parents[2] / "dbt_project" / "models"

CONTRACT = {
    "athletes": "athlete_id display_name timezone sex birth_date max_hr_bpm resting_hr_bpm",
    "activities": (
        "activity_id athlete_id started_at ended_at utc_offset_seconds local_date sport sport_family title distance_m "
        "moving_seconds elapsed_seconds ascent_m energy_kcal avg_hr_bpm max_hr_bpm has_heart_rate has_gps source_count "
        "primary_provider source_of_distance source_of_heart_rate source_of_title"
    ),
    "activity_sources": (
        "activity_id athlete_id provider provider_activity_id acquired_via relation is_primary match_score matched_by "
        "started_at ended_at distance_m"
    ),
    "heart_rate_hourly": (
        "athlete_id hour_start_utc local_date local_hour utc_offset_seconds max_bpm avg_bpm min_bpm sample_count "
        "covered_minutes cadence_seconds provider"
    ),
    "heart_rate_daily": (
        "athlete_id local_date max_bpm avg_bpm min_bpm resting_bpm resting_bpm_provider worn_minutes zone_1_seconds "
        "zone_2_seconds zone_3_seconds zone_4_seconds zone_5_seconds sample_count"
    ),
    "activity_zones": "activity_id athlete_id zone lower_bpm upper_bpm seconds scheme",
    "sleep_nights": (
        "athlete_id local_date provider started_at ended_at asleep_minutes deep_minutes light_minutes rem_minutes "
        "awake_minutes"
    ),
    "daily_summary": "athlete_id local_date steps distance_m active_kcal total_kcal floors source_of_steps",
}


def declared(kind: str) -> dict[str, dict[str, Any]]:
    """Every model (or source table) that the project's YAML declares, by name."""
    found: dict[str, dict[str, Any]] = {}
    for path in MODELS.rglob("*.yml"):
        for entry in yaml.safe_load(path.read_text()).get(kind, []):
            for item in entry["tables"] if kind == "sources" else [entry]:
                found[item["name"]] = item
    return found


def test_every_base_table_is_a_source_of_its_load_asset() -> None:
    """A table without a source would be an asset that nothing reads; a wrong key would cut the lineage."""
    expected = {
        table.name: ["load", provider, resource.name]
        for provider, resources in PROVIDERS.items()
        for resource in resources
        for table in resource.tables
    }
    expected[accounts.ATHLETES.name] = ["load", "accounts", "athletes"]
    assert {
        name: source["config"]["meta"]["dagster"]["asset_key"] for name, source in declared("sources").items()
    } == expected


@pytest.mark.parametrize("mart", CONTRACT)
def test_a_mart_has_exactly_the_columns_of_its_contract(mart: str) -> None:
    """dbt enforces what the YAML says; this holds the YAML to what readers were promised."""
    assert [column["name"] for column in declared("models")[mart]["columns"]] == CONTRACT[mart].split()


def test_every_model_and_column_is_described() -> None:
    """A number without its meaning and unit is of no use."""
    models = declared("models")
    files = {path.stem for path in MODELS.rglob("*.sql")}
    assert files == set(models)
    undescribed = [
        (name, column["name"])
        for name, model in models.items()
        for column in model["columns"]
        if not column.get("description") or not model.get("description")
    ]
    assert undescribed == []


def test_every_mart_tests_its_grain_and_types_every_column() -> None:
    """Uniqueness of the grain is what keeps a copy from being counted twice."""
    for name in [path.stem for path in (MODELS / "marts").glob("*.sql")]:
        model = declared("models")[name]
        assert any("unique_grain" in test for test in model["data_tests"]), name
        assert all(column["data_type"] for column in model["columns"]), name
