"""Which days a look covers, and which of them it finds to differ."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import responses

from fit_platform.feed.look import changed_days, looked_window
from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import API, NOW, client

EXERCISES = resource("polar", "exercises")


@responses.activate
def test_a_reconciliation_finds_an_exercise_that_came_long_after_polars_window_of_30_days(tmp_path: Path) -> None:
    late = {"id": "late", "start_time": "2026-05-02T08:00:00", "start_time_utc_offset": 0, "duration": "PT30M"}
    responses.get(f"{API}/exercises", json=[late])
    zone = LandingZone(FolderStore(tmp_path))
    window = looked_window(EXERCISES, "ada", zone, "all", NOW.date(), date(2026, 1, 1))
    assert set(changed_days(EXERCISES, client(), window, zone, NOW, from_beginning=True)) == {date(2026, 5, 2)}
    assert len(responses.calls) == 1
