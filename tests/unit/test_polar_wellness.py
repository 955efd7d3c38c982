"""Polar's daily results: what is pulled with which call, what an absent day means, and no-data values as nulls."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import responses

from fit_platform.errors import BadRecord, Forbidden
from fit_platform.providers.base import DayAnswer, DayUnknown, Resource
from fit_platform.providers.registry import resource, resources
from tests.unit.provider_fakes import API, client, payloads, pull, rows, select

DAY = date(2026, 9, 1)
LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "alertness": ("sleepwise/alertness", {"period_start_time": "2026-09-01T20:52:20"}),
    "circadian_bedtime": ("sleepwise/circadian-bedtime", {"period_start_time": "2026-09-01T21:18:30"}),
    "body_temperature": ("biosensing/bodytemperature", {"start_time": "2026-09-01T04:00:00"}),
    "skin_temperature": ("biosensing/skintemperature", {"sleep_date": "2026-09-01"}),
    "spo2": ("biosensing/spo2", {"test_time": 1788264000}),
}
POLAR = [r for r in resources() if r.provider == "polar" and not r.needs]


def polar(name: str) -> Resource:
    return resource("polar", name)


@pytest.mark.parametrize("name", LISTS)
@responses.activate
def test_one_call_lists_the_last_28_days_and_each_object_goes_to_its_day(name: str) -> None:
    path, listed = LISTS[name]
    responses.get(f"{API}/users/{path}", json=[listed])
    days = pull(client(), polar(name), "2026-08-20", "2026-09-02")
    assert payloads(days[DAY]) == [listed]
    assert days[date(2026, 9, 2)] == DayAnswer(date(2026, 9, 2), ())
    assert isinstance(days[date(2026, 8, 20)], DayUnknown), "beyond 28 days nothing is known"
    assert len(responses.calls) == 1


@pytest.mark.parametrize("name", LISTS)
@responses.activate
def test_204_is_an_empty_list(name: str) -> None:
    responses.get(f"{API}/users/{LISTS[name][0]}", status=204)
    assert pull(client(), polar(name), "2026-09-01", "2026-09-01") == {DAY: DayAnswer(DAY, ())}


@pytest.mark.parametrize("name", [*LISTS, "cardio_load"])
@pytest.mark.parametrize("status", [404, 400])
@responses.activate
def test_a_server_without_this_list_says_nothing_about_any_day(name: str, status: int) -> None:
    responses.add("GET", f"{API}/users/cardio-load/date", status=status)
    responses.add("GET", f"{API}/users/{LISTS[name][0] if name in LISTS else 'cardio-load'}", status=status)
    days = pull(client(), polar(name), "2026-08-31", "2026-09-01")
    assert [type(answer) for answer in days.values()] == [DayUnknown, DayUnknown]


@pytest.mark.parametrize("refused", POLAR, ids=lambda r: r.name)
@responses.activate
def test_missing_consent_for_one_data_type_is_told_for_that_type_alone(refused: Resource) -> None:
    """Each resource is pulled by itself: what is refused to one is not even asked by the others."""
    responses.add_callback("GET", f"{API}/exercises", lambda request: (403, {}, '{"message": "consents"}'))
    for path in {"sleep", "continuous-heart-rate", "activities", "nightly-recharge", "cardio-load/date"} | {
        "physical-info",
        *(path for path, _ in LISTS.values()),
    }:
        responses.get(f"{API}/users/{path}", status=403, json={"message": "mandatory consents"})
    with pytest.raises(Forbidden):
        pull(client(), refused, "2026-09-01", "2026-09-01")
    assert len(responses.calls) == 1


@responses.activate
def test_recharges_come_in_one_list_dated_by_the_wake_day() -> None:
    responses.get(f"{API}/users/nightly-recharge", json={"recharges": [{"date": "2026-09-01", "ans_charge": 1.5}]})
    days = pull(client(), polar("nightly_recharge"), "2026-08-31", "2026-09-01")
    assert payloads(days[DAY]) == [{"date": "2026-09-01", "ans_charge": 1.5}]
    assert days[date(2026, 8, 31)] == DayAnswer(date(2026, 8, 31), ())


@responses.activate
def test_without_a_list_of_recharges_only_the_nights_that_polar_keeps_are_asked_for() -> None:
    responses.get(f"{API}/users/nightly-recharge", status=404)
    responses.get(f"{API}/users/nightly-recharge/{DAY}", json={"date": str(DAY)})
    responses.get(re.compile(rf"{API}/users/nightly-recharge/2026-08-\d\d"), status=404)
    days = pull(client(), polar("nightly_recharge"), "2026-01-01", "2026-09-01")
    assert payloads(days[DAY]) == [{"date": str(DAY)}]
    assert days[date(2026, 8, 24)] == DayAnswer(date(2026, 8, 24), ())
    assert isinstance(days[date(2026, 8, 23)], DayUnknown)
    assert len(responses.calls) == 1 + 9


@responses.activate
def test_cardio_load_is_asked_for_in_ranges_and_from_the_recent_list_where_there_are_none() -> None:
    load = {"date": "2026-09-01", "cardio_load": 12.5}
    responses.get(f"{API}/users/cardio-load/date", json=[load])
    assert payloads(pull(client(), polar("cardio_load"), "2026-09-01", "2026-09-01")[DAY]) == [load]
    assert responses.calls[0].request.params == {"from": "2026-09-01", "to": "2026-09-01"}
    responses.replace("GET", f"{API}/users/cardio-load/date", status=404)
    responses.get(f"{API}/users/cardio-load", json=[load])
    days = pull(client(), polar("cardio_load"), "2026-08-10", "2026-09-01")
    assert payloads(days[DAY]) == [load]
    assert isinstance(days[date(2026, 8, 10)], DayUnknown)


@responses.activate
def test_physical_info_is_filed_under_the_last_day_and_404_means_none() -> None:
    responses.get(f"{API}/users/physical-info", json={"weight": 70.5})
    days = pull(client(), polar("physical_info"), "2026-08-31", "2026-09-01")
    assert isinstance(days[date(2026, 8, 31)], DayUnknown)
    assert payloads(days[DAY]) == [{"weight": 70.5}]
    responses.replace("GET", f"{API}/users/physical-info", status=404)
    assert pull(client(), polar("physical_info"), "2026-09-01", "2026-09-01") == {DAY: DayAnswer(DAY, ())}


@responses.activate
def test_step_samples_are_asked_for_with_the_activities() -> None:
    responses.get(f"{API}/users/activities", json=[])
    pull(client(), polar("daily_activity"), "2026-09-01", "2026-09-01")
    assert responses.calls[0].request.params == {"from": "2026-09-01", "to": "2026-09-01", "steps": "true"}


def one(name: str, payload: Any) -> dict[str, Any]:
    ((_, row),) = rows(polar(name).parse.records, payload)
    return row


def test_cardio_load_that_is_not_available_is_null_and_no_minus_one() -> None:
    load = {
        "date": "2026-09-01",
        "cardio_load_status": "LOAD_STATUS_NOT_AVAILABLE",
        "cardio_load": -1.0,
        "strain": 0.0,
        "cardio_load_ratio": -1.0,
        "cardio_load_level": None,
    }
    row = one("cardio_load", load)
    assert (row["local_date"], row["status"], row["strain"]) == (DAY, None, 0)
    assert (row["cardio_load"], row["tolerance"], row["cardio_load_ratio"]) == (None, None, None)


@pytest.mark.parametrize("spelling", ["very-high", "very_high"])
def test_cardio_load_levels_are_read_in_both_spellings(spelling: str) -> None:
    load = {
        "date": "2026-09-01",
        "cardio_load_status": "DETRAINING",
        "cardio_load_level": {spelling: 250.5, "low": -1.0},
    }
    row = one("cardio_load", load)
    assert (row["status"], row["level_very_high"], row["level_low"]) == ("DETRAINING", 250.5, None)


def test_physical_info_has_units_and_no_zeros() -> None:
    info = {"weight": 70.5, "height": 0, "gender": "FEMALE", "vo2_max": 0, "sleep_goal": "PT7H30M", "birthday": None}
    row = one("physical_info", info)
    assert (row["weight_kg"], row["height_cm"], row["sex"], row["vo2_max"]) == (70.5, None, "female", None)
    assert row["sleep_goal_seconds"] == 27_000


def test_sleepwise_times_are_utc_whatever_the_athletes_offset() -> None:
    period = {
        "grade": 9.9,
        "validity": "VALIDITY_ESTIMATE",
        "period_start_time": "2026-09-01T20:52:20",
        "sleep_period_end_time": "2026-09-02T04:11:20.57",
        "sleep_timezone_offset_minutes": -210,
        "hourly_data": [{"start_time": "2026-09-02T04:00:00", "alertness_level": "ALERTNESS_LEVEL_HIGH"}],
    }
    (_, row), (name, hour) = rows(polar("alertness").parse.records, period)
    assert row["period_started_at"] == datetime(2026, 9, 1, 20, 52, 20, tzinfo=UTC)
    assert row["sleep_ended_at"] == datetime(2026, 9, 2, 4, 11, 20, 570_000, tzinfo=UTC)
    assert (row["grade"], row["utc_offset_seconds"]) == (9.9, -12_600)
    assert (name, hour["started_at"]) == ("polar_alertness_hours", datetime(2026, 9, 2, 4, tzinfo=UTC))
    not_valid = period | {"validity": "VALIDITY_NOT_VALID", "hourly_data": None}
    assert one("alertness", not_valid)["grade"] is None
    assert one("circadian_bedtime", period)["period_started_at"] == row["period_started_at"]


def test_body_temperature_samples_are_placed_by_their_delta() -> None:
    period = {
        "source_device_id": None,
        "start_time": "2026-09-01T04:00:00",
        "samples": [
            {"temperature_celsius": 36.5, "recording_time_delta_milliseconds": 0},
            {"temperature_celsius": 36.6, "recording_time_delta_milliseconds": 60_500},
        ],
    }
    made = [row for _, row in rows(polar("body_temperature").parse.records, period)]
    assert [row["sampled_at"].strftime("%H:%M:%S.%f") for row in made] == ["04:00:00.000000", "04:01:00.500000"]
    assert [(row["device_id"], row["temperature_c"]) for row in made] == [("", 36.5), ("", 36.6)]
    assert rows(polar("body_temperature").parse.records, period | {"samples": None}) == []


def test_skin_temperature_is_dated_by_its_night() -> None:
    night = {
        "sleep_date": "2026-09-01",
        "sleep_time_skin_temperature_celsius": 34.1,
        "deviation_from_baseline_celsius": -0.4,
    }
    assert one("skin_temperature", night) == {"local_date": DAY, "temperature_c": 34.1, "deviation_c": -0.4}


@pytest.mark.parametrize("test_time", [1788264000, 1788264000000, "1788264000", "2026-09-01T12:00:00Z"])
def test_a_blood_oxygen_test_is_placed_whatever_its_unit_of_time(test_time: Any) -> None:
    row = one("spo2", {"test_time": test_time, "time_zone_offset": 180, "blood_oxygen_percent": 0})
    assert row["tested_at"] == datetime(2026, 9, 1, 12, tzinfo=UTC)
    assert (row["utc_offset_seconds"], row["blood_oxygen_percent"]) == (10_800, None)


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("nightly_recharge", {}, "`date` is missing"),
        ("cardio_load", {"date": "soon"}, "`date` is not an ISO 8601 time"),
        ("spo2", {"test_time": 10**30}, "`test_time` is outside of the calendar"),
        ("spo2", {}, "`test_time` is missing"),
        ("alertness", {"grade": 1}, "`period_start_time` is missing"),
        (
            "body_temperature",
            {"start_time": "2026-09-01T04:00:00", "samples": [{}]},
            "`recording_time_delta_milliseconds` is missing",
        ),
    ],
)
def test_a_broken_result_is_refused_with_the_key_that_is_wrong(name: str, payload: Any, reason: str) -> None:
    with pytest.raises(BadRecord) as caught:
        rows(polar(name).parse.records, payload)
    assert str(caught.value) == reason


def test_step_samples_are_on_the_wall_clock_with_dropped_seconds_and_a_repeated_hour(tmp_path: Path) -> None:
    samples = [
        {"steps": 0, "timestamp": "2026-10-25T00:00"},
        {"steps": 31, "timestamp": "2026-10-25T03:59"},
        {"steps": 12, "timestamp": "2026-10-25T03:00"},
        {"steps": None, "timestamp": "2026-10-25T08:00:30"},
        {"steps": "many", "timestamp": "2026-10-25T09:00"},
        {"steps": 5, "timestamp": "noon"},
        {"steps": 7, "time": "12:37:33.000"},
    ]
    day = {
        "start_time": "2026-10-25T00:00",
        "samples": {"date": "2026-10-25", "steps": {"interval_ms": 60_000, "samples": samples}},
    }
    plain = {"start_time": "2026-10-24T00:00", "steps": 7}
    parser = polar("daily_activity").parse.columnar
    made = select(parser, "polar_step_samples", tmp_path, [day, plain, plain | {"samples": {"steps": None}}])
    good = sorted((r["sample_index"], r["second_of_day"], r["fold"], r["steps"]) for r in made if not r["bad_reason"])
    assert good == [(0, 0, 0, 0), (1, 14_340, 0, 31), (2, 10_800, 1, 12), (3, 28_830, 1, None), (6, 45_453, 1, 7)]
    assert {(r["local_date"], r["interval_seconds"]) for r in made} == {(date(2026, 10, 25), 60)}
    assert sorted(r["bad_reason"] for r in made if r["bad_reason"]) == [
        "steps: `steps` is not a number",
        "steps: `timestamp` is missing or not a time",
    ]
