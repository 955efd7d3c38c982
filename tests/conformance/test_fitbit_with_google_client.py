"""Google Health as Google's own client sees it, built from the discovery document that it brings along.

Every answer is also held against the schemas of that document: the client itself validates nothing that it receives.
What neither can tell: which filters, page sizes and time ranges the real service takes, and what it leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests

from fit_platform.simulator import World, running
from fit_platform.simulator.fitbit.rollups import ROLLUP_TYPES
from fit_platform.simulator.fitbit.server import TYPES
from tests.conformance.conftest import CONFIG, Visitor
from tests.conformance.schemas import Schemas

discovery = pytest.importorskip("googleapiclient.discovery", reason="needs the dependency group: make conformance")
documents = pytest.importorskip("googleapiclient.discovery_cache")
errors = pytest.importorskip("googleapiclient.errors")
credentials = pytest.importorskip("google.oauth2.credentials")

UNKNOWN_SPORT = "$.dataPoints[].exercise.exerciseType: not in the enumeration"
DAY = date(2026, 11, 3)
_NEXT_DAY = DAY + timedelta(days=1)


def health_of(base_url: str, athlete: str = "ada") -> Any:
    """The service, logged in; google-auth renews its token by itself."""
    visitor = Visitor(base_url, "fitbit", athlete).login()
    own = credentials.Credentials(
        token=visitor.token["access_token"],
        refresh_token=visitor.token["refresh_token"],
        token_uri=visitor.setting("TOKEN_URL"),
        client_id=visitor.setting("CLIENT_ID"),
        client_secret=visitor.setting("CLIENT_SECRET"),
    )
    endpoint = {"api_endpoint": f"{base_url}/fitbit/"}
    return discovery.build("health", "v4", credentials=own, static_discovery=True, client_options=endpoint)


@pytest.fixture(scope="module")
def users(base_url: str) -> Any:
    return health_of(base_url).users()


@pytest.fixture(scope="module")
def points(users: Any) -> Any:
    return users.dataTypes().dataPoints()


@pytest.fixture(scope="module")
def schemas() -> Schemas:
    document = documents.get_static_doc("health", "v4")
    assert document, "the client no longer brings health:v4"
    return Schemas(json.loads(document)["schemas"])


@pytest.fixture(scope="module")
def world() -> World:
    return World(CONFIG.world)


def parent(data_type: str) -> str:
    return f"users/me/dataTypes/{data_type}"


def walk(call: Any, following: Any, **query: Any) -> Iterator[dict[str, Any]]:
    """Every page, the way Google's client walks."""
    request = call(**query)
    while request is not None:
        page = request.execute()
        yield page
        request = following(request, page)


def civil(day: date) -> dict[str, Any]:
    return {"date": {"year": day.year, "month": day.month, "day": day.day}}


@pytest.mark.parametrize(
    ("data_type", "operation"),
    [(name, op) for name, kind in TYPES.items() for op in ("list", "reconcile") if op in kind.operations],
)
def test_points_of_every_type_fit_the_schema(points: Any, schemas: Schemas, data_type: str, operation: str) -> None:
    page = getattr(points, operation)(parent=parent(data_type), pageSize=500).execute()
    assert page["dataPoints"]
    response = {"list": "ListDataPointsResponse", "reconcile": "ReconcileDataPointsResponse"}[operation]
    problems = schemas.problems(page, response)
    # The world has one sport that no enumeration knows yet: clients have to live with tomorrow's values.
    assert [problem for problem in problems if problem != UNKNOWN_SPORT] == []


