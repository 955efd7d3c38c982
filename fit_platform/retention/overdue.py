"""The proof that no API data are older than they may be: looks at landing, base tables, marts and published copies.

It looks at the data themselves, not at what the purge says it did.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb

from fit_platform.providers.registry import PROVIDERS, resources
from fit_platform.retention.purge import expired_days
from fit_platform.runtime import Runtime

GRACE = timedelta(hours=1)
"""What comes of age between a purge and the look at its result is no failure; the daily purge is a day ahead anyhow."""

# Records of a mart whose object is too old, or has left the base table already: a purge that did not reach the mart.
_ORPHANS = """
    SELECT count(*) AS n FROM {sources} AS sources
    WHERE sources.provider = ? AND sources.athlete_id = ? AND sources.acquired_via = 'api' AND NOT EXISTS (
      SELECT 1 FROM base.{activities} AS base
      WHERE base.athlete_id = sources.athlete_id AND CAST(base.activity_id AS VARCHAR) = sources.provider_activity_id
        AND base.first_fetched_at > ?
    )
"""
_ACTIVITY_TABLES = {"strava": "strava_activities"}  # the only provider whose API data have an age limit


def overdue(runtime: Runtime, now: datetime) -> dict[str, int]:
    """How much is held for longer than it may be, by place; empty when nothing is. Opens the warehouse."""
    found: dict[str, int] = {}
    for provider in PROVIDERS:
        for athlete_id, keep_days in runtime.limited(provider).items():
            cutoff = now - timedelta(days=keep_days) - GRACE
            landed = len(expired_days(runtime.zone, provider, athlete_id, cutoff))
            places = {"landing days": landed, **_in_warehouse(runtime, provider, athlete_id, cutoff)}
            for place, count in places.items():
                found[place] = found.get(place, 0) + count
    return {place: count for place, count in found.items() if count}


def _in_warehouse(runtime: Runtime, provider: str, athlete_id: str, cutoff: datetime) -> dict[str, int]:
    counts: dict[str, int] = {}
    published = runtime.settings.home_dir / "published"
    if runtime.settings.target == "gcp":
        return counts  # not looked at in BigQuery yet: there the landing days alone tell (docs/google-cloud.md)
    with runtime.duckdb.connect() as db:
        for table in (
            table
            for resource in resources(runtime.settings)
            if resource.provider == provider
            for table in resource.tables
        ):
            if _exists(db, "base", table.name):
                counts[f"base.{table.name}"] = _count(
                    db,
                    f"SELECT count(*) FROM base.{table.name} "
                    "WHERE athlete_id = ? AND acquired_via = 'api' AND first_fetched_at <= ?",
                    [athlete_id, cutoff],
                )
        activities = _ACTIVITY_TABLES.get(provider)
        if activities is None or not _exists(db, "base", activities):
            return counts
        sources = (
            {"marts.activity_sources": "marts.activity_sources"} if _exists(db, "marts", "activity_sources") else {}
        )
        for copy in published.glob("*/parquet/activity_sources.parquet"):
            if not copy.parents[1].is_symlink():
                sources[f"published {copy.parents[1].name}"] = "read_parquet('{}')".format(str(copy).replace("'", "''"))
        for place, relation in sources.items():
            sql = _ORPHANS.format(sources=relation, activities=activities)
            counts[place] = _count(db, sql, [provider, athlete_id, cutoff])
    return counts


def _exists(db: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    sql = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    return _count(db, sql, [schema, table]) > 0


def _count(db: duckdb.DuckDBPyConnection, sql: str, parameters: list[object]) -> int:
    row = db.execute(sql, parameters).fetchone()
    assert row is not None
    return int(row[0])
