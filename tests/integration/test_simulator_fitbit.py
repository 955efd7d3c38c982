"""Google Health's data endpoints: walks, filters, sources, sleep, roll-ups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fit_platform.simulator import SimulatorConfig, World, WorldConfig, running
from fit_platform.simulator.world.truth import visible_steps
from tests.integration.simulator_login import Client

WORLD = WorldConfig(end=date(2026, 11, 6), days=24)
PHYSICAL = 'heart_rate.sample_time.physical_time >= "{0}Z" AND heart_rate.sample_time.physical_time < "{1}Z"'
CIVIL = '{0} >= "{1}" AND {0} < "{2}"'


@pytest.fixture(scope="module")
def fitbit() -> Iterator[Client]:
    with running(SimulatorConfig(world=WORLD)) as url:
        yield Client(url, "fitbit", "ben").login()


@pytest.fixture(scope="module")
def world() -> World:
    return World(WORLD)


def _physical(point: dict[str, Any]) -> str:
    return str(point["heartRate"]["sampleTime"]["physicalTime"])


def test_a_walk_of_a_day_brings_every_sample_once_newest_first(fitbit: Client, world: World) -> None:
    window = PHYSICAL.format("2026-10-20T00:00:00", "2026-10-21T00:00:00")
    points = list(fitbit.points("heart-rate", filter=window, pageSize=500))
    times = [_physical(point) for point in points]
    assert times == sorted(set(times), reverse=True)
    feed = world.people["ben"].devices.band_samples(date(2026, 10, 20))
    assert [int(p["heartRate"]["beatsPerMinute"]) for p in reversed(points)] == feed.bpm.tolist()
    assert "name" not in points[0]
    assert points[0]["dataSource"]["platform"] == "FITBIT"


def test_some_pages_are_empty_and_still_carry_a_token(fitbit: Client) -> None:
    window = PHYSICAL.format("2026-10-20T00:00:00", "2026-10-21T00:00:00")
    token: dict[str, str] = {}
    sizes = []
    while True:
        page = fitbit.json("/users/me/dataTypes/heart-rate/dataPoints", filter=window, pageSize=100, **token)
        sizes.append(len(page.get("dataPoints", [])))
        if "nextPageToken" not in page:
            break
        token = {"pageToken": page["nextPageToken"]}
    assert 0 in sizes
    assert set(sizes[:-1]) <= {0, 100}


def test_a_token_is_refused_when_another_field_changes(fitbit: Client) -> None:
    path = "/users/me/dataTypes/heart-rate/dataPoints"
    window = PHYSICAL.format("2026-10-20T00:00:00", "2026-10-21T00:00:00")
    token = fitbit.json(path, filter=window, pageSize=100)["nextPageToken"]
    refused = fitbit.get(path, filter=window, pageSize=200, pageToken=token)
    assert refused.status_code == 400
    assert refused.json()["error"]["details"][0]["reason"] == "INVALID_PAGE_TOKEN"


def test_samples_carry_the_offset_in_force_and_midnight_has_no_members(fitbit: Client) -> None:
    window = CIVIL.format("heart_rate.sample_time.civil_time", "2026-11-01", "2026-11-02")
    points = list(fitbit.points("heart-rate", filter=window, pageSize=10_000))
    offsets = {point["heartRate"]["sampleTime"]["utcOffset"] for point in points}
    assert offsets == {"-14400s", "-18000s"}
    first, last = _physical(points[-1]), _physical(points[0])
    assert first >= "2026-11-01T04:00:00Z"
    assert "2026-11-02T04:58" < last < "2026-11-02T05:00:00Z"
    for point in points[::97]:
        sample = point["heartRate"]["sampleTime"]
        local = datetime.fromisoformat(sample["physicalTime"].replace("Z", "+00:00")) + timedelta(
            seconds=int(sample["utcOffset"].removesuffix("s"))
        )
        clock = sample["civilTime"]["time"]
        assert (local.hour, local.minute, local.second) == tuple(
            clock.get(k, 0) for k in ("hours", "minutes", "seconds")
        )
        assert 0 not in clock.values()


def test_an_empty_answer_is_an_empty_object(fitbit: Client) -> None:
    window = PHYSICAL.format("2020-01-01T00:00:00", "2020-01-02T00:00:00")
    assert fitbit.json("/users/me/dataTypes/heart-rate/dataPoints", filter=window) == {}


def test_the_default_page_has_1440_points_and_exercise_and_sleep_have_25(fitbit: Client) -> None:
    assert len(fitbit.json("/users/me/dataTypes/heart-rate/dataPoints")["dataPoints"]) == 1440
    for data_type in ("sleep",):
        page = fitbit.json(f"/users/me/dataTypes/{data_type}/dataPoints", pageSize=1000)
        assert len(page["dataPoints"]) <= 25


@pytest.mark.parametrize(("path", "query"), [
    ("floors/dataPoints", {}),
    ("total-calories/dataPoints:reconcile", {}),
    ("exercise/dataPoints", {"filter": 'exercise.interval.start_time >= "2026-10-20T00:00:00Z"'}),
    ("sleep/dataPoints", {"filter": 'sleep.interval.civil_start_time >= "2026-10-20"'}),
    ("sleep/dataPoints", {"dataSourceFamily": "users/me/dataSourceFamilies/all-sources"}),
    ("heart-rate/dataPoints", {"filter": 'heart_rate.sample_time.physical_time = "2026-10-20T00:00:00Z"'}),
    ("heart-rate/dataPoints", {"pageSize": "many"}),
    ("tea/dataPoints", {}),
])  # fmt: skip
def test_a_wrong_question_is_a_400_in_googles_shape(fitbit: Client, path: str, query: dict[str, str]) -> None:
    answer = fitbit.get(f"/users/me/dataTypes/{path}", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_an_unknown_path_is_an_html_page_and_somebody_else_is_forbidden(fitbit: Client) -> None:
    lost = fitbit.get("/nowhere")
    assert lost.status_code == 404
    assert lost.headers["content-type"].startswith("text/html")
    assert fitbit.get("/users/12345/identity").status_code == 403
    own = fitbit.json("/users/me/identity")["healthUserId"]
    assert fitbit.json(f"/users/{own}/identity")["healthUserId"] == own


def test_listed_steps_overlap_and_reconciled_steps_are_the_truth(fitbit: Client, world: World) -> None:
    window = CIVIL.format("steps.interval.civil_start_time", "2026-10-20", "2026-10-21")
    listed = list(fitbit.points("steps", filter=window, pageSize=10_000))
    one_stream = list(fitbit.points("steps", ":reconcile", filter=window, pageSize=10_000))

    def total(points: list[dict[str, Any]]) -> int:
        return sum(int(point["steps"].get("count", "0")) for point in points)

    truth = world.truth(date(2026, 10, 20), date(2026, 10, 21), "ben")["steps"]["ben"]["2026-10-20"]
    assert total(one_stream) == truth
    assert total(listed) > 1.2 * truth
    assert {point["dataSource"]["platform"] for point in listed} == {"FITBIT", "HEALTH_CONNECT"}
    assert not any("dataSource" in point for point in one_stream)
    assert any("count" not in point["steps"] for point in one_stream), "a true zero has no value"
    assert int(visible_steps(world.people["ben"], date(2026, 10, 20)).sum()) > 0


def test_exercises_have_no_civil_times_and_fractions_in_durations(fitbit: Client, world: World) -> None:
    points = list(fitbit.points("exercise"))
    records = {r.provider_activity_id: r for _, r in world.people["ben"].records("fitbit")}
    assert {point["name"].rsplit("/", 1)[1] for point in points} == set(records)
    methods = {point["dataSource"]["recordingMethod"] for point in points}
    assert methods == {"PASSIVELY_MEASURED", "ACTIVELY_MEASURED"}
    assert any(point["exercise"]["activeDuration"].endswith(".5s") for point in points)
    assert not any("civilStartTime" in point["exercise"]["interval"] for point in points)
    one = points[0]
    record = records[one["name"].rsplit("/", 1)[1]]
    start = datetime.fromisoformat(one["exercise"]["interval"]["startTime"].replace("Z", "+00:00"))
    assert int(start.timestamp()) == record.started_at
    assert fitbit.json(f"/users/me/dataTypes/exercise/dataPoints/{record.provider_activity_id}") == one
    assert fitbit.get("/users/me/dataTypes/exercise/dataPoints/1").status_code == 404


def test_sleep_is_filtered_by_its_end_and_the_newest_night_is_unfinished(fitbit: Client, world: World) -> None:
    window = CIVIL.format("sleep.interval.civil_end_time", "2026-10-20", "2026-10-21")
    (night,) = [p for p in fitbit.points("sleep", filter=window) if "nap" not in p["sleep"]["metadata"]]
    true = world.people["ben"].planner.night(date(2026, 10, 20))
    assert night["sleep"]["interval"]["endTime"] == datetime.fromtimestamp(true.end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(night["sleep"]["stages"]) == len(true.stages)
    assert isinstance(night["sleep"]["summary"]["minutesAsleep"], str)
    newest = next(iter(fitbit.points("sleep")))["sleep"]
    assert newest["metadata"]["processed"] is False
    assert "stages" not in newest


def test_the_resting_heart_rate_of_a_day_appears_when_the_day_is_over(fitbit: Client) -> None:
    points = list(fitbit.points("daily-resting-heart-rate", filter='daily_resting_heart_rate.date >= "2026-11-05"'))
    days = [point["dailyRestingHeartRate"]["date"]["day"] for point in points]
    assert days == [6, 5]
    assert points[0]["dailyRestingHeartRate"]["beatsPerMinute"].isdigit()


def _daily(first: int, last: int, **more: object) -> dict[str, object]:
    bounds = {k: {"date": {"year": 2026, "month": 10, "day": d}} for k, d in (("start", first), ("end", last))}
    return {"range": bounds, "windowSizeDays": 1, **more}


def test_roll_ups_are_deduplicated_and_their_ranges_limited(fitbit: Client, world: World) -> None:
    path = "/users/me/dataTypes/{}/dataPoints:{}"
    steps = fitbit.post(path.format("steps", "dailyRollUp"), _daily(20, 22)).json()["rollupDataPoints"]
    truth = world.truth(date(2026, 10, 20), date(2026, 10, 22), "ben")["steps"]["ben"]
    assert [int(p["steps"]["countSum"]) for p in steps] == [truth["2026-10-20"], truth["2026-10-21"]]
    hours = {"range": {"startTime": "2026-10-20T00:00:00Z", "endTime": "2026-10-21T00:00:00Z"}, "windowSize": "3600s"}
    heart = fitbit.post(path.format("heart-rate", "rollUp"), hours).json()["rollupDataPoints"]
    assert 20 <= len(heart) <= 24
    assert all(isinstance(p["heartRate"]["beatsPerMinuteMax"], float) for p in heart)
    too_long = fitbit.post(path.format("heart-rate", "dailyRollUp"), _daily(1, 16))
    assert too_long.json()["error"]["details"][0]["reason"] == "INVALID_TIME_RANGE"
    assert fitbit.post(path.format("total-calories", "dailyRollUp"), _daily(20, 22, pageSize=5)).status_code == 400
    assert fitbit.post(path.format("total-calories", "dailyRollUp"), _daily(20, 22)).status_code == 200


def test_profile_settings_and_devices(fitbit: Client) -> None:
    assert fitbit.json("/users/me/settings")["timeZone"] == "America/New_York"
    assert fitbit.json("/users/me/profile")["age"] == 42
    assert len(fitbit.json("/users/me/pairedDevices")["pairedDevices"]) == 1
