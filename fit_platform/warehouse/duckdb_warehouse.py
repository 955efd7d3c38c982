"""The local warehouse: one DuckDB file with one writer.

DuckDB locks its file per process, readers included, so every use opens the file, holds a file lock beside it, and
closes it again; `exclusive()` lends that lock to dbt, which opens the file in a process of its own.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from fit_platform.errors import BusyError, ConfigError
from fit_platform.warehouse.base import (
    BASE_SCHEMA,
    OPS_SCHEMA,
    OPS_TABLES,
    DayLoad,
    LedgerEntry,
    Quarantined,
)
from fit_platform.warehouse.schema import Column, Table

_LOCK_POLL_SECONDS = 0.05


class DuckDBWarehouse:
    """A warehouse in one DuckDB file."""

    def __init__(self, path: Path, *, lock_timeout_seconds: float = 120.0, memory_limit: str = "1GiB") -> None:
        """Use the file at `path`, which need not exist yet."""
        self.path = path
        self.lock_timeout_seconds = lock_timeout_seconds
        self.memory_limit = memory_limit
        self._session: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the writer's lock; a BusyError names the holder when it cannot be had in time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("a+") as file:
            deadline = time.monotonic() + self.lock_timeout_seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        file.seek(0)
                        holder = file.read().strip() or "unknown"
                        raise BusyError(
                            f"the warehouse {self.path} is in use by process {holder}; wait for it, or stop it"
                        ) from None
                    time.sleep(_LOCK_POLL_SECONDS)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep the file open for several calls in a row: opening it costs more than most of them. Not for threads."""
        if self._session is not None:
            yield
            return
        with self.connect() as connection:
            self._session = connection
            try:
                yield
            finally:
                self._session = None

    @contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """An open connection under the lock, in UTC, closed at the end; a session's own while one is open."""
        if self._session is not None:
            yield self._session
            return
        with self.exclusive():
            read_only = read_only and self.path.exists()
            connection = self._open(read_only=read_only)
            try:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute(f"SET memory_limit = '{self.memory_limit}'")
                yield connection
            finally:
                connection.close()

    def _open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Open the file, waiting for a program that does not know our lock: a person's shell, or an orphaned dbt."""
        deadline = time.monotonic() + self.lock_timeout_seconds
        while True:
            try:
                return duckdb.connect(str(self.path), read_only=read_only)
            except duckdb.IOException as error:
                if "lock" not in str(error):
                    raise
                if time.monotonic() > deadline:
                    reason = str(error).splitlines()[0]
                    raise BusyError(
                        f"the warehouse {self.path} is open in another program; close it there ({reason})"
                    ) from None
                time.sleep(_LOCK_POLL_SECONDS)

    def prepare(self, tables: Iterable[Table], sample_tables: Collection[str] = ()) -> None:
        """Create schemas and tables; add new nullable columns; refuse any other difference."""
        with self.connect() as db:
            db.execute(f'CREATE SCHEMA IF NOT EXISTS "{BASE_SCHEMA}"')
            db.execute(f'CREATE SCHEMA IF NOT EXISTS "{OPS_SCHEMA}"')
            for name, columns in OPS_TABLES.items():
                body = ", ".join(_column_ddl(column) for column in columns)
                db.execute(f'CREATE TABLE IF NOT EXISTS "{OPS_SCHEMA}"."{name}" ({body})')
            existing: dict[str, dict[str, str]] = {}
            for table_name, column_name, data_type in db.execute(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = ?", [BASE_SCHEMA]
            ).fetchall():
                existing.setdefault(table_name, {})[column_name] = data_type
            for table in tables:
                db.execute(table.duckdb_ddl(BASE_SCHEMA))
                if table.name in existing:
                    _evolve(db, table, existing[table.name])

    def ledger(self, provider: str, resource: str) -> dict[date, LedgerEntry]:
        """What is loaded of a resource, by day."""
        columns = ", ".join(LedgerEntry.__slots__)
        with self.connect(read_only=True) as db:
            rows = db.execute(
                f"SELECT {columns} FROM ops.load_ledger WHERE provider = ? AND resource = ?", [provider, resource]
            ).fetchall()
        return {row[0]: LedgerEntry(*row) for row in rows}

    def replace_days(self, load: DayLoad) -> None:
        """Replace days in one transaction: base tables, quarantine, ledger and build queue."""
        if not load.days:
            return
        days = list(load.days)
        source = [load.provider, load.resource]
        with self.connect() as db:
            # One core writes rows in their order as fast as several do, at four fifths of their work.
            db.execute("SET threads = 1")
            db.begin()
            try:
                for table, files in load.parquet.items():
                    target = f'"{BASE_SCHEMA}"."{table.name}"'
                    db.execute(f"DELETE FROM {target} WHERE dt IN (SELECT unnest(?::DATE[]))", [days])
                    if files:
                        names = ", ".join(f'"{c.name}"' for c in table.all_columns)
                        db.execute(
                            f"INSERT INTO {target} ({names}) SELECT {names} FROM read_parquet(?)",
                            [[str(file) for file in files]],
                        )
                for name in ("quarantine", "load_ledger"):
                    db.execute(
                        f"DELETE FROM ops.{name} "
                        "WHERE provider = ? AND resource = ? AND dt IN (SELECT unnest(?::DATE[]))",
                        [*source, days],
                    )
                if load.quarantine:
                    db.executemany(
                        "INSERT INTO ops.quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        [[*source, *(getattr(bad, name) for name in Quarantined.__slots__)] for bad in load.quarantine],
                    )
                db.executemany(
                    "INSERT INTO ops.load_ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [[*source, *(getattr(entry, name) for name in LedgerEntry.__slots__)] for entry in load.ledger],
                )
                db.execute(
                    "INSERT INTO ops.build_queue SELECT unnest(?::DATE[]), ?",
                    [days, max(entry.loaded_at for entry in load.ledger)],
                )
                db.commit()
            except BaseException:
                db.rollback()
                raise
            finally:
                db.execute("RESET threads")

    def pending_days(self) -> list[date]:
        """Days that were loaded and not yet built."""
        with self.connect(read_only=True) as db:
            return [row[0] for row in db.execute("SELECT DISTINCT dt FROM ops.build_queue ORDER BY dt").fetchall()]

    def mark_built(self, days: Sequence[date], before: datetime) -> None:
        """Take days off the build queue."""
        with self.connect() as db:
            db.execute(
                "DELETE FROM ops.build_queue WHERE queued_at <= ? AND dt IN (SELECT unnest(?::DATE[]))",
                [before, list(days)],
            )

    def last_build(self) -> str | None:
        """What the newest complete dbt build was made of."""
        with self.connect(read_only=True) as db:
            row = db.execute("SELECT fingerprint FROM ops.builds ORDER BY built_at DESC LIMIT 1").fetchone()
        return None if row is None else str(row[0])

    def record_build(self, fingerprint: str) -> None:
        """Remember a complete dbt build."""
        with self.connect() as db:
            db.execute("INSERT INTO ops.builds VALUES (?, now())", [fingerprint])

    def replace_table(self, table: Table, rows: pa.Table) -> None:
        """Replace a small base table whole."""
        with self.connect() as db:
            db.begin()
            db.execute(f'DELETE FROM "{BASE_SCHEMA}"."{table.name}"')
            db.register("fresh", rows)
            db.execute(f'INSERT INTO "{BASE_SCHEMA}"."{table.name}" BY NAME SELECT * FROM fresh')
            db.commit()

    def row_count(self, table: Table) -> int:
        """Rows of a base table."""
        return int(self.query(f'SELECT count(*) AS n FROM "{BASE_SCHEMA}"."{table.name}"').column("n")[0].as_py())

    def drop(self) -> None:
        """Remove the warehouse, to be made anew from the landing zone."""
        with self.exclusive():
            for path in (self.path, self.path.with_suffix(".duckdb.wal")):
                path.unlink(missing_ok=True)

    def tables(self, schema: str) -> set[str]:
        """Names of the tables and views of a schema."""
        if not self.path.exists():
            return set()
        found = self.query("SELECT table_name FROM information_schema.tables WHERE table_schema = ?", [schema])
        return set(found.column("table_name").to_pylist())

    def copy_table(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        """Replace a small table by what another table, or view, holds; each is (schema, name)."""
        with self.connect() as db:
            db.execute(f"CREATE OR REPLACE TABLE {self.relation(*target)} AS SELECT * FROM {self.relation(*source)}")

    def relation(self, schema: str, name: str) -> str:
        """A table's full name, quoted."""
        return f'"{schema}"."{name}"'

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a read-only query; the answer is an Arrow table."""
        with self.connect(read_only=True) as db:
            return db.sql(sql, params=list(parameters)).to_arrow_table()


def _column_ddl(column: Column) -> str:
    return f'"{column.name}" {column.duckdb_type}{"" if column.nullable else " NOT NULL"}'


def _evolve(db: duckdb.DuckDBPyConnection, table: Table, existing: dict[str, str]) -> None:
    """Add new nullable columns; any other difference is refused before anything is touched."""
    missing = [column for column in table.all_columns if column.name not in existing]
    changed = [c.name for c in table.all_columns if existing.get(c.name, c.duckdb_type) != c.duckdb_type]
    gone = sorted(set(existing) - {column.name for column in table.all_columns})
    refused = changed + gone + [column.name for column in missing if not column.nullable]
    if refused:
        raise ConfigError(
            f"table {BASE_SCHEMA}.{table.name}: columns {', '.join(refused)} changed; run `fit-platform rebuild`"
        )
    for column in missing:
        db.execute(f'ALTER TABLE "{BASE_SCHEMA}"."{table.name}" ADD COLUMN {_column_ddl(column)}')
