"""Small tools between a query's answer and JSON: columns, numbers without noise, local wall-clock time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from fit_platform.dashboard.scope import Scope

LONG_DAYS = 750


def plain(value: Any) -> Any:
    """A value as JSON has it: dates as ISO text, numbers rounded to what a screen can show."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of such values."""
    return {name: plain(value) for name, value in row.items()}


def columns(table: pa.Table) -> dict[str, list[Any]]:
    """A table as one list a column: half the bytes of rows."""
    return {name: [plain(value) for value in table.column(name).to_pylist()] for name in table.column_names}


def wall_ms(instant: datetime, utc_offset_seconds: float | None) -> int:
    """The athlete's wall clock as milliseconds since 1970: to be shown as if it were UTC."""
    return int((instant.timestamp() + (utc_offset_seconds or 0)) * 1000)


def newest_day(scope: Scope, today: date) -> date:
    """The last day that the athlete has anything on, not after today; today where there is nothing at all."""
    marts = ("heart_rate_daily", "daily_summary", "activities", "sleep_nights")
    selects = " UNION ALL ".join(f"SELECT max(local_date) AS d FROM {scope.mart(name)} AS m" for name in marts)
    newest = scope.rows(f"SELECT max(d) AS d FROM ({selects}) AS every")[0]["d"]
    return min(newest, today + timedelta(days=1)) if newest else today


def is_long(first: date, last: date) -> bool:
    """A range that is answered by the month: nobody sees single days of three years on one screen."""
    return (last - first).days >= LONG_DAYS


def month_of(column: str) -> str:
    """SQL of the first day of a date's month."""
    return f"CAST(DATE_ADD({column}, INTERVAL (1 - EXTRACT(DAY FROM {column})) DAY) AS DATE)"


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what there is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def total(values: Iterable[float | None]) -> float:
    """The sum of what there is."""
    return float(sum(value for value in values if value is not None))
