"""`sync` on Google Cloud, killed -9 at several points, each time further in."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from fit_platform.dbt import ensure_manifest
from fit_platform.settings import load_settings
from tests.gcp.houses import WINDOW, CloudHouse, command

_DEADLINE_SECONDS = 500
_LOOK_SECONDS = 0.5  # between two looks: each is work for the emulator, which computes on one core
_SYNC = ["sync", "--from", str(WINDOW.first), "--to", str(WINDOW.last)]


def landed(house: CloudHouse) -> int:
    return sum(1 for _ in house.bucket.client.list_blobs(house.bucket, prefix="landing/raw/"))


def ledger_days(house: CloudHouse) -> int:
    with house.open() as runtime:
        if "load_ledger" not in runtime.warehouse.tables("ops"):
            return 0
        found = runtime.warehouse.query(f"SELECT count(*) AS n FROM {runtime.warehouse.relation('ops', 'load_ledger')}")
        return int(found.column("n")[0].as_py())


def has_tables(house: CloudHouse, schema: str) -> bool:
    with house.open() as runtime:
        return bool(runtime.warehouse.tables(schema))


POINTS: dict[str, Callable[[CloudHouse], bool]] = {
    "the middle of the pull": lambda house: landed(house) > 40,
    "the load": lambda house: ledger_days(house) > 20,
    "dbt in the middle": lambda house: has_tables(house, "intermediate"),
    "publishing": lambda house: has_tables(house, "published"),
}


def kill_at_every_point(house: CloudHouse, logs: Path) -> list[str]:
    """Start `sync` for each point and kill it there; the points at which it was still running."""
    ensure_manifest(load_settings())
    hit = []
    for name, reached in POINTS.items():
        log = logs / f"{name}.log"
        with command(house, _SYNC, log) as process:
            deadline = time.monotonic() + _DEADLINE_SECONDS
            while process.poll() is None and not reached(house):
                assert time.monotonic() < deadline, f"{name} was not reached: {log.read_text()[-2000:]}"
                time.sleep(_LOOK_SECONDS)
            if process.poll() is None:
                hit.append(name)
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
        shutil.rmtree(house.home / "dbt", ignore_errors=True)
    return hit
