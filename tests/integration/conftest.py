"""One small true world, linked and synced once for all tests of a file; each test works on a copy of its home."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from fit_platform.commands.demo import link_everyone
from fit_platform.commands.demo_home import environment_with
from fit_platform.pipeline.publish import mart_hashes
from fit_platform.providers.base import Window
from fit_platform.providers.registry import PROVIDERS
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings, load_settings
from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running
from fit_platform.sync import SyncResult, sync

WINDOW = Window(date(2026, 3, 20), date(2026, 4, 2))  # Berlin's clocks go forward on 29 March
CONFIG = SimulatorConfig(world=WorldConfig(seed=11, end=WINDOW.last, days=len(WINDOW.days()), athletes=2))


@dataclass
class House:
    """A FIT_HOME, and how to use it."""

    home: Path
    base_url: str

    @property
    def environment(self) -> dict[str, str]:
        return {**environment(self.base_url, CONFIG), "FIT_HOME": str(self.home)}

    @contextmanager
    def open(self) -> Iterator[Runtime]:
        with environment_with(self.environment):
            yield Runtime(load_settings())

    def sync(self, window: Window = WINDOW, **options: Any) -> SyncResult:
        with self.open() as runtime:
            return sync(runtime, window, providers=options.pop("providers", list(PROVIDERS)), **options)

    def hashes(self) -> dict[str, tuple[int, str]]:
        with self.open() as runtime:
            return mart_hashes(runtime.duckdb)

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        with self.open() as runtime:
            return runtime.warehouse.query(sql, parameters).to_pylist()

    def control(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.base_url}/_sim/{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def simulated() -> Iterator[str]:
    with running(CONFIG) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def truth(simulated: str) -> dict[str, Any]:
    return requests.get(f"{simulated}/_sim/truth", timeout=60).json()


@pytest.fixture(scope="module")
def linked(simulated: str, truth: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> House:
    """Every athlete linked with every provider, nothing pulled."""
    house = House(tmp_path_factory.mktemp("linked") / "home", simulated)
    with environment_with(house.environment):
        link_everyone(Settings(), truth)
    return house


@pytest.fixture(scope="module")
def synced(linked: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The whole window synced. Read it; to change something, take a `copy_of` it."""
    house = House(tmp_path_factory.mktemp("synced") / "home", linked.base_url)
    shutil.copytree(linked.home, house.home)
    result = house.sync()
    assert result.problems == []
    assert result.exit_code == 0
    return house


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[House], House]:
    def copy(house: House) -> House:
        home = tmp_path / "copy"
        shutil.copytree(house.home, home, symlinks=True)
        return House(home, house.base_url)

    return copy


@pytest.fixture(autouse=True)
def _providers_behave_again(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "simulated" in request.fixturenames:
        base_url = request.getfixturevalue("simulated")
        requests.post(f"{base_url}/_sim/scenario", json={}, timeout=10).raise_for_status()
