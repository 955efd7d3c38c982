"""Every Google Health resource against the simulated one: pulled, landed, parsed, and true to the world behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.parse import parse_days
from fit_platform.pipeline.pull import pull
from fit_platform.providers.base import DayOf, Window
from fit_platform.providers.fitbit import oauth
from fit_platform.providers.http import ApiClient
from fit_platform.providers.registry import PROVIDERS, resource
from fit_platform.simulator import SimulatorConfig, WorldConfig, running
from tests.integration.simulator_login import Client
from tests.unit.provider_fakes import CountingQuota

WINDOW = Window(date(2026, 10, 14), date(2026, 11, 6))  # a day of 25 hours in New York, and the newest days
NEW_TYPES = [
    *("daily-heart-rate-variability", "daily-oxygen-saturation", "daily-respiratory-rate", "daily-heart-rate-zones"),
    *("daily-vo2-max", "heart-rate-variability"),
]


class OneToken:
    """A token that neither expires nor is refreshed."""

    def __init__(self, token: str) -> None:
        self.token = token

    def access_token(self) -> str:
        return self.token

    def refresh(self, rejected: str) -> str:
        raise AssertionError("the simulated token has not expired")


@pytest.fixture(scope="module")
def ben() -> Iterator[Client]:
    with running(SimulatorConfig(world=WorldConfig(end=date(2026, 11, 6), days=24))) as url:
        yield Client(url, "fitbit", "ben").login(scopes=tuple(oauth.SCOPES))


def rows_of(ben: Client, name: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows by table after a pull of the window; a second pull changes nothing, and nothing is quarantined."""
    zone, wanted = LandingZone(FolderStore(folder / "landing")), resource("fitbit", name)
    tokens, now = OneToken(ben.token["access_token"]), datetime(2026, 11, 7, 6, tzinfo=UTC)
    api = ApiClient("fitbit", "ben", ben.setting("API_URL"), tokens, CountingQuota(), clock=lambda: now)
    for need in wanted.needs:
        assert pull(resource("fitbit", need), WINDOW, [api], zone).failures == []
    report = pull(wanted, WINDOW, [api], zone)
    assert report.failures == []
    assert len(report.unknown) == (len(WINDOW.days()) - 1 if wanted.day_of is DayOf.FILING_DAY else 0)
    assert pull(wanted, WINDOW, [api], zone).changed_days == 0
    parsed = parse_days(wanted, zone, list(zone.keys("fitbit", name)), folder / "parquet")
    assert parsed.quarantine == []
    return {
        table.name: [row for file in files for row in pq.read_table(file).to_pylist()]
        for table, files in parsed.parquet.items()
    }


@pytest.mark.parametrize("name", [r.name for r in PROVIDERS["fitbit"]])
def test_every_resource_is_served_pulled_and_parsed(name: str, ben: Client, tmp_path: Path) -> None:
    tables = rows_of(ben, name, tmp_path)
    assert all(tables.values()), [table for table, rows in tables.items() if not rows]


def test_reconciled_distance_adds_up_to_the_roll_up_and_a_list_counts_twice(ben: Client, tmp_path: Path) -> None:
    rows = [r for r in rows_of(ben, "distance", tmp_path)["fitbit_distance"] if r["local_date"] == date(2026, 11, 2)]
    bounds = {k: {"date": {"year": 2026, "month": 11, "day": d}} for k, d in (("start", 2), ("end", 3))}
    path = "/users/me/dataTypes/distance/dataPoints"
    (rolled,) = ben.post(f"{path}:dailyRollUp", {"range": bounds}).json()["rollupDataPoints"]
    assert sum(r["distance_m"] for r in rows) == pytest.approx(int(rolled["distance"]["millimetersSum"]) / 1000)
    day = 'distance.interval.civil_start_time >= "2026-11-02" AND distance.interval.civil_start_time < "2026-11-03"'
    listed = sum(int(p["distance"].get("millimeters", "0")) for p in ben.points("distance", filter=day))
    assert listed > 1.2 * int(rolled["distance"]["millimetersSum"])


def test_floors_and_calories_have_one_row_a_civil_day_also_when_it_has_25_hours(ben: Client, tmp_path: Path) -> None:
    for name in ("floors", "total_calories"):
        rows = rows_of(ben, name, tmp_path / name)[f"fitbit_{name}"]
        assert sorted(r["local_date"] for r in rows) == WINDOW.days()
        assert all(r["dt"] == r["local_date"] for r in rows)


def test_stages_fill_the_night_once_it_is_processed(ben: Client, tmp_path: Path) -> None:
    tables = rows_of(ben, "sleep", tmp_path)
    staged = {r["sleep_id"] for r in tables["fitbit_sleep_stages"]}
    assert staged == {r["sleep_id"] for r in tables["fitbit_sleep"] if r["is_processed"]}
    unfinished = [r for r in tables["fitbit_sleep"] if not r["is_processed"]]
    assert all(r["deep_minutes"] is None for r in unfinished)
    for night in tables["fitbit_sleep"]:
        stages = [r for r in tables["fitbit_sleep_stages"] if r["sleep_id"] == night["sleep_id"]]
        seconds = sum((r["ended_at"] - r["started_at"]).total_seconds() for r in stages)
        assert seconds in (0, (night["ended_at"] - night["started_at"]).total_seconds())


@pytest.mark.parametrize("data_type", NEW_TYPES)
def test_a_type_that_cannot_be_rolled_up_refuses_it(ben: Client, data_type: str) -> None:
    refused = ben.post(f"/users/me/dataTypes/{data_type}/dataPoints:dailyRollUp", {})
    assert refused.status_code == 400
    assert "not supported" in refused.json()["error"]["message"]


@pytest.mark.parametrize("member", ["interval.end_time", "sample_time.physical_time"])
def test_a_filter_member_of_another_kind_of_type_is_refused(ben: Client, member: str) -> None:
    path = "/users/me/dataTypes/active-zone-minutes/dataPoints"
    refused = ben.get(path, filter=f'active_zone_minutes.{member} >= "2026-11-01"')
    assert refused.status_code == 400
