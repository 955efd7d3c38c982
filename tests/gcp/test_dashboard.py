"""On Google Cloud the dashboard answers what it answers here, samples and courses too, from what is published."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from fit_platform.commands.dashboard import dashboard_parts
from fit_platform.dashboard.app import build_app
from fit_platform.dashboard.source import NothingPublished, WarehouseMarts
from fit_platform.warehouse.bigquery_publish import newest_publication, publish, withdraw
from fit_platform.warehouse.bigquery_warehouse import BigQueryWarehouse
from tests.gcp.houses import WINDOW, CloudHouse, comparable
from tests.integration.conftest import House

SPAN = f"athlete=ada&from={WINDOW.first}&to={WINDOW.last}"
VIEWS = {
    "overview": "/api/overview?athlete=ada",
    "heart rate": f"/api/heart-rate?{SPAN}",
    "the day when the clocks go forward": "/api/heart-rate/2026-03-29?athlete=ada",
    "activities": f"/api/activities?{SPAN}",
    "sleep": f"/api/sleep?{SPAN}",
}


def client(house: House) -> TestClient:
    with house.open() as runtime:
        return TestClient(build_app(dashboard_parts(runtime.settings)), base_url="http://127.0.0.1")


def answer(asked: TestClient, path: str) -> Any:
    got = asked.get(path)
    assert got.status_code == 200, got.text
    return rounded(got.json())


def rounded(value: Any) -> Any:
    """As the marts are compared: floats to nine digits."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else comparable(value)


@pytest.fixture(scope="module")
def both(local: House, cloud: CloudHouse) -> tuple[TestClient, TestClient]:
    return client(local), client(cloud)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_the_same_on_both_targets(both: tuple[TestClient, TestClient], view: str) -> None:
    here, there = (answer(each, VIEWS[view]) for each in both)
    assert there == here


def test_an_activity_has_the_same_course_and_the_same_beats_on_both_targets(
    both: tuple[TestClient, TestClient],
) -> None:
    found = answer(both[0], VIEWS["activities"])["activities"]
    shown = set()
    for activity in found:
        path = f"/api/activities/{activity['activity_id']}?athlete=ada"
        here, there = (answer(each, path) for each in both)
        assert there == here
        shown |= {name for name, values in here["trace"].items() if values} | ({"route"} if here["route"] else set())
    assert shown >= {"route", "heart_rate_bpm", "speed_mps"}, "or this proves nothing"


def test_what_is_built_and_not_published_is_not_shown(warehouse: BigQueryWarehouse) -> None:
    warehouse.prepare([])
    made = warehouse.relation("marts", "walks")
    source = WarehouseMarts(warehouse, clock=iter(range(0, 10_000, 100)).__next__)
    with pytest.raises(NothingPublished):
        source.version()
    warehouse.jobs.script(f"CREATE OR REPLACE TABLE {made} AS SELECT 'ada' AS athlete_id, 1 AS steps")
    first = publish(warehouse)
    warehouse.jobs.script(f"CREATE OR REPLACE TABLE {made} AS SELECT 'ada' AS athlete_id, -1 AS steps")
    version = source.version()
    assert version.endswith(first.version)
    assert source.query(f"SELECT steps FROM {source.mart('walks')}").to_pylist() == [{"steps": 1}]
    publish(warehouse)
    assert source.version() != version
    warehouse.drop()
    assert source.version().startswith("unrecorded-"), "readers keep their marts while the warehouse is made anew"
    warehouse.prepare([])
    assert newest_publication(warehouse) is None
    withdraw(warehouse)
    with pytest.raises(NothingPublished):
        source.version()
