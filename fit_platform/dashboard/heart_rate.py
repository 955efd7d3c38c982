"""Heart rate: by hour and day over a range, and one day at full resolution."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from fit_platform.dashboard.scope import Scope
from fit_platform.dashboard.tables import columns, is_long, month_of, plain, plain_row, wall_ms

HOURLY_DAYS = 92
"""Up to so many days are answered hour by hour; a longer range day by day, by the highest hour of each."""
_MEANS = ("resting_bpm", "resting_bpm_provider", "worn_minutes")
_ZONES = tuple(f"zone_{n}_seconds" for n in range(1, 6))


def heart_rate(scope: Scope, first: date, last: date) -> dict[str, Any]:
    """The range, inclusive, in the athlete's local days."""
    hours = f"{scope.mart('heart_rate_hourly')} AS h WHERE local_date BETWEEN ? AND ?"
    facts = scope.rows(f"SELECT count(*) AS hours, avg(max_bpm) AS average FROM {hours}", [first, last])[0]
    by_hour = (last - first).days < HOURLY_DAYS
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "resolution": "hour" if by_hour else "day",
        "days_by": "month" if is_long(first, last) else "day",
        "points": _hours(scope, hours, first, last) if by_hour else _highest_of_days(scope, hours, first, last),
        "hours": facts["hours"],
        "average_of_hourly_max_bpm": plain(facts["average"]),
        "current": _moment(scope, hours, first, last, "hour_start_utc DESC"),
        "highest": _moment(scope, hours, first, last, "max_bpm DESC, hour_start_utc DESC"),
        "daily": _daily(scope, first, last),
    }


def _daily(scope: Scope, first: date, last: date) -> dict[str, list[Any]]:
    """Resting heart rate, wear and zones, by day; of a long range by month: means, and seconds of all its days."""
    rows = f"{scope.mart('heart_rate_daily')} AS d WHERE local_date BETWEEN ? AND ?"
    if not is_long(first, last):
        sql = f"SELECT local_date, {', '.join([*_MEANS, *_ZONES])} FROM {rows} ORDER BY local_date"
    else:
        values = [*(f"avg({name}) AS {name}" for name in _MEANS), *(f"sum({name}) AS {name}" for name in _ZONES)]
        sql = f"SELECT {month_of('local_date')} AS local_date, {', '.join(values)} FROM {rows} GROUP BY 1 ORDER BY 1"
    return columns(scope.query(sql, [first, last]))


def _moment(scope: Scope, hours: str, first: date, last: date, order: str) -> dict[str, Any] | None:
    """The hour that comes first in this order."""
    found = scope.rows(
        f"""SELECT max_bpm, hour_start_utc, utc_offset_seconds, local_date, local_hour
        FROM {hours} ORDER BY {order} LIMIT 1""",
        [first, last],
    )
    return next(
        (
            {
                "max_bpm": row["max_bpm"],
                "wall_ms": wall_ms(row["hour_start_utc"], row["utc_offset_seconds"]),
                "local_date": row["local_date"].isoformat(),
                "local_hour": row["local_hour"],
            }
            for row in found
        ),
        None,
    )


def _hours(scope: Scope, hours: str, first: date, last: date) -> dict[str, list[Any]]:
    found = scope.query(
        f"""SELECT hour_start_utc, utc_offset_seconds, max_bpm, avg_bpm, min_bpm, covered_minutes
        FROM {hours} ORDER BY hour_start_utc""",
        [first, last],
    )
    starts = found.column("hour_start_utc").to_pylist()
    offsets = found.column("utc_offset_seconds").to_pylist()
    return {
        "wall_ms": [wall_ms(start, offset) for start, offset in zip(starts, offsets, strict=True)],
        **columns(found.select(["max_bpm", "avg_bpm", "min_bpm", "covered_minutes"])),
    }


def _highest_of_days(scope: Scope, hours: str, first: date, last: date) -> dict[str, list[Any]]:
    found = scope.query(
        f"""SELECT local_date, max(max_bpm) AS max_bpm, avg(avg_bpm) AS avg_bpm, min(min_bpm) AS min_bpm,
        sum(covered_minutes) AS covered_minutes FROM {hours} GROUP BY local_date ORDER BY local_date""",
        [first, last],
    )
    days = found.column("local_date").to_pylist()
    return {
        "wall_ms": [(day - date(1970, 1, 1)).days * 86_400_000 for day in days],
        **columns(found.drop_columns(["local_date"])),
    }


def heart_rate_day(scope: Scope, day: date) -> dict[str, Any]:
    """Every valid sample of a local day, by source; its hours, activities and sleep."""
    around = (day - timedelta(days=1), day + timedelta(days=1))
    midnight = (day - date(1970, 1, 1)).days * 86_400
    samples = scope.query(
        f"""SELECT provider, feed, sampled_second + utc_offset_seconds AS wall_second, max(bpm) AS bpm
        FROM {scope.detail("heart_rate_samples", *around)} AS s
        WHERE sampled_second + utc_offset_seconds >= {midnight}
            AND sampled_second + utc_offset_seconds < {midnight + 86_400}
        GROUP BY provider, feed, sampled_second + utc_offset_seconds ORDER BY provider, feed, wall_second"""
    ).to_pydict()
    series: dict[tuple[str, str], dict[str, list[Any]]] = {}
    for provider, feed, second, bpm in zip(
        *(samples[c] for c in ("provider", "feed", "wall_second", "bpm")), strict=True
    ):
        one = series.setdefault((provider, feed), {"second": [], "bpm": []})
        one["second"].append(second - midnight)
        one["bpm"].append(round(bpm, 1))
    facts = scope.rows(
        f"""SELECT local_date, max_bpm, avg_bpm, min_bpm, resting_bpm, resting_bpm_provider, worn_minutes, sample_count,
        {", ".join(_ZONES)} FROM {scope.mart("heart_rate_daily")} AS d WHERE local_date = ?""",
        [day],
    )
    hours = scope.query(
        f"""SELECT local_hour, max_bpm, avg_bpm, min_bpm, covered_minutes, cadence_seconds, provider
        FROM {scope.mart("heart_rate_hourly")} AS h WHERE local_date = ? ORDER BY hour_start_utc""",
        [day],
    )
    activities = scope.rows(
        f"""SELECT activity_id, title, sport_family, started_at, ended_at, utc_offset_seconds, max_hr_bpm
        FROM {scope.mart("activities")} AS a WHERE local_date = ? ORDER BY started_at""",
        [day],
    )
    return {
        "local_date": day.isoformat(),
        "facts": plain_row(facts[0]) if facts else None,
        "samples": [{"provider": provider, "feed": feed, **one} for (provider, feed), one in series.items()],
        "hours": columns(hours),
        "activities": [
            {
                "activity_id": row["activity_id"],
                "title": row["title"],
                "sport_family": row["sport_family"],
                "max_hr_bpm": plain(row["max_hr_bpm"]),
                "from_second": wall_ms(row["started_at"], row["utc_offset_seconds"]) // 1000 - midnight,
                "to_second": wall_ms(row["ended_at"], row["utc_offset_seconds"]) // 1000 - midnight,
            }
            for row in activities
        ],
    }