@pytest.mark.parametrize("data_type", ROLLUP_TYPES)
def test_daily_roll_ups_of_every_type_fit_the_schema(points: Any, schemas: Schemas, data_type: str) -> None:
    body = {"range": {"start": civil(DAY), "end": civil(DAY + timedelta(days=7))}, "windowSizeDays": 1}
    answer = points.dailyRollUp(parent=parent(data_type), body=body).execute()
    assert schemas.problems(body, "DailyRollUpDataPointsRequest") == []
    assert schemas.problems(answer, "DailyRollUpDataPointsResponse") == []
    starts = [point["civilStartTime"]["date"] for point in answer["rollupDataPoints"]]
    week = [civil(DAY + timedelta(days=n))["date"] for n in range(7)]
    if data_type == "weight":  # nobody steps on the scales daily
        assert starts == [day for day in week if day in starts] != []
    else:
        assert starts == week, "the end is exclusive"


@pytest.mark.parametrize("data_type", ROLLUP_TYPES)
def test_roll_ups_of_every_type_fit_the_schema(points: Any, schemas: Schemas, data_type: str) -> None:
    body = {
        "range": {"startTime": f"{DAY}T00:00:00Z", "endTime": f"{_NEXT_DAY}T00:00:00Z"},
        "windowSize": "3600s",
    }
    answer = points.rollUp(parent=parent(data_type), body=body).execute()
    assert schemas.problems(body, "RollUpDataPointsRequest") == []
    assert schemas.problems(answer, "RollUpDataPointsResponse") == []
    fewest = 0 if data_type == "weight" else 1
    assert fewest <= len(answer.get("rollupDataPoints", [])) <= 24


def test_roll_ups_come_in_pages_too(points: Any) -> None:
    minutes = {"range": {"startTime": f"{DAY}T00:00:00Z", "endTime": f"{_NEXT_DAY}T12:00:00Z"}, "windowSize": "60s"}
    pages = list(walk(points.rollUp, points.rollUp_next, parent=parent("steps"), body=minutes))
    assert [len(page["rollupDataPoints"]) for page in pages] == [1440, 720]
    starts = [point["startTime"] for page in pages for point in page["rollupDataPoints"]]
    assert starts == sorted(set(starts))
    days = {"range": {"start": civil(DAY), "end": civil(DAY + timedelta(days=7))}, "pageSize": 4}
    pages = list(walk(points.dailyRollUp, points.dailyRollUp_next, parent=parent("steps"), body=days))
    assert [len(page["rollupDataPoints"]) for page in pages] == [4, 3]
    stale = {**minutes, "windowSize": "120s", "pageToken": pages[0]["nextPageToken"]}
    with pytest.raises(errors.HttpError, match="belongs to another request"):
        points.rollUp(parent=parent("steps"), body=stale).execute()


def test_identity_profile_settings_and_devices_fit_the_schema(users: Any, schemas: Schemas) -> None:
    me = users.getIdentity(name="users/me/identity").execute()
    assert schemas.problems(me, "Identity") == []
    assert schemas.problems(users.getProfile(name="users/me/profile").execute(), "Profile") == []
    settings = users.getSettings(name="users/me/settings").execute()
    assert schemas.problems(settings, "Settings") == []
    devices = users.pairedDevices().list(parent="users/me").execute()
    assert schemas.problems(devices, "ListPairedDevicesResponse") == []
    assert devices["pairedDevices"]


def test_a_day_of_heart_rate_is_walked_past_empty_pages(points: Any, world: World) -> None:
    question = {
        "parent": parent("heart-rate"),
        "filter": f'heart_rate.sample_time.physical_time >= "{DAY}T00:00:00Z" '
        f'AND heart_rate.sample_time.physical_time < "{_NEXT_DAY}T00:00:00Z"',
        "pageSize": 300,
    }
    pages = list(walk(points.list, points.list_next, **question))
    assert any("dataPoints" not in page for page in pages), "an empty page with a token is not the end"
    samples = [point["heartRate"] for page in pages for point in page.get("dataPoints", [])]
    feed = world.people["ada"].devices.band_samples(DAY)
    assert [int(sample["beatsPerMinute"]) for sample in reversed(samples)] == feed.bpm.tolist()
    times = [sample["sampleTime"]["physicalTime"] for sample in samples]
    assert times == sorted(times, reverse=True)


