"""A FIT_HOME on each target over one simulated world: linked alike, then each synced by itself, from API to marts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import requests
from google.cloud import storage

from fit_platform.commands.demo import link_everyone
from fit_platform.commands.demo_home import environment_with
from fit_platform.providers.base import Window
from fit_platform.settings import Settings
from fit_platform.simulator import SimulatorConfig, WorldConfig
from tests.gcp.emulators import PROJECT
from tests.integration.conftest import House

WINDOW = Window(date(2026, 3, 28), date(2026, 4, 1))  # Berlin's clocks go forward on 29 March
CONFIG = SimulatorConfig(world=WorldConfig(seed=11, end=WINDOW.last, days=len(WINDOW.days()), athletes=2))
Rows = Counter[tuple[tuple[str, Any], ...]]


@dataclass
class CloudHouse(House):
    """A FIT_HOME whose landing zone and warehouse are on the emulators, in a bucket and datasets of its own."""

    cloud: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.cloud}

    @property
    def bucket(self) -> storage.Bucket:
        with environment_with(self.cloud):
            return storage.Client(project=PROJECT).bucket(self.cloud["FIT_LANDING_URL"].split("/")[2])


def linked_home(folder: Path, base_url: str) -> House:
    """Everybody linked with every provider, nothing pulled."""
    house = House(folder / "linked", base_url)
    truth = requests.get(f"{base_url}/_sim/truth", timeout=60).json()
    with environment_with(house.environment):
        link_everyone(Settings(), truth)
    lines = [f"{athlete['id']},2026-03-30,any,188,52,168" for athlete in truth["athletes"]]
    header = "athlete_id,valid_from,sport,max_hr_bpm,resting_hr_bpm,threshold_hr_bpm"
    (house.home / "athlete_settings.csv").write_text("\n".join([header, *lines]) + "\n")
    return house


def local_copy(linked: House, home: Path) -> House:
    """The same people on this machine."""
    shutil.copytree(linked.home, home, symlinks=True)
    return House(home, linked.base_url)


def cloud_copy(linked: House, home: Path, *, storage_url: str, bigquery_url: str) -> CloudHouse:
    """The same people on the emulators, with an empty bucket and no dataset yet."""
    shutil.copytree(linked.home, home, symlinks=True)
    bucket = f"fit-{uuid.uuid4().hex[:12]}"
    cloud = {
        "FIT_TARGET": "gcp",
        "FIT_GCP_PROJECT": PROJECT,
        "FIT_LANDING_URL": f"gs://{bucket}/landing",
        "FIT_BIGQUERY_DATASET_PREFIX": f"p{uuid.uuid4().hex[:8]}_",
        "BIGQUERY_EMULATOR_HOST": bigquery_url,
        "STORAGE_EMULATOR_HOST": storage_url,
    }
    with environment_with(cloud):
        storage.Client(project=PROJECT).create_bucket(bucket)
    return CloudHouse(home, linked.base_url, cloud)


def marts_of(house: House, schema: str = "marts") -> list[str]:
    """The marts that a target has."""
    with house.open() as runtime:
        return sorted(runtime.warehouse.tables(schema))


def rows(house: House, mart: str, schema: str = "marts") -> Rows:
    """Every row of a mart, as something that compares."""
    with house.open() as runtime:
        found = runtime.warehouse.query(f"SELECT * FROM {runtime.warehouse.relation(schema, mart)}").to_pylist()
    return Counter(tuple(sorted((name, comparable(value)) for name, value in row.items())) for row in found)


def every_row(house: House, schema: str = "marts") -> dict[str, Rows]:
    """Every row of every mart."""
    return {mart: rows(house, mart, schema) for mart in marts_of(house, schema)}


def comparable(value: Any) -> Any:
    """Instants in UTC, and floats to nine digits: the two engines may add up in another order."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return float(f"{value:.9g}") if isinstance(value, float) else value


@contextmanager
def command(house: House, arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`fit-platform …` in a process of its own; killed at the end if it still runs."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "fit_platform", *arguments],
            env={**os.environ, **house.environment}, stdout=out, stderr=subprocess.STDOUT, cwd=house.home,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait(timeout=10)
