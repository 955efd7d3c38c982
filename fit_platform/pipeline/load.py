"""Landing to warehouse: load exactly the days whose landed content, or whose parser, is not what is loaded already."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable
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


def day_hash(zone: LandingZone, keys: Iterable[DayKey]) -> str:
    """The content of one partition day, all athletes: what the raw asset reports as its data version."""
    parts = sorted(f"{key.athlete_id}={zone.content_hash(key)}" for key in keys)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def unloaded_days(resource: Resource, zone: LandingZone, warehouse: Warehouse) -> list[date]:
    """Landed days whose content, or whose parser, is not what the warehouse has loaded; gone days that it still has."""
    version = parser_version(resource)
    loaded = {
        day: entry.content_hash
        for day, entry in warehouse.ledger(resource.provider, resource.name).items()
        if entry.parser_version == version
    }
    landed = {day: day_hash(zone, keys) for day, keys in landed_days(zone, resource).items()}
    return sorted(day for day in loaded.keys() | landed.keys() if loaded.get(day) != landed.get(day))


def load(resource: Resource, days: Iterable[date], zone: LandingZone, warehouse: Warehouse) -> LoadReport:
    """Load partition days of one resource, in one transaction; days that are loaded as they are landed are left."""
    version = parser_version(resource)
    ledger = warehouse.ledger(resource.provider, resource.name)
    changed: dict[date, tuple[list[DayKey], str]] = {}
    unchanged = 0
    for day in sorted(set(days)):
        keys = list(zone.keys(resource.provider, resource.name, day))
        known = ledger.get(day)
        if not keys and known is None:
            continue
        content = day_hash(zone, keys)
        if known is not None and (known.content_hash, known.parser_version) == (content, version):
            unchanged += 1
            continue
        changed[day] = keys, content
    if not changed:
        return LoadReport((), unchanged)

    with tempfile.TemporaryDirectory(prefix="fit-load-") as folder:
        keys = [key for day_keys, _ in changed.values() for key in day_keys]
        parsed = parse_days(resource, zone, keys, Path(folder))
        now = datetime.now(UTC)
        quarantined: dict[date, int] = defaultdict(int)
        for bad in parsed.quarantine:
            quarantined[bad.dt] += bad.records
        entries = [
            LedgerEntry(
                dt=day,
                content_hash=content,
                parser_version=version,
                landed_objects=parsed.objects.get(day, 0),
                loaded_rows=parsed.rows.get(day, 0),
                duplicate_rows=parsed.duplicates.get(day, 0),
                quarantined=quarantined[day],
                loaded_at=now,
            )
            for day, (_, content) in changed.items()
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
