"""What the house needs of a warehouse. DuckDB is in `duckdb_warehouse`, BigQuery in `bigquery_warehouse`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from fit_platform.warehouse.schema import Column, Table, Type

BASE_SCHEMA = "base"
OPS_SCHEMA = "ops"

LEDGER_COLUMNS = (
    Column("provider", Type.STRING, "Provider.", nullable=False),
    Column("resource", Type.STRING, "Resource.", nullable=False),
    Column("dt", Type.DATE, "Partition day.", nullable=False),
    Column("content_hash", Type.STRING, "Content of the landing day that is loaded, all athletes.", nullable=False),
    Column("parser_version", Type.STRING, "Version of the parser and the table schemas.", nullable=False),
    Column("landed_objects", Type.INT, "Live objects in landing.", nullable=False),
    Column("loaded_rows", Type.INT, "Rows loaded, all tables of the resource.", nullable=False),
    Column("duplicate_rows", Type.INT, "Rows dropped because their key was there already.", nullable=False),
    Column("quarantined", Type.INT, "Records in quarantine.", nullable=False),
    Column("loaded_at", Type.TIMESTAMP, "When.", nullable=False),
)
QUARANTINE_COLUMNS = (
    Column("provider", Type.STRING, "Provider.", nullable=False),
    Column("resource", Type.STRING, "Resource.", nullable=False),
    Column("dt", Type.DATE, "Partition day.", nullable=False),
    Column("athlete_id", Type.STRING, "Athlete.", nullable=False),
    Column("landing_object", Type.STRING, "Where the record lies.", nullable=False),
    Column("reason", Type.STRING, "Why it could not become a row.", nullable=False),
    Column("value", Type.STRING, "The offending piece (the first of them), cut to 2,000 characters."),
    Column("records", Type.INT, "How many records of this object share the reason.", nullable=False),
)
QUEUE_COLUMNS = (
    Column("dt", Type.DATE, "Partition day.", nullable=False),
    Column("queued_at", Type.TIMESTAMP, "When it was loaded.", nullable=False),
)
BUILD_COLUMNS = (
    Column("fingerprint", Type.STRING, "What it was made of: models, athletes.", nullable=False),
    Column("built_at", Type.TIMESTAMP, "When.", nullable=False),
)
OPS_TABLES: Mapping[str, tuple[Column, ...]] = {
    "load_ledger": LEDGER_COLUMNS,
    "quarantine": QUARANTINE_COLUMNS,
    "build_queue": QUEUE_COLUMNS,
    "builds": BUILD_COLUMNS,
}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What is loaded for one partition day of a resource."""

    dt: date
    content_hash: str
    parser_version: str
    landed_objects: int
    loaded_rows: int
    duplicate_rows: int
    quarantined: int
    loaded_at: datetime


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One record that could not become a row."""

    dt: date
    athlete_id: str
    landing_object: str
    reason: str
    value: str | None
    records: int = 1


@dataclass(frozen=True, slots=True)
class DayLoad:
    """Everything that replaces some partition days of one resource, in one transaction."""

    provider: str
    resource: str
    days: Sequence[date]
    parquet: Mapping[Table, Sequence[Path]]
    ledger: Sequence[LedgerEntry]
    quarantine: Sequence[Quarantined]


class Warehouse(Protocol):
    """Typed base tables, partitioned by day, and a ledger of what is loaded."""

    def prepare(self, tables: Iterable[Table], sample_tables: Collection[str] = ()) -> None:
        """Create schemas and tables; add new nullable columns; refuse any other difference with a ConfigError.

        `sample_tables` names the big ones: where reading is paid for, a query on them must say which days it means.
        """

    def drop(self) -> None:
        """Remove everything, to be made anew from the landing zone."""

    def session(self) -> AbstractContextManager[None]:
        """Several calls in a row, at the price of opening the warehouse once."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Nobody else of ours writes meanwhile: held while dbt runs in a process of its own."""

    def ledger(self, provider: str, resource: str) -> dict[date, LedgerEntry]:
        """What is loaded of a resource, by day."""

    def replace_days(self, load: DayLoad) -> None:
        """Replace exactly these days of the resource's tables, its quarantine and its ledger, all or nothing.

        The same transaction puts the days into the build queue, so that a crash between load and dbt is noticed.
        """

    def pending_days(self) -> list[date]:
        """Days that were loaded and not yet built by dbt."""

    def mark_built(self, days: Sequence[date], before: datetime) -> None:
        """Take days off the build queue that were put on it before a moment."""

    def last_build(self) -> str | None:
        """What the newest complete dbt build was made of; None: never built."""

    def record_build(self, fingerprint: str) -> None:
        """Remember a complete dbt build."""

    def replace_table(self, table: Table, rows: pa.Table) -> None:
        """Replace a small base table whole."""

    def row_count(self, table: Table) -> int:
        """Rows of a base table."""

    def tables(self, schema: str) -> set[str]:
        """Names of the tables and views that a schema has; none where there is no such schema, or no warehouse yet."""

    def copy_table(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        """Replace a small table by what another table, or view, holds; each is (schema, name)."""

    def relation(self, schema: str, name: str) -> str:
        """A table's full name, quoted, to be written into a query."""

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a read-only query in SQL that both warehouses know; `?` stands for a parameter."""
