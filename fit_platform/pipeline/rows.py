"""One parsed record to one typed row: provenance added, every value checked against its column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from fit_platform.errors import BadRecord
from fit_platform.landing.envelope import Line
from fit_platform.landing.layout import DayKey
from fit_platform.warehouse.schema import Column, Table, Type


def provenance(key: DayKey, line: Line) -> dict[str, Any]:
    """The columns that every base table carries."""
    return {
        "athlete_id": key.athlete_id,
        "dt": key.dt,
        "acquired_via": line.acquired_via,
        "fetched_at": line.fetched_at,
        "first_fetched_at": line.first_fetched_at,
        "landing_object": key.path,
    }


def typed_row(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with each value in its column's type. Raises BadRecord that names column, expected type and value."""
    unknown = set(row) - {column.name for column in table.all_columns}
    if unknown:
        raise BadRecord(f"{table.name} has no column {', '.join(sorted(unknown))}")
    return {column.name: _typed(table, column, row.get(column.name)) for column in table.all_columns}


def _typed(table: Table, column: Column, value: Any) -> Any:
    if value is None:
        if column.nullable:
            return None
        raise BadRecord(f"missing {column.name} ({table.name})")
    converted = _convert(column.type, value)
    if converted is None:
        raise BadRecord(f"{column.name}: expected {column.type}, got {str(value)[:80]!r} ({table.name})")
    return converted


def _convert(kind: Type, value: Any) -> Any:
    """The value in this type, or None when it is not one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case Type.STRING if isinstance(value, str):
            return value
        case Type.STRING if is_number:
            return str(value)
        case Type.INT if is_number and float(value).is_integer():
            return int(value)
        case Type.FLOAT if is_number and math.isfinite(value):
            return float(value)
        case Type.BOOL if isinstance(value, bool):
            return value
        case Type.DATE if isinstance(value, date) and not isinstance(value, datetime):
            return value
        case Type.TIMESTAMP if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
    return None
