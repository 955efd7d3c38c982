"""Marts on their way out: read again as CSV and Parquet, by athlete and day, whole or not at all."""

from __future__ import annotations

import csv
import json
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from fit_platform.accounts.athletes import AthleteStore
from fit_platform.cli import app
from fit_platform.errors import ConfigError
from fit_platform.export.marts import MANIFEST, PublishedDataset, PublishedMarts, Wanted, export_marts
from fit_platform.pipeline.publish import publish
from fit_platform.warehouse.bigquery_schema import PUBLISHED_SCHEMA
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse


@pytest.fixture
def home(tmp_path, monkeypatch):
    """FIT_HOME with three published marts of two athletes and two days."""
    home = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIT_HOME", str(home))
    for name in ("ada", "ben"):
        AthleteStore(home).upsert(name, {})
    warehouse = DuckDBWarehouse(home / "warehouse" / "fit.duckdb")
    with warehouse.connect() as db:
        db.execute("CREATE SCHEMA marts")
        db.execute(
            "CREATE TABLE marts.activities AS SELECT * FROM (VALUES "
            "('r1', 'ada', TIMESTAMPTZ '2026-03-01 23:30:00+00', DATE '2026-03-02', 'Run, \"long\"', 10.5::DOUBLE), "
            "('r2', 'ada', TIMESTAMPTZ '2026-03-03 08:00:00+00', DATE '2026-03-03', NULL, NULL), "
            "('r3', 'ben', TIMESTAMPTZ '2026-03-02 08:00:00+00', DATE '2026-03-02', 'Läufchen\n2', 0.1)) "
            "AS t(activity_id, athlete_id, started_at, local_date, title, distance_m)"
        )
        db.execute(
            "CREATE TABLE marts.best_efforts AS SELECT activity_id, athlete_id, 1 AS value FROM marts.activities"
        )
        db.execute("CREATE TABLE marts.athletes AS SELECT DISTINCT athlete_id FROM marts.activities")
    publish(warehouse, home / "published")
    return home


def export(*arguments):
    return CliRunner().invoke(app, ["export", *arguments])


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_holds_every_mart_and_other_readers_find_the_same_values(home, tmp_path):
    result = export("marts", "--out", "out")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "activities.csv", "athletes.csv", "best_efforts.csv", MANIFEST,
    ]  # fmt: skip
    rows = read_csv(tmp_path / "out" / "activities.csv")
    assert [row["title"] for row in rows] == ['Run, "long"', "", "Läufchen\n2"]
    assert rows[0]["started_at"] == "2026-03-01 23:30:00.000000Z", "UTC, whatever the machine's zone"
    kept = duckdb.sql(f"SELECT * FROM read_csv('{tmp_path / 'out' / 'activities.csv'}') ORDER BY 1").fetchall()
    assert [row[5] for row in kept] == [10.5, None, 0.1]


def test_parquet_keeps_the_types(home, tmp_path):
    assert export("marts", "activities", "--format", "parquet", "--out", "out").exit_code == 0
    read = parquet.read_table(tmp_path / "out" / "activities.parquet")
    assert str(read.schema.field("started_at").type) == "timestamp[us, tz=UTC]"
    assert read.column("distance_m").to_pylist() == [10.5, None, 0.1]
    assert read.column("local_date")[0].as_py() == date(2026, 3, 2)


def test_days_are_the_athletes_own_and_a_mart_without_days_is_exported_whole_and_said_so(home, tmp_path):
    result = export("marts", "--athlete", "ada", "--from", "2026-03-02", "--to", "2026-03-02", "--out", "out")
    assert result.exit_code == 0, result.output
    assert [row["activity_id"] for row in read_csv(tmp_path / "out" / "activities.csv")] == ["r1"]
    assert [row["activity_id"] for row in read_csv(tmp_path / "out" / "best_efforts.csv")] == ["r1"], "its activity's"
    assert [row["athlete_id"] for row in read_csv(tmp_path / "out" / "athletes.csv")] == ["ada"]
    assert "without days of their own, so exported whole: athletes" in result.stderr
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["athletes"] == ["ada"]
    assert (manifest["from"], manifest["to"]) == ("2026-03-02", "2026-03-02")
    assert manifest["files"] == {"activities.csv": 1, "athletes.csv": 1, "best_efforts.csv": 1}
    assert manifest["published_version"] == (home / "published" / "current").resolve().name


