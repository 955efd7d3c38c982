"""Dagster's event log for a laptop: one SQLite file whose connections stay open.

Dagster's own SQLite storages open a new connection for every statement, and with the last one closed SQLite folds its
log back each time: 15 ms an event, measured, and 18 s for the 1,080 events of 12 assets and 90 days. Kept open it is
3 s. `dagster.yaml` names this class; a server uses PostgreSQL and never sees it.

A run over many days writes one event for each day and asset, twice: ten years of 40 assets are 300,000. Dagster hands
them over in batches where DAGSTER_EVENT_BATCH_SIZE says so; here a batch is one transaction.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.consolidated_sqlite_event_log import ConsolidatedSqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

_BUSY_TIMEOUT_SECONDS = 60


class PooledSqliteEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """The consolidated SQLite storage over a connection pool."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration: the file lies in DAGSTER_HOME."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledSqliteEventLogStorage:
        """Open the storage; without a DAGSTER_HOME in a temporary folder, as Dagster does with everything else then."""
        return cls(os.environ.get("DAGSTER_HOME") or tempfile.mkdtemp(prefix="fit-events-"), inst_data=inst_data)

    @cached_property
    def _engine(self) -> sa.Engine:
        engine = sa.create_engine(
            self._conn_string,
            poolclass=sa.QueuePool,
            connect_args={"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )

        @sa.event.listens_for(engine, "connect")
        def _on_connect(connection: Any, _record: object) -> None:
            # With a write-ahead log this is safe against a killed process; a power cut may lose the last events.
            connection.execute("PRAGMA synchronous=NORMAL")

        return engine

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Tables appear at initialisation and never go, so one look is enough."""
        known: dict[str, bool] = self.__dict__.setdefault("_known_tables", {})
        if not known.get(table_name):
            known[table_name] = super().has_table(table_name)
        return known[table_name]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of a run that Dagster collected: those of assets in one transaction, the others one by one."""
        of_assets: list[EventLogEntry] = []
        for event in events:
            if event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS:
                of_assets.append(event)
            else:
                self.store_event(event)
        if of_assets:
            with self.index_transaction() as connection:
                self._store_asset_events(connection, of_assets)

    def _store_asset_events(self, connection: sa.Connection, events: Sequence[EventLogEntry]) -> None:
        # The first insert takes SQLite's one write lock, so the ids that follow its own are ours.
        inserted = connection.execute(self.prepare_insert_event(events[0])).inserted_primary_key
        assert inserted is not None
        first_id = int(inserted[0])
        ids = range(first_id, first_id + len(events))
        rows = [{"id": id_, **self._event_to_row(event)} for id_, event in zip(ids, events, strict=True)][1:]
        if rows:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        self._store_asset_event_tags(connection, events, ids)
        # An asset's own row tells of its last event of each kind only.
        last = {(event.dagster_event_type, event.get_dagster_event().asset_key): n for n, event in enumerate(events)}
        for n in sorted(last.values()):
            self._store_asset_event(connection, events[n], ids[n])
