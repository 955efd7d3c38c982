"""A warehouse in datasets of its own on the emulator, and small tables and loads to fill it with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fit_platform.warehouse.base import DayLoad, LedgerEntry, Quarantined
from fit_platform.warehouse.schema import Column, Table, Type

FIRST = date(2026, 3, 1)
LOADED_AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
WALKS = Table(
    "walks",
    "Walks, for tests.",
    (
        Column("walk_id", Type.STRING, "The provider's id.", nullable=False),
        Column("started_at", Type.TIMESTAMP, "Start (UTC)."),
        Column("distance_m", Type.FLOAT, "Distance in metres."),
        Column("is_indoor", Type.BOOL, "On a treadmill."),
    ),
    key=("athlete_id", "walk_id"),
)
BEATS = Table(
    "beats",
    "Heart rate, for tests.",
    (
        Column("second", Type.INT, "Second of the day.", nullable=False),
        Column("bpm", Type.FLOAT, "Beats per minute.", nullable=False),
    ),
    key=("athlete_id", "second"),
)
_PROVENANCE = {
    "acquired_via": "api",
    "fetched_at": LOADED_AT,
    "first_fetched_at": LOADED_AT,
    "landing_object": "raw/part.ndjson.gz",
}


def walk(day: date, number: int = 1, athlete: str = "ada", **values: Any) -> dict[str, Any]:
    """A row of `walks`."""
    row = {"athlete_id": athlete, "dt": day, "walk_id": f"{day}-{number}", "distance_m": 1000.5, **_PROVENANCE}
    return {**dict.fromkeys(column.name for column in WALKS.all_columns), **row, **values}


def parquet(table: Table, rows: Iterable[Mapping[str, Any]], path: Path) -> Path:
    """Rows as the parser leaves them: every column optional."""
    schema = pa.schema([pa.field(field.name, field.type) for field in table.arrow_schema])
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), path)
    return path


def day_load(
    days: Sequence[date],
    parquet_files: Mapping[Table, Sequence[Path]],
    *,
    content: str = "v1",
    quarantine: Sequence[Quarantined] = (),
) -> DayLoad:
    """A load of `test walks`, as `pipeline.load` makes it."""
    ledger = [LedgerEntry(day, content, "p1", 1, 1, 0, 0, LOADED_AT) for day in days]
    return DayLoad("test", "walks", days, parquet_files, ledger, quarantine)
