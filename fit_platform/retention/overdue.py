"""The proof that no API data are older than they may be: in landing, quarantine, base tables, marts, published copies.

It looks at the data themselves, not at what the purge says it did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fit_platform.landing.layout import DayKey
from fit_platform.providers.registry import PROVIDERS
from fit_platform.retention.purge import expired_days, held_since, holds_archive
from fit_platform.runtime import Runtime
from fit_platform.warehouse.base import BASE_SCHEMA, OPS_SCHEMA

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
_SOURCES = "activity_sources"
_SAMPLES = {
    # name -> what of, for people; its key; the key of an activity
    "activity_tracks": ("activities", "provider_activity_id", "CAST(base.activity_id AS STRING)"),
    "heart_rate_samples": ("days", "dt", "base.dt"),
}
# What is computed of activities, and must go with the last record of each.
DERIVED_MARTS = (
    "activities",
    "activity_heart_rate",
    "activity_laps",
    "activity_zones",
    "best_efforts",
)
_ORPHAN_FACTS = """
    SELECT count(*) AS n FROM {facts} AS facts
    WHERE facts.athlete_id = ? AND facts.activity_id NOT IN (SELECT sources.activity_id FROM {sources} AS sources)
"""
# Compared records; both of a pair must still be there.
PAIR_MARTS = ("activity_match_pairs", "activity_match_review")
# Days and hours, which more than one record may be in.
DAILY_MARTS = ("heart_rate_hourly", "heart_rate_daily", "training_load_daily")
_LOOKED_AT = (*DERIVED_MARTS, *PAIR_MARTS, *DAILY_MARTS)
_ORPHAN_PAIRS = """
    SELECT count(*) AS n FROM {pairs} AS pairs
    WHERE pairs.athlete_id = ? AND ? IN (pairs.provider, pairs.other_provider) AND (
      (pairs.provider = ? AND pairs.provider_activity_id NOT IN ({known}))
      OR (pairs.other_provider = ? AND pairs.other_provider_activity_id NOT IN ({known}))
    )
"""
_KNOWN = (
    "SELECT CAST(base.activity_id AS STRING) FROM {activities} AS base "
    "WHERE base.athlete_id = pairs.athlete_id AND base.dt >= DATE '0001-01-01'"
)
_STALE_LOADS = """
    SELECT count(*) AS n FROM {loads} AS loads
    LEFT JOIN (
      SELECT local_date, count(*) AS activity_count FROM {activities} WHERE athlete_id = ? GROUP BY local_date
    ) AS days ON days.local_date = loads.local_date
    WHERE loads.athlete_id = ? AND loads.activity_count > coalesce(days.activity_count, 0)
"""
_SPANS = """
    SELECT started_at, coalesce(elapsed_seconds, 0) AS elapsed_seconds FROM {activities}
    WHERE athlete_id = ? AND (acquired_via <> 'api' OR first_fetched_at > ?) AND dt >= DATE '0001-01-01'
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
    warehouse, counts = runtime.warehouse, {}
    # Of resources that have been switched off, too: what they gave earlier is no younger for that.
    tables = [table.name for resource in PROVIDERS[provider] for table in resource.tables]
    with warehouse.session():
        counts["ops.quarantine"] = _in_quarantine(runtime, provider, athlete_id, cutoff)
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
            spans = warehouse.query(_SPANS.format(activities=base), [athlete_id, cutoff]).to_pylist()
            held_hours = {
                hour
                for span in spans  # an hour more at both ends: a stream may go on after what its summary says
                for hour in _hours(span["started_at"] - timedelta(hours=1), span["elapsed_seconds"] + 7200)
            }
            for copy in _copies_of_marts(runtime):
                sql = _ORPHANS.format(sources=copy.sources, activities=base)
                counts[copy.of(_SOURCES)] = _count(runtime, sql, [provider, athlete_id, cutoff])
                for name, relation in copy.derived.items():
                    of_whom: list[object] = [athlete_id]
                    if name in DAILY_MARTS:
                        counts[copy.of(name)] = _stale_days(runtime, copy, name, provider, athlete_id, held_hours)
                        continue
                    if name in PAIR_MARTS:
                        sql = _ORPHAN_PAIRS.format(pairs=relation, known=_KNOWN.format(activities=base))
                        of_whom += [provider] * 3
                    else:
                        sql = _ORPHAN_FACTS.format(facts=relation, sources=copy.sources)
                    counts[copy.of(name)] = _count(runtime, sql, of_whom)
            for place, name, relation in _published_samples(runtime):
                of, key, base_key = _SAMPLES[name]
                sql = _ORPHAN_SAMPLES.format(key=key, samples=relation, activities=base, base_key=base_key)
                counts[f"{place} {name}, {of}"] = _count(runtime, sql, [provider, athlete_id, athlete_id, cutoff])
    return counts


