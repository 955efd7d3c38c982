"""BigQuery as the warehouse: tables from the schemas in code, exactly the loaded days replaced, nothing half done."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fit_platform.errors import ConfigError, FitError
from fit_platform.warehouse.base import Quarantined
from fit_platform.warehouse.bigquery_jobs import ParquetLoad, write_rows
from fit_platform.warehouse.bigquery_warehouse import DAYS_BY_PARTITION, BigQueryWarehouse, open_bigquery
from fit_platform.warehouse.schema import Column, Table, Type
from tests.gcp.emulators import PROJECT
from tests.gcp.flaky_proxy import flaky_proxy
from tests.gcp.warehouses import BEATS, FIRST, LOADED_AT, WALKS, day_load, parquet, walk

FEW = [FIRST + timedelta(days=n) for n in range(2)]
MANY = [FIRST + timedelta(days=n) for n in range(DAYS_BY_PARTITION + 3)]


@pytest.fixture
def prepared(warehouse: BigQueryWarehouse) -> BigQueryWarehouse:
    warehouse.prepare([WALKS, BEATS], sample_tables={"beats"})
    return warehouse


def walks(warehouse: BigQueryWarehouse, columns: str = "dt, walk_id, distance_m") -> list[tuple[Any, ...]]:
    rows = warehouse.query(f"SELECT {columns} FROM {warehouse.relation('base', 'walks')} ORDER BY dt, walk_id")
    return [tuple(row.values()) for row in rows.to_pylist()]


def jobs(warehouse: BigQueryWarehouse, kind: str) -> list[Any]:
    return [job for job in warehouse.client.list_jobs() if job.job_type == kind and not job.parent_job_id]


def test_tables_are_as_the_schemas_in_code_say(prepared: BigQueryWarehouse) -> None:
    table = prepared.client.get_table(f"{prepared.dataset('base')}.walks")
    assert table.time_partitioning.field == "dt"
    assert table.clustering_fields == ["athlete_id"]
    assert table.description == WALKS.description
    assert table.labels["app"] == "fit-platform"
    assert [field.name for field in table.schema] == [column.name for column in WALKS.all_columns]
    fields = {field.name: field for field in table.schema}
    assert (fields["walk_id"].field_type, fields["walk_id"].mode) == ("STRING", "REQUIRED")
    assert (fields["distance_m"].field_type, fields["distance_m"].mode) == ("FLOAT", "NULLABLE")
    assert fields["distance_m"].description == "Distance in metres."
    assert not table.require_partition_filter
    dataset = prepared.client.get_dataset(prepared.dataset("base"))
    assert (dataset.location, dataset.labels["app"]) == ("EU", "fit-platform")
    assert prepared.client.get_dataset(prepared.dataset("scratch")).default_table_expiration_ms == 24 * 3600 * 1000


def test_a_query_on_a_big_table_must_say_which_days_it_means(prepared: BigQueryWarehouse) -> None:
    beats = prepared.relation("base", "beats")
    with pytest.raises(FitError, match="without a filter"):
        prepared.query(f"SELECT count(*) AS n FROM {beats}")
    assert prepared.query(f"SELECT count(*) AS n FROM {beats} WHERE dt = DATE '2026-03-01'").to_pylist() == [{"n": 0}]
    assert prepared.row_count(BEATS) == 0


def test_preparing_again_changes_nothing(prepared: BigQueryWarehouse) -> None:
    before = prepared.client.get_table(f"{prepared.dataset('base')}.walks").etag
    prepared.prepare([WALKS, BEATS], sample_tables={"beats"})
    assert prepared.client.get_table(f"{prepared.dataset('base')}.walks").etag == before


def test_a_new_nullable_column_is_added_with_its_description(prepared: BigQueryWarehouse) -> None:
    wider = Table("walks", "x", (*WALKS.columns, Column("ascent_m", Type.FLOAT, "Ascent in metres.")), key=WALKS.key)
    prepared.prepare([wider, BEATS])
    field = prepared.client.get_table(f"{prepared.dataset('base')}.walks").schema[-1]
    assert (field.name, field.field_type, field.description) == ("ascent_m", "FLOAT", "Ascent in metres.")
    prepared.prepare([wider, BEATS])


@pytest.mark.parametrize("days", [FEW, MANY], ids=["few days", "many days"])
def test_a_column_that_was_added_is_loaded(prepared: BigQueryWarehouse, tmp_path: Path, days: list[date]) -> None:
    """It stands before the provenance in code, and last in the table."""
    old = parquet(WALKS, [walk(days[0])], tmp_path / "old.parquet")
    prepared.replace_days(day_load([days[0]], {WALKS: [old]}))
    wider = Table("walks", "x", (*WALKS.columns, Column("ascent_m", Type.FLOAT, "Ascent in metres.")), key=WALKS.key)
    prepared.prepare([wider, BEATS])
    names = "dt, ascent_m, distance_m, landing_object"
    assert walks(prepared, names) == [(days[0], None, 1000.5, "raw/part.ndjson.gz")]
    file = parquet(wider, [walk(day, ascent_m=12.5) for day in days], tmp_path / "new.parquet")
    prepared.replace_days(day_load(days, {wider: [file]}, content="v2"))
    assert walks(prepared, names) == [(day, 12.5, 1000.5, "raw/part.ndjson.gz") for day in days]


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ((Column("walk_id", Type.INT, "id", nullable=False), *WALKS.columns[1:]), "walk_id"),
        (WALKS.columns[:-1], "is_indoor"),
        ((*WALKS.columns, Column("must", Type.INT, "required", nullable=False)), "must"),
        ((Column("walk_id", Type.STRING, "id"), *WALKS.columns[1:]), "walk_id"),
        ((*WALKS.columns[:-1], Column("is_indoor", Type.BOOL, "required", nullable=False)), "is_indoor"),
    ],
    ids=["another type", "a column less", "a new required column", "no more required", "now required"],
)
def test_any_other_change_is_refused_before_anything_is_touched(
    prepared: BigQueryWarehouse, columns: tuple[Column, ...], named: str
) -> None:
    changed = Table("walks", "x", columns, key=WALKS.key)
    new = Table("brand_new", "x", (), key=("athlete_id",))
    wider = Table("beats", "x", (*BEATS.columns, Column("more", Type.INT, "x")), key=BEATS.key)
    with pytest.raises(ConfigError, match=rf"base\.walks: columns .*{named}.*fit-platform rebuild"):
        prepared.prepare([new, wider, changed])
    tables = {table.table_id for table in prepared.client.list_tables(prepared.dataset("base"))}
    assert tables == {"walks", "beats"}
    assert "more" not in {f.name for f in prepared.client.get_table(f"{prepared.dataset('base')}.beats").schema}


def test_a_dataset_in_another_location_is_refused(prepared: BigQueryWarehouse) -> None:
    other = BigQueryWarehouse(
        prepared.client, dataset_prefix=prepared.dataset_prefix, location="US", maximum_bytes_billed=1
    )
    with pytest.raises(ConfigError, match=r"is in EU, FIT_BIGQUERY_LOCATION says US"):
        other.prepare([WALKS])


@pytest.mark.parametrize("days", [FEW, MANY], ids=["each day into its partition", "many days by one job"])
def test_exactly_the_loaded_days_are_replaced(prepared: BigQueryWarehouse, tmp_path: Path, days: list[date]) -> None:
    outside = days[-1] + timedelta(days=1)
    file = parquet(WALKS, [walk(day) for day in (*days, outside)], tmp_path / "a.parquet")
    prepared.replace_days(day_load([*days, outside], {WALKS: [file]}))
    rows = [walk(days[0], distance_m=None, started_at=datetime(2026, 3, 1, 6, tzinfo=UTC), is_indoor=True)]
    rows += [walk(day, number=number) for day in days[1:-1] for number in (1, 2)]
    # Two files, as two batches of the parser leave them; the last day has become empty.
    files = [parquet(WALKS, part, tmp_path / f"{n}.parquet") for n, part in enumerate((rows[:1], rows[1:]))]
    bad = [Quarantined(days[0], "ada", "raw/x", "no id", None, 3)]
    prepared.replace_days(day_load(days, {WALKS: files}, content="v2", quarantine=bad))
    expected = [(row["dt"], row["walk_id"], row["distance_m"]) for row in (*rows, walk(outside))]
    assert walks(prepared) == sorted(expected)
    ledger = prepared.ledger("test", "walks")
    assert {day: entry.content_hash for day, entry in ledger.items()} == {**dict.fromkeys(days, "v2"), outside: "v1"}
    assert ledger[days[0]].loaded_at == LOADED_AT
    quarantine = prepared.relation("ops", "quarantine")
    assert prepared.query(f"SELECT dt, reason, records FROM {quarantine}").to_pylist() == [
        {"dt": days[0], "reason": "no id", "records": 3}
    ]
    assert prepared.pending_days() == sorted({*days, outside})
    assert list(prepared.client.list_tables(prepared.dataset("scratch"))) == [], "nothing is left behind"


def test_values_arrive_as_they_were_sent(prepared: BigQueryWarehouse, tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, 6, 30, 15, 123456, tzinfo=UTC)
    row = walk(FIRST, walk_id="Ünï 🚶 'x'", started_at=moment, distance_m=0.1 + 0.2, is_indoor=False)
    prepared.replace_days(day_load([FIRST], {WALKS: [parquet(WALKS, [row], tmp_path / "a.parquet")]}))
    names = ", ".join(WALKS.arrow_schema.names)
    assert walks(prepared, names) == [tuple(row[name] for name in WALKS.arrow_schema.names)]


def test_a_few_days_are_load_jobs_into_partitions_and_many_days_are_one(
    prepared: BigQueryWarehouse, tmp_path: Path
) -> None:
    file = parquet(WALKS, [walk(day) for day in MANY], tmp_path / "a.parquet")
    for days, targets in ((FEW, {f"walks${day:%Y%m%d}" for day in FEW}), (MANY, {"walks"})):
        known = {job.job_id for job in jobs(prepared, "load")}
        prepared.replace_days(day_load(days, {WALKS: [file]}))
        fresh = [job for job in jobs(prepared, "load") if job.job_id not in known]
        base = {job.destination.table_id for job in fresh if "ledger" not in job.destination.table_id}
        assert {name.rpartition("_")[0] or name for name in base} == targets
        assert all(job.write_disposition == "WRITE_TRUNCATE" and job.source_format == "PARQUET" for job in fresh)
        assert all(job.labels["resource"] == "walks" and job.labels["step"] == "load" for job in fresh)


@pytest.mark.parametrize("days", [FEW, MANY], ids=["few days", "many days"])
def test_a_load_that_fails_is_never_taken_for_done(
    prepared: BigQueryWarehouse, tmp_path: Path, days: list[date]
) -> None:
    good = parquet(WALKS, [walk(day) for day in days], tmp_path / "good.parquet")
    prepared.replace_days(day_load(days, {WALKS: [good]}))
    bad = parquet(WALKS, [walk(day, walk_id=None) for day in days], tmp_path / "bad.parquet")
    with pytest.raises(ValueError, match="null"):
        prepared.replace_days(day_load(days, {WALKS: [bad]}, content="v2"))
    assert "v2" not in {entry.content_hash for entry in prepared.ledger("test", "walks").values()}
    assert len(walks(prepared)) == len(days), "what was loaded is still there"
    prepared.replace_days(day_load(days, {WALKS: [good]}, content="v3"))
    assert {entry.content_hash for entry in prepared.ledger("test", "walks").values()} == {"v3"}
    assert len(walks(prepared)) == len(days)


def test_a_transaction_that_fails_changes_nothing(prepared: BigQueryWarehouse, tmp_path: Path) -> None:
    prepared.replace_days(day_load(MANY, {WALKS: [parquet(WALKS, [walk(FIRST)], tmp_path / "a.parquet")]}))
    with pytest.raises(FitError, match="BigQuery"):
        prepared.jobs.script(
            f"BEGIN TRANSACTION; DELETE FROM {prepared.relation('base', 'walks')} WHERE dt >= DATE '2026-01-01'; "
            f"INSERT INTO {prepared.relation('base', 'nowhere')} (x) VALUES (1); COMMIT TRANSACTION;"
        )
    assert len(walks(prepared)) == 1


def test_builds_and_the_build_queue_are_kept(prepared: BigQueryWarehouse, tmp_path: Path) -> None:
    prepared.replace_days(day_load(FEW, {WALKS: [parquet(WALKS, [walk(FIRST)], tmp_path / "a.parquet")]}))
    prepared.mark_built(FEW, LOADED_AT - timedelta(seconds=1))
    assert prepared.pending_days() == FEW, "queued after that build began"
    prepared.mark_built(FEW[:1], LOADED_AT)
    assert prepared.pending_days() == FEW[1:]
    assert prepared.last_build() is None
    prepared.record_build("models 1")
    prepared.record_build("models 2")
    assert prepared.last_build() == "models 2"


def test_dropping_leaves_the_datasets_and_their_grants(prepared: BigQueryWarehouse) -> None:
    prepared.drop()
    assert list(prepared.client.list_tables(prepared.dataset("base"))) == []
    assert prepared.client.get_dataset(prepared.dataset("base"))
    prepared.drop()
    prepared.prepare([WALKS])
    assert walks(prepared) == []


def test_every_query_has_a_ceiling_and_a_label(prepared: BigQueryWarehouse) -> None:
    known = {job.job_id for job in jobs(prepared, "query")}
    prepared.query("SELECT 1 AS n")
    (job,) = [job for job in jobs(prepared, "query") if job.job_id not in known]
    assert job.maximum_bytes_billed == 10**9
    assert job.labels == {"app": "fit-platform"}


def test_transient_errors_are_tried_again(bigquery_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("google.api_core.retry.retry_unary.time.sleep", lambda seconds: None)
    with flaky_proxy(bigquery_url) as proxy:
        warehouse = open_bigquery(
            project=PROJECT, location="EU", dataset_prefix="flaky_", maximum_bytes_billed=1, emulator_url=proxy.url
        )
        file = parquet(WALKS, [walk(FIRST)], tmp_path / "a.parquet")
        for action in (
            lambda: warehouse.prepare([WALKS]),
            lambda: warehouse.replace_days(day_load([FIRST], {WALKS: [file]})),
            lambda: warehouse.ledger("test", "walks"),
        ):
            proxy.faults = [503, None, 502]
            action()
            assert proxy.faults == []
        assert warehouse.row_count(WALKS) == 1


def test_a_load_whose_answer_was_lost_is_waited_for_and_not_run_again(
    prepared: BigQueryWarehouse, bigquery_url: str, tmp_path: Path
) -> None:
    columns = WALKS.all_columns
    write_rows([walk(FIRST)], columns, tmp_path / "a.parquet")
    known = {job.job_id for job in jobs(prepared, "load")}
    with flaky_proxy(bigquery_url) as proxy:
        warehouse = open_bigquery(
            project=PROJECT, location="EU", dataset_prefix=prepared.dataset_prefix, maximum_bytes_billed=1,
            emulator_url=proxy.url,
        )  # fmt: skip
        proxy.faults = ["lost answer"]
        target = f"{prepared.dataset('base')}.walks${FIRST:%Y%m%d}"
        warehouse.jobs.load([ParquetLoad(tmp_path / "a.parquet", target, columns)], {})
        assert sum(request.startswith("POST /upload/bigquery") for request in proxy.seen) == 2
    assert prepared.row_count(WALKS) == 1
    assert len({job.job_id for job in jobs(prepared, "load")} - known) == 1
