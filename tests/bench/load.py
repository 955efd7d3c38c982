"""How fast landed heart rate becomes rows in the warehouse: a month in one load, then one changed day of it.

On this machine: folder and DuckDB. Beside it the same code on the emulators of Cloud Storage and BigQuery, where they
can be started. Those figures say what our side costs (reading, parsing, Parquet, upload) and what an emulator on this
machine takes; they say nothing about Google's BigQuery, where loading runs elsewhere.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from google.cloud import storage
from rich.console import Console
from rich.table import Table

from fit_platform.commands.demo_home import environment_with
from fit_platform.landing.gcs import GcsStore
from fit_platform.landing.store import FolderStore, ObjectStore
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.load import load
from fit_platform.providers.base import DayAnswer, Item, Resource
from fit_platform.providers.registry import every_resource
from fit_platform.warehouse.base import Warehouse
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse
from tests.gcp.emulators import PROJECT, bigquery_emulator, storage_emulator, why_no_bigquery

FIRST = date(2026, 3, 1)
FETCHED_AT = datetime(2026, 4, 2, tzinfo=UTC)
ATHLETES = ("ada", "ben")
SECONDS_BETWEEN_SAMPLES = 5


@dataclass(frozen=True)
class Target:
    """Where a load goes."""

    name: str
    zone: LandingZone
    warehouse: Warehouse


@dataclass(frozen=True)
class Measured:
    """One load, timed. `json_bytes`: what the providers' answers are, unpacked."""

    target: str
    what: str
    rows: int
    json_bytes: int
    seconds: float


def heart_rate() -> Resource:
    """The resource with the most rows of all: a sample every five seconds."""
    return next(resource for resource in every_resource() if resource.key == ("fitbit", "heart_rate"))


def day_of_samples(day: date, more_bpm: int = 0) -> bytes:
    """A day of a band that is never taken off, as Google Health answers it."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    source = {"platform": "FITBIT", "device": {"displayName": "Charge 6"}}
    points = [
        {
            "heartRate": {
                "beatsPerMinute": str(55 + (second // 60) % 90 + more_bpm),
                "sampleTime": {
                    "physicalTime": f"{midnight + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}",
                    "utcOffset": "3600s",
                },
            },
            "dataSource": source,
        }
        for second in range(0, 86_400, SECONDS_BETWEEN_SAMPLES)
    ]
    return json.dumps({"dataPoints": points}, separators=(",", ":")).encode()


def land(zone: LandingZone, days: list[date], more_bpm: int = 0) -> int:
    """Write these days of every athlete; returns the bytes of JSON."""
    size = 0
    for day in days:
        body = day_of_samples(day, more_bpm)
        for athlete in ATHLETES:
            answer = DayAnswer(day, (Item(body, {"path": "/dataPoints"}, FETCHED_AT),))
            zone.write_day(heart_rate(), athlete, answer, FETCHED_AT)
            size += len(body)
    return size


def measure(target: Target, days: list[date]) -> Iterator[Measured]:
    """A month at once, then one day of it that has changed."""
    resource = heart_rate()
    target.warehouse.prepare(resource.tables, {table.name for table in resource.tables})
    for what, landed, more_bpm in ((f"{len(days)} days at once", days, 0), ("one changed day", days[-1:], 1)):
        size = land(target.zone, landed, more_bpm)
        started = time.perf_counter()
        report = load(resource, landed, target.zone, target.warehouse)
        seconds = time.perf_counter() - started
        assert len(report.loaded) == len(landed)
        yield Measured(target.name, what, report.rows, size, seconds)
    expected = len(days) * len(ATHLETES) * 86_400 // SECONDS_BETWEEN_SAMPLES
    assert target.warehouse.row_count(resource.tables[0]) == expected, "rows are lost or there twice"


def local_target(folder: Path) -> Target:
    """A folder and a DuckDB file."""
    zone = LandingZone(FolderStore(folder / "landing"))
    return Target("folder, DuckDB", zone, DuckDBWarehouse(folder / "fit.duckdb"))


def emulated_target(stack: ExitStack) -> Target:
    """A bucket and a dataset on emulators that are started here."""
    from fit_platform.warehouse.bigquery_warehouse import open_bigquery

    storage_url = stack.enter_context(storage_emulator())
    bigquery_url = stack.enter_context(bigquery_emulator(storage_url))
    stack.enter_context(environment_with({"STORAGE_EMULATOR_HOST": storage_url}))
    client = storage.Client(project=PROJECT)
    bucket = f"fit-{uuid.uuid4().hex[:12]}"
    client.create_bucket(bucket)
    store: ObjectStore = GcsStore(client, bucket)
    warehouse = open_bigquery(
        project=PROJECT, location="EU", dataset_prefix="bench_", maximum_bytes_billed=10**9, emulator_url=bigquery_url
    )
    return Target("emulators (fake-gcs-server, local-bigquery)", LandingZone(store), warehouse)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=30)
    days = [FIRST + timedelta(days=n) for n in range(parser.parse_args().days)]
    console = Console(width=120)
    table = Table(title=f"Load of heart rate, {len(ATHLETES)} athletes, a sample every {SECONDS_BETWEEN_SAMPLES} s")
    for name in ("target", "load", "rows", "JSON MB", "seconds", "rows/s", "MB/s"):
        table.add_column(name, justify="left" if name in ("target", "load") else "right")
    with tempfile.TemporaryDirectory(prefix="fit-bench-") as folder, ExitStack() as stack:
        targets: list[Callable[[], Target]] = [lambda: local_target(Path(folder))]
        if (reason := why_no_bigquery()) is None:
            targets.append(lambda: emulated_target(stack))
        else:
            console.print(f"without the emulators: {reason}")
        for make in targets:
            for one in measure(make(), days):
                megabytes = one.json_bytes / 1e6
                figures = (one.rows, megabytes, one.seconds, one.rows / one.seconds, megabytes / one.seconds)
                texts = [f"{figures[0]:,}", *(f"{f:,.1f}" for f in figures[1:3]), *(f"{f:,.0f}" for f in figures[3:])]
                table.add_row(one.target, one.what, *texts)
    console.print(table)


if __name__ == "__main__":
    main()
