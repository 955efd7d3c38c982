"""The published copy: whole or not there, readable by other tools, and never in the way of who reads the last one."""

from __future__ import annotations

import struct

import duckdb
import pandas as pd
import pytest
from pyarrow import parquet

from fit_platform.pipeline import publish as publishing
from fit_platform.pipeline.publish import publish
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

_STORAGE_OF_DUCKDB_1_2 = 65  # DuckDB's "storage version" table: 64 is 0.10 to 1.1, 65 is 1.2 to 1.3


@pytest.fixture
def warehouse(tmp_path):
    """Two marts, in a folder whose name has a quote in it."""
    warehouse = DuckDBWarehouse(tmp_path / "o'brien" / "warehouse" / "fit.duckdb")
    with warehouse.connect() as db:
        db.execute("CREATE SCHEMA marts")
        db.execute("CREATE TABLE marts.athletes AS SELECT 'ada' AS athlete_id, DATE '1990-05-04' AS birth_date")
        db.execute(
            "CREATE TABLE marts.steps AS SELECT i AS n, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS at FROM range(3) t(i)"
        )
        db.execute("CREATE VIEW marts.not_a_table AS SELECT 1 AS one")
    return warehouse


@pytest.fixture
def root(tmp_path):
    return tmp_path / "o'brien" / "published"


def change(warehouse):
    with warehouse.connect() as db:
        db.execute("INSERT INTO marts.steps VALUES (3, now())")


def test_one_duckdb_file_and_a_parquet_file_a_mart(warehouse, root):
    published = publish(warehouse, root)
    assert published.rows == {"athletes": 1, "steps": 3}
    with duckdb.connect(str(root / "current" / "fitness.duckdb"), read_only=True) as db:
        assert db.execute("SELECT count(*) FROM marts.steps").fetchone() == (3,)
    assert sorted(path.name for path in (root / "current" / "parquet").iterdir()) == [
        "athletes.parquet",
        "steps.parquet",
    ]
    assert parquet.read_table(root / "current" / "parquet" / "steps.parquet").num_rows == 3
    assert pd.read_parquet(root / "current" / "parquet" / "athletes.parquet")["athlete_id"].tolist() == ["ada"]


def test_the_file_has_the_storage_version_that_tools_with_an_older_duckdb_open(warehouse, root):
    publish(warehouse, root)
    header = (root / "current" / "fitness.duckdb").read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert struct.unpack("<Q", header[12:20])[0] <= _STORAGE_OF_DUCKDB_1_2


def test_the_same_content_is_not_published_twice(warehouse, root):
    first = publish(warehouse, root)
    written = (root / "current" / "fitness.duckdb").stat().st_mtime_ns
    again = publish(warehouse, root)
    assert (first.changed, again.changed) == (True, False)
    assert again.version == first.version
    assert (root / "current" / "fitness.duckdb").stat().st_mtime_ns == written


def test_who_reads_the_last_version_goes_on_reading_it(warehouse, root):
    publish(warehouse, root)
    with duckdb.connect(str(root / "current" / "fitness.duckdb"), read_only=True) as reader:
        change(warehouse)
        assert publish(warehouse, root).changed
        assert reader.execute("SELECT count(*) FROM marts.steps").fetchone() == (3,)
    assert parquet.read_table(root / "current" / "parquet" / "steps.parquet").num_rows == 4
    assert len([path for path in root.iterdir() if path.is_dir() and not path.is_symlink()]) == 2, "this and the last"


def test_a_publish_that_fails_leaves_the_last_version_and_nothing_half(warehouse, root, monkeypatch):
    published = publish(warehouse, root)
    change(warehouse)

    def fail(db, marts, folder):
        (folder / "fitness.duckdb").write_text("half")
        raise duckdb.IOException("No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(publishing, "_copy", fail)
        with pytest.raises(duckdb.IOException, match="No space"):
            publish(warehouse, root)
    assert (root / "current").resolve().name == published.version
    assert sorted(path.name for path in root.iterdir()) == sorted(["current", published.version])
    assert publish(warehouse, root).changed, "and the next one works"


def test_where_data_may_be_kept_for_a_limited_time_no_older_version_stays(warehouse, root):
    publish(warehouse, root)
    change(warehouse)
    published = publish(warehouse, root, kept_versions=1)
    assert sorted(path.name for path in root.iterdir()) == sorted(["current", published.version])
