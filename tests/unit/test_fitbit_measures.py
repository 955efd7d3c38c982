"""Google Health's daily values, roll-ups, weighings and snapshots: asked for as allowed, and read with their traps."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime

import pytest
import responses

from fit_platform.errors import BadRecord, Forbidden
from fit_platform.providers.base import DayAnswer, DayUnknown
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import API, client, payloads, pull, rows, select

DATE = {"date": {"year": 2026, "month": 9, "day": 1}}
BAND = {"recordingMethod": "PASSIVELY_MEASURED", "platform": "FITBIT", "device": {"displayName": "Charge 6"}}
SAMPLE = {"physicalTime": "2026-09-01T05:00:00Z", "utcOffset": "7200s"}
INTERVAL = {"startTime": "2026-09-01T10:00:00Z", "startUtcOffset": "7200s", "endTime": "2026-09-01T10:01:00Z"}


def windows(*values: tuple[int, dict]) -> list[dict]:
    return [{"civilStartTime": {"date": {"year": 2026, "month": 9, "day": day}, "time": {}}, **v} for day, v in values]


VARIABILITY = {"averageHeartRateVariabilityMilliseconds": 41.5, "nonRemHeartRateBeatsPerMinute": "53"}
OXYGEN = {"averagePercentage": 96, "lowerBoundPercentage": 94.5, "upperBoundPercentage": 97.2}
ZONES = [
    {"heartRateZoneType": "LIGHT", "maxBeatsPerMinute": "105"},
    {"heartRateZoneType": "A_NEW_ZONE", "minBeatsPerMinute": "106", "maxBeatsPerMinute": "130"},
]
WEIGHT = {
    "name": "users/0/dataTypes/weight/dataPoints/w7",
    "weight": {"sampleTime": SAMPLE, "weightGrams": 61_500},
}
DEVICE = {"name": "users/0/pairedDevices/d1", "deviceType": "SCALE", "deviceVersion": "Aria", "batteryLevel": 74}
PROFILE = {
    "name": "users/0/profile",
    "age": 39,
    "membershipStartDate": {"year": 2021, "month": 3, "day": 9},
    "autoWalkingStrideLengthMm": 705,
    "autoRunningStrideLengthMm": 1037,
    "userConfiguredRunningStrideLengthMm": 1100,
}
SETTINGS = {"name": "users/0/settings", "timeZone": "America/St_Johns", "utcOffset": "-12600s"}

GOOGLE = "/users/me/dataTypes/{}/dataPoints{}"
ANSWERS = {
    GOOGLE.format("daily-heart-rate-variability", ""): {
        "dataPoints": [{"dataSource": BAND, "dailyHeartRateVariability": DATE | VARIABILITY}]
    },
    GOOGLE.format("daily-oxygen-saturation", ""): {"dataPoints": [{"dailyOxygenSaturation": DATE | OXYGEN}]},
    GOOGLE.format("daily-respiratory-rate", ""): {
        "dataPoints": [{"dailyRespiratoryRate": DATE | {"breathsPerMinute": 14.2}}]
    },
    GOOGLE.format("daily-heart-rate-zones", ""): {
        "dataPoints": [{"dailyHeartRateZones": DATE | {"heartRateZones": ZONES}}]
    },
    GOOGLE.format("daily-vo2-max", ""): {"dataPoints": [{"dailyVo2Max": DATE | {"vo2Max": 47.25}}]},
    GOOGLE.format("heart-rate-variability", ""): {
        "dataPoints": [
            {
                "heartRateVariability": {
                    "sampleTime": SAMPLE,
                    "rootMeanSquareOfSuccessiveDifferencesMilliseconds": 38.25,
                }
            }
        ]
    },
    GOOGLE.format("distance", ":reconcile"): {
        "dataPoints": [{"distance": {"interval": INTERVAL, "millimeters": "71"}}]
    },
    GOOGLE.format("active-zone-minutes", ":reconcile"): {
        "dataPoints": [
            {"activeZoneMinutes": {"interval": INTERVAL, "heartRateZone": "CARDIO", "activeZoneMinutes": "2"}}
        ]
    },
    GOOGLE.format("weight", ""): {"dataPoints": [WEIGHT]},
    GOOGLE.format("floors", ":dailyRollUp"): {"rollupDataPoints": windows((1, {"floors": {"countSum": "9"}}))},
    GOOGLE.format("total-calories", ":dailyRollUp"): {
        "rollupDataPoints": windows((1, {"totalCalories": {"kcalSum": 2201.5}}))
    },
    "/users/me/pairedDevices": {"pairedDevices": [DEVICE]},
    "/users/me/settings": SETTINGS,
    "/users/me/profile": PROFILE,
    "/users/me/identity": {"name": "users/me/identity", "healthUserId": "111", "legacyUserId": "ABC"},
}
ROWS = {
    "fitbit_exercise_splits": 0,
    "fitbit_sleep_stages": 0,
    "fitbit_daily_heart_rate_variability": 1,
    "fitbit_daily_oxygen_saturation": 1,
    "fitbit_daily_respiratory_rate": 1,
    "fitbit_daily_heart_rate_zones": 2,
    "fitbit_daily_vo2_max": 1,
    "fitbit_heart_rate_variability": 1,
    "fitbit_distance": 1,
    "fitbit_active_zone_minutes": 1,
    "fitbit_weight": 1,
    "fitbit_floors": 1,
    "fitbit_total_calories": 1,
    "fitbit_paired_devices": 1,
    "fitbit_settings": 1,
    "fitbit_profile": 1,
    "fitbit_identity": 1,
}


def only_row(name: str, payload: object) -> dict:
    ((_, row),) = rows(resource("fitbit", name).parse.records, payload)
    return row


@responses.activate
def test_a_roll_up_is_end_exclusive_without_page_size_and_keyed_by_its_civil_start():
    """A server that counts the end in answers with a day that was not asked for: it is not filed anywhere."""
    points = windows((1, {"floors": {"countSum": "9"}}), (3, {"floors": {"countSum": "4"}}))
    responses.post(f"{API}{GOOGLE.format('floors', ':dailyRollUp')}", json={"rollupDataPoints": points})
    days = pull(client("fitbit"), resource("fitbit", "floors"), "2026-09-01", "2026-09-02")
    assert payloads(days[date(2026, 9, 1)]) == points[:1]
    assert days[date(2026, 9, 2)] == DayAnswer(date(2026, 9, 2), ()), "a missing window: not worn"
    assert json.loads(responses.calls[0].request.body) == {
        "range": {"start": DATE, "end": {"date": {"year": 2026, "month": 9, "day": 3}}},
        "windowSizeDays": 1,
    }


@responses.activate
def test_total_calories_are_asked_for_in_ranges_of_14_days_and_floors_of_90():
    for name, kind in (("total_calories", "total-calories"), ("floors", "floors")):
        responses.post(f"{API}{GOOGLE.format(kind, ':dailyRollUp')}", json={})
        assert len(pull(client("fitbit"), resource("fitbit", name), "2026-06-01", "2026-08-29")) == 90
    asked = [call.request.url.rsplit("/", 2)[-2] for call in responses.calls]
    assert (asked.count("total-calories"), asked.count("floors")) == (7, 1)


@responses.activate
def test_a_roll_up_goes_on_to_the_last_token_and_resends_the_other_fields():
    first, second = windows((1, {}), (2, {"floors": {"countSum": "4"}}))
    address = f"{API}{GOOGLE.format('floors', ':dailyRollUp')}"
    responses.post(address, json={"rollupDataPoints": [first], "nextPageToken": "a"})
    responses.post(address, json={"rollupDataPoints": [second]})
    days = pull(client("fitbit"), resource("fitbit", "floors"), "2026-09-01", "2026-09-02")
    assert [payloads(day) for day in days.values()] == [[first], [second]]
    sent = [json.loads(call.request.body) for call in responses.calls]
    assert sent[1] == sent[0] | {"pageToken": "a"}


@pytest.mark.parametrize("value", [{}, {"floors": {}}, {"floors": {"countSum": "0"}}])
def test_a_roll_up_without_its_value_is_a_true_zero(value: dict):
    assert only_row("floors", windows((1, value))[0]) == {"local_date": date(2026, 9, 1), "floors": 0}


def test_a_roll_up_without_a_date_is_refused_and_still_has_an_identity():
    floors = resource("fitbit", "floors")
    with pytest.raises(BadRecord, match="civilStartTime"):
        rows(floors.parse.records, {"floors": {"countSum": "4"}})
    assert floors.object_id({"floors": {"countSum": "4"}}) != floors.object_id({"floors": {"countSum": "5"}})


@responses.activate
@pytest.mark.parametrize("name", ["daily_vo2_max", "distance", "settings"])
def test_a_type_that_the_server_lacks_is_unknown_and_not_an_empty_day(name: str):
    for method in ("GET", "POST"):
        responses.add(method, re.compile(".*"), status=404, body="<html>")
    days = pull(client("fitbit"), resource("fitbit", name), "2026-09-01", "2026-09-02")
    assert all(isinstance(day, DayUnknown) for day in days.values())


@responses.activate
def test_a_scope_that_was_not_granted_is_told_and_not_taken_for_a_missing_type():
    responses.get(f"{API}/users/me/settings", status=403, json={"error": {"code": 403, "status": "PERMISSION_DENIED"}})
    with pytest.raises(Forbidden):
        pull(client("fitbit"), resource("fitbit", "settings"), "2026-09-01", "2026-09-01")


@responses.activate
def test_daily_values_are_filtered_by_their_date():
    responses.get(f"{API}{GOOGLE.format('daily-vo2-max', '')}", json=ANSWERS[GOOGLE.format("daily-vo2-max", "")])
    days = pull(client("fitbit"), resource("fitbit", "daily_vo2_max"), "2026-09-01", "2026-09-02")
    assert [len(payloads(day)) for day in days.values()] == [1, 0]
    sent = responses.calls[0].request.params["filter"]
    assert sent == 'daily_vo2_max.date >= "2026-09-01" AND daily_vo2_max.date < "2026-09-03"'


@responses.activate
@pytest.mark.parametrize("name", ["heart_rate_variability", "weight"])
def test_samples_are_filtered_by_physical_time(name: str):
    path = GOOGLE.format(name.replace("_", "-"), "")
    responses.get(f"{API}{path}", json=ANSWERS[path])
    days = pull(client("fitbit"), resource("fitbit", name), "2026-09-01", "2026-09-01")
    assert len(payloads(days[date(2026, 9, 1)])) == 1
    field = f"{name}.sample_time.physical_time"
    sent = responses.calls[0].request.params["filter"]
    assert sent == f'{field} >= "2026-09-01T00:00:00Z" AND {field} < "2026-09-02T00:00:00Z"'


def test_whole_numbers_come_as_text_and_zones_that_nobody_knows_are_kept():
    zones = [row for _, row in rows(resource("fitbit", "daily_heart_rate_zones").parse.records, {
        "dailyHeartRateZones": DATE | {"heartRateZones": ZONES}
    })]  # fmt: skip
    assert [(z["zone"], z["min_bpm"], z["max_bpm"]) for z in zones] == [("LIGHT", 0, 105), ("A_NEW_ZONE", 106, 130)]
    row = only_row("daily_heart_rate_variability", {"dailyHeartRateVariability": DATE | VARIABILITY})
    assert (row["rmssd_ms"], row["non_rem_bpm"], row["entropy"]) == (41.5, 53, None)


def test_two_sources_of_one_date_are_two_objects():
    daily = resource("fitbit", "daily_respiratory_rate")
    point = {"dailyRespiratoryRate": DATE | {"breathsPerMinute": 14}}
    assert daily.object_id(point | {"dataSource": BAND}) != daily.object_id(point)
    with pytest.raises(BadRecord, match="breathsPerMinute"):
        rows(daily.parse.records, {"dailyRespiratoryRate": DATE})


def test_a_weighing_is_in_kilograms_at_its_instant():
    row = only_row("weight", WEIGHT)
    assert (row["weight_id"], row["weight_kg"], row["utc_offset_seconds"]) == ("w7", 61.5, 7200)
    assert row["measured_at"] == datetime(2026, 9, 1, 5, tzinfo=UTC)


@responses.activate
def test_snapshots_are_filed_under_the_last_day_and_devices_are_read_to_the_last_token():
    address = f"{API}/users/me/pairedDevices"
    responses.get(address, json={"pairedDevices": [DEVICE], "nextPageToken": "a"})
    responses.get(address, json={"pairedDevices": [DEVICE | {"name": "users/0/pairedDevices/d2"}]})
    devices = resource("fitbit", "paired_devices")
    days = pull(client("fitbit"), devices, "2026-09-01", "2026-09-02")
    assert isinstance(days[date(2026, 9, 1)], DayUnknown)
    assert [devices.object_id(payload) for payload in payloads(days[date(2026, 9, 2)])] == ["d1", "d2"]
    settings = only_row("settings", SETTINGS)
    assert (settings["time_zone"], settings["utc_offset_seconds"]) == ("America/St_Johns", -12_600)


def test_a_stride_that_the_athlete_set_counts_before_the_measured_one():
    row = only_row("profile", PROFILE)
    assert (row["walking_stride_m"], row["running_stride_m"]) == (0.705, 1.1)
    assert (row["age_years"], row["member_since"]) == (39, date(2021, 3, 9))
    assert not any(only_row("profile", {}).values())


@responses.activate
def test_a_profile_that_is_not_granted_is_unknown_and_no_failure():
    error = {"code": 403, "status": "PERMISSION_DENIED", "message": "insufficient scopes"}
    responses.get(f"{API}/users/me/profile", status=403, json={"error": error})
    days = pull(client("fitbit"), resource("fitbit", "profile"), "2026-09-01", "2026-09-01")
    assert isinstance(days[date(2026, 9, 1)], DayUnknown)


def test_distance_and_zone_minutes_are_whole_numbers_as_text_and_left_out_zeros(tmp_path):
    distance = resource("fitbit", "distance").parse.columnar
    points = [{"distance": {"interval": INTERVAL, "millimeters": "71500"}}, {"distance": {"interval": INTERVAL}}]
    made = select(
        distance, "fitbit_distance", tmp_path, [{"dataPoints": [*points, {"distance": {"millimeters": "x"}}]}]
    )
    assert [(r["distance_m"], r["local_date"]) for r in made[:2]] == [(71.5, date(2026, 9, 1)), (0, date(2026, 9, 1))]
    assert made[2]["bad_reason"] == "`distance.interval.startTime` is missing or not a time"
    minutes = resource("fitbit", "active_zone_minutes").parse.columnar
    earned = {"interval": INTERVAL, "heartRateZone": "CARDIO", "activeZoneMinutes": "2"}
    (row,) = select(minutes, "fitbit_active_zone_minutes", tmp_path, [{"dataPoints": [{"activeZoneMinutes": earned}]}])
    assert (row["zone"], row["active_zone_minutes"], row["bad_reason"]) == ("CARDIO", 2, None)


def test_variability_without_any_value_says_so(tmp_path):
    parser = resource("fitbit", "heart_rate_variability").parse.columnar
    points = [
        {"heartRateVariability": {"sampleTime": SAMPLE, "standardDeviationMilliseconds": 50}},
        {"heartRateVariability": {"sampleTime": SAMPLE}},
    ]
    made = select(parser, "fitbit_heart_rate_variability", tmp_path, [{"dataPoints": points}])
    assert [(r["rmssd_ms"], r["sdnn_ms"]) for r in made] == [(None, 50), (None, None)]
    assert [r["bad_reason"] for r in made] == [None, "a point of `heartRateVariability` without a value"]


def test_a_night_that_was_still_processed_is_replaced_by_its_stages_when_it_is_read_again():
    sleep = resource("fitbit", "sleep")
    interval = {"startTime": "2026-09-01T20:10:00Z", "endTime": "2026-09-01T22:40:00Z", "endUtcOffset": "7200s"}
    night = {
        "name": "users/0/dataTypes/sleep/dataPoints/s1",
        "sleep": {"interval": interval, "metadata": {"nap": True}},
    }
    stage = {"startTime": interval["startTime"], "endTime": "2026-09-01T20:40:00Z", "type": "A_NEW_STAGE"}
    done = night | {"sleep": night["sleep"] | {"metadata": {"processed": True}, "stages": [stage]}}
    assert [table for table, _ in rows(sleep.parse.records, night)] == ["fitbit_sleep"]
    (_, session), (table, row) = rows(sleep.parse.records, done)
    assert (session["is_processed"], table, row["stage"]) == (True, "fitbit_sleep_stages", "A_NEW_STAGE")
    assert sleep.object_id(done) == sleep.object_id(night), "the same object, so the later version replaces it"


def test_splits_and_laps_of_an_exercise_are_numbered_apart():
    split = {"startTime": INTERVAL["startTime"], "endTime": INTERVAL["endTime"], "activeDuration": "59.5s"}
    exercise = {"interval": INTERVAL, "splits": [split, split], "splitSummaries": [split | {"splitType": "MANUAL"}]}
    made = [row for table, row in rows(resource("fitbit", "exercise").parse.records, {"exercise": exercise})
            if table == "fitbit_exercise_splits"]  # fmt: skip
    assert [(r["is_lap"], r["split_number"]) for r in made] == [(False, 1), (False, 2), (True, 1)]
    assert (made[0]["active_seconds"], made[2]["split_type"]) == (59.5, "MANUAL")
