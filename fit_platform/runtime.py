"""The rooms, opened as the settings name them: the one place that knows how they fit together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from fit_platform.accounts import athlete_settings
from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.connections import Connection, ConnectionStore, State
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.oauth import oauth_of
from fit_platform.accounts.overrides import OverrideStore
from fit_platform.accounts.tables import ACTIVITY_OVERRIDES, ATHLETE_SETTINGS, ATHLETES
from fit_platform.errors import ConfigError
from fit_platform.landing.inbox import Inbox
from fit_platform.landing.opening import open_store
from fit_platform.landing.zone import LandingZone
from fit_platform.providers.http import TIMEOUT_S, ApiClient, RetryPolicy
from fit_platform.providers.registry import every_resource
from fit_platform.quota.ledger import QuotaLedger
from fit_platform.settings import Settings
from fit_platform.warehouse.base import Warehouse
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse
from fit_platform.warehouse.schema import Table

if TYPE_CHECKING:
    from fit_platform.warehouse.bigquery_warehouse import BigQueryWarehouse

_QUICK_TIMEOUT_S = (3.0, 10.0)  # a sensor's tick has a minute for all that it asks
_UNDATED = date(1970, 1, 1)  # the athletes table is replaced whole; its rows have no day


class Runtime:
    """Lazily opened rooms. Making one touches neither disk nor network."""

    def __init__(self, settings: Settings, *, run_id: str | None = None) -> None:
        """Use these settings; `run_id` says in paid jobs who asked. Raises ConfigError where the target lacks one."""
        if settings.target == "gcp":
            if not settings.gcp_project:
                raise ConfigError("FIT_TARGET=gcp: set FIT_GCP_PROJECT to the project that has the datasets")
            if not settings.landing_dir.startswith("gs://"):
                raise ConfigError("FIT_TARGET=gcp: set FIT_LANDING_URL to gs://bucket or gs://bucket/prefix")
        self.settings = settings
        self.run_id = run_id
        self._is_prepared = False

    def clock(self) -> datetime:
        """The time in UTC; simulated where the settings say so."""
        return self.settings.now()

    @cached_property
    def zone(self) -> LandingZone:
        """The landing zone."""
        return LandingZone(open_store(self.settings.landing_dir, project=self.settings.gcp_project))

    @cached_property
    def inbox(self) -> Inbox:
        """The change events that wait."""
        return Inbox(self.zone.store)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse of the target."""
        return self.bigquery if self.settings.target == "gcp" else self.duckdb

    @cached_property
    def bigquery(self) -> BigQueryWarehouse:
        """The warehouse on Google Cloud: what only BigQuery can do (publishing to a dataset) asks for it by name."""
        from fit_platform.warehouse.bigquery_warehouse import open_bigquery  # its libraries take seconds to load

        return open_bigquery(
            project=self.settings.gcp_project or "",
            location=self.settings.bigquery_location,
            dataset_prefix=self.settings.bigquery_dataset_prefix,
            maximum_bytes_billed=self.settings.bigquery_max_gb_billed * 10**9,
            emulator_url=self.settings.bigquery_emulator_host,
            run_id=self.run_id,
        )

    @cached_property
    def duckdb(self) -> DuckDBWarehouse:
        """The local warehouse: what only DuckDB can do (publishing to a file, pictures) asks for it by name."""
        return DuckDBWarehouse(self.settings.warehouse_path)

    @cached_property
    def athletes(self) -> AthleteStore:
        """The athletes of this install."""
        return AthleteStore(self.settings.home_dir)

    @cached_property
    def overrides(self) -> OverrideStore:
        """What a person decided about pairs of activity records."""
        return OverrideStore(self.settings.home_dir)

    @cached_property
    def connections(self) -> ConnectionStore:
        """Who is linked to what."""
        return ConnectionStore(self.settings.home_dir)

    @cached_property
    def quota(self) -> QuotaLedger:
        """The shared request budget."""
        return QuotaLedger(self.settings.home_dir / "state" / "quota.sqlite", self.clock)

    @cached_property
    def custody(self) -> Custody:
        """Tokens, kept fresh."""
        return Custody(self.settings, clock=self.clock)

    def linked(self, provider: str, athletes: Sequence[str] = ()) -> list[Connection]:
        """Connections of a provider that may be used, sorted by athlete; of these athletes only, when any are named.

        One that the athlete has revoked is left out: nothing may be asked on it. One that needs a new consent is not,
        so that its pulls fail and say so.
        """
        return sorted(
            (
                connection
                for connection in self.connections.list()
                if connection.provider == provider
                and (not athletes or connection.athlete_id in athletes)
                and not (connection.broken and connection.broken.state is State.REVOKED)
            ),
            key=lambda connection: connection.athlete_id,
        )

    def is_broken(self, provider: str, athlete_id: str) -> bool:
        """Is this a connection of which is known that nothing can be asked on it?"""
        connection = self.connections.get(provider, athlete_id)
        return connection is not None and connection.broken is not None

    def limited(self, provider: str) -> dict[str, int]:
        """Days that API data may be kept, by athlete, for those whose connection limits it, or did before it ended."""
        connections = self.connections.list(provider)
        limits = {c.athlete_id: c.retention for c in connections if isinstance(c.retention, int)}
        return self.connections.ended_limits(provider) | limits

    def clients(
        self, provider: str, athletes: Sequence[str] = (), *, for_news: bool = False, asks_anyway: bool = False
    ) -> list[ApiClient]:
        """An API client for every linked athlete of a provider.

        One `for_news` is for asking what has changed: it may use what the quota keeps for webhooks, and it gives up
        after one quick try, because the next look is never far. One that `asks_anyway` asks the provider also where the
        connection is known as dead: what is known may be wrong.
        """
        return [
            ApiClient(
                provider=provider,
                athlete_id=connection.athlete_id,
                base_url=self.settings.provider(provider).api_url,
                tokens=self.custody.token_source(provider, connection.athlete_id, asks_anyway=asks_anyway),
                quota=self.quota.for_webhooks() if for_news else self.quota,
                clock=self.clock,
                registered_at=connection.linked_at if oauth_of(provider).REGISTERS else None,
                retry=RetryPolicy(attempts=1) if for_news else RetryPolicy(),
                timeout_s=_QUICK_TIMEOUT_S if for_news else TIMEOUT_S,
            )
            for connection in self.linked(provider, athletes)
        ]

    def prepare_warehouse(self) -> None:
        """Create what is missing of schemas and base tables, also of resources switched off: dbt reads them all.

        Every path into the warehouse begins with it, once: nobody has to run a command first.
        """
        if self._is_prepared:
            return
        sample_tables = {
            name
            for resource in every_resource()
            if resource.parse.columnar is not None
            for name in resource.parse.columnar.selects
        }
        tables = (table for resource in every_resource() for table in resource.tables)
        self.warehouse.prepare([ATHLETES, ATHLETE_SETTINGS, ACTIVITY_OVERRIDES, *tables], sample_tables)
        self._is_prepared = True

    def drop_warehouse(self) -> None:
        """Remove the whole warehouse, to be made anew from landing."""
        self.warehouse.drop()
        self._is_prepared = False

    def load_athletes(self) -> int:
        """Copy the athletes into the warehouse; returns how many."""
        rows = self._athlete_rows()
        self.warehouse.replace_table(ATHLETES, pa.Table.from_pylist(rows, schema=ATHLETES.arrow_schema))
        return len(rows)

    def load_overrides(self) -> int:
        """Copy the decisions on pairs of records into the warehouse; returns how many."""
        return self._replace(ACTIVITY_OVERRIDES, self.overrides.path, map(asdict, self.overrides.list()))

    def load_athlete_settings(self) -> int:
        """Copy the dated heart-rate limits into the warehouse; returns how many lines. ConfigError for a bad line."""
        home = self.settings.home_dir
        lines = (setting.model_dump() for setting in athlete_settings.read_athlete_settings(home))
        return self._replace(ATHLETE_SETTINGS, home / athlete_settings.FILE_NAME, lines)

    def _replace(self, table: Table, path: Path, lines: Iterable[Mapping[str, object]]) -> int:
        """Replace a base table by the lines of a file that the operator edits; returns how many."""
        changed_at = _changed_at(path)
        provenance = {
            "dt": _UNDATED,
            "acquired_via": "operator",
            "fetched_at": changed_at,
            "first_fetched_at": changed_at,
            "landing_object": path.name,
        }
        rows = [{**line, **provenance} for line in lines]
        self.warehouse.replace_table(table, pa.Table.from_pylist(rows, schema=table.arrow_schema))
        return len(rows)

    def athletes_hash(self) -> str:
        """Changes when anything that the marts use of what the operator told us changes."""
        facts: list[object] = [
            [row[column.name] for column in ATHLETES.columns] + [row["athlete_id"]] for row in self._athlete_rows()
        ]
        facts += self.overrides.list()
        facts += athlete_settings.read_athlete_settings(self.settings.home_dir)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def _athlete_rows(self) -> list[dict[str, object]]:
        path = Path(self.settings.home_dir / "athletes.json")
        changed_at = _changed_at(path)
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


def _changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else datetime.now(UTC)
