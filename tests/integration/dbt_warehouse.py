"""A throw-away warehouse for the dbt tests: base tables as defined in code, invented rows, dbt in a subprocess."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from fit_platform.accounts import tables as accounts
from fit_platform.providers.fitbit import tables as fitbit
from fit_platform.providers.polar import tables as polar
from fit_platform.providers.strava import tables as strava
from fit_platform.warehouse.schema import Table

PROJECT = Path(__file__).parents[2] / "dbt_project"
BASE_TABLES: tuple[Table, ...] = tuple(
    value for module in (polar, strava, fitbit, accounts) for value in vars(module).values() if isinstance(value, Table)
)
FETCHED_AT = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB file with a `base` schema, and dbt to build the rest."""

    folder: Path

    @property
    def path(self) -> Path:
        """The DuckDB file; dbt expects this very name."""
        return self.folder / "fit.duckdb"

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection that shows instants in UTC."""
        connection = duckdb.connect(str(self.path))
        connection.execute("set TimeZone = 'UTC'")
        return connection

    def create_base_tables(self) -> None:
        """Every base table, empty."""
        with self.connect() as connection:
            connection.execute("create schema base")
            for table in BASE_TABLES:
                connection.execute(table.duckdb_ddl("base"))

    def insert(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows; provenance columns have defaults, columns left out are null."""
        provenance = {
            "acquired_via": "api",
            "fetched_at": FETCHED_AT,
            "first_fetched_at": FETCHED_AT,
            "landing_object": "raw/part.ndjson.gz",
        }
        full = [{**dict.fromkeys(table.arrow_schema.names), **provenance, **row} for row in rows]
        incoming = pa.Table.from_pylist(full, schema=table.arrow_schema)
        with self.connect() as connection:
            connection.register("incoming", incoming)
            connection.execute(f'insert into base."{table.name}" select * from incoming')

    def dbt(self, *arguments: str) -> None:
        """Run dbt on this file, and fail with its output if it fails."""
        command = [
            str(Path(sys.executable).with_name("dbt")), *arguments,
            "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
            "--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs"),
        ]  # fmt: skip
        environment = {**os.environ, "FIT_WAREHOUSE_PATH": str(self.path), "FIT_TARGET": "local"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """The rows of a query, as dictionaries."""
        with self.connect() as connection:
            result = connection.execute(query, parameters)
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def marts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every mart's rows, sorted: equal marts compare equal."""
        with self.connect() as connection:
            found = connection.execute(
                "select table_name from information_schema.tables where table_schema = 'marts'"
            ).fetchall()
            return {
                name: connection.execute(f'select * from marts."{name}" order by all').fetchall()
                for (name,) in sorted(found)
            }


def utc(day: date, second: float = 0) -> datetime:
    """The instant `second` seconds after midnight UTC of `day`."""
    return datetime.fromtimestamp(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + second, UTC)
