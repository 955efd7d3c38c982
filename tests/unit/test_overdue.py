"""What is held for longer than it may be is found wherever it lies: base tables, built marts, published copies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from fit_platform.accounts.connections import Connection
from fit_platform.dbt import DBT_DIR
from fit_platform.providers.base import DayAnswer, Rejected
from fit_platform.providers.registry import resource
from fit_platform.retention.overdue import DERIVED_MARTS, PAIR_MARTS, overdue
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """Ada allows seven days; one activity was fetched ten days ago, another one yesterday."""
    runtime = Runtime(Settings(home=tmp_path, _env_file=None))
    runtime.connections.save(
        Connection(provider="strava", athlete_id="ada", linked_at=NOW, acquired="oauth", retention=7)
    )
    runtime.prepare_warehouse()
    with runtime.duckdb.connect() as db:
        required = {
            row[0]: row[1]
            for row in db.execute(
                "SELECT column_name, data_type FROM duckdb_columns() "
                "WHERE schema_name = 'base' AND table_name = 'strava_activities' AND NOT is_nullable"
            ).fetchall()
        }
        for activity, days in (("101", 10), ("102", 1)):
            given = {"athlete_id": "ada", "activity_id": activity, "acquired_via": "api"}
            given["first_fetched_at"] = NOW - timedelta(days=days)
            given["dt"] = NOW.date() - timedelta(days=10 if days == 10 else 0)
            defaults = {"VARCHAR": "x", "BIGINT": 1, "DOUBLE": 1.0, "BOOLEAN": False, "DATE": NOW.date()}
            row = {name: given.get(name, defaults.get(kind, NOW)) for name, kind in required.items()}
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            db.execute(f"INSERT INTO base.strava_activities ({names}) VALUES ({marks})", list(row.values()))
        db.execute(
            "CREATE SCHEMA marts; CREATE TABLE marts.activity_sources AS SELECT 'strava' AS provider, "
            "'ada' AS athlete_id, 'api' AS acquired_via, activity_id AS provider_activity_id, "
            "'a' || activity_id AS activity_id FROM base.strava_activities"
        )
        for name in DERIVED_MARTS:
            db.execute(f"CREATE TABLE marts.{name} AS SELECT activity_id, athlete_id FROM marts.activity_sources")
        for name in PAIR_MARTS:
            db.execute(
                f"CREATE TABLE marts.{name} AS SELECT athlete_id, 'polar' AS provider, 'p' AS provider_activity_id, "
                "'strava' AS other_provider, provider_activity_id AS other_provider_activity_id "
                "FROM marts.activity_sources"
            )
        copy = runtime.settings.home_dir / "published" / "v1" / "parquet" / "activity_sources.parquet"
        copy.parent.mkdir(parents=True)
        db.execute(f"COPY marts.activity_sources TO '{copy}' (FORMAT parquet)")
        detail = copy.parents[1] / "detail"
        for name in ("activity_tracks", "heart_rate_samples"):
            (detail / name).mkdir(parents=True)
            for month, day in (("2026-03", NOW.date() - timedelta(days=10)), ("2026-04", NOW.date())):
                activity = "101" if month == "2026-03" else "102"
                db.execute(
                    f"COPY (SELECT 'ada' AS athlete_id, DATE '{day}' AS dt, provider, '{activity}' AS "
                    "provider_activity_id FROM (VALUES ('strava'), ('strava'), ('polar')) AS given(provider)) "
                    f"TO '{detail / name / month}-x.parquet' (FORMAT parquet)"
                )
        (copy.parents[2] / "current").symlink_to("v1")
    return runtime


def test_a_row_that_is_too_old_is_counted_in_every_place(runtime: Runtime) -> None:
    assert overdue(runtime, NOW) == {
        "base.strava_activities": 1,
        "marts.activity_sources": 1,
        "published v1.activity_sources": 1,
        "published v1 activity_tracks, activities": 1,
        "published v1 heart_rate_samples, days": 1,
    }
    assert overdue(runtime, NOW - timedelta(days=4)) == {}


def test_samples_that_a_purge_left_behind_are_found_and_those_of_an_archive_may_stay(runtime: Runtime) -> None:
    left = {"published v1 activity_tracks, activities": 1, "published v1 heart_rate_samples, days": 1}
    with runtime.duckdb.connect() as db:
        db.execute("DELETE FROM base.strava_activities WHERE activity_id = '101'")
        db.execute("DELETE FROM marts.activity_sources WHERE provider_activity_id = '101'")
        for name in DERIVED_MARTS:
            db.execute(f"DELETE FROM marts.{name} WHERE activity_id = 'a101'")
        for name in PAIR_MARTS:
            db.execute(f"DELETE FROM marts.{name} WHERE other_provider_activity_id = '101'")
        copy = runtime.settings.home_dir / "published" / "v1" / "parquet" / "activity_sources.parquet"
        db.execute(f"COPY marts.activity_sources TO '{copy}' (FORMAT parquet)")
    assert overdue(runtime, NOW) == left
    with runtime.duckdb.connect() as db:
        db.execute(
            "UPDATE base.strava_activities SET acquired_via = 'archive', activity_id = '101', "
            f"dt = DATE '{NOW.date() - timedelta(days=10)}'"
        )
        db.execute("DELETE FROM marts.activity_sources")
    found = overdue(runtime, NOW)
    assert found["published v1 activity_tracks, activities"] == 1  # 102's, whose record is gone now
    assert found["published v1 heart_rate_samples, days"] == 1


def test_who_may_be_kept_is_not_looked_at(runtime: Runtime) -> None:
    connection = runtime.connections.get("strava", "ada")
    assert connection is not None
    runtime.connections.save(connection.model_copy(update={"retention": "keep"}))
    assert overdue(runtime, NOW) == {}


def test_what_was_computed_of_an_activity_that_went_is_found_in_every_mart(runtime: Runtime) -> None:
    with runtime.duckdb.connect() as db:
        db.execute("DELETE FROM base.strava_activities WHERE activity_id = '101'")
        db.execute("DELETE FROM marts.activity_sources WHERE provider_activity_id = '101'")
    found = overdue(runtime, NOW)
    places = [f"marts.{name}" for name in (*DERIVED_MARTS, *PAIR_MARTS)]
    assert {place: found.get(place) for place in places} == dict.fromkeys(places, 1)


def test_hours_and_days_of_an_activity_that_went_are_found_and_those_of_others_may_stay(runtime: Runtime) -> None:
    """101 was ten days ago and is gone; 102 is of today; a band told of the day before yesterday."""
    old, new, band = (NOW - timedelta(days=days) for days in (10, 0, 2))
    with runtime.duckdb.connect() as db:
        for name in (*DERIVED_MARTS, *PAIR_MARTS):
            db.execute(f"DROP TABLE marts.{name}")
        db.execute("DELETE FROM base.strava_activities WHERE activity_id = '101'")
        db.execute("DELETE FROM marts.activity_sources WHERE provider_activity_id = '101'")
        db.execute("UPDATE base.strava_activities SET started_at = ?, elapsed_seconds = 1800", [new])
        db.execute(
            "CREATE TABLE marts.activities AS SELECT 'a102' AS activity_id, 'ada' AS athlete_id, ?::DATE AS local_date",
            [new.date()],
        )
        db.execute(
            "CREATE TABLE marts.heart_rate_hourly AS SELECT 'ada' AS athlete_id, * FROM (VALUES "
            "(?::TIMESTAMPTZ, 'strava', ?::DATE), (?, 'strava', ?), (?, 'fitbit', ?)) "
            "AS hours(hour_start_utc, provider, local_date)",
            [old, old.date(), new, new.date(), band, band.date()],
        )
        db.execute("CREATE TABLE marts.heart_rate_daily AS SELECT athlete_id, local_date FROM marts.heart_rate_hourly")
        db.execute(
            "CREATE TABLE marts.training_load_daily AS "
            "SELECT athlete_id, local_date, (provider = 'strava')::INT AS activity_count FROM marts.heart_rate_hourly"
        )
    found = {place: n for place, n in overdue(runtime, NOW).items() if place.startswith("marts.")}
    assert found == {"marts.heart_rate_hourly": 1, "marts.training_load_daily": 1}
    with runtime.duckdb.connect() as db:
        db.execute("DELETE FROM marts.heart_rate_hourly WHERE hour_start_utc = ?", [old])
        db.execute("DELETE FROM marts.training_load_daily WHERE local_date = ?", [old.date()])
    found = {place: n for place, n in overdue(runtime, NOW).items() if place.startswith("marts.")}
    assert found == {"marts.heart_rate_daily": 1}


def test_refused_records_of_a_purged_day_are_found_in_the_quarantine(runtime: Runtime) -> None:
    fresh = NOW.date()
    rejected = Rejected(b"no json", "not JSON", {}, NOW)
    activities = resource("strava", "activities")
    runtime.zone.write_day(activities, "ada", DayAnswer(fresh, (rejected,)), NOW)
    with runtime.duckdb.connect() as db:
        db.execute(
            "INSERT INTO ops.quarantine SELECT 'strava', 'activities', dt, 'ada', 'raw/x', 'not JSON', 'no json', 1 "
            "FROM (VALUES (?::DATE), (?)) AS days(dt)",
            [fresh, fresh - timedelta(days=10)],
        )
    assert overdue(runtime, NOW)["ops.quarantine"] == 1
    assert overdue(runtime, NOW + timedelta(days=8))["ops.quarantine"] == 2


def test_rows_of_a_resource_that_was_switched_off_are_looked_at(runtime: Runtime) -> None:
    with runtime.duckdb.connect() as db:
        db.execute("ALTER TABLE base.strava_laps RENAME TO laps_as_made")
        db.execute(
            "CREATE TABLE base.strava_laps AS SELECT athlete_id, acquired_via, first_fetched_at, dt "
            "FROM base.strava_activities"
        )
    assert overdue(runtime, NOW)["base.strava_laps"] == 1


def test_every_mart_of_activities_is_looked_at() -> None:
    folder = DBT_DIR / "models" / "marts"
    models = [model for file in folder.glob("*.yml") for model in yaml.safe_load(file.read_text()).get("models", [])]
    of_activities = {model["name"] for model in models if "activity_id" in {c["name"] for c in model["columns"]}}
    assert of_activities == {*DERIVED_MARTS, *PAIR_MARTS, "activity_sources"}
