"""Where the dashboard reads: the published copy of the marts, here or on BigQuery. One SQL for both.

Nothing but `Scope` (in `scope`) should ask here: it is what keeps one athlete's rows from another's page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import duckdb
import pyarrow as pa

from fit_platform.errors import FitError
from fit_platform.warehouse.base import OPS_SCHEMA

if TYPE_CHECKING:
    from fit_platform.warehouse.bigquery_warehouse import BigQueryWarehouse

MARTS_SCHEMA = "marts"
_DETAIL_VIEWS = {"heart_rate_samples": "int_heart_rate_samples", "activity_tracks": "int_activity_tracks"}
_CLOUD_VERSION_SECONDS = 60.0  # how long an answer about BigQuery's newest publication is believed
_MEMORY_LIMIT = "512MiB"


class NothingPublished(FitError):
    """There are no published marts yet."""


class Unreadable(FitError):
    """The published files are there and cannot be read: a publish took them away just now, or they are damaged."""


class Source(Protocol):
    """A set of marts at a version."""

    def version(self) -> str:
        """Changes when the marts do. NothingPublished before the first publish."""

    def mart(self, name: str) -> str:
        """A mart, to be written behind FROM."""

    def detail(self, name: str, first: date, last: date) -> str:
        """Samples (`heart_rate_samples`, `activity_tracks`) of these partition days, to be written behind FROM."""

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query in SQL that DuckDB and BigQuery share; `?` stands for a parameter."""


class PublishedMarts:
    """`published/current` under FIT_HOME, opened anew when a publish has moved the link."""

    def __init__(self, root: Path) -> None:
        """`root` is the folder `published`; it need not exist yet."""
        self._link = root / "current"
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def version(self) -> str:
        """The name of the version's folder."""
        return self._current().name

    def mart(self, name: str) -> str:
        """A table of the published file."""
        return f'"{MARTS_SCHEMA}"."{name}"'

    def detail(self, name: str, first: date, last: date) -> str:
        """The Parquet files of the months that hold these days; their rows are filtered by `dt` again."""
        folder = self._current() / "detail" / name
        months = (f"{first:%Y-%m}", f"{last:%Y-%m}")
        files = sorted(str(path) for path in folder.glob("*.parquet") if months[0] <= path.name[:7] <= months[1])
        days = f"dt BETWEEN DATE '{first}' AND DATE '{last}'"
        if files:
            listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
            return f"(SELECT * FROM read_parquet([{listed}]) WHERE {days})"
        return f"({_EMPTY_DETAIL[name]})"

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query on the current version; threads have a cursor each."""
        try:
            with self._opened().cursor() as cursor:
                cursor.execute("SET TimeZone = 'UTC'")
                return cursor.sql(sql, params=list(parameters)).to_arrow_table()
        except duckdb.IOException as error:
            raise Unreadable(
                "the published data cannot be read; load the page again, and if that does not help, remove the folder "
                "`published` and run `fit-platform update`"
            ) from error

    def _current(self) -> Path:
        folder = self._link.resolve()
        if not (folder / "fitness.duckdb").is_file():
            raise NothingPublished("nothing is published yet; run `fit-platform sync`, or `fit-platform demo`")
        return folder

    def _opened(self) -> duckdb.DuckDBPyConnection:
        folder = self._current()
        with self._lock:
            if self._connection is None or self._folder != folder:
                # Not closed: another thread may be reading it. It closes itself with its last cursor.
                self._connection = duckdb.connect(str(folder / "fitness.duckdb"), read_only=True)
                self._connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
                self._connection.execute("SET parquet_metadata_cache = true")
                self._folder = folder
            return self._connection


_EMPTY_DETAIL = {
    "heart_rate_samples": "SELECT '' AS athlete_id, DATE '1970-01-01' AS dt, '' AS provider, '' AS feed, "
    "CAST(0 AS BIGINT) AS sampled_second, CAST(0 AS BIGINT) AS utc_offset_seconds, CAST(0 AS DOUBLE) AS bpm "
    "WHERE false",
    "activity_tracks": "SELECT '' AS athlete_id, DATE '1970-01-01' AS dt, '' AS provider, '' AS provider_activity_id, "
    "TIMESTAMPTZ '1970-01-01 00:00:00+00' AS sampled_at, CAST(0 AS DOUBLE) AS heart_rate_bpm, "
    "CAST(0 AS DOUBLE) AS speed_mps, CAST(0 AS DOUBLE) AS altitude_m, CAST(0 AS DOUBLE) AS distance_m, "
    "CAST(0 AS DOUBLE) AS cadence_rpm, CAST(0 AS DOUBLE) AS power_w, CAST(0 AS DOUBLE) AS latitude_deg, "
    "CAST(0 AS DOUBLE) AS longitude_deg WHERE false",
}


class WarehouseMarts:
    """The published marts where many may read at once: BigQuery. What a blocking check refused is not among them."""

    def __init__(self, warehouse: BigQueryWarehouse, clock: Callable[[], float] = time.monotonic) -> None:
        """Read from this warehouse."""
        from fit_platform.warehouse.bigquery_schema import PUBLISHED_SCHEMA  # its libraries take seconds to load

        self._warehouse = warehouse
        self._schema = PUBLISHED_SCHEMA
        self._clock = clock
        self._known: tuple[float, str] | None = None

    def version(self) -> str:
        """The newest publication, asked for at most once a minute."""
        known = self._known
        if known is None or self._clock() - known[0] > _CLOUD_VERSION_SECONDS:
            known = self._known = (self._clock(), self._newest())
        return known[1]

    def _newest(self) -> str:
        from fit_platform.warehouse.bigquery_publish import newest_publication

        if not self._warehouse.tables(self._schema):
            raise NothingPublished("nothing is published yet; run `fit-platform sync`")
        if "publications" in self._warehouse.tables(OPS_SCHEMA):
            newest = newest_publication(self._warehouse)
            if newest is not None:
                return f"{newest.published_at:%Y%m%dT%H%M%S%f}-{newest.version}"
        return f"unrecorded-{self._clock()}"  # while a rebuild is under way, readers keep what they have

    def mart(self, name: str) -> str:
        """A table of the dataset `published`."""
        return self._warehouse.relation(self._schema, name)

    def detail(self, name: str, first: date, last: date) -> str:
        """The view that a publish on a laptop copies, for these partitions only: samples are too many to copy."""
        view = self._warehouse.relation("intermediate", _DETAIL_VIEWS[name])
        return f"(SELECT * FROM {view} WHERE dt BETWEEN DATE '{first}' AND DATE '{last}')"

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query."""
        return self._warehouse.query(sql, parameters)
