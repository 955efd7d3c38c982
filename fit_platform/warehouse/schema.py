"""Table schemas as code: the one definition from which Arrow schema, DuckDB and BigQuery DDL and the docs come.

A `Table` here is a *base* table: typed rows of one provider answer, partitioned by `dt`. Every table carries the same
leading and trailing columns (`athlete_id`, `dt`; provenance), so that a row can always be traced to its landing object.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import pyarrow as pa


class Type(StrEnum):
    """Column types that mean the same on DuckDB and BigQuery."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATE = "date"
    TIMESTAMP = "timestamp"  # an instant, UTC, microseconds


_ARROW: dict[Type, pa.DataType] = {
    Type.STRING: pa.string(),
    Type.INT: pa.int64(),
    Type.FLOAT: pa.float64(),
    Type.BOOL: pa.bool_(),
    Type.DATE: pa.date32(),
    Type.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}
_DUCKDB = {
    Type.STRING: "VARCHAR",
    Type.INT: "BIGINT",
    Type.FLOAT: "DOUBLE",
    Type.BOOL: "BOOLEAN",
    Type.DATE: "DATE",
    Type.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
}
_BIGQUERY = {
    Type.STRING: "STRING",
    Type.INT: "INT64",
    Type.FLOAT: "FLOAT64",
    Type.BOOL: "BOOL",
    Type.DATE: "DATE",
    Type.TIMESTAMP: "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: name (unit at its end), type, what it means, and whether a row may lack it."""

    name: str
    type: Type
    description: str
    nullable: bool = True

    @property
    def duckdb_type(self) -> str:
        """The DuckDB type's name."""
        return _DUCKDB[self.type]

    @property
    def bigquery_type(self) -> str:
        """The BigQuery type's name."""
        return _BIGQUERY[self.type]

    @property
    def arrow_field(self) -> pa.Field:
        """The Arrow field, nullability included."""
        return pa.field(self.name, _ARROW[self.type], nullable=self.nullable)


LEADING = (
    Column("athlete_id", Type.STRING, "The athlete, as named when linking.", nullable=False),
    Column("dt", Type.DATE, "Partition day, as the provider dates the resource.", nullable=False),
)
PROVENANCE = (
    Column("acquired_via", Type.STRING, "How we got it: `api` or `archive`.", nullable=False),
    Column("fetched_at", Type.TIMESTAMP, "When this version was fetched.", nullable=False),
    Column("first_fetched_at", Type.TIMESTAMP, "When this object was first seen, in any version.", nullable=False),
    Column("landing_object", Type.STRING, "The landing object that the row was read from.", nullable=False),
)


@dataclass(frozen=True)
class Table:
    """A base table. `columns` are the table's own; `all_columns` adds what every base table carries."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]  # natural key among all_columns: no two rows of one dt share it
    cluster_by: tuple[str, ...] = ("athlete_id",)

    @cached_property
    def all_columns(self) -> tuple[Column, ...]:
        """Leading, own and provenance columns, in table order."""
        return (*LEADING, *self.columns, *PROVENANCE)

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of the Parquet that both warehouses load."""
        return pa.schema([c.arrow_field for c in self.all_columns])

    def duckdb_ddl(self, schema: str) -> str:
        """`CREATE TABLE IF NOT EXISTS` for DuckDB."""
        body = ", ".join(f'"{c.name}" {c.duckdb_type}{"" if c.nullable else " NOT NULL"}' for c in self.all_columns)
        return f'CREATE TABLE IF NOT EXISTS "{schema}"."{self.name}" ({body})'
