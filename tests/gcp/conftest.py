"""Both emulators, started once for the session; every test gets a bucket and datasets of its own."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import storage

from fit_platform.dbt import ensure_manifest
from fit_platform.settings import load_settings
from fit_platform.simulator import running
from fit_platform.warehouse.bigquery_warehouse import BigQueryWarehouse, open_bigquery
from tests.gcp.emulators import PROJECT, bigquery_emulator, storage_emulator, why_no_bigquery, why_not_all_run
from tests.gcp.houses import CONFIG, WINDOW, CloudHouse, cloud_copy, command, linked_home, local_copy
from tests.gcp.kills import SYNC, kill_at_every_point
from tests.integration.conftest import House

_SYNC_SECONDS = 1800


@pytest.fixture(autouse=True)
def _emulators_run() -> None:
    """Without its emulator every call would be tried again for minutes: better to end here, and to say why."""
    if (reason := why_not_all_run()) is not None:
        pytest.exit(reason, returncode=1)


@pytest.fixture(scope="session")
def storage_url() -> Iterator[str]:
    with storage_emulator() as url:
        yield url


@pytest.fixture(scope="session")
def bigquery_url(storage_url: str) -> Iterator[str]:
    if (reason := why_no_bigquery()) is not None:
        pytest.skip(reason)
    with bigquery_emulator(storage_url) as url:
        yield url


@pytest.fixture
def storage_client(storage_url: str, monkeypatch: pytest.MonkeyPatch) -> storage.Client:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_url)
    return storage.Client(project=PROJECT)


@pytest.fixture
def bucket(storage_client: storage.Client) -> str:
    return str(storage_client.create_bucket(f"fit-{uuid.uuid4().hex[:12]}").name)


@pytest.fixture
def warehouse(bigquery_url: str) -> BigQueryWarehouse:
    return open_bigquery(
        project=PROJECT,
        location="EU",
        dataset_prefix=f"t{uuid.uuid4().hex[:8]}_",
        maximum_bytes_billed=10**9,
        emulator_url=bigquery_url,
    )


@pytest.fixture(scope="session")
def simulated() -> Iterator[str]:
    with running(CONFIG) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def linked(simulated: str, tmp_path_factory: pytest.TempPathFactory) -> House:
    return linked_home(tmp_path_factory.mktemp("linked"), simulated)


@pytest.fixture(scope="session")
def syncing(
    linked: House, bigquery_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, subprocess.Popen[bytes], Path]]:
    """The window on its way to this machine, by a process beside the ones that need the emulator."""
    folder = tmp_path_factory.mktemp("local")
    house = local_copy(linked, folder / "home")
    ensure_manifest(load_settings())  # or two processes would
    with command(house, SYNC, folder / "sync.log") as process:
        yield house, process, folder / "sync.log"


@pytest.fixture(scope="session")
def local(syncing: tuple[House, subprocess.Popen[bytes], Path]) -> House:
    """The window synced on this machine: read it only."""
    house, process, log = syncing
    assert process.wait(_SYNC_SECONDS) == 0, log.read_text()[-2000:]
    return house


@pytest.fixture(scope="session")
def killed(
    linked: House,
    syncing: object,  # only that it has begun
    storage_url: str,
    bigquery_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[CloudHouse, list[str]]:
    """A home on the emulators whose `sync` was killed several times, and where."""
    home = tmp_path_factory.mktemp("cloud") / "home"
    house = cloud_copy(linked, home, storage_url=storage_url, bigquery_url=bigquery_url)
    return house, kill_at_every_point(house, tmp_path_factory.mktemp("kills"))


@pytest.fixture(scope="session")
def cloud(killed: tuple[CloudHouse, list[str]]) -> CloudHouse:
    """The same home after one `sync` that was let through: read it only. One for all: a build here takes minutes."""
    house, _ = killed
    result = house.sync(WINDOW)
    assert (result.problems, result.exit_code) == ([], 0)
    assert result.published
    return house