def test_exercises_come_25_a_page_at_most(points: Any, world: World) -> None:
    pages = list(walk(points.list, points.list_next, parent=parent("exercise"), pageSize=100))
    assert max(len(page.get("dataPoints", [])) for page in pages) <= 25
    shown = [point["name"].rsplit("/", 1)[-1] for page in pages for point in page.get("dataPoints", [])]
    true = [r.provider_activity_id for _, r in world.people["ada"].records("fitbit")]
    assert sorted(shown) == sorted(true)
    one = points.get(name=f"{parent('exercise')}/dataPoints/{shown[0]}").execute()
    assert one["exercise"]["interval"]


def test_nights_come_25_a_page_and_their_stages_follow_on_one_another(points: Any) -> None:
    pages = list(walk(points.reconcile, points.reconcile_next, parent=parent("sleep")))
    assert max(len(page.get("dataPoints", [])) for page in pages) <= 25
    nights = [point["sleep"] for page in pages for point in page.get("dataPoints", [])]
    assert len(nights) > 50
    for night in nights:
        assert all(a["endTime"] <= b["startTime"] for a, b in pairwise(night.get("stages", [])))


def test_steps_are_counted_once_when_reconciled(points: Any) -> None:
    question = {
        "parent": parent("steps"),
        "filter": f'steps.interval.civil_start_time >= "{DAY}" AND steps.interval.civil_start_time < "{_NEXT_DAY}"',
    }

    def total(call: Any, following: Any) -> int:
        pages = walk(call, following, **question)
        return sum(int(point["steps"].get("count", "0")) for page in pages for point in page.get("dataPoints", []))

    body = {"range": {"start": civil(DAY), "end": civil(_NEXT_DAY)}}
    rolled_up = points.dailyRollUp(parent=parent("steps"), body=body).execute()["rollupDataPoints"]
    reconciled = total(points.reconcile, points.reconcile_next)
    assert reconciled == int(rolled_up[0]["steps"]["countSum"])
    assert total(points.list, points.list_next) > reconciled, "band and phone overlap in the list"


def test_refusals_are_read_as_google_errors(points: Any) -> None:
    with pytest.raises(errors.HttpError) as bad_filter:
        points.list(parent=parent("exercise"), filter='exercise.interval.start_time > "2026-11-03T00:00:00Z"').execute()
    assert bad_filter.value.status_code == 400
    assert bad_filter.value.error_details[0]["reason"] == "INVALID_DATA_POINT_FILTER"
    with pytest.raises(errors.HttpError, match="not supported for data type floors"):
        points.list(parent=parent("floors")).execute()
    body = {"range": {"start": civil(DAY), "end": civil(DAY + timedelta(days=15))}}
    with pytest.raises(errors.HttpError, match="longer than 14 days"):
        points.dailyRollUp(parent=parent("heart-rate"), body=body).execute()


def test_google_auth_renews_a_dead_access_token_by_itself() -> None:
    with running(CONFIG) as base_url:
        users = health_of(base_url).users()
        requests.post(f"{base_url}/_sim/clock", json={"advance_seconds": 3_600}, timeout=10).raise_for_status()
        assert users.getIdentity(name="users/me/identity").execute()


def test_instants_and_offsets_agree_with_civil_times(points: Any) -> None:
    page = points.list(parent=parent("heart-rate"), pageSize=1000).execute()
    for point in page["dataPoints"]:
        at = point["heartRate"]["sampleTime"]
        wall = datetime.fromisoformat(at["physicalTime"]) + timedelta(seconds=int(at["utcOffset"][:-1]))
        day, clock = at["civilTime"]["date"], at["civilTime"].get("time", {})
        hour, minute, second = (clock.get(part, 0) for part in ("hours", "minutes", "seconds"))
        assert wall == datetime(day["year"], day["month"], day["day"], hour, minute, second, tzinfo=UTC)
