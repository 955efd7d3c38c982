"""Polar's data endpoints: shapes, windows, empties and the wall clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import requests

from fit_platform.simulator import SimulatorConfig, World, WorldConfig, running
from tests.integration.simulator_login import Client

WORLD = WorldConfig(end=date(2026, 11, 6), days=60)  # ben's clocks change on 1 November


@pytest.fixture(scope="module")
def polar() -> Iterator[Client]:
    with running(SimulatorConfig(world=WORLD)) as url:
        yield Client(url, "polar", "ben").login()


@pytest.fixture(scope="module")
def world() -> World:
    return World(WORLD)


def test_the_exercise_list_is_a_bare_array_with_the_parts_that_were_asked_for(polar: Client) -> None:
    plain = polar.json("/exercises")
    assert isinstance(plain, list)
    assert not {"samples", "route", "heart_rate_zones"} & set(plain[0])
    full = polar.json("/exercises", samples="true", zones="true", route="true")
    assert [e["id"] for e in full] == [e["id"] for e in plain]
    assert all("route" in e for e in full if e["has_route"])
    assert {zone["index"] for zone in full[0]["heart_rate_zones"]} == {0, 1, 2, 3, 4}
    assert polar.json(f"/exercises/{full[3]['id']}", samples="true", zones="true", route="true") == full[3]
    assert polar.get("/exercises/unknown").status_code == 404


def test_exercises_carry_the_known_quirks(polar: Client) -> None:
    exercises = polar.json("/exercises", samples="true")
    assert any("distance" not in e for e in exercises), "no distance where the device measured none"
    assert {"." in e["duration"] for e in exercises} == {True, False}, "fractional durations and plain ones"
    assert {e["upload_time"].endswith(".000Z") for e in exercises} == {True, False}
    assert all(isinstance(s["sample_type"], int) for e in exercises for s in e["samples"])
    assert any(e["sport"] == "OTHER" != e["detailed_sport_info"] for e in exercises)
    assert any(e["training_load_pro"]["muscle-load"] == -1.0 for e in exercises)
    heart_rates = [next(s for s in e["samples"] if s["sample_type"] == 0)["data"] for e in exercises]
    assert any(data.startswith("0,0") for data in heart_rates), "the sensor needs a moment"


def test_the_start_is_local_and_utc_is_local_minus_the_offset(polar: Client, world: World) -> None:
    records = {r.provider_activity_id: r for _, r in world.people["ben"].records("polar")}
    exercises = polar.json("/exercises")
    assert {e["start_time_utc_offset"] for e in exercises} == {-240, -300}
    for e in exercises:
        local = datetime.fromisoformat(e["start_time"])
        utc = local - timedelta(minutes=e["start_time_utc_offset"])
        assert utc.replace(tzinfo=UTC).timestamp() == records[e["id"]].started_at


def test_series_are_a_little_shorter_than_the_session(polar: Client, world: World) -> None:
    records = {r.provider_activity_id: r for _, r in world.people["ben"].records("polar")}
    for e in polar.json("/exercises", samples="true"):
        seconds = records[e["id"]].ended_at - records[e["id"]].started_at
        lengths = {len(s["data"].split(",")) for s in e["samples"]}
        assert len(lengths) == 1
        assert 0 <= seconds - lengths.pop() <= 3


def test_a_short_window_hides_older_uploads(polar: Client) -> None:
    everything = polar.json("/exercises")
    try:
        requests.post(f"{polar.base_url}/_sim/scenario", json={"polar_window_days": 30}, timeout=10)
        recent = polar.json("/exercises")
        nights = polar.json("/users/sleep")["nights"]
    finally:
        requests.post(f"{polar.base_url}/_sim/scenario", json={}, timeout=10)
    assert 0 < len(recent) < len(everything)
    assert polar.get(f"/exercises/{everything[0]['id']}").status_code == 200
    assert len(nights) <= 28 < len(polar.json("/users/sleep")["nights"])


def test_continuous_heart_rate_is_wrapped_and_asked_for_in_short_ranges(polar: Client) -> None:
    path = "/users/continuous-heart-rate"
    answer = polar.json(path, **{"from": "2026-10-01", "to": "2026-10-28"})
    assert [day["date"] for day in answer["heart_rates"]] == [f"2026-10-{n:02}" for n in range(1, 29)]
    assert polar.json(f"{path}/2026-10-05") == answer["heart_rates"][4]
    assert polar.get(path, **{"from": "2026-10-01", "to": "2026-10-29"}).status_code == 400
    assert polar.get(path, **{"from": "2026-10-02", "to": "2026-10-01"}).status_code == 400
    assert polar.get(path, **{"from": "2026-10-01"}).status_code == 400
    assert polar.get(f"{path}/2026-01-01").status_code == 404
    assert polar.get(f"{path}/today").status_code == 400


def test_continuous_heart_rate_has_bursts_and_zeros_and_leaves_training_out(polar: Client, world: World) -> None:
    days = polar.json("/users/continuous-heart-rate", **{"from": "2026-10-01", "to": "2026-10-28"})["heart_rates"]
    values = [s["heart_rate"] for day in days for s in day["heart_rate_samples"]]
    assert 0 < values.count(0) < 0.05 * len(values)
    assert max(len(day["heart_rate_samples"]) for day in days) > 300, "a burst of 1-second samples"
    person = world.people["ben"]
    for activity, record in person.records("polar"):
        start, end = person.clock.local(record.started_at), person.clock.local(record.ended_at)
        for day in days:
            if day["date"] == str(start.date()):
                clocks = [f"{day['date']}T{s['sample_time']}" for s in day["heart_rate_samples"]]
                assert not any(start.isoformat() <= clock < end.isoformat() for clock in clocks), activity.true_id


def test_the_repeated_hour_stands_there_twice_in_the_order_it_happened(polar: Client) -> None:
    samples = polar.json("/users/continuous-heart-rate/2026-11-01")["heart_rate_samples"]
    clocks = [sample["sample_time"] for sample in samples]
    backward = [i for i in range(1, len(clocks)) if clocks[i] <= clocks[i - 1]]
    assert len(backward) == 1
    assert clocks[backward[0]].startswith("01:0"), clocks[backward[0]]
    assert len([clock for clock in clocks if clock.startswith("01:")]) >= 24


def test_a_night_is_dated_by_waking_and_its_stages_fill_it(polar: Client, world: World) -> None:
    nights = polar.json("/users/sleep")["nights"]
    assert len(nights) > 40
    for night in nights:
        start, end = (datetime.fromisoformat(night[f"sleep_{edge}_time"]) for edge in ("start", "end"))
        assert str(end.date()) == night["date"]
        stages = sum(night[k] for k in ("light_sleep", "deep_sleep", "rem_sleep", "total_interruption_duration"))
        assert stages == pytest.approx((end - start).total_seconds(), abs=2)
        assert next(iter(night["hypnogram"])) == start.strftime("%H:%M")
    crossing = next(n for n in nights if n["sleep_start_time"][:10] != n["date"])
    assert list(crossing["hypnogram"]) != sorted(crossing["hypnogram"]), "keys go across midnight in order"
    assert polar.json(f"/users/sleep/{nights[0]['date']}") == nights[0]
    assert polar.get("/users/sleep/2026-01-01").status_code == 404
    missing = {str(d) for d in world.people["ben"].civil_dates()} - {n["date"] for n in nights}
    assert missing, "some nights the watch lay on the table"


def test_daily_activity_has_dropped_seconds_and_no_date(polar: Client) -> None:
    days = polar.json("/users/activities", **{"from": "2026-10-28", "to": "2026-11-06"})
    assert [day["start_time"] for day in days[:2]] == ["2026-10-28T00:00", "2026-10-29T00:00"]
    assert days[0]["end_time"] == "2026-10-28T23:59:59"
    assert "date" not in days[0]
    assert "samples" not in days[0]
    one = polar.json("/users/activities/2026-10-28", steps="true")
    assert one["samples"]["steps"]["interval_ms"] == 60_000
    assert polar.get("/users/activities/2026-01-28").status_code == 204
    assert polar.get("/users/activities", **{"from": "2024-10-01", "to": "2024-10-05"}).status_code == 400
    assert len(polar.json("/users/activities")) == 28
    assert polar.json("/users/activities/samples/2026-10-28")["date"] == "2026-10-28"


def test_today_is_partial(polar: Client) -> None:
    today = polar.json("/users/activities/2026-11-07")
    assert today["end_time"] < "2026-11-07T23"


def test_every_answer_says_how_much_was_used(polar: Client) -> None:
    before = polar.get("/users/physical-info").headers
    after = polar.get("/users/physical-info").headers
    used = [[int(part) for part in h["RateLimit-Usage"].split(", ")] for h in (before, after)]
    assert used[1] == [used[0][0] + 1, used[0][1] + 1]
    assert after["RateLimit-Limit"] == "520, 5100"
