"""The list of activities: one row per real one, with the records that it was made of."""

from __future__ import annotations

from datetime import date
from typing import Any

from fit_platform.dashboard.scope import Scope
from fit_platform.dashboard.tables import plain_row, wall_ms

SORTS = {
    "started_at": "a.started_at",
    "title": "lower(a.title)",
    "sport_family": "a.sport_family",
    "distance_m": "a.distance_m",
    "moving_seconds": "coalesce(a.moving_seconds, a.elapsed_seconds)",
    "ascent_m": "a.ascent_m",
    "avg_hr_bpm": "a.avg_hr_bpm",
    "trimp": "h.trimp",
}
PAGE = 50
_FIELDS = (
    "activity_id, started_at, utc_offset_seconds, local_date, sport, sport_family, title, distance_m, elapsed_seconds, "
    "ascent_m, energy_kcal, avg_hr_bpm, max_hr_bpm, has_heart_rate, has_gps"
)


def activities(
    scope: Scope,
    *,
    first: date | None,
    last: date | None,
    sport: str | None,
    provider: str | None,
    contains: str | None,
    sort: str,
    order: str,
    skip: int,
) -> dict[str, Any]:
    """A page of the activities that fit, how many fit, and what could be asked for."""
    conditions, parameters = ["1 = 1"], []
    for condition, value in (
        ("a.local_date >= ?", first),
        ("a.local_date <= ?", last),
        ("a.sport_family = ?", sport),
        ("strpos(lower(coalesce(a.title, '')), ?) > 0", contains.lower() if contains else None),
    ):
        if value is not None:
            conditions.append(condition)
            parameters.append(value)
    if provider is not None:
        conditions.append(
            f"a.activity_id IN (SELECT activity_id FROM {scope.mart('activity_sources')} AS s WHERE provider = ?)"
        )
        parameters.append(provider)
    where = " AND ".join(conditions)
    table = f"""FROM {scope.mart("activities")} AS a
        LEFT JOIN {scope.mart("activity_heart_rate")} AS h ON a.activity_id = h.activity_id"""
    down = "DESC" if order == "desc" else "ASC"
    fields = ", ".join(f"a.{field}" for field in _FIELDS.split(", "))
    page = scope.rows(
        f"""SELECT {fields}, coalesce(a.moving_seconds, a.elapsed_seconds) AS moving_seconds, h.trimp
        {table} WHERE {where}
        ORDER BY {SORTS[sort]} {down} NULLS LAST, a.started_at DESC, a.activity_id LIMIT {PAGE} OFFSET {skip}""",
        parameters,
    )
    totals = scope.rows(
        f"""SELECT count(*) AS activities, sum(a.distance_m) AS distance_m,
        sum(coalesce(a.moving_seconds, a.elapsed_seconds)) AS moving_seconds {table} WHERE {where}""",
        parameters,
    )[0]
    sources = _sources(scope, [row["activity_id"] for row in page])
    return {
        "skip": skip,
        "page": PAGE,
        "totals": plain_row(totals),
        "sports": [
            row["sport_family"]
            for row in scope.rows(
                f"SELECT sport_family, count(*) AS n FROM {scope.mart('activities')} AS a GROUP BY 1 ORDER BY 2 DESC, 1"
            )
        ],
        "activities": [
            {
                **plain_row(row),
                "wall_ms": wall_ms(row["started_at"], row["utc_offset_seconds"]),
                "sources": sources.get(row["activity_id"], []),
            }
            for row in page
        ],
        "review": [
            plain_row(row)
            for row in scope.rows(
                f"""SELECT activity_id, provider, provider_activity_id, other_provider, other_provider_activity_id,
                started_at, other_started_at, match_score, held_back_provider, held_back_minutes
                FROM {scope.mart("activity_match_review")} AS r ORDER BY started_at DESC LIMIT {PAGE}"""
            )
        ],
    }


def _sources(scope: Scope, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    if not ids:
        return {}
    marks = ", ".join("?" for _ in ids)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in scope.rows(
        f"""SELECT activity_id, provider, relation, is_primary FROM {scope.mart("activity_sources")} AS s
        WHERE activity_id IN ({marks}) ORDER BY is_primary DESC, provider, started_at""",
        ids,
    ):
        found.setdefault(row.pop("activity_id"), []).append(row)
    return found
