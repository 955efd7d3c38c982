"""BigQuery jobs: Parquet files in by load jobs, which are free; scripts and queries with a ceiling on what they cost.

Every job has a location, a label that says what it was for, a deadline and a bounded number of tries.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import stamina
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from fit_platform.gcp import DEADLINE_SECONDS, REQUEST_TIMEOUT_SECONDS, explained, reasons_of
from fit_platform.warehouse.bigquery_schema import LABELS, schema_fields
from fit_platform.warehouse.schema import Column

RETRY = DEFAULT_RETRY.with_timeout(DEADLINE_SECONDS)
_JOB_SECONDS = 1800.0
_JOB_TRIES = 5
_PARALLEL_LOADS = 4  # of one resource; several resources may load at once
_PASSING_REASONS = {"backendError", "internalError", "jobBackendError", "jobInternalError", "rateLimitExceeded"}
_CONFLICT = "due to concurrent update"  # two transactions on one table: the later one is to be run again
_BATCH_ROWS = 500_000
_PARAMETER_TYPES: dict[type, str] = {str: "STRING", bool: "BOOL", int: "INT64", float: "FLOAT64", date: "DATE"}


@dataclass(frozen=True, slots=True)
class ParquetLoad:
    """One load job: a Parquet file that becomes a whole table, or one partition of it."""

    path: Path
    target: str  # project.dataset.table, with $YYYYMMDD for a partition
    columns: Sequence[Column]
    is_scratch: bool = False  # a new table, partitioned by day


class Jobs:
    """Runs jobs in one project and location."""

    def __init__(self, client: bigquery.Client, *, maximum_bytes_billed: int, run_id: str | None = None) -> None:
        """Use this client, whose location every job gets. `run_id`: the run that asks, as a label of its jobs."""
        self.client = client
        self.maximum_bytes_billed = maximum_bytes_billed
        self.labels = {**LABELS, **({"run": run_id.lower()[:63]} if run_id else {})}

    def load(self, loads: Sequence[ParquetLoad], labels: Mapping[str, str]) -> None:
        """Run load jobs, some at a time. Each replaces its table or partition; all are done or one has raised."""
        with ThreadPoolExecutor(_PARALLEL_LOADS) as pool:
            for _ in pool.map(lambda one: self._load(one, labels), loads):
                pass

    def _load(self, one: ParquetLoad, labels: Mapping[str, str]) -> None:
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            schema=schema_fields(one.columns),
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            labels={**self.labels, **labels},
        )
        if one.is_scratch:
            config.time_partitioning = bigquery.TimePartitioning(field="dt")
        else:
            config.create_disposition = bigquery.CreateDisposition.CREATE_NEVER

        def run() -> None:
            job_id = str(uuid.uuid4())  # one for all tries of this upload, so that a job is never run twice
            try:
                with one.path.open("rb") as file:
                    job = self.client.load_table_from_file(
                        file,
                        one.target,
                        size=one.path.stat().st_size,
                        job_id=job_id,
                        job_config=config,
                        timeout=REQUEST_TIMEOUT_SECONDS,
                    )
            except exceptions.Conflict:  # an earlier try was taken, and its answer lost
                job = cast(
                    "bigquery.LoadJob", self.client.get_job(job_id, retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)
                )
            job.result(retry=RETRY, timeout=_JOB_SECONDS)

        with explained(f"loading {one.target}"):
            _with_tries(run)

    def script(self, sql: str, parameters: Sequence[object] = (), labels: Mapping[str, str] | None = None) -> None:
        """Run statements, in one transaction where they say so."""
        with explained("a statement in BigQuery"):
            _with_tries(lambda: self._run(sql, parameters, labels))

    def query(self, sql: str, parameters: Sequence[object] = (), labels: Mapping[str, str] | None = None) -> pa.Table:
        """Run a query; `?` stands for a parameter."""
        with explained("a query in BigQuery"):
            return _with_tries(lambda: self._run(sql, parameters, labels).to_arrow(create_bqstorage_client=False))

    def _run(self, sql: str, parameters: Sequence[object], labels: Mapping[str, str] | None) -> Any:
        config = bigquery.QueryJobConfig(
            query_parameters=[_parameter(value) for value in parameters],
            maximum_bytes_billed=self.maximum_bytes_billed,
            labels={**self.labels, **(labels or {})},
        )
        job = self.client.query(sql, job_config=config, timeout=REQUEST_TIMEOUT_SECONDS, retry=RETRY, job_retry=None)
        return job.result(retry=RETRY, timeout=_JOB_SECONDS)


def _with_tries(run: Callable[[], Any]) -> Any:
    return stamina.retry(on=_is_passing, attempts=_JOB_TRIES, timeout=DEADLINE_SECONDS, wait_max=30.0)(run)()


def _is_passing(error: Exception) -> bool:
    if not isinstance(error, exceptions.GoogleAPICallError):
        return False
    return bool(reasons_of(error) & _PASSING_REASONS) or _CONFLICT in str(error)


def _parameter(value: Any) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    if isinstance(value, list):
        return bigquery.ArrayQueryParameter(None, "STRING", value)
    if isinstance(value, datetime):  # a datetime is a date, too
        return bigquery.ScalarQueryParameter(None, "TIMESTAMP", value)
    return bigquery.ScalarQueryParameter(None, _PARAMETER_TYPES[type(value)], value)


def write_rows_of_days(files: Sequence[Path], columns: Sequence[Column], days: Sequence[date], path: Path) -> None:
    """Rows of these days from several Parquet files into one, with exactly these columns.

    Columns that may not be null are written as required ones: BigQuery refuses to load others into a REQUIRED column.
    """
    schema = pa.schema([column.arrow_field for column in columns])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        if files:
            rows = pads.dataset([str(file) for file in files], format="parquet")
            only = pads.field("dt").isin(pa.array(days, pa.date32()))
            for batch in rows.to_batches(columns=schema.names, filter=only, batch_size=_BATCH_ROWS):
                if batch.num_rows:
                    writer.write_table(pa.Table.from_batches([batch]).cast(schema))


def write_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[Column], path: Path) -> None:
    """A few rows as a Parquet file."""
    schema = pa.schema([column.arrow_field for column in columns])
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path, compression="zstd")
