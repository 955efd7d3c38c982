"""On Google Cloud, too: kill -9 at several points, then run again, and readers see what an undisturbed run gives."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from fit_platform.dbt import ensure_manifest
from fit_platform.settings import load_settings
from tests.gcp.houses import WINDOW, CloudHouse, cloud_copy, command, every_row
from tests.integration.conftest import House

_DEADLINE_SECONDS = 500
SYNC = ["sync", "--from", str(WINDOW.first), "--to", str(WINDOW.last)]


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


def test_killed_at_several_points_and_run_again_gives_the_same_marts(
    linked: House, cloud: CloudHouse, storage_url: str, bigquery_url: str, tmp_path: Path
) -> None:
    """One home is killed at every point in turn, each time further in; then one run is let through."""
    ensure_manifest(load_settings())
    house = cloud_copy(linked, tmp_path / "home", storage_url=storage_url, bigquery_url=bigquery_url)
    hit = []
    for name, reached in POINTS.items():
        log = tmp_path / f"{name}.log"
        with command(house, SYNC, log) as process:
            deadline = time.monotonic() + _DEADLINE_SECONDS
            while process.poll() is None and not reached(house):
                assert time.monotonic() < deadline, f"{name} was not reached: {log.read_text()[-2000:]}"
                time.sleep(0.1)
            if process.poll() is None:
                hit.append(name)
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
        shutil.rmtree(house.home / "dbt", ignore_errors=True)
    assert len(hit) >= len(POINTS) - 1, f"only killed at {hit}"
    with command(house, SYNC, tmp_path / "last.log") as last:
        assert last.wait(timeout=_DEADLINE_SECONDS) == 0, (tmp_path / "last.log").read_text()[-3000:]
    assert every_row(house, "published") == every_row(cloud, "published")
