"""The dbt project's promises that need no dbt: sources for every base table, and the marts' contract."""

from __future__ import annotations

import re
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
        "primary_provider source_of_distance source_of_heart_rate source_of_title source_of_sport source_of_moving "
        "source_of_ascent source_of_energy"
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
    "activity_heart_rate": (
        "activity_id athlete_id local_date covered_seconds covered_percent avg_bpm max_bpm min_bpm set_max_hr_bpm "
        "is_above_set_max avg_heart_rate_reserve trimp hrtss edwards_trimp active_zone_minutes decoupling_percent "
        "decoupling_basis"
    ),
    "training_load_daily": "athlete_id local_date trimp ctl atl tsb activity_count activities_without_trimp",
    "best_efforts": "activity_id athlete_id metric window_seconds value",
    "athlete_settings": (
        "athlete_id sport valid_from valid_to max_hr_bpm resting_hr_bpm threshold_hr_bpm weight_kg zone_1_lower_bpm "
        "zone_2_lower_bpm zone_3_lower_bpm zone_4_lower_bpm zone_5_lower_bpm"
    ),
    "athlete_estimates": "athlete_id metric method value",
    "activity_laps": (
        "activity_id athlete_id provider provider_activity_id is_split lap_number lap_name started_at elapsed_seconds "
        "moving_seconds distance_m ascent_m avg_hr_bpm max_hr_bpm"
    ),
    "activity_match_pairs": (
        "athlete_id activity_id other_activity_id provider provider_activity_id other_provider "
        "other_provider_activity_id relation matched_by match_score decision overlap_over_union containment "
        "overlap_seconds start_difference_seconds end_difference_seconds duration_ratio distance_ratio sport_fit "
        "shared_heart_rate_minutes heart_rate_difference_bpm heart_rate_correlation has_one_body has_two_bodies "
        "has_provenance is_one_device rule_version"
    ),
    "activity_match_review": (
        "athlete_id activity_id provider provider_activity_id other_provider other_provider_activity_id relation "
        "match_score matched_by containment overlap_seconds has_fitting_sport started_at ended_at other_started_at "
        "other_ended_at held_back_provider held_back_minutes rule_version"
    ),
    "sleep_nights": (
        "athlete_id local_date provider started_at ended_at asleep_minutes deep_minutes light_minutes rem_minutes "
        "awake_minutes"
    ),
    "health_daily": (
        "athlete_id local_date hrv_rmssd_ms source_of_hrv blood_oxygen_percent source_of_blood_oxygen "
        "breathing_rate_per_minute source_of_breathing_rate skin_temperature_deviation_c weight_kg "
        "vo2_max_ml_per_kg_min"
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
    expected[accounts.ACTIVITY_OVERRIDES.name] = ["load", "accounts", "activity_overrides"]
    expected[accounts.ATHLETE_SETTINGS.name] = ["load", "accounts", "athlete_settings"]
    assert {
        name: source["config"]["meta"]["dagster"]["asset_key"] for name, source in declared("sources").items()
    } == expected


@pytest.mark.parametrize("mart", CONTRACT)
def test_a_mart_has_exactly_the_columns_of_its_contract(mart: str) -> None:
    """dbt enforces what the YAML says; this holds the YAML to what readers were promised."""
    assert [column["name"] for column in declared("models")[mart]["columns"]] == CONTRACT[mart].split()


def test_every_mart_has_a_contract_and_dbt_enforces_it() -> None:
    """A column that changes its kind or goes away then stops the build, not a reader's query."""
    assert set(CONTRACT) == {path.stem for path in (MODELS / "marts").glob("*.sql")}
    project = yaml.safe_load((MODELS.parent / "dbt_project.yml").read_text())["models"]["fit_platform"]
    assert project["marts"]["+contract"] == {"enforced": True}
    assert [name for name in CONTRACT if "contract" in declared("models")[name].get("config", {})] == []
    assert [path.stem for path in (MODELS / "marts").glob("*.sql") if "contract" in path.read_text()] == []


def test_every_base_table_is_staged() -> None:
    """What no staging model reads is pulled, kept and paid for, and nobody can see it."""
    staged = "\n".join(path.read_text() for path in (MODELS / "staging").rglob("*.sql"))
    assert [name for name in declared("sources") if f'"{name}"' not in staged] == []


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


def test_models_that_read_a_big_table_say_which_days_they_mean() -> None:
    """BigQuery refuses the query otherwise, and no test on DuckDB would notice."""
    sampled = {
        name
        for resources in PROVIDERS.values()
        for resource in resources
        if resource.parse.columnar is not None
        for name in resource.parse.columnar.selects
    }
    silent = []
    for path in MODELS.rglob("*.sql"):
        sql = path.read_text()
        reads_big = sampled & set(re.findall(r'source\(\s*"\w+",\s*"(\w+)"', sql))
        if reads_big and "every_day(" not in sql and "latest_version(" not in sql:
            silent.append(path.name)
    assert silent == []


UNITS = {
    "_bpm": "beats per minute",
    "_seconds": "second",
    "_second": "second",
    "_minutes": "minute",
    "_m": "metre",
    "_kcal": "kilocalorie",
    "_kg": "kilogram",
    "_w": "watt",
    "_mps": "metres per second",
    "_percent": "percent",
    "_kj": "kilojoule",
    "_ms": "millisecond",
    "_c": "degrees celsius",
    "_deg": "degrees",
    "_latitude": "degrees",
    "_longitude": "degrees",
    "_rpm": "per minute",
    "_per_minute": "per minute",
    "_bytes": "byte",
}


def test_a_column_with_a_unit_in_its_name_has_it_in_its_description() -> None:
    """The longest ending counts, or the whole name: `bpm`, `seconds`."""
    silent = []
    for name, model in declared("models").items():
        for column in model["columns"]:
            endings = [ending for ending in UNITS if f"_{column['name']}".endswith(ending)]
            if endings and UNITS[max(endings, key=len)] not in column["description"].lower():
                silent.append((name, column["name"]))
    assert silent == []


LAYERS = {"staging": "stg_", "intermediate": "int_", "marts": ""}
MAY_READ = {
    "staging": {"staging"},
    "intermediate": {"staging", "intermediate", "marts"},
    "marts": {"staging", "intermediate", "marts"},
}


def layer_of(name: str) -> str:
    """The folder of a model; seeds are read like staging models."""
    return next((path.relative_to(MODELS).parts[0] for path in MODELS.rglob(f"{name}.sql")), "staging")


@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.sql")), ids=lambda path: path.stem)
def test_a_model_keeps_to_its_layer(path: Path) -> None:
    """Only staging reads base tables, and it reads nothing above it; names tell the layer."""
    layer, sql = path.relative_to(MODELS).parts[0], path.read_text()
    assert path.stem.startswith(LAYERS[layer])
    assert layer == "staging" or "source(" not in sql
    read = re.findall(r"ref\([\"'](\w+)[\"']\)", sql)
    assert {layer_of(name) for name in read} <= MAY_READ[layer]


def test_every_mart_is_published_and_every_exposure_and_group_has_an_owner() -> None:
    marts = {path.stem for path in (MODELS / "marts").glob("*.sql")}
    exposures = {
        exposure["name"]: exposure
        for path in MODELS.rglob("*.yml")
        for exposure in yaml.safe_load(path.read_text()).get("exposures", [])
    }
    published = {ref.split("'")[1] for ref in exposures["published_copy"]["depends_on"]}
    assert published == marts
    assert {ref.split("'")[1] for ref in exposures["dashboard"]["depends_on"]} <= marts
    groups = yaml.safe_load((MODELS / "_groups.yml").read_text())["groups"]
    assert all(item["owner"]["name"] and item["description"] for item in [*exposures.values(), *groups])
    project = yaml.safe_load((MODELS.parent / "dbt_project.yml").read_text())["models"]["fit_platform"]
    assert {project[layer]["+group"] for layer in LAYERS} <= {group["name"] for group in groups}
