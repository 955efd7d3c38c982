"""Sleep: every night by provider, with what was measured in it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fit_platform.dashboard.scope import Scope
from fit_platform.dashboard.tables import columns, is_long, month_of, plain, plain_row

_STAGES = ("asleep_minutes", "deep_minutes", "light_minutes", "rem_minutes", "awake_minutes")
_HEALTH = ("hrv_rmssd_ms", "blood_oxygen_percent", "breathing_rate_per_minute", "skin_temperature_deviation_c")


def sleep(scope: Scope, first: date, last: date, timezone: str) -> dict[str, Any]:
    """The nights whose wake day is in the range. Clock times are those of the athlete's home zone.

    Of a long range, the means of each month, without clock times.
    """
    by_month = is_long(first, last)
    rows = f"{scope.mart('sleep_nights')} AS n WHERE local_date BETWEEN ? AND ?"
    averages = scope.rows(
        f"SELECT provider, count(*) AS nights, {_averages(_STAGES)} FROM {rows} GROUP BY provider ORDER BY provider",
        [first, last],
    )
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "nights_by": "month" if by_month else "day",
        "nights": (_months if by_month else _nights)(scope, rows, first, last, ZoneInfo(timezone)),
        "averages": {row.pop("provider"): plain_row(row) for row in averages},
        "health": _health(scope, first, last, by_month),
    }


def _averages(names: tuple[str, ...]) -> str:
    return ", ".join(f"avg({name}) AS {name}" for name in names)


def _nights(scope: Scope, rows: str, first: date, last: date, zone: ZoneInfo) -> list[dict[str, Any]]:
    found = scope.rows(
        f"SELECT local_date, provider, started_at, ended_at, {', '.join(_STAGES)} FROM {rows} "
        "ORDER BY local_date, provider",
        [first, last],
    )
    return [
        {
            "local_date": row["local_date"].isoformat(),
            "provider": row["provider"],
            "from_hour": _hours_after_midnight(row["started_at"], row["local_date"], zone),
            "to_hour": _hours_after_midnight(row["ended_at"], row["local_date"], zone),
            **{stage: plain(row[stage]) for stage in _STAGES},
        }
        for row in found
    ]


def _months(scope: Scope, rows: str, first: date, last: date, _: ZoneInfo) -> list[dict[str, Any]]:
    found = scope.rows(
        f"SELECT {month_of('local_date')} AS local_date, provider, {_averages(_STAGES)} FROM {rows} "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        [first, last],
    )
    return [{**plain_row(row), "from_hour": None, "to_hour": None} for row in found]


def _health(scope: Scope, first: date, last: date, by_month: bool) -> dict[str, list[Any]]:
    rows = f"{scope.mart('health_daily')} AS h WHERE local_date BETWEEN ? AND ?"
    if by_month:
        sql = f"SELECT {month_of('local_date')} AS local_date, {_averages(_HEALTH)} FROM {rows} GROUP BY 1 ORDER BY 1"
    else:
        sql = f"SELECT local_date, {', '.join(_HEALTH)} FROM {rows} ORDER BY local_date"
    return columns(scope.query(sql, [first, last]))


def _hours_after_midnight(instant: datetime | None, wake_day: date, zone: ZoneInfo) -> float | None:
    """Hours from the midnight that the wake day begins with; negative for the evening before."""
    if instant is None:
        return None
    local = instant.astimezone(zone)
    return round((local.date() - wake_day).days * 24 + local.hour + local.minute / 60 + local.second / 3600, 2)
