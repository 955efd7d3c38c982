"""The rooms, opened as the settings name them: the one place that knows how they fit together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.connections import Connection, ConnectionStore
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.tables import ATHLETES
from fit_platform.errors import ConfigError
from fit_platform.landing.store import open_store
from fit_platform.landing.zone import LandingZone
from fit_platform.providers.http import ApiClient
from fit_platform.providers.registry import resources
from fit_platform.quota.ledger import QuotaLedger
from fit_platform.settings import Settings
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

_UNDATED = date(1970, 1, 1)  # the athletes table is replaced whole; its rows have no day


class Runtime:
    """Lazily opened rooms. Making one touches neither disk nor network."""

    def __init__(self, settings: Settings) -> None:
        """Use these settings. Raises ConfigError for a target that is not there yet."""
        if settings.target == "gcp":
            raise ConfigError("FIT_TARGET=gcp: the GCS and BigQuery side is not built yet; use FIT_TARGET=local")
        self.settings = settings

    @cached_property
    def zone(self) -> LandingZone:
        """The landing zone."""
        return LandingZone(open_store(self.settings.landing_dir))

    @cached_property
    def warehouse(self) -> DuckDBWarehouse:
        """The warehouse."""
        return DuckDBWarehouse(self.settings.warehouse_path)

    @cached_property
    def athletes(self) -> AthleteStore:
        """The athletes of this install."""
        return AthleteStore(self.settings.home_dir)

    @cached_property
    def connections(self) -> ConnectionStore:
        """Who is linked to what."""
        return ConnectionStore(self.settings.home_dir)

    @cached_property
    def quota(self) -> QuotaLedger:
        """The shared request budget."""
        return QuotaLedger(self.settings.home_dir / "state" / "quota.sqlite")

    @cached_property
    def custody(self) -> Custody:
        """Tokens, kept fresh."""
        return Custody(self.settings)

    def linked(self, provider: str, athletes: Sequence[str] = ()) -> list[Connection]:
        """Connections of a provider that may be used, sorted by athlete; of these athletes only, when any are named."""
        return sorted(
            (
                connection
                for connection in self.connections.list()
                if connection.provider == provider and (not athletes or connection.athlete_id in athletes)
            ),
            key=lambda connection: connection.athlete_id,
        )

    def clients(self, provider: str, athletes: Sequence[str] = ()) -> list[ApiClient]:
        """An API client for every linked athlete of a provider."""
        return [
            ApiClient(
                provider=provider,
                athlete_id=connection.athlete_id,
                base_url=self.settings.provider(provider).api_url,
                tokens=self.custody.token_source(provider, connection.athlete_id),
                quota=self.quota,
            )
            for connection in self.linked(provider, athletes)
        ]

    def prepare_warehouse(self) -> None:
        """Create what is missing of schemas and base tables."""
        self.warehouse.prepare([ATHLETES, *(table for resource in resources() for table in resource.tables)])

    def load_athletes(self) -> int:
        """Copy the athletes into the warehouse; returns how many."""
        rows = self._athlete_rows()
        self.warehouse.replace_table(ATHLETES, pa.Table.from_pylist(rows, schema=ATHLETES.arrow_schema))
        return len(rows)

    def athletes_hash(self) -> str:
        """Changes when anything that the marts use of an athlete changes."""
        facts = [
            [row[column.name] for column in ATHLETES.columns] + [row["athlete_id"]] for row in self._athlete_rows()
        ]
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def _athlete_rows(self) -> list[dict[str, object]]:
        path = Path(self.settings.home_dir / "athletes.json")
        changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else datetime.now(UTC)
        return [
            {
                "athlete_id": athlete.athlete_id,
                "dt": _UNDATED,
                "display_name": athlete.display_name,
                "timezone": athlete.timezone,
                "sex": athlete.sex,
                "birth_date": athlete.birth_date,
                "max_hr_bpm": athlete.max_hr_bpm,
                "resting_hr_bpm": athlete.resting_hr_bpm,
                "acquired_via": "operator",
                "fetched_at": changed_at,
                "first_fetched_at": changed_at,
                "landing_object": path.name,
            }
            for athlete in sorted(self.athletes.list(), key=lambda athlete: athlete.athlete_id)
        ]
