"""A FIT_HOME with published marts only: invented straight in the marts' shape, as long a history as a test wants."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import yaml

from fit_platform.accounts.overrides import OverrideStore
from fit_platform.dashboard.app import Parts
from fit_platform.dashboard.sign_in import SignIn, ThisMachine
from fit_platform.dashboard.source import PublishedMarts

LAST = date(2026, 11, 21)
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ATHLETES = {"ada": "Europe/Berlin", "ben": "America/New_York", "cleo": "Asia/Kathmandu"}
_MODELS = Path(__file__).parents[1] / "dbt_project" / "models" / "marts"
_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "date": "DATE", "boolean": "BOOLEAN", "bool": "BOOLEAN"}


def activity_id(athlete: str, number: int) -> str:
    """The id of an athlete's n-th newest activity."""
    return hashlib.md5(f"{athlete}{number}".encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class DashboardHome:
    """A folder with `published/current` in it."""

    folder: Path
    days: int

    def parts(self, sign_in: SignIn | None = None, public_url: str | None = None) -> Parts:
        """What the application is made of."""
        return Parts(
            source=PublishedMarts(self.folder / "published"),
            sign_in=sign_in or ThisMachine(),
            overrides=OverrideStore(self.folder),
            pipeline=_pipeline,
            clock=lambda: NOW,
            public_url=public_url,
        )

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The published file, to compare answers with."""
        connection = duckdb.connect(str(self.folder / "published" / "current" / "fitness.duckdb"), read_only=True)
        connection.execute("SET TimeZone = 'UTC'")
        return connection


def _pipeline() -> dict[str, object]:
    """A platform that has troubles of every kind."""
    connection = {
        "provider": "polar", "athlete_id": "ada", "state": "needs_consent", "reason": "its token is gone; link again",
        "expires_at": None, "newest_day": {"exercises": "2026-11-10"}, "missing_scopes": ["sleep"], "retention": None,
    }  # fmt: skip
    quota = {
        "provider": "strava", "budget": "read day", "athlete_id": None, "limit": 1000, "used": 990, "left": 10,
        "kept_for_webhooks": 5, "resets_at": "2026-11-23T00:00:00+00:00",
    }  # fmt: skip
    return {
        "now": NOW.isoformat(),
        "stale": {"ada polar": 12.0},
        "status": {
            "target": "local", "connections": [connection], "quota": [quota], "last_build_at": NOW.isoformat(),
            "published": "x", "quarantined_records": 3, "warehouse_busy": None,
        },
        "runs": [
            {"run_id": "a", "job": "sync", "status": "FAILURE", "started_at": NOW.isoformat(), "seconds": 12.5,
             "partitions": "2026-11-20", "assets": 3}
        ],
        "checks": {
            "passed": 300,
            "failed": [
                {"asset": "marts/activities", "check": "unique_grain", "severity": "error", "at": NOW.isoformat()}
            ],
        },
        "quarantine": [
            {"provider": "fitbit", "resource": "sleep", "reason": "no end", "records": 3, "newest_day": "2026-11-20"}
        ],
        "receipts": [
            {"kind": "retention", "athlete_id": "ada", "providers": ["strava"], "why": "older than 7 days",
             "at": NOW.isoformat(), "landing_objects": 4, "base_rows": 1200}
        ],
    }  # fmt: skip


def make_home(folder: Path, days: int, detail_days: int = 3, version: str = "0123456789abcdef") -> DashboardHome:
    """Publish an invented history of `days` for three athletes, the last `detail_days` of it with samples."""
    published = folder / "published"
    target = published / version
    (target / "detail").mkdir(parents=True)
    with duckdb.connect(str(target / "fitness.duckdb")) as db:
        db.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
        for name, columns in contracts().items():
            db.execute(f'CREATE TABLE marts."{name}" ({", ".join(f"{c} {t}" for c, t in columns)})')
        for athlete, zone in ATHLETES.items():
            _fill(db, athlete, zone, days)
        _detail(db, target / "detail", detail_days)
    link = published / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(version)
    return DashboardHome(folder, days)


def contracts() -> dict[str, list[tuple[str, str]]]:
    """Every mart's columns, as its contract says."""
    found = {}
    for path in sorted(_MODELS.glob("*.yml")):
        for model in yaml.safe_load(path.read_text().replace("{{", "").replace("}}", "")).get("models", []):
            found[model["name"]] = [(c["name"], _duckdb_type(c["data_type"])) for c in model["columns"]]
    return found


def _duckdb_type(declared: str) -> str:
    if "timestamp" in declared:
        return "TIMESTAMPTZ"
    return "DOUBLE" if "float" in declared else _TYPES[declared]


# Every third activity is known to Strava alone, every third to Polar alone; the others to Polar, Strava and Fitbit.
_FILL = """
INSERT INTO marts.athletes VALUES ('{a}', upper('{a}'), '{zone}', 'female', DATE '1990-01-01', 190, 50);
CREATE OR REPLACE TEMP TABLE days AS
    SELECT n::INT AS n, DATE '{last}' - n::INT AS day FROM range({days}) AS r(n);
CREATE OR REPLACE TEMP TABLE acts AS
    SELECT md5('{a}' || (n // 2)) AS activity_id, n // 2 AS k, (n // 2) % 3 AS kind, day,
        (day + TIME '17:00')::TIMESTAMPTZ AS started_at,
        ['running', 'cycling', 'swimming', 'strength'][1 + (n // 2) % 4] AS sport_family
    FROM days WHERE n % 2 = 0;
INSERT INTO marts.activities BY NAME
    SELECT activity_id, '{a}' AS athlete_id, started_at, started_at + INTERVAL 1 HOUR AS ended_at,
        3600 AS utc_offset_seconds, day AS local_date, upper(sport_family) AS sport, sport_family,
        'Workout of {a} ' || k AS title, 10000.0 + k AS distance_m, 3500.0 AS moving_seconds, 3600.0 AS elapsed_seconds,
        120.0 AS ascent_m, 500.0 AS energy_kcal, 140.0 + k % 20 AS avg_hr_bpm, 170.0 AS max_hr_bpm,
        true AS has_heart_rate, true AS has_gps, CASE WHEN kind = 0 THEN 3 ELSE 1 END AS source_count,
        CASE WHEN kind = 2 THEN 'strava' ELSE 'polar' END AS primary_provider,
        primary_provider AS source_of_distance, primary_provider AS source_of_heart_rate,
        CASE WHEN kind = 1 THEN 'polar' ELSE 'strava' END AS source_of_title,
        primary_provider AS source_of_sport, source_of_title AS source_of_moving, source_of_title AS source_of_ascent,
        primary_provider AS source_of_energy
    FROM acts;
INSERT INTO marts.activity_sources BY NAME
    SELECT activity_id, '{a}' AS athlete_id, provider, '{a}-' || provider || '-' || k AS provider_activity_id,
        'api' AS acquired_via, 'same' AS relation,
        provider = CASE WHEN kind = 2 THEN 'strava' ELSE 'polar' END AS is_primary, 0.9 AS match_score,
        CASE WHEN is_primary THEN 'primary' ELSE 'heart_rate' END AS matched_by,
        started_at, started_at + INTERVAL 1 HOUR AS ended_at, 10000.0 + k AS distance_m
    FROM acts, (VALUES ('polar'), ('strava'), ('fitbit')) AS p(provider)
    WHERE kind = 0 OR (kind = 1 AND provider = 'polar') OR (kind = 2 AND provider = 'strava');
INSERT INTO marts.activity_match_pairs BY NAME
    SELECT '{a}' AS athlete_id, activity_id, activity_id AS other_activity_id, one AS provider,
        '{a}-' || one || '-' || k AS provider_activity_id, other AS other_provider,
        '{a}-' || other || '-' || k AS other_provider_activity_id, 'same' AS relation, 'heart_rate' AS matched_by,
        0.95 AS match_score, 0.97 AS overlap_over_union, 1.0 AS containment, 3500 AS overlap_seconds,
        12 AS start_difference_seconds, -8 AS end_difference_seconds, 0.99 AS duration_ratio, 0.98 AS distance_ratio,
        'same' AS sport_fit, 55 AS shared_heart_rate_minutes, 1.2 AS heart_rate_difference_bpm,
        0.97 AS heart_rate_correlation, true AS has_one_body, false AS has_two_bodies, false AS has_provenance,
        false AS is_one_device, 2 AS rule_version
    FROM acts, (VALUES ('polar', 'strava'), ('polar', 'fitbit'), ('strava', 'fitbit')) AS p(one, other) WHERE kind = 0;
INSERT INTO marts.activity_match_review BY NAME
    SELECT '{a}' AS athlete_id, activity_id, 'polar' AS provider, '{a}-polar-' || k AS provider_activity_id,
        'fitbit' AS other_provider, '{a}-held-' || k AS other_provider_activity_id, 'possible' AS relation,
        0.4 AS match_score, started_at, started_at AS other_started_at, 'fitbit' AS held_back_provider,
        20.0 AS held_back_minutes
    FROM acts WHERE k = 1;
INSERT INTO marts.activity_match_pairs BY NAME
    SELECT '{a}' AS athlete_id, activity_id, md5('held') AS other_activity_id, 'polar' AS provider,
        '{a}-polar-' || k AS provider_activity_id, 'fitbit' AS other_provider, '{a}-held-' || k AS
        other_provider_activity_id, 'possible' AS relation, 'overlap' AS matched_by, 0.4 AS match_score,
        0.3 AS overlap_over_union, 0.4 AS containment, 'generic' AS sport_fit, false AS has_one_body,
        false AS has_two_bodies, false AS has_provenance, false AS is_one_device
    FROM acts WHERE k = 1;
INSERT INTO marts.activity_zones BY NAME
    SELECT activity_id, '{a}' AS athlete_id, zone, 95.0 + 19 * (zone - 1) AS lower_bpm,
        CASE WHEN zone < 5 THEN 95.0 + 19 * zone END AS upper_bpm, 600.0 * zone AS seconds, '%HRmax' AS scheme
    FROM acts, range(1, 6) AS z(zone);
INSERT INTO marts.activity_heart_rate BY NAME
    SELECT activity_id, '{a}' AS athlete_id, day AS local_date, 3500.0 AS covered_seconds, 97.2 AS covered_percent,
        141.5 AS avg_bpm, 170.0 AS max_bpm, 90.0 AS min_bpm, 60.0 + k % 50 AS trimp, 70.0 AS hrtss FROM acts;
INSERT INTO marts.best_efforts BY NAME
    SELECT activity_id, '{a}' AS athlete_id, metric, seconds AS window_seconds,
        CASE metric WHEN 'speed' THEN 5.0 - seconds / 3600.0 - (k % 7) / 100.0
            ELSE 180.0 - seconds / 100.0 - k % 5 END AS value
    FROM acts, (VALUES ('speed'), ('heart_rate')) AS m(metric), (VALUES (60), (300), (1200), (3600)) AS w(seconds);
INSERT INTO marts.activity_laps BY NAME
    SELECT activity_id, '{a}' AS athlete_id, 'strava' AS provider, '{a}-strava-' || k AS provider_activity_id,
        false AS is_split, lap AS lap_number, 'Lap ' || lap AS lap_name, started_at, 300.0 AS elapsed_seconds,
        1000.0 AS distance_m, 150.0 AS avg_hr_bpm
    FROM acts, range(1, 4) AS l(lap) WHERE kind <> 1 AND k < 20;
INSERT INTO marts.heart_rate_hourly BY NAME
    SELECT '{a}' AS athlete_id, (day + INTERVAL (hour) HOUR)::TIMESTAMPTZ - INTERVAL 1 HOUR AS hour_start_utc,
        day AS local_date, hour AS local_hour, 3600 AS utc_offset_seconds,
        70.0 + (n * 7 + hour * 13) % 90 AS max_bpm, 60.0 + (n + hour) % 20 AS avg_bpm, 50.0 AS min_bpm,
        240 AS sample_count, 60.0 AS covered_minutes, 15.0 AS cadence_seconds, 'fitbit' AS provider
    FROM days, range(24) AS h(hour);
INSERT INTO marts.heart_rate_daily BY NAME
    SELECT '{a}' AS athlete_id, day AS local_date, 159.0 AS max_bpm, 65.0 AS avg_bpm, 45.0 AS min_bpm,
        50.0 + n % 6 AS resting_bpm, 51.0 + n % 5 AS resting_bpm_provider, 1380.0 AS worn_minutes,
        3000.0 AS zone_1_seconds, 2000.0 AS zone_2_seconds, 1000.0 AS zone_3_seconds, 500.0 AS zone_4_seconds,
        100.0 AS zone_5_seconds, 5760 AS sample_count FROM days;
INSERT INTO marts.training_load_daily BY NAME
    SELECT '{a}' AS athlete_id, day AS local_date, 60.0 + n % 40 AS trimp, 50.0 + n % 10 AS ctl, 55.0 + n % 20 AS atl,
        -5.0 + n % 9 AS tsb, 1 AS activity_count, 0 AS activities_without_trimp FROM days;
INSERT INTO marts.sleep_nights BY NAME
    SELECT '{a}' AS athlete_id, day AS local_date, provider, (day - INTERVAL 2 HOUR)::TIMESTAMPTZ AS started_at,
        (day + INTERVAL 6 HOUR)::TIMESTAMPTZ AS ended_at, 430.0 + n % 30 AS asleep_minutes, 80.0 AS deep_minutes,
        250.0 AS light_minutes, 100.0 AS rem_minutes, 20.0 AS awake_minutes
    FROM days, (VALUES ('polar'), ('fitbit')) AS p(provider);
INSERT INTO marts.daily_summary BY NAME
    SELECT '{a}' AS athlete_id, day AS local_date, 9000 + n % 500 AS steps, 7000.0 AS distance_m, 'fitbit' AS
        source_of_steps FROM days;
INSERT INTO marts.health_daily BY NAME
    SELECT '{a}' AS athlete_id, day AS local_date, 55.0 + n % 12 AS hrv_rmssd_ms, 'fitbit' AS source_of_hrv,
        96.5 AS blood_oxygen_percent, 13.4 AS breathing_rate_per_minute FROM days;
"""


def _fill(db: duckdb.DuckDBPyConnection, athlete: str, zone: str, days: int) -> None:
    for statement in _FILL.format(a=athlete, zone=zone, last=LAST, days=days).split(";\n"):
        if statement.strip():
            db.execute(statement)


def _detail(db: duckdb.DuckDBPyConnection, folder: Path, days: int) -> None:
    first = LAST - timedelta(days=days - 1)
    month = f"{LAST:%Y-%m}-0000000000000000.parquet"
    (folder / "heart_rate_samples").mkdir()
    (folder / "activity_tracks").mkdir()
    db.execute(
        f"""COPY (SELECT athlete_id, local_date AS dt, 'fitbit' AS provider, 'continuous' AS feed,
            epoch(hour_start_utc)::BIGINT + 15 * n AS sampled_second, 3600::BIGINT AS utc_offset_seconds,
            60::DOUBLE + n % 40 AS bpm
        FROM marts.heart_rate_hourly, range(240) AS r(n) WHERE local_date >= DATE '{first}'
        ORDER BY athlete_id, sampled_second) TO '{folder / "heart_rate_samples" / month}' (FORMAT parquet)"""
    )
    db.execute(
        f"""COPY (SELECT athlete_id, started_at::DATE AS dt, provider, provider_activity_id,
            started_at + INTERVAL (n) SECOND AS sampled_at, 120::DOUBLE + n % 60 AS heart_rate_bpm,
            3::DOUBLE AS speed_mps, 200::DOUBLE + n / 100 AS altitude_m, 3::DOUBLE * n AS distance_m,
            85::DOUBLE AS cadence_rpm, NULL::DOUBLE AS power_w,
            48::DOUBLE + n / 100000 AS latitude_deg, 11::DOUBLE + n / 100000 AS longitude_deg
        FROM marts.activity_sources, range(3600) AS r(n)
        WHERE provider <> 'fitbit' AND started_at >= DATE '{first}'
        ORDER BY athlete_id, provider_activity_id, sampled_at)
        TO '{folder / "activity_tracks" / month}' (FORMAT parquet)"""
    )
