"""Samples are published by month, and an unchanged month is the same file."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from fit_platform.pipeline.publish import publish
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

_TABLES = """
CREATE SCHEMA ops; CREATE SCHEMA intermediate; CREATE SCHEMA marts;
CREATE TABLE marts.athletes AS SELECT 'ada' AS athlete_id;
CREATE TABLE ops.load_ledger AS SELECT * FROM (VALUES
    ('polar', 'exercises', DATE '2026-09-15', 'a', 'v1', 1), ('polar', 'exercises', DATE '2026-10-15', 'b', 'v1', 1)
) AS l(provider, resource, dt, content_hash, parser_version, loaded_rows);
CREATE TABLE intermediate.int_activity_clusters AS
    SELECT 'r1' AS record_id, 'a1' AS activity_id, 'same' AS relation, true AS is_primary, 'primary' AS matched_by;
CREATE TABLE intermediate.int_activity_records AS SELECT 'r1' AS record_id, true AS has_heart_rate_samples,
    3600 AS utc_offset_seconds, TIMESTAMPTZ '2026-10-15 10:00:00+00' AS started_at;
CREATE TABLE intermediate.int_utc_offset_segments AS
    SELECT 'ada' AS athlete_id, 0 AS from_second, 4000000000 AS to_second, 3600 AS utc_offset_seconds;
CREATE TABLE intermediate.int_local_time_map AS SELECT 'ada' AS athlete_id, DATE '2026-10-15' AS local_date;
CREATE TABLE samples AS SELECT 'ada' AS athlete_id, d AS dt, 'polar' AS provider, 'activity' AS feed,
    epoch(d::TIMESTAMP)::BIGINT AS sampled_second, 3600 AS utc_offset_seconds, 100.0::DOUBLE AS bpm
    FROM (VALUES (DATE '2026-09-15'), (DATE '2026-10-15')) AS v(d);
CREATE VIEW intermediate.int_heart_rate_samples AS SELECT * FROM samples;
CREATE VIEW intermediate.int_activity_tracks AS
    SELECT athlete_id, dt, provider, 'x' AS provider_activity_id, dt::TIMESTAMPTZ AS sampled_at FROM samples;
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    with duckdb.connect(str(tmp_path / "fit.duckdb")) as db:
        db.execute(_TABLES)
    return DuckDBWarehouse(tmp_path / "fit.duckdb")


def files(folder: Path) -> dict[str, int]:
    """Month files of a version, and the inode of each."""
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.glob("detail/*/*.parquet")}


def months(folder: Path) -> list[str]:
    return sorted(name.split("/")[2][:7] for name in files(folder))


def test_only_the_month_that_changed_is_written_again(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    first = publish(warehouse, tmp_path / "published")
    assert months(first.folder) == ["2026-09", "2026-09", "2026-10", "2026-10"]
    before = files(first.folder)
    assert publish(warehouse, tmp_path / "published").changed is False
    with warehouse.connect() as db:
        db.execute("UPDATE ops.load_ledger SET content_hash = 'c' WHERE dt = DATE '2026-10-15'")
    second = publish(warehouse, tmp_path / "published")
    assert second.changed
    after = files(second.folder)
    kept = set(before) & set(after)
    assert sorted(name.split("/")[2][:7] for name in kept) == ["2026-09", "2026-09"]
    assert all(before[name] == after[name] for name in kept)
    assert months(second.folder) == months(first.folder)


def test_a_decision_on_matching_writes_its_month_again(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    """What is a repeat of another recording is left out of the samples, so they depend on the clusters."""
    before = files(publish(warehouse, tmp_path / "published").folder)
    with warehouse.connect() as db:
        db.execute("UPDATE intermediate.int_activity_clusters SET relation = 'shifted_copy'")
    after = files(publish(warehouse, tmp_path / "published").folder)
    assert sorted(name.split("/")[2][:7] for name in set(after) - set(before)) == ["2026-10", "2026-10"]


def test_what_was_purged_is_in_no_published_file(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    """A limited home keeps one version only: a linked file of the older one must go with it."""
    publish(warehouse, tmp_path / "published", kept_versions=1)
    with warehouse.connect() as db:
        db.execute(
            "DELETE FROM samples WHERE dt = DATE '2026-10-15'; DELETE FROM ops.load_ledger WHERE content_hash = 'b'"
        )
    publish(warehouse, tmp_path / "published", kept_versions=1)
    found = sorted(str(path) for path in (tmp_path / "published").rglob("*.parquet") if "detail" in path.parts)
    rows = duckdb.connect().execute("SELECT DISTINCT dt::VARCHAR FROM read_parquet(?)", [found]).fetchall()
    assert rows == [("2026-09-15",)]


def test_a_warehouse_without_a_build_publishes_its_marts_alone(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "fit.duckdb")) as db:
        db.execute("CREATE SCHEMA marts; CREATE TABLE marts.athletes AS SELECT 'ada' AS athlete_id")
    published = publish(DuckDBWarehouse(tmp_path / "fit.duckdb"), tmp_path / "published")
    assert files(published.folder) == {}
    assert (published.folder / "fitness.duckdb").is_file()
