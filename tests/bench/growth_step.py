"""One measured step of `growth`, in a process of its own: prints what it measured as one line of JSON."""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from fit_platform.landing.layout import DayKey
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.load import load
from fit_platform.providers.base import Resource
from fit_platform.providers.registry import every_resource
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings
from fit_platform.sync import SyncResult, rebuild, update
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

INGESTED = (("fitbit", "heart_rate"), ("strava", "streams"))
_INGESTED_DAYS = 120


def newest_keys(zone: LandingZone, resource: Resource) -> list[DayKey]:
    """A good part of the landing zone, small enough to be measured more than once."""
    return list(zone.keys(resource.provider, resource.name))[-_INGESTED_DAYS:]


def ingest(runtime: Runtime) -> dict[str, float]:
    """Landed NDJSON.gz to Parquet to DuckDB, beside a bare `read_json` of the same files into a table."""
    found: dict[str, float] = {}
    for resource in every_resource():
        if resource.key not in INGESTED:
            continue
        keys = newest_keys(runtime.zone, resource)
        with tempfile.TemporaryDirectory() as folder:
            files = [str(path) for path in runtime.zone.local_files(keys, Path(folder) / "copies")]
            bare, ours = [], []
            rows = 0
            for turn in range(3):  # in turns, so that other work on the machine slows both
                started = time.monotonic()
                with duckdb.connect(str(Path(folder) / f"bare{turn}.duckdb")) as db:
                    db.execute(
                        "CREATE TABLE bare AS SELECT * FROM read_json(?, format='newline_delimited', "
                        "compression='gzip', maximum_object_size=67108864)",
                        [files],
                    )
                bare.append(time.monotonic() - started)
                warehouse = DuckDBWarehouse(Path(folder) / f"ours{turn}" / "fit.duckdb")
                warehouse.prepare(resource.tables)
                started = time.monotonic()
                rows = load(resource, [key.dt for key in keys], runtime.zone, warehouse).rows
                ours.append(time.monotonic() - started)
            name = "/".join(resource.key)
            found[f"{name} MB"] = sum(len(gzip.decompress(Path(file).read_bytes())) for file in files) / 1e6
            found[f"{name} rows"] = rows
            found[f"{name} read_json s"], found[f"{name} ours s"] = min(bare), min(ours)
    return found


def told(result: SyncResult) -> dict[str, float]:
    """A sync's own times. Exits where it was not all good."""
    failed = [f"{check.asset} {check.name}" for check in result.checks if check.is_error and not check.passed]
    if result.problems or failed or not result.published:
        raise SystemExit(f"not all good: {result.problems} {failed}")
    return result.seconds


def main() -> None:
    runtime = Runtime(load_settings())
    match sys.argv[1]:
        case "ingest":
            report = ingest(runtime)
        case "build":
            report = told(rebuild(runtime))
        case _:
            report = told(update(runtime, providers=())[0])
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
