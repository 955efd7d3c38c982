"""Kill -9 at several points, then run again: the same marts as an undisturbed run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from fit_platform.dbt import ensure_manifest
from fit_platform.errors import BusyError
from fit_platform.providers.base import Window
from fit_platform.settings import load_settings
from tests.integration.conftest import House

WINDOW = Window(date(2026, 3, 27), date(2026, 3, 30))
_DEADLINE_SECONDS = 600


def landed_files(home: Path, more_than: int) -> Callable[[], bool]:
    return lambda: sum(1 for _ in (home / "landing").rglob("part.ndjson.gz")) > more_than


def dbt_log_says(home: Path, folder: str, text: str) -> Callable[[], bool]:
    def seen() -> bool:
        return any(text in log.read_text(errors="replace") for log in (home / "dbt").glob(f"{folder}-*/dbt.log"))

    return seen


POINTS: dict[str, Callable[[Path], Callable[[], bool]]] = {
    "the first landing object": lambda home: landed_files(home, 0),
    "the middle of the pull": lambda home: landed_files(home, 40),
    "the load": lambda home: lambda: (home / "warehouse" / "fit.duckdb.wal").exists(),
    "dbt starting": lambda home: lambda: any((home / "dbt").glob("*")),
    "dbt in the middle": lambda home: dbt_log_says(home, "dbt_day_ranges", "int_heart_rate_days"),
    "the second dbt step": lambda home: dbt_log_says(home, "dbt_tables", "activities"),
}


def start_sync(house: House, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "fit_platform", "sync", "--from", str(WINDOW.first), "--to", str(WINDOW.last)]
    with log.open("wb") as out:
        return subprocess.Popen(
            command, env={**os.environ, **house.environment}, stdout=out, stderr=subprocess.STDOUT, cwd=house.home
        )


@pytest.fixture(scope="module")
def undisturbed(linked: House, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    house = House(tmp_path_factory.mktemp("undisturbed") / "home", linked.base_url)
    shutil.copytree(linked.home, house.home)
    assert house.sync(WINDOW).exit_code == 0
    return house.hashes()


def test_killed_at_several_points_and_run_again_gives_the_same_marts(
    linked: House, undisturbed: dict[str, tuple[int, str]], copy_of, tmp_path: Path
) -> None:
    """One home is killed at every point in turn, each time further in; then one run is let through."""
    ensure_manifest(load_settings())
    house = copy_of(linked)
    hit = []
    for name, point in POINTS.items():
        reached = point(house.home)
        log = tmp_path / f"{name}.log"
        process = start_sync(house, log)
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while process.poll() is None and not reached():
            assert time.monotonic() < deadline, f"{name} was not reached: {log.read_text()[-2000:]}"
            time.sleep(0.005)
        if process.poll() is None:
            hit.append(name)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        shutil.rmtree(house.home / "dbt", ignore_errors=True)
    assert len(hit) >= len(POINTS) - 1, f"only killed at {hit}"
    last = start_sync(house, tmp_path / "last.log")
    assert last.wait(timeout=_DEADLINE_SECONDS) == 0, (tmp_path / "last.log").read_text()[-3000:]
    assert house.hashes() == undisturbed


def test_two_syncs_at_once_the_second_says_who_is_at_work(linked: House, copy_of, tmp_path: Path) -> None:
    house = copy_of(linked)
    first = start_sync(house, tmp_path / "first.log")
    try:
        lock = house.home / "state" / "sync.lock"
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not (lock.exists() and lock.read_text().strip()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(BusyError, match=f"process {first.pid}"):
            house.sync(WINDOW)
    finally:
        first.kill()
        first.wait(timeout=10)
