"""Landing to warehouse: load exactly the days whose landed content, or whose parser, is not what is loaded already."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from fit_platform.landing.layout import DayKey
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.parse import parse_days, parser_version
from fit_platform.providers.base import Resource
from fit_platform.warehouse.base import DayLoad, LedgerEntry, Quarantined, Warehouse


@dataclass(frozen=True)
class LoadReport:
    """What a load came to. Days not listed anywhere have nothing in landing."""

    loaded: tuple[LedgerEntry, ...]
    unchanged_days: int
    quarantine: tuple[Quarantined, ...] = ()

    @property
    def rows(self) -> int:
        """Rows loaded."""
        return sum(entry.loaded_rows for entry in self.loaded)

    @property
    def duplicates(self) -> int:
        """Rows dropped because their key stood in the same day already."""
        return sum(entry.duplicate_rows for entry in self.loaded)


def landed_days(zone: LandingZone, resource: Resource) -> dict[date, list[DayKey]]:
    """Every landed day of a resource with its objects."""
    days: dict[date, list[DayKey]] = defaultdict(list)
    for key in zone.keys(resource.provider, resource.name):
        days[key.dt].append(key)
    return dict(days)


@dataclass(frozen=True, slots=True)
class LandedDay:
    """One partition day of a resource as it lies in the landing zone."""

    keys: tuple[DayKey, ...]
    content_hash: str


def hashed_days(
    zone: LandingZone, resource: Resource, first: date = date.min, last: date = date.max
) -> dict[date, LandedDay]:
    """The landed days of a resource, from one day to another, with their content."""
    days: dict[date, dict[DayKey, str]] = defaultdict(dict)
    for key, content in zone.hashes(resource.provider, resource.name, first, last).items():
        days[key.dt][key] = content
    return {day: LandedDay(tuple(hashes), day_hash(hashes)) for day, hashes in days.items()}


def day_hash(hashes: Mapping[DayKey, str]) -> str:
    """The content of a partition day, all athletes (or of several days): what raw assets report as data version."""
    parts = sorted(f"{key.athlete_id}={content}" for key, content in hashes.items())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def unloaded_days(resource: Resource, zone: LandingZone, warehouse: Warehouse) -> list[date]:
    """Landed days whose content, or whose parser, is not what the warehouse has loaded; gone days that it still has."""
    version = parser_version(resource)
    loaded = {
        day: entry.content_hash
        for day, entry in warehouse.ledger(resource.provider, resource.name).items()
        if entry.parser_version == version
    }
    landed = {day: found.content_hash for day, found in hashed_days(zone, resource).items()}
    gone = day_hash({})  # what the ledger says of a day whose objects were all removed, once that is loaded
    days = loaded.keys() | landed.keys()
    return sorted(day for day in days if loaded.get(day) != landed.get(day, gone if day in loaded else None))


def load(resource: Resource, days: Iterable[date], zone: LandingZone, warehouse: Warehouse) -> LoadReport:
    """Load partition days of one resource, in one transaction; days that are loaded as they are landed are left."""
    version = parser_version(resource)
    ledger = warehouse.ledger(resource.provider, resource.name)
    asked = sorted(set(days))
    # Hashes before contents: should a day be written meanwhile, it counts as the older version and is loaded again.
    landed = hashed_days(zone, resource, asked[0], asked[-1]) if asked else {}
    changed: dict[date, LandedDay] = {}
    unchanged = 0
    for day in asked:
        known = ledger.get(day)
        if known is None and day not in landed:
            continue
        found = landed.get(day) or LandedDay((), day_hash({}))
        if known is not None and (known.content_hash, known.parser_version) == (found.content_hash, version):
            unchanged += 1
            continue
        changed[day] = found
    if not changed:
        return LoadReport((), unchanged)

    with tempfile.TemporaryDirectory(prefix="fit-load-") as folder:
        keys = [key for day in changed.values() for key in day.keys]
        parsed = parse_days(resource, zone, keys, Path(folder))
        now = datetime.now(UTC)
        quarantined: dict[date, int] = defaultdict(int)
        for bad in parsed.quarantine:
            quarantined[bad.dt] += bad.records
        entries = [
            LedgerEntry(
                dt=day,
                content_hash=found.content_hash,
                parser_version=version,
                landed_objects=parsed.objects.get(day, 0),
                loaded_rows=parsed.rows.get(day, 0),
                duplicate_rows=parsed.duplicates.get(day, 0),
                quarantined=quarantined[day],
                loaded_at=now,
            )
            for day, found in changed.items()
        ]
        warehouse.replace_days(
            DayLoad(
                provider=resource.provider,
                resource=resource.name,
                days=list(changed),
                parquet=parsed.parquet,
                ledger=entries,
                quarantine=parsed.quarantine,
            )
        )
    return LoadReport(tuple(entries), unchanged, tuple(parsed.quarantine))
