"""The proof that no API data are older than they may be: looks at landing, base tables, marts and published copies.

It looks at the data themselves, not at what the purge says it did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from fit_platform.providers.registry import PROVIDERS, resources
from fit_platform.retention.purge import expired_days
from fit_platform.runtime import Runtime
from fit_platform.warehouse.base import BASE_SCHEMA

GRACE = timedelta(hours=1)
"""What comes of age between a purge and the look at its result is no failure; the daily purge is a day ahead anyhow."""

# Records of a mart whose object is too old, or has left the base table already: a purge that did not reach the mart.
_ORPHANS = """
    SELECT count(*) AS n FROM {sources} AS sources
    WHERE sources.provider = ? AND sources.athlete_id = ? AND sources.acquired_via = 'api' AND NOT EXISTS (
      SELECT 1 FROM {activities} AS base
      WHERE base.athlete_id = sources.athlete_id AND CAST(base.activity_id AS STRING) = sources.provider_activity_id
        AND base.first_fetched_at > ? AND base.dt >= DATE '0001-01-01'
    )
"""
# The same of samples: activities, or days where samples do not say of which, without a record that may be held.
_ORPHAN_SAMPLES = """
    SELECT count(*) AS n FROM (
      SELECT DISTINCT {key} AS held FROM {samples} WHERE provider = ? AND athlete_id = ?
    ) AS samples
    WHERE NOT EXISTS (
      SELECT 1 FROM {activities} AS base
      WHERE base.athlete_id = ? AND {base_key} = samples.held
        AND (base.acquired_via <> 'api' OR base.first_fetched_at > ?)
    )
"""
_SAMPLES = {
    # name -> what of, for people; its key; the key of an activity
    "activity_tracks": ("activities", "provider_activity_id", "CAST(base.activity_id AS STRING)"),
    "heart_rate_samples": ("days", "dt", "base.dt"),
}
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
    warehouse, counts = runtime.warehouse, {}
    tables = [
        table.name
        for resource in resources(runtime.settings)
        if resource.provider == provider
        for table in resource.tables
    ]
    with warehouse.session():
        existing = warehouse.tables(BASE_SCHEMA)
        for table in tables:
            if table in existing:
                counts[f"base.{table}"] = _count(
                    runtime,
                    f"SELECT count(*) AS n FROM {warehouse.relation(BASE_SCHEMA, table)} WHERE athlete_id = ? "
                    "AND acquired_via = 'api' AND first_fetched_at <= ? AND dt >= DATE '0001-01-01'",
                    [athlete_id, cutoff],
                )
        activities = _ACTIVITY_TABLES.get(provider)
        if activities is not None and activities in existing:
            base = warehouse.relation(BASE_SCHEMA, activities)
            for place, relation in _copies_of_sources(runtime):
                sql = _ORPHANS.format(sources=relation, activities=base)
                counts[place] = _count(runtime, sql, [provider, athlete_id, cutoff])
            for place, name, relation in _published_samples(runtime):
                of, key, base_key = _SAMPLES[name]
                sql = _ORPHAN_SAMPLES.format(key=key, samples=relation, activities=base, base_key=base_key)
                counts[f"{place} {name}, {of}"] = _count(runtime, sql, [provider, athlete_id, athlete_id, cutoff])
    return counts


def _copies_of_sources(runtime: Runtime) -> Iterator[tuple[str, str]]:
    """Where activities' records stand in marts, built and published: a name for people, and the relation to query."""
    name = "activity_sources"
    for schema in ("marts", "published"):  # the second is a dataset on BigQuery, and files on this machine
        if name in runtime.warehouse.tables(schema):
            yield f"{schema}.{name}", runtime.warehouse.relation(schema, name)
    if runtime.settings.target == "local":
        for version in _published_versions(runtime):
            copy = version / "parquet" / f"{name}.parquet"
            if copy.is_file():
                yield f"published {version.name}", _read_parquet([copy])


def _published_samples(runtime: Runtime) -> Iterator[tuple[str, str, str]]:
    """The samples beside published marts, which only this machine has: BigQuery publishes views of the base tables."""
    for version in _published_versions(runtime) if runtime.settings.target == "local" else ():
        for name in _SAMPLES:
            files = sorted((version / "detail" / name).glob("*.parquet"))
            if files:
                yield f"published {version.name}", name, _read_parquet(files)


def _published_versions(runtime: Runtime) -> Iterator[Path]:
    """Every published copy, one that is being made too; `current` is one of them by another name."""
    for version in sorted((runtime.settings.home_dir / "published").glob("*")):
        if version.is_dir() and not version.is_symlink():
            yield version


def _read_parquet(files: Sequence[Path]) -> str:
    return "read_parquet([{}])".format(", ".join("'" + str(file).replace("'", "''") + "'" for file in files))


def _count(runtime: Runtime, sql: str, parameters: list[object]) -> int:
    return int(runtime.warehouse.query(sql, parameters).column("n")[0].as_py())
