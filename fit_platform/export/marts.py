"""Marts as files: CSV or Parquet, all or chosen ones, of some athletes, of some local days.

They are read from the published copy, so an export never waits for a sync and never shows unchecked data. Every file
appears whole or not at all; `export.json` beside them says what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import duckdb
import pyarrow as pa
from pyarrow import csv, parquet

from fit_platform.errors import ConfigError
from fit_platform.pipeline.publish import MARTS_SCHEMA

if TYPE_CHECKING:
    from fit_platform.warehouse.bigquery_warehouse import BigQueryWarehouse

Format = Literal["csv", "parquet"]
MANIFEST = "export.json"
_PUBLISHED_SCHEMA = "published"  # as `warehouse.bigquery_schema` has it, without loading BigQuery's libraries


class MartReader(Protocol):
    """Something that holds the marts."""

    version: str | None

    def columns(self) -> dict[str, list[str]]:
        """Every mart's columns, by mart, sorted."""

    def relation(self, mart: str) -> str:
        """A mart's full name, quoted."""

    def query(self, sql: str, parameters: Sequence[object]) -> pa.Table:
        """Run a query; `?` stands for a parameter."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export. Empty: all of it. Days are athlete-local and inclusive."""

    marts: tuple[str, ...] = ()
    athletes: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "athletes": list(self.athletes) or "all",
            "from": self.first.isoformat() if self.first else None,
            "to": self.last.isoformat() if self.last else None,
        }


@dataclass(frozen=True, slots=True)
class Exported:
    """One file. `is_dated` is False for a mart without days, which is exported whole whatever days were asked for."""

    mart: str
    path: Path
    rows: int
    is_dated: bool


class PublishedMarts:
    """The published copy: opened for one query at a time, so that a new version can take its place meanwhile."""

    def __init__(self, root: Path) -> None:
        """`root` is `published` under FIT_HOME. ConfigError if nothing was published yet."""
        current = root / "current"
        if not (current / "fitness.duckdb").is_file():
            raise ConfigError(
                f"nothing is published in {root} yet; run `fit-platform sync` (or `fit-platform demo`), and see that "
                "its checks pass"
            )
        folder = current.resolve()  # one version for the whole export, whatever is published meanwhile
        self.version: str | None = folder.name
        self._path = folder / "fitness.duckdb"

    def columns(self) -> dict[str, list[str]]:
        """Every mart's columns."""
        found: dict[str, list[str]] = {}
        rows = self.query(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = ? "
            "ORDER BY table_name, column_index",
            [MARTS_SCHEMA],
        )
        for row in rows.to_pylist():
            found.setdefault(row["table_name"], []).append(row["column_name"])
        return found

    def relation(self, mart: str) -> str:
        """A mart's full name."""
        return f'"{MARTS_SCHEMA}"."{mart}"'

    def query(self, sql: str, parameters: Sequence[object]) -> pa.Table:
        """Run a query, in UTC."""
        with duckdb.connect(str(self._path), read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.sql(sql, params=list(parameters)).to_arrow_table()


class PublishedDataset:
    """The published copy on Google Cloud: a dataset that is replaced whole, in one transaction."""

    version: str | None = None

    def __init__(self, warehouse: BigQueryWarehouse) -> None:
        """Read the published dataset of this warehouse. ConfigError if nothing was published yet."""
        self._warehouse = warehouse
        self._columns = {mart: list(types) for mart, types in warehouse.columns(_PUBLISHED_SCHEMA).items()}
        if not self._columns:
            raise ConfigError(
                "nothing is published in BigQuery yet; run `fit-platform sync`, and see that its checks pass"
            )

    def columns(self) -> dict[str, list[str]]:
        """Every mart's columns."""
        return self._columns

    def relation(self, mart: str) -> str:
        """A mart's full name."""
        return self._warehouse.relation(_PUBLISHED_SCHEMA, mart)

    def query(self, sql: str, parameters: Sequence[object]) -> pa.Table:
        """Run a query."""
        return self._warehouse.query(sql, parameters)


def export_marts(reader: MartReader, wanted: Wanted, folder: Path, file_format: Format) -> list[Exported]:
    """Write the wanted marts into `folder`, a file each; ConfigError for a mart that there is not."""
    columns = reader.columns()
    for mart in wanted.marts:
        if mart not in columns:
            raise ConfigError(f"there is no mart {mart!r}: use one of {', '.join(sorted(columns)) or 'none yet'}")
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for mart in wanted.marts or sorted(columns):
        condition, parameters, is_dated = _condition(reader, columns[mart], wanted)
        order = ", ".join(str(n + 1) for n in range(len(columns[mart])))
        names = ", ".join(columns[mart])
        rows = reader.query(
            f"SELECT {names} FROM {reader.relation(mart)}{condition} ORDER BY {order}",
            parameters,
        )
        path = folder / f"{mart}.{file_format}"
        write_whole(path, partial(_WRITERS[file_format], rows))
        done.append(Exported(mart, path, rows.num_rows, is_dated))
    facts = {
        **wanted.facts(),
        "published_version": reader.version,
        "files": {exported.path.name: exported.rows for exported in done},
        "without_days": [exported.mart for exported in done if not exported.is_dated],
    }
    write_whole(folder / MANIFEST, lambda file: file.write_text(json.dumps(facts, indent=2) + "\n"))
    return done


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then put it in place: a reader sees the old file or the new one."""
    with _beside(path) as unfinished:
        write(unfinished)
        unfinished.replace(path)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


def _condition(reader: MartReader, columns: list[str], wanted: Wanted) -> tuple[str, list[object], bool]:
    """The WHERE of one mart, its parameters, and whether the mart has days at all."""
    clauses: list[str] = []
    parameters: list[object] = []
    if wanted.athletes:
        clauses.append(f"athlete_id IN ({', '.join('?' for _ in wanted.athletes)})")
        parameters += wanted.athletes
    bounds = [(">=", wanted.first), ("<=", wanted.last)]
    days = [f"local_date {operator} ?" for operator, day in bounds if day is not None]
    is_dated = "local_date" in columns or "activity_id" in columns
    if days and is_dated:
        of_days = " AND ".join(days)
        if "local_date" in columns:
            clauses.append(of_days)
        else:  # by the day of its activity
            clauses.append(f"activity_id IN (SELECT activity_id FROM {reader.relation('activities')} WHERE {of_days})")
        parameters += [day for _, day in bounds if day is not None]
    return (f" WHERE {' AND '.join(clauses)}" if clauses else ""), parameters, is_dated


def _write_csv(rows: pa.Table, path: Path) -> None:
    csv.write_csv(rows, path)


def _write_parquet(rows: pa.Table, path: Path) -> None:
    parquet.write_table(rows, path, compression="zstd")


_WRITERS: dict[Format, Callable[[pa.Table, Path], None]] = {"csv": _write_csv, "parquet": _write_parquet}
