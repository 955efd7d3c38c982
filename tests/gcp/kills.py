"""`sync` on Google Cloud, killed -9 at several points, each time further in.

Where exactly is no question of time: a proxy before the emulator carries one request out, never answers it, and the
process that waits for the answer is killed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fit_platform.dbt import ensure_manifest
from fit_platform.settings import load_settings
from tests.gcp.flaky_proxy import flaky_proxy
from tests.gcp.houses import WINDOW, CloudHouse, command

_DEADLINE_SECONDS = 1800
_LOOK_SECONDS = 0.2
SYNC = ("sync", "--from", str(WINDOW.first), "--to", str(WINDOW.last))
STORAGE, BIGQUERY = "STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST"


@dataclass(frozen=True, slots=True)
class Point:
    """The `number`th request to a service that fits is the last that the process sees."""

    service: str
    number: int
    fits: Callable[[str, bytes], bool]


POINTS = {
    "the middle of the pull": Point(STORAGE, 40, lambda request, body: request.startswith("POST /upload/storage")),
    "the load": Point(BIGQUERY, 5, lambda request, body: b"BEGIN TRANSACTION" in body),
    "dbt in the middle": Point(
        BIGQUERY, 3, lambda request, body: b"create or replace table" in body and b"_intermediate`" in body
    ),
    "publishing": Point(
        BIGQUERY,
        1,
        lambda request, body: request.startswith("POST") and request.split("?")[0].endswith("published/tables"),
    ),
}


def kill_at_every_point(house: CloudHouse, logs: Path) -> list[str]:
    """Start `sync` for each point and kill it there; the points at which it was killed."""
    ensure_manifest(load_settings())
    return [name for name, point in POINTS.items() if _is_killed_at(point, house, logs / f"{name}.log")]


def _is_killed_at(point: Point, house: CloudHouse, log: Path) -> bool:
    found = 0

    def is_the_one(request: str, body: bytes) -> bool:
        nonlocal found
        found += point.fits(request, body)
        return found == point.number

    with flaky_proxy(house.cloud[point.service]) as proxy:
        proxy.holds = is_the_one
        through_proxy = replace(house, cloud={**house.cloud, point.service: proxy.url})
        with command(through_proxy, SYNC, log) as process:
            deadline = time.monotonic() + _DEADLINE_SECONDS
            while not proxy.held.wait(_LOOK_SECONDS):
                assert process.poll() is None, f"ended before, {found} requests fitted: {log.read_text()[-2000:]}"
                assert time.monotonic() < deadline, f"not reached, {found} requests fitted: {log.read_text()[-2000:]}"
            is_running = process.poll() is None
    shutil.rmtree(house.home / "dbt", ignore_errors=True)
    return is_running