def test_scripts_get_json(home):
    facts = json.loads(export("marts", "athletes", "--json", "--out", "out").stdout)
    assert facts == [{"mart": "athletes", "path": "out/athletes.csv", "rows": 2, "is_dated": False}]


def test_an_export_that_fails_leaves_the_old_file_and_nothing_half(home, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    old = tmp_path / "out" / "athletes.csv"
    old.write_text("as it was")

    def full(rows, path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(__import__("fit_platform.export.marts", fromlist=["_WRITERS"])._WRITERS, "csv", full)
    reader = PublishedMarts(home / "published")
    with pytest.raises(OSError, match="No space"):
        export_marts(reader, Wanted(marts=("athletes",)), tmp_path / "out", "csv")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["athletes.csv"]
    assert old.read_text() == "as it was"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["marts", "nonsense"], 1, "there is no mart 'nonsense': use one of activities, athletes, best_efforts"),
        (["marts", "--athlete", "eve"], 2, "unknown athlete 'eve': there are ada, ben"),
        (["marts", "--format", "xlsx"], 2, "give csv or parquet"),
        (["marts", "--from", "2026-03-03", "--to", "2026-03-01"], 2, "swap them"),
        (["activity", "r9"], 1, "give the id, or at least its first 6 letters"),
        (["activity", "abcdef12"], 1, "`fit-platform export marts activities` lists all with their ids"),
        (["activity", "abcdef12", "--format", "kml"], 2, "give gpx or tcx"),
    ],
)
def test_a_wrong_question_is_one_line_with_the_way_out(home, arguments, code, says):
    result = export(*arguments)
    assert result.exit_code == code, result.output
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_before_anything_is_published_the_way_out_is_a_sync(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = export("marts")
    assert result.exit_code == 1
    assert "nothing is published" in result.stderr
    assert "run `fit-platform sync`" in result.stderr


class BigQuery:
    """What an export needs of BigQuery: it notes what it is asked."""

    def __init__(self, columns):
        self.asked = []
        self._columns = columns

    def columns(self, schema):
        return self._columns if schema == PUBLISHED_SCHEMA else {}

    def relation(self, schema, name):
        return f"`project.fit_{schema}.{name}`"

    def query(self, sql, parameters=()):
        self.asked.append((sql, list(parameters)))
        return pa.table({"activity_id": ["r1"]})


def test_on_google_cloud_the_published_dataset_is_read(tmp_path):
    bigquery = BigQuery(
        {
            "activities": {"activity_id": "STRING", "athlete_id": "STRING", "local_date": "DATE"},
            "best_efforts": {"activity_id": "STRING"},
        }
    )
    wanted = Wanted(athletes=("ada",), first=date(2026, 3, 1))
    done = export_marts(PublishedDataset(bigquery), wanted, tmp_path, "csv")
    assert [exported.rows for exported in done] == [1, 1]
    assert [sql for sql, _ in bigquery.asked] == [
        "SELECT activity_id, athlete_id, local_date FROM `project.fit_published.activities` "
        "WHERE athlete_id IN (?) AND local_date >= ? ORDER BY 1, 2, 3",
        "SELECT activity_id FROM `project.fit_published.best_efforts` WHERE athlete_id IN (?) AND activity_id IN "
        "(SELECT activity_id FROM `project.fit_published.activities` WHERE local_date >= ?) ORDER BY 1",
    ]
    assert bigquery.asked[0][1] == ["ada", date(2026, 3, 1)]


def test_on_google_cloud_before_anything_is_published_the_way_out_is_a_sync():
    with pytest.raises(ConfigError, match="run `fit-platform sync`"):
        PublishedDataset(BigQuery({}))
