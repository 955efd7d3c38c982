"""Overview: the last 7 and 28 days against the ones before, load, weeks by sport, a year of days, records."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from fit_platform.dashboard.scope import Scope
from fit_platform.dashboard.tables import columns, mean, newest_day, plain, plain_row, total

_LOAD_DAYS = 182
_WEEKS = 26
_CALENDAR_DAYS = 371  # 53 weeks
_RECORD_WINDOWS = {"heart_rate": (60, 300, 1200, 3600), "speed": (60, 300, 1200, 3600), "power": (5, 60, 300, 1200)}


def overview(scope: Scope, today: date) -> dict[str, Any]:
    """Everything of the page, one answer."""
    as_of = newest_day(scope, today)
    first = as_of - timedelta(days=max(_CALENDAR_DAYS, _WEEKS * 7 + 7))
    activities = scope.rows(
        f"""SELECT a.local_date, a.sport_family, a.distance_m, a.moving_seconds, a.elapsed_seconds, a.ascent_m, h.trimp
        FROM {scope.mart("activities")} AS a
        LEFT JOIN {scope.mart("activity_heart_rate")} AS h ON a.activity_id = h.activity_id
        WHERE a.local_date BETWEEN ? AND ? ORDER BY a.started_at""",
        [first, as_of],
    )
    days = _days(scope, as_of)
    return {
        "as_of": as_of.isoformat(),
        "periods": {
            str(length): {
                "now": _period(activities, days, as_of - timedelta(days=length - 1), as_of),
                "before": _period(
                    activities, days, as_of - timedelta(days=2 * length - 1), as_of - timedelta(days=length)
                ),
            }
            for length in (7, 28)
        },
        "load": columns(
            scope.query(
                f"""SELECT local_date, trimp, ctl, atl, tsb FROM {scope.mart("training_load_daily")} AS l
                WHERE local_date BETWEEN ? AND ? ORDER BY local_date""",
                [as_of - timedelta(days=_LOAD_DAYS - 1), as_of],
            )
        ),
        "weeks": _weeks(activities, as_of),
        "calendar": _calendar(activities, as_of),
        "records": records(scope),
        "totals": plain_row(
            scope.rows(
                f"""SELECT count(*) AS activities, min(local_date) AS first_day, sum(distance_m) AS distance_m,
                sum(coalesce(moving_seconds, elapsed_seconds)) AS moving_seconds FROM {scope.mart("activities")} AS a"""
            )[0]
        ),
    }


def _days(scope: Scope, as_of: date) -> dict[date, dict[str, Any]]:
    """Resting heart rate, sleep and steps by day, for the two longest periods."""
    window = [as_of - timedelta(days=56), as_of]
    found: dict[date, dict[str, Any]] = defaultdict(dict)
    for name, column, value in (
        ("heart_rate_daily", "resting_bpm", "resting_bpm"),
        ("daily_summary", "steps", "steps"),
        ("sleep_nights", "asleep_minutes", "max(asleep_minutes)"),
    ):
        grouped = " GROUP BY local_date" if "(" in value else ""
        sql = f"SELECT local_date, {value} AS v FROM {scope.mart(name)} AS m WHERE local_date BETWEEN ? AND ?{grouped}"
        for row in scope.rows(sql, window):
            found[row["local_date"]][column] = row["v"]
    return found


def _period(
    activities: list[dict[str, Any]], days: dict[date, dict[str, Any]], first: date, last: date
) -> dict[str, Any]:
    chosen = [row for row in activities if first <= row["local_date"] <= last]
    dated = [facts for day, facts in days.items() if first <= day <= last]
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "activities": len(chosen),
        "distance_m": total(row["distance_m"] for row in chosen),
        "moving_seconds": total(_moving(row) for row in chosen),
        "ascent_m": total(row["ascent_m"] for row in chosen),
        "trimp": plain(total(row["trimp"] for row in chosen)),
        "resting_bpm": plain(mean(day.get("resting_bpm") for day in dated)),
        "asleep_minutes": plain(mean(day.get("asleep_minutes") for day in dated)),
        "steps": plain(mean(day.get("steps") for day in dated)),
    }


def _moving(row: dict[str, Any]) -> float | None:
    seconds = row["moving_seconds"] if row["moving_seconds"] is not None else row["elapsed_seconds"]
    return None if seconds is None else float(seconds)


def _weeks(activities: list[dict[str, Any]], as_of: date) -> dict[str, Any]:
    """Monday weeks; per sport family its seconds, metres and count."""
    this_monday = as_of - timedelta(days=as_of.weekday())
    mondays = [this_monday - timedelta(weeks=n) for n in reversed(range(_WEEKS))]
    index = {monday: n for n, monday in enumerate(mondays)}
    sports: dict[str, dict[str, list[float]]] = {}
    for row in activities:
        place = index.get(row["local_date"] - timedelta(days=row["local_date"].weekday()))
        if place is None:
            continue
        sport = sports.setdefault(
            row["sport_family"], {name: [0.0] * _WEEKS for name in ("moving_seconds", "distance_m", "activities")}
        )
        sport["moving_seconds"][place] += _moving(row) or 0
        sport["distance_m"][place] += row["distance_m"] or 0
        sport["activities"][place] += 1
    ordered = sorted(sports.items(), key=lambda item: -sum(item[1]["moving_seconds"]))
    return {
        "monday": [monday.isoformat() for monday in mondays],
        "sports": [
            {"sport_family": name, **{key: [round(v, 1) for v in values] for key, values in lists.items()}}
            for name, lists in ordered
        ],
    }


def _calendar(activities: list[dict[str, Any]], as_of: date) -> dict[str, Any]:
    seconds: dict[date, float] = defaultdict(float)
    loads: dict[date, float] = defaultdict(float)
    counts: dict[date, int] = defaultdict(int)
    for row in activities:
        seconds[row["local_date"]] += _moving(row) or 0
        loads[row["local_date"]] += row["trimp"] or 0
        counts[row["local_date"]] += 1
    listed = sorted(counts)
    return {
        "first": (as_of - timedelta(days=_CALENDAR_DAYS - 1)).isoformat(),
        "last": as_of.isoformat(),
        "local_date": [day.isoformat() for day in listed],
        "moving_seconds": [round(seconds[day]) for day in listed],
        "trimp": [round(loads[day], 1) for day in listed],
        "activities": [counts[day] for day in listed],
    }


def records(scope: Scope) -> list[dict[str, Any]]:
    """The best of each effort ever, and the longest, farthest and steepest activity."""
    wanted = " OR ".join(
        f"(e.metric = '{metric}' AND e.window_seconds IN ({', '.join(map(str, windows))}))"
        for metric, windows in _RECORD_WINDOWS.items()
    )
    about = "a.activity_id, a.local_date, a.title, a.sport_family"
    efforts = scope.rows(
        f"""SELECT e.metric, e.window_seconds, e.value, {about}
        FROM {scope.mart("best_efforts")} AS e
        JOIN {scope.mart("activities")} AS a ON e.activity_id = a.activity_id
        WHERE e.value IS NOT NULL AND ({wanted}) AND (e.metric <> 'speed' OR a.sport_family = 'running')
        QUALIFY row_number() OVER (
            PARTITION BY e.metric, e.window_seconds ORDER BY e.value DESC, a.local_date, a.activity_id) = 1
        ORDER BY e.metric, e.window_seconds"""
    )
    for column in ("distance_m", "elapsed_seconds", "ascent_m"):
        efforts += scope.rows(
            f"""SELECT '{column}' AS metric, 0 AS window_seconds, a.{column} AS value, {about}
            FROM {scope.mart("activities")} AS a WHERE a.{column} > 0
            ORDER BY a.{column} DESC, a.local_date, a.activity_id LIMIT 1"""
        )
    return [plain_row(row) for row in efforts]
