"""The warehouse on Google Cloud: BigQuery, loaded by free jobs, a partition a day.

A few days of a resource are loaded each into its partition (`table$YYYYMMDD`, WRITE_TRUNCATE). The ledger forgets the
days first and learns them last, so that it never claims what is not there: after a crash they are simply loaded again.
Many days would be many jobs, and a table may have 1,500 a day (Google's quotas); they go into a scratch table by one
load job, and from there into place in one transaction, together with ledger, quarantine and build queue.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from fit_platform.errors import ConfigError
from fit_platform.gcp import REQUEST_TIMEOUT_SECONDS, explained
from fit_platform.warehouse.base import (
    BASE_SCHEMA,
    LEDGER_COLUMNS,
    OPS_SCHEMA,
    QUARANTINE_COLUMNS,
    DayLoad,
    LedgerEntry,
)
from fit_platform.warehouse.bigquery_jobs import RETRY, Jobs, ParquetLoad, write_rows, write_rows_of_days
from fit_platform.warehouse.bigquery_schema import (
    DATASETS,
    LABELS,
    OPS_LAYOUTS,
    SCRATCH_HOURS,
    SCRATCH_SCHEMA,
    TIME_TRAVEL_HOURS,
    WORKING_SCHEMAS,
    Layout,
    added_columns,
    base_layout,
    declared,
    schema_fields,
)
from fit_platform.warehouse.schema import Column, Table

DAYS_BY_PARTITION = 4
"""Up to so many days are loaded each into its partition; more go through a scratch table."""
_DAYS_A_TRANSACTION = 1000  # BigQuery: a job may modify 4,000 partitions of a table
_PARALLEL_CALLS = 8
_ANY_DAY = "dt >= DATE '0001-01-01'"  # what `require_partition_filter` wants to hear when every day is meant


def open_bigquery(
    *,
    project: str,
    location: str,
    dataset_prefix: str,
    maximum_bytes_billed: int,
    emulator_url: str | None = None,
    run_id: str | None = None,
) -> BigQueryWarehouse:
    """The warehouse of a project; with the credentials of this machine, or without any at an emulator."""
    with explained(f"BigQuery in project {project}"):
        client = bigquery.Client(
            project=project,
            location=location,
            credentials=AnonymousCredentials() if emulator_url else None,  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": emulator_url} if emulator_url else None,
        )
    return BigQueryWarehouse(
        client,
        dataset_prefix=dataset_prefix,
        location=location,
        maximum_bytes_billed=maximum_bytes_billed,
        run_id=run_id,
    )


class BigQueryWarehouse:
    """A warehouse in the datasets of one project. Making one asks nothing of BigQuery."""

    def __init__(
        self,
        client: bigquery.Client,
        *,
        dataset_prefix: str,
        location: str,
        maximum_bytes_billed: int,
        run_id: str | None = None,
    ) -> None:
        """Use the datasets `<prefix>base`, `<prefix>ops`, ... of the client's project, in this location."""
        self.client = client
        self.dataset_prefix = dataset_prefix
        self.location = location
        self.jobs = Jobs(client, maximum_bytes_billed=maximum_bytes_billed, run_id=run_id)

    def dataset(self, schema: str) -> str:
        """A dataset's full name: `project.dataset`."""
        return f"{self.client.project}.{self.dataset_prefix}{schema}"

    def copy_table(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        """Replace a small table by what another table, or view, holds; each is (schema, name)."""
        self.jobs.query(f"CREATE OR REPLACE TABLE {self.relation(*target)} AS SELECT * FROM {self.relation(*source)}")

    def relation(self, schema: str, name: str) -> str:
        """A table's full name, quoted."""
        return f"`{self.dataset(schema)}.{name}`"

    def session(self) -> AbstractContextManager[None]:
        """Nothing to keep open."""
        return nullcontext()

    def exclusive(self) -> AbstractContextManager[None]:
        """Nothing to lock: BigQuery has many writers, and aborts the later one of two that touch the same rows."""
        return nullcontext()

    # --- tables -------------------------------------------------------------------------------------------------

    def prepare(self, tables: Iterable[Table], sample_tables: Collection[str] = ()) -> None:
        """Create datasets and tables; add new nullable columns; refuse any other difference, touching nothing."""
        layouts = [
            *OPS_LAYOUTS.values(),
            *(base_layout(table, requires_day_filter=table.name in sample_tables) for table in tables),
        ]
        with ThreadPoolExecutor(_PARALLEL_CALLS) as pool:
            there = dict(zip(DATASETS, pool.map(self._has_dataset, DATASETS), strict=True))
        existing = {
            schema: self._existing_columns(schema) if there[schema] else {} for schema in (BASE_SCHEMA, OPS_SCHEMA)
        }
        missing: list[Layout] = []
        added: list[tuple[Layout, list[Column]]] = []
        for layout in layouts:
            columns = existing[layout.schema].get(layout.name)
            if columns is None:
                missing.append(layout)
            elif new := added_columns(layout, columns):
                added.append((layout, new))
        with ThreadPoolExecutor(_PARALLEL_CALLS) as pool:
            for _ in pool.map(self._create_dataset, [schema for schema in DATASETS if not there[schema]]):
                pass
            for _ in pool.map(self._create_table, missing):
                pass
        for layout, new in added:
            self._add_columns(layout, new)

    def _has_dataset(self, schema: str) -> bool:
        """Is there this dataset? Checks its location. Asked before making one: that takes a permission of its own."""
        with explained(f"dataset {self.dataset(schema)}"):
            try:
                found = self.client.get_dataset(self.dataset(schema), retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)
            except NotFound:
                return False
        if found.location.upper() != self.location.upper():
            raise ConfigError(
                f"dataset {self.dataset(schema)} is in {found.location}, FIT_BIGQUERY_LOCATION says {self.location}; "
                "a dataset cannot be moved: correct the setting, or choose another FIT_BIGQUERY_DATASET_PREFIX"
            )
        return True

    def _existing_columns(self, schema: str, *, with_mode: bool = True) -> dict[str, dict[str, str]]:
        """Table -> column -> its type, and whether it is required, of a dataset, by one query."""
        columns: dict[str, dict[str, str]] = {}
        for row in self.query(
            "SELECT table_name, column_name, data_type, is_nullable "
            f"FROM `{self.dataset(schema)}`.INFORMATION_SCHEMA.COLUMNS"
        ).to_pylist():
            form = declared(row["data_type"], nullable=not with_mode or row["is_nullable"] == "YES")
            columns.setdefault(row["table_name"], {})[row["column_name"]] = form
        return columns

    def columns(self, schema: str) -> dict[str, dict[str, str]]:
        """Table -> column -> type of a dataset; nothing where there is no dataset."""
        return self._existing_columns(schema, with_mode=False) if self._has_dataset(schema) else {}

    def _create_dataset(self, schema: str) -> None:
        dataset = bigquery.Dataset(self.dataset(schema))
        dataset.location = self.location
        dataset.description = DATASETS[schema]
        dataset.labels = {**LABELS, "schema": schema}
        dataset.max_time_travel_hours = TIME_TRAVEL_HOURS
        if schema == SCRATCH_SCHEMA:
            dataset.default_table_expiration_ms = SCRATCH_HOURS * 3600 * 1000
        with explained(f"dataset {self.dataset(schema)}"):
            self.client.create_dataset(dataset, exists_ok=True, retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)

    def _create_table(self, layout: Layout) -> None:
        resource = layout.resource(self.dataset(layout.schema))
        with explained(f"table {resource}"):
            # It exists when a second process prepares the same warehouse.
            self.client.create_table(resource, exists_ok=True, retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)

    def _add_columns(self, layout: Layout, columns: list[Column]) -> None:
        with explained(f"table {layout.schema}.{layout.name}"):
            table = self.client.get_table(
                f"{self.dataset(layout.schema)}.{layout.name}", retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS
            )
            table.schema = [*table.schema, *schema_fields(columns)]
            # The table's etag goes with it: a change that another process made meanwhile is not overwritten.
            self.client.update_table(table, ["schema"], retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)

    def drop(self) -> None:
        """Remove what can be made anew. Datasets stay, with whoever was given access, and so do the published marts."""
        for schema in WORKING_SCHEMAS:
            self.empty(schema)

    def empty(self, schema: str) -> None:
        """Remove every table and view of a dataset."""
        with explained(f"dataset {self.dataset(schema)}"):
            try:
                tables = list(
                    self.client.list_tables(self.dataset(schema), retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)
                )
            except NotFound:
                return
            with ThreadPoolExecutor(_PARALLEL_CALLS) as pool:
                for _ in pool.map(lambda table: self.delete(table.reference), tables):
                    pass

    def delete(self, table: bigquery.TableReference | str) -> None:
        """Remove a table, if it is there."""
        self.client.delete_table(table, not_found_ok=True, retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)

    # --- loading ------------------------------------------------------------------------------------------------

    def ledger(self, provider: str, resource: str) -> dict[date, LedgerEntry]:
        """What is loaded of a resource, by day."""
        columns = ", ".join(LedgerEntry.__slots__)
        rows = self.query(
            f"SELECT {columns} FROM {self.relation(OPS_SCHEMA, 'load_ledger')} WHERE provider = ? AND resource = ?",
            [provider, resource],
        ).to_pylist()
        return {row["dt"]: LedgerEntry(**row) for row in rows}

    def replace_days(self, load: DayLoad) -> None:
        """Replace days: a few by their partitions, many by way of scratch tables, in transactions of up to 1,000."""
        days = sorted(load.days)
        for first in range(0, len(days), _DAYS_A_TRANSACTION):
            self._replace(load, days[first : first + _DAYS_A_TRANSACTION])

    def _replace(self, load: DayLoad, days: list[date]) -> None:
        labels = {"provider": load.provider, "resource": load.resource, "step": "load"}
        with tempfile.TemporaryDirectory(prefix="fit-bigquery-") as name:
            staging = _Staging(self.dataset(SCRATCH_SCHEMA), Path(name))
            moves: list[str] = []
            if len(days) <= DAYS_BY_PARTITION:
                self.jobs.script(f"DELETE FROM {self._of_source('load_ledger', load, days)}", labels=labels)
                for table, files in load.parquet.items():
                    for day in days:
                        path = staging.folder / f"{table.name}-{day:%Y%m%d}.parquet"
                        write_rows_of_days(files, table.all_columns, [day], path)
                        partition = f"{self.dataset(BASE_SCHEMA)}.{table.name}${day:%Y%m%d}"
                        staging.loads.append(ParquetLoad(path, partition, table.all_columns))
            else:
                for table, files in load.parquet.items():
                    path = staging.folder / f"{table.name}.parquet"
                    write_rows_of_days(files, table.all_columns, days, path)
                    target = self.relation(BASE_SCHEMA, table.name)
                    moves.append(f"DELETE FROM {target} WHERE {_in_days(days)}")
                    moves.append(_insert(target, table.all_columns, staging.add(path, table.all_columns)))
            moves += self._ops_statements(load, days, staging)
            try:
                self.jobs.load(staging.loads, labels)
                self.transaction(moves, labels)
            finally:
                for scratch in staging.tables:
                    self.delete(scratch)

    def _ops_statements(self, load: DayLoad, days: Sequence[date], staging: _Staging) -> list[str]:
        """Ledger, quarantine and build queue of these days, as statements of a transaction."""
        wanted = set(days)
        statements = []
        for name, columns, records in (
            ("quarantine", QUARANTINE_COLUMNS, load.quarantine),
            ("load_ledger", LEDGER_COLUMNS, load.ledger),
        ):
            statements.append(f"DELETE FROM {self._of_source(name, load, days)}")
            rows = [
                {"provider": load.provider, "resource": load.resource}
                | {slot: getattr(record, slot) for slot in type(record).__slots__}
                for record in records
                if record.dt in wanted
            ]
            if rows:
                path = staging.folder / f"{name}.parquet"
                write_rows(rows, columns, path)
                statements.append(_insert(self.relation(OPS_SCHEMA, name), columns, staging.add(path, columns)))
        queue = self.relation(OPS_SCHEMA, "build_queue")
        ledger = self._of_source("load_ledger", load, days)
        return [*statements, f"INSERT INTO {queue} (dt, queued_at) SELECT dt, loaded_at FROM {ledger}"]

    def _of_source(self, name: str, load: DayLoad, days: Sequence[date]) -> str:
        """`table WHERE ...`: what an ops table holds of these days of a resource. Names come from the registry."""
        return (
            f"{self.relation(OPS_SCHEMA, name)} "
            f"WHERE provider = '{load.provider}' AND resource = '{load.resource}' AND {_in_days(days)}"
        )

    def transaction(self, statements: Sequence[str], labels: Mapping[str, str]) -> None:
        """Run statements, all or nothing."""
        script = ";\n".join(["BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION;"])
        self.jobs.script(script, labels=labels)

    # --- builds -------------------------------------------------------------------------------------------------

    def pending_days(self) -> list[date]:
        """Days that were loaded and not yet built."""
        rows = self.query(f"SELECT DISTINCT dt FROM {self.relation(OPS_SCHEMA, 'build_queue')} ORDER BY dt")
        return [day for day in rows.column("dt").to_pylist() if day is not None]

    def mark_built(self, days: Sequence[date], before: datetime) -> None:
        """Take days off the build queue."""
        if days:
            self.jobs.script(
                f"DELETE FROM {self.relation(OPS_SCHEMA, 'build_queue')} WHERE queued_at <= ? AND {_in_days(days)}",
                [before],
            )

    def last_build(self) -> str | None:
        """What the newest complete dbt build was made of."""
        rows = self.query(
            f"SELECT fingerprint FROM {self.relation(OPS_SCHEMA, 'builds')} ORDER BY built_at DESC LIMIT 1"
        ).to_pylist()
        return str(rows[0]["fingerprint"]) if rows else None

    def record_build(self, fingerprint: str) -> None:
        """Remember a complete dbt build."""
        self.jobs.script(
            f"INSERT INTO {self.relation(OPS_SCHEMA, 'builds')} (fingerprint, built_at) "
            "VALUES (?, CURRENT_TIMESTAMP())",
            [fingerprint],
        )

    # --- rows ---------------------------------------------------------------------------------------------------

    def replace_table(self, table: Table, rows: pa.Table) -> None:
        """Replace a small base table whole."""
        labels = {"step": "load"}
        with tempfile.TemporaryDirectory(prefix="fit-bigquery-") as name:
            staging = _Staging(self.dataset(SCRATCH_SCHEMA), Path(name))
            path = staging.folder / f"{table.name}.parquet"
            write_rows(rows.to_pylist(), table.all_columns, path)
            target, staged = self.relation(BASE_SCHEMA, table.name), staging.add(path, table.all_columns)
            try:
                self.jobs.load(staging.loads, labels)
                move = [f"DELETE FROM {target} WHERE {_ANY_DAY}", _insert(target, table.all_columns, staged)]
                self.transaction(move, labels)
            finally:
                for scratch in staging.tables:
                    self.delete(scratch)

    def tables(self, schema: str) -> set[str]:
        """Names of the tables and views of a dataset."""
        with explained(f"dataset {self.dataset(schema)}"):
            try:
                listed = self.client.list_tables(self.dataset(schema), retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)
                return {table.table_id for table in listed}
            except NotFound:
                return set()

    def row_count(self, table: Table) -> int:
        """Rows of a base table."""
        counted = self.query(f"SELECT count(*) AS n FROM {self.relation(BASE_SCHEMA, table.name)} WHERE {_ANY_DAY}")
        return int(counted.column("n")[0].as_py())

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a read-only query; `?` stands for a parameter."""
        return self.jobs.query(sql, parameters)


class _Staging:
    """What a load brings along: Parquet files in a folder of this machine, and the scratch tables they become."""

    def __init__(self, dataset: str, folder: Path) -> None:
        self.dataset = dataset
        self.folder = folder
        self.batch = uuid.uuid4().hex[:16]
        self.loads: list[ParquetLoad] = []
        self.tables: list[str] = []

    def add(self, path: Path, columns: Sequence[Column]) -> str:
        """Load this file into a scratch table; returns its quoted name."""
        table = f"{self.dataset}.{path.stem}_{self.batch}"
        self.tables.append(table)
        self.loads.append(ParquetLoad(path, table, columns, is_scratch=True))
        return f"`{table}`"


def _insert(target: str, columns: Sequence[Column], source: str) -> str:
    names = ", ".join(column.name for column in columns)
    return f"INSERT INTO {target} ({names}) SELECT {names} FROM {source}"


def _in_days(days: Sequence[date]) -> str:
    """A predicate of constants alone: by no other can BigQuery leave out the other partitions."""
    listed = ", ".join(f"DATE '{day}'" for day in days)
    return f"dt IN ({listed})"