def _in_quarantine(runtime: Runtime, provider: str, athlete_id: str, cutoff: datetime) -> int:
    """Pieces of refused records whose day in landing is too old, or holds nothing of the kind any more."""
    rows = runtime.warehouse.query(
        f"SELECT resource, dt FROM {runtime.warehouse.relation(OPS_SCHEMA, 'quarantine')} "
        "WHERE provider = ? AND athlete_id = ?",
        [provider, athlete_id],
    ).to_pylist()
    count = 0
    for row in rows:
        key = DayKey(provider, row["resource"], row["dt"], athlete_id)
        since = held_since(runtime.zone, key)
        is_of_archive = since is None and holds_archive(runtime.zone, key)
        count += not is_of_archive and (since is None or since <= cutoff)
    return count


def _stale_days(runtime: Runtime, copy: _Copy, mart: str, provider: str, athlete_id: str, held_hours: Set[int]) -> int:
    """Rows of a mart by hour or day that tell of activities which are not there any more.

    Hours name their provider. Days do not, but have hours (a sample may last into the next day), or count activities.
    """
    relation = copy.derived[mart]
    if mart == "heart_rate_hourly":
        sql = f"SELECT hour_start_utc FROM {relation} WHERE provider = ? AND athlete_id = ?"
        hours = runtime.warehouse.query(sql, [provider, athlete_id]).column("hour_start_utc").to_pylist()
        return sum(held_hours.isdisjoint(_hours(hour, 3600)) for hour in hours)
    if mart == "heart_rate_daily" and (hourly := copy.derived.get("heart_rate_hourly")):
        days, told = (
            runtime.warehouse.query(f"SELECT DISTINCT local_date FROM {name} WHERE athlete_id = ?", [athlete_id])
            for name in (relation, hourly)
        )
        near = {day + timedelta(days=n) for day in told.column("local_date").to_pylist() for n in (-1, 0, 1)}
        return len(set(days.column("local_date").to_pylist()) - near)
    if mart == "training_load_daily" and (activities := copy.derived.get("activities")):
        return _count(runtime, _STALE_LOADS.format(loads=relation, activities=activities), [athlete_id] * 2)
    return 0


def _hours(started_at: datetime, seconds: float) -> range:
    """The hours since 1970 that a span lies in; an hour of a zone off by 15, 30 or 45 minutes lies in two of them."""
    begin = started_at.timestamp()
    return range(int(begin // 3600), int((begin + max(seconds, 1)) // 3600) + 1)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of the marts: a name for people; what to query for activities' records, and for what comes of them."""

    place: str
    sources: str
    derived: Mapping[str, str]

    def of(self, mart: str) -> str:
        """A mart of this copy, for people."""
        return f"{self.place}.{mart}"


def _copies_of_marts(runtime: Runtime) -> Iterator[_Copy]:
    """The marts as built and as published: a dataset on BigQuery, and files on this machine."""
    warehouse = runtime.warehouse
    for schema in ("marts", "published"):
        existing = warehouse.tables(schema)
        if _SOURCES in existing:
            derived = {name: warehouse.relation(schema, name) for name in _LOOKED_AT if name in existing}
            yield _Copy(schema, warehouse.relation(schema, _SOURCES), derived)
    if runtime.settings.target == "local":
        for version in _published_versions(runtime):
            files = {name: version / "parquet" / f"{name}.parquet" for name in (_SOURCES, *_LOOKED_AT)}
            relations = {name: _read_parquet([file]) for name, file in files.items() if file.is_file()}
            if (sources := relations.pop(_SOURCES, None)) is not None:
                yield _Copy(f"published {version.name}", sources, relations)


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
