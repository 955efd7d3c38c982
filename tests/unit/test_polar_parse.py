"""Polar's answers as rows: both spellings, sentinels, fractions, offsets, and samples that keep their places."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fit_platform.errors import BadRecord
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import rows, select

EXERCISES = resource("polar", "exercises").parse
LIVE = {
    "id": "2AC312F",
    "upload_time": "2026-09-01T09:00:00.000Z",
    "device": "Polar Vantage",
    "start_time": "2026-09-01T10:15:30.5",
    "start_time_utc_offset": -210,
    "duration": "PT6917.941S",
    "calories": 530,
    "heart_rate": {"average": 129, "maximum": 0},
    "sport": "OTHER",
    "detailed_sport_info": "CROSS-COUNTRY_SKIING",
    "has_route": False,
    "heart_rate_zones": [
        {"index": 0, "lower_limit": 95, "upper_limit": 114, "in_zone": "PT4.5S"},
        {"index": 1, "lower_limit": 114, "upper_limit": 133, "in_zone": "PT1H"},
    ],
    "samples": [
        {"recording_rate": 1, "sample_type": 0, "data": "77,,NULL,0,81"},
        {"recording_rate": 1, "sample_type": 1, "data": "0.0,36.0,18.0"},
        {"recording_rate": 2, "sample_type": 3, "data": "100.5,101.5"},
        {"recording_rate": None, "sample_type": 11, "data": "801,799"},
        {"recording_rate": 1, "sample_type": 7, "data": "1013,1013"},
    ],
    "route": [
        {"latitude": 60.1, "longitude": 24.9, "time": "PT0S", "satellites": 9, "fix": 3},
        {"latitude": 60.2, "longitude": 25.0, "time": "PT1M2.5S"},
        {"latitude": "north", "longitude": 25.0, "time": "PT3S"},
    ],
    "training_load_pro": {"cardio-load": -1.0, "muscle-load": -1.0},
    "some_new_key": {"a": 1},
}
SPEC = {
    "id": 1937529874,
    "start-time": None,
    "start_time": "2026-09-01T06:45:30",
    "start-time-utc-offset": 180,
    "duration": "PT2H44M",
    "running-index": 51,
    "training_load": 143.22,
    "heart_rate_zones": {"zone": [{"index": 1, "lower-limit": 110, "upper-limit": 130, "in-zone": "PT4S"}]},
    "samples": [{"recording-rate": 5, "sample-type": "2", "data": "80,null,82"}],
}


def test_a_live_exercise_becomes_one_row_with_utc_start_and_nulls_for_sentinels():
    made = rows(EXERCISES.records, LIVE)
    name, row = made[0]
    assert name == "polar_exercises"
    assert row["started_at"] == datetime(2026, 9, 1, 13, 45, 30, 500_000, tzinfo=UTC), "UTC is local minus offset"
    assert row["utc_offset_seconds"] == -12_600
    assert row["duration_seconds"] == 6917.941
    assert (row["avg_hr_bpm"], row["max_hr_bpm"]) == (129, None)
    assert (row["distance_m"], row["running_index"], row["training_load"]) == (None, None, None)
    assert row["detailed_sport"] == "CROSS-COUNTRY_SKIING"
    assert [zone["zone"] for _, zone in made[1:]] == [1, 2], "live zones count from 0"
    assert made[1][1]["seconds"] == 4.5


def test_the_spelling_of_the_spec_is_read_as_well():
    (_, row), (_, zone) = rows(EXERCISES.records, SPEC)
    assert row["exercise_id"] == "1937529874"
    assert row["started_at"] == datetime(2026, 9, 1, 3, 45, 30, tzinfo=UTC)
    assert (row["running_index"], row["training_load"]) == (51, 143.22)
    assert zone == {"exercise_id": "1937529874", "zone": 1, "lower_bpm": 110, "upper_bpm": 130, "seconds": 4}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "`id` is missing"),
        ({"start_time": None}, "`start_time` is missing"),
        ({"start_time": "soon"}, "`start_time` is not an ISO 8601 time"),
        ({"duration": "1:55"}, "`duration` is not an ISO 8601 duration"),
        ({"heart_rate": 129}, "`heart_rate` is a number, expected an object"),
        ({"distance": "far"}, "`distance` is text, expected a number"),
    ],
)
def test_a_broken_exercise_is_refused_with_the_key_that_is_wrong(change, reason):
    with pytest.raises(BadRecord) as caught:
        rows(EXERCISES.records, LIVE | change)
    assert str(caught.value) == reason


def test_samples_keep_their_places_and_each_series_its_own_rate(tmp_path):
    made = select(EXERCISES.columnar, "polar_exercise_samples", tmp_path, [LIVE])
    by_second = {row["elapsed_seconds"]: row for row in made}
    assert [row["bad_reason"] for row in made] == [None] * 5
    assert {s: row["heart_rate_bpm"] for s, row in by_second.items()} == {0: 77, 1: None, 2: None, 3: None, 4: 81}
    assert {s: row["speed_mps"] for s, row in by_second.items()} == {0: 0, 1: 10, 2: 5, 3: None, 4: None}
    assert {s: row["altitude_m"] for s, row in by_second.items()} == {0: 100.5, 1: None, 2: 101.5, 3: None, 4: None}
    assert by_second[1]["sampled_at"] == datetime(2026, 9, 1, 13, 45, 31, 500_000, tzinfo=UTC)


def test_samples_in_the_spelling_of_the_spec_and_several_exercises_at_once(tmp_path):
    made = select(
        EXERCISES.columnar, "polar_exercise_samples", tmp_path, [LIVE, SPEC, SPEC | {"id": "x", "samples": None}]
    )
    spec = sorted((r["elapsed_seconds"], r["cadence_rpm"]) for r in made if r["exercise_id"] == "1937529874")
    assert spec == [(0, 80), (5, None), (10, 82)]
    assert {row["line_number"] for row in made} == {1, 2}


def test_a_sample_that_is_no_number_is_told_and_its_neighbours_load(tmp_path):
    broken = LIVE | {
        "samples": [{"recording_rate": 1, "sample_type": 0, "data": "77,x,79"}, {"sample_type": 3, "data": "1"}]
    }
    made = select(EXERCISES.columnar, "polar_exercise_samples", tmp_path, [broken])
    assert sorted(r["heart_rate_bpm"] for r in made if r["bad_reason"] is None) == [77, 79]
    assert sorted(r["bad_reason"] for r in made if r["bad_reason"]) == [
        "samples: a series of type 3 has no recording_rate",
        "samples: an item of type 0 is not a number",
    ]


@pytest.mark.parametrize(
    "samples", ["none", 7, [], {}, [None, 3, {"data": None}], [{"sample_type": "new", "data": "1"}]]
)
def test_samples_of_an_unknown_shape_make_no_rows_and_no_exception(tmp_path, samples):
    assert select(EXERCISES.columnar, "polar_exercise_samples", tmp_path, [LIVE | {"samples": samples}]) == []


def test_route_points_carry_seconds_since_the_start(tmp_path):
    made = select(EXERCISES.columnar, "polar_exercise_route", tmp_path, [LIVE, SPEC])
    good = [(r["elapsed_seconds"], r["latitude_deg"], r["longitude_deg"]) for r in made if r["bad_reason"] is None]
    assert sorted(good) == [(0, 60.1, 24.9), (62.5, 60.2, 25.0)]
    (bad,) = [r for r in made if r["bad_reason"]]
    assert bad["bad_reason"] == "route: `latitude` is not a number"
    assert "north" in bad["bad_value"]


def a_day(*times_and_bpm: tuple[str, object]) -> dict:
    return {"date": "2026-10-25", "heart_rate_samples": [{"heart_rate": b, "sample_time": t} for t, b in times_and_bpm]}


CONTINUOUS = resource("polar", "continuous_heart_rate").parse.columnar


def test_continuous_heart_rate_counts_how_often_the_wall_clock_jumped_back(tmp_path):
    day = a_day(("02:55:00", 50), ("02:00:00", 51), ("02:05:00", 0), ("03:00", None), ("01:00:00", 53))
    made = select(CONTINUOUS, "polar_continuous_heart_rate", tmp_path, [day, a_day(("00:00:01", 61))], dt="2026-10-25")
    first = [r for r in made if r["line_number"] == 1]
    assert [(r["sample_index"], r["second_of_day"], r["fold"], r["bpm"]) for r in first] == [
        (0, 10_500, 0, 50),
        (1, 7_200, 1, 51),
        (2, 7_500, 1, 0),
        (3, 10_800, 1, None),
        (4, 3_600, 2, 53),
    ]
    assert {r["local_date"] for r in made} == {date(2026, 10, 25)}
    assert [r["fold"] for r in made if r["line_number"] == 2] == [0]
    assert {r["bad_reason"] for r in made} == {None}


def test_a_bad_sample_of_continuous_heart_rate_is_told_and_the_day_loads(tmp_path):
    day = a_day(("00:00:00", 50), ("late", 51), ("00:10:00", "fast"), ("00:15:00", 52))
    made = select(CONTINUOUS, "polar_continuous_heart_rate", tmp_path, [day, "[1]", {"date": "2026-10-25"}])
    assert [r["bpm"] for r in made if r["bad_reason"] is None] == [50, 52]
    assert sorted(r["bad_reason"] for r in made if r["bad_reason"]) == [
        "`heart_rate` is not a number",
        "`sample_time` is missing or not a time of day",
        "not an object",
    ]


def test_a_night_keeps_the_offsets_of_both_ends_and_has_no_score_of_zero():
    night = {
        "date": "2026-10-25",
        "sleep_start_time": "2026-10-24T23:33:22.675+03:00",
        "sleep_end_time": "2026-10-25T07:00:00+02:00",
        "light_sleep": 100,
        "sleep_score": 0,
    }
    ((_, row),) = rows(resource("polar", "sleep").parse.records, night)
    assert row["local_date"] == date(2026, 10, 25)
    assert row["ended_at"] == datetime(2026, 10, 25, 5, tzinfo=UTC)
    assert (row["start_utc_offset_seconds"], row["end_utc_offset_seconds"]) == (10_800, 7_200)
    assert (row["light_seconds"], row["deep_seconds"], row["sleep_score"]) == (100, None, None)


def test_daily_activity_is_dated_by_its_local_start():
    activity = {"start_time": "2026-09-01T00:00", "active_duration": "PT3H11M", "steps": 8823, "calories": 2500}
    ((_, row),) = rows(resource("polar", "daily_activity").parse.records, activity)
    assert (row["local_date"], row["steps"], row["active_seconds"]) == (date(2026, 9, 1), 8823, 11_460)
