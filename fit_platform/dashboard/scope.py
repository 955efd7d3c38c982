"""What one viewer may read of one athlete. Every view reads through a `Scope`, so that no query can forget whose it is.

A view by somebody else than the athlete (a coach) leaves out what came over Strava's API, and what was made with it:
Strava lets nobody but the athlete see that (docs/dashboard.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from fit_platform.dashboard.source import Source

_ATHLETE = re.compile(r"[a-z0-9_-]{1,40}")
_STRAVA_API = "provider = 'strava' AND acquired_via = 'api'"
_BY_ACTIVITY = {"activity_zones", "activity_heart_rate", "best_efforts"}
# Fields of an activity that may be Strava's, and what says whose they are.
_SOURCED = {
    "title": "source_of_title",
    "distance_m": "source_of_distance",
    "avg_hr_bpm": "source_of_heart_rate",
    "max_hr_bpm": "source_of_heart_rate",
    "sport": "source_of_sport",
    "moving_seconds": "source_of_moving",
    "ascent_m": "source_of_ascent",
    "energy_kcal": "source_of_energy",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """One athlete's rows; `is_shared` where the viewer is not the athlete."""

    source: Source
    athlete_id: str
    is_shared: bool = False

    def __post_init__(self) -> None:
        """The id is written into SQL: refuse what is not one."""
        if not _ATHLETE.fullmatch(self.athlete_id):
            raise ValueError("not an athlete id")

    def mart(self, name: str) -> str:
        """A mart's rows of this athlete, as a subquery."""
        own = f"SELECT * FROM {self.source.mart(name)} WHERE athlete_id = '{self.athlete_id}'"
        return f"({self._without_strava(name, own) if self.is_shared else own})"

    def detail(self, name: str, first: date, last: date) -> str:
        """Samples of this athlete in these partition days, as a subquery."""
        rows = self.source.detail(name, first, last)
        strava = " AND samples.provider <> 'strava'" if self.is_shared else ""
        return f"(SELECT * FROM {rows} AS samples WHERE samples.athlete_id = '{self.athlete_id}'{strava})"

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query made of the above."""
        return self.source.query(sql, parameters)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of a query."""
        return list(self.query(sql, parameters).to_pylist())

    def _without_strava(self, name: str, own: str) -> str:
        sources = f"SELECT * FROM {self.source.mart('activity_sources')} WHERE athlete_id = '{self.athlete_id}'"
        touched = f"SELECT activity_id FROM ({sources}) AS s WHERE {_STRAVA_API}"
        if name == "activities":
            untouched = f"SELECT activity_id FROM ({sources}) AS s WHERE NOT ({_STRAVA_API})"
            is_touched = "touched.activity_id IS NOT NULL"
            blank = {field: _unless(f"rows_.{by} = 'strava' AND {is_touched}", field) for field, by in _SOURCED.items()}
            kept = ", ".join(
                f"{blank[field]} AS {field}" if field in blank else f"rows_.{field}" for field in _ACTIVITY_COLUMNS
            )
            return (
                f"SELECT {kept} FROM ({own}) AS rows_ "
                f"LEFT JOIN (SELECT DISTINCT activity_id FROM ({touched}) AS t) AS touched "
                "ON rows_.activity_id = touched.activity_id "
                f"WHERE rows_.activity_id IN ({untouched}) "
                "AND (rows_.primary_provider <> 'strava' OR touched.activity_id IS NULL)"
            )
        if name == "activity_sources":
            return f"{own} AND NOT ({_STRAVA_API})"
        if name == "activity_laps":
            return f"{own} AND provider <> 'strava'"
        if name in {"activity_match_pairs", "activity_match_review"}:
            return f"{own} AND provider <> 'strava' AND other_provider <> 'strava'"
        if name in _BY_ACTIVITY:
            return f"{own} AND activity_id NOT IN ({touched})"
        if name == "training_load_daily":
            return f"{own} AND NOT EXISTS ({touched})"
        if name == "heart_rate_daily":
            activities = f"SELECT * FROM {self.source.mart('activities')} WHERE athlete_id = '{self.athlete_id}'"
            return (
                f"{own} AND local_date NOT IN "
                f"(SELECT a.local_date FROM ({activities}) AS a WHERE a.activity_id IN ({touched}))"
            )
        if name == "heart_rate_hourly":
            # The athlete is compared although both sides have but one: BigQuery wants an equality in such a join.
            return (
                f"SELECT rows_.* FROM ({own}) AS rows_ WHERE NOT EXISTS (SELECT 1 FROM ({sources}) AS s "
                "WHERE s.athlete_id = rows_.athlete_id AND s.provider = 'strava' AND s.acquired_via = 'api' "
                "AND s.ended_at > rows_.hour_start_utc AND s.started_at < rows_.hour_start_utc + INTERVAL 1 HOUR)"
            )
        return own


def _unless(condition: str, field: str) -> str:
    return f"CASE WHEN {condition} THEN NULL ELSE rows_.{field} END"


_ACTIVITY_COLUMNS = (
    "activity_id",
    "athlete_id",
    "started_at",
    "ended_at",
    "utc_offset_seconds",
    "local_date",
    "sport",
    "sport_family",
    "title",
    "distance_m",
    "moving_seconds",
    "elapsed_seconds",
    "ascent_m",
    "energy_kcal",
    "avg_hr_bpm",
    "max_hr_bpm",
    "has_heart_rate",
    "has_gps",
    "source_count",
    "primary_provider",
    "source_of_distance",
    "source_of_heart_rate",
    "source_of_title",
    "source_of_sport",
    "source_of_moving",
    "source_of_ascent",
    "source_of_energy",
)
