"""Strava's answers as rows: tolerant of absent and unknown keys, exact on time, streams in both shapes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fit_platform.errors import BadRecord
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import rows, select

ACTIVITIES = resource("strava", "activities").parse.records
STREAMS = resource("strava", "streams").parse.columnar
SUMMARY = {
    "id": 154504250376823,
    "name": "Evening",
    "upload_id": 987654321234567891234,
    "external_id": "garmin_push_1",
    "type": "Run",
    "sport_type": "TrailRun",
    "start_date": "2026-07-02T12:15:09Z",
    "start_date_local": "2026-07-02T08:15:09Z",
    "timezone": "(GMT-05:00) America/New_York",
    "utc_offset": -14400.0,
    "distance": 5000.2,
    "moving_time": 1810,
    "elapsed_time": 1800,
    "total_elevation_gain": 12,
    "start_latlng": [],
    "map": {"summary_polyline": ""},
    "visibility": "only_me",
    "private": True,
    "something_new": {"a": 1},
}


def activity(**change: object) -> dict:
    ((_, row),) = rows(ACTIVITIES, SUMMARY | change)
    return row


def test_the_offset_is_taken_from_utc_offset_and_not_from_the_label():
    row = activity()
    assert (row["utc_offset_seconds"], row["timezone"]) == (-14_400, "America/New_York")
    assert row["started_at"] == datetime(2026, 7, 2, 12, 15, 9, tzinfo=UTC), "start_date_local has a false Z"
    assert activity(timezone="EST")["timezone"] == "EST"


def test_absent_keys_are_null_and_a_moving_time_beyond_the_elapsed_time_is_kept():
    row = activity()
    assert (row["avg_hr_bpm"], row["avg_cadence_rpm"], row["has_heart_rate"]) == (None, None, None)
    assert (row["moving_seconds"], row["elapsed_seconds"]) == (1810, 1800)
    assert row["upload_id"] == "987654321234567891234"


@pytest.mark.parametrize("sport", ["Padel", "UnderwaterHockey"])
def test_an_unknown_sport_is_kept_as_given(sport):
    assert activity(sport_type=sport)["sport_type"] == sport
    assert activity(sport_type=None, type=sport)["sport_type"] == sport


@pytest.mark.parametrize("position", [None, []])
def test_no_start_position_is_null(position):
    assert activity(start_latlng=position)["start_latitude_deg"] is None


def test_a_start_position_is_a_pair():
    row = activity(start_latlng=[60.1, 24.9])
    assert (row["start_latitude_deg"], row["start_longitude_deg"]) == (60.1, 24.9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "`id` is missing"),
        ({"start_date": None}, "`start_date` is missing"),
        ({"distance": "far"}, "`distance` is text, expected a number"),
        ({"start_latlng": [1]}, "`start_latlng` is not a pair of numbers"),
        ({"manual": "no"}, "`manual` is text, expected true or false"),
    ],
)
def test_a_broken_summary_is_refused_with_the_key_that_is_wrong(change, reason):
    with pytest.raises(BadRecord) as caught:
        activity(**change)
    assert str(caught.value) == reason


def test_a_payload_that_is_no_object_is_refused():
    with pytest.raises(BadRecord, match="the payload is a list, expected an object"):
        rows(ACTIVITIES, [])


def test_a_weight_of_zero_was_never_set():
    ((_, row),) = rows(resource("strava", "athlete").parse.records, {"id": 7, "weight": 0, "ftp": None, "sex": "F"})
    assert (row["provider_athlete_id"], row["weight_kg"], row["ftp_w"], row["sex"]) == ("7", None, None, "F")


REQUEST = {"activity": {"id": "7", "start_date": "2026-09-01T08:00:00Z", "fingerprint": "f"}}
SERIES = {
    "time": [0, 1, 4],
    "heartrate": [90, None, 92],
    "velocity_smooth": [0.0, 2.5, 3],
    "latlng": [[60.1, 24.9], [60.2, 25.0], []],
    "moving": [False, True, True],
}
BY_TYPE = {key: {"data": data, "series_type": "distance", "original_size": 3} for key, data in SERIES.items()}
AS_LIST = [{"type": key, "data": data} for key, data in SERIES.items()]


@pytest.mark.parametrize("answer", [BY_TYPE, AS_LIST])
def test_both_shapes_of_streams_make_the_same_rows(tmp_path, answer):
    made = select(STREAMS, "strava_stream_samples", tmp_path, [answer], REQUEST)
    read = [
        (
            r["elapsed_seconds"],
            r["heart_rate_bpm"],
            r["speed_mps"],
            r["latitude_deg"],
            r["longitude_deg"],
            r["is_moving"],
        )
        for r in made
    ]
    assert read == [(0, 90, 0, 60.1, 24.9, False), (1, None, 2.5, 60.2, 25.0, True), (4, 92, 3, None, None, True)]
    assert made[2]["sampled_at"] == datetime(2026, 9, 1, 8, 0, 4, tzinfo=UTC)
    assert {(r["activity_id"], r["power_w"], r["bad_reason"]) for r in made} == {("7", None, None)}


@pytest.mark.parametrize("answer", ["null", {}, [], {"time": {"data": []}}, {"time": None}, 7, "text", [None, 3]])
def test_an_answer_without_samples_makes_no_rows(tmp_path, answer):
    text = '"text"' if answer == "text" else answer
    assert select(STREAMS, "strava_stream_samples", tmp_path, [text], REQUEST) == []


def test_a_stream_of_13000_points_is_read_whole(tmp_path):
    answer = {"time": {"data": list(range(13_129))}, "heartrate": {"data": [100] * 13_129}}
    made = select(STREAMS, "strava_stream_samples", tmp_path, [answer, {"time": {"data": [0]}}], REQUEST)
    assert len(made) == 13_130


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"heartrate": [90, "high", 92]}, "stream `heartrate`: a value is not a number"),
        ({"heartrate": [90, 91, 92, 93]}, "a sample without `time`"),
        ({"time": [0, "x", 4]}, "stream `time`: a value is not a number"),
        ({"latlng": [[60.1, 24.9], "north", []]}, "stream `latlng`: a value is not a pair of numbers"),
        ({"latlng": [[60.1, 24.9], [60.1], []]}, "stream `latlng`: a value is not a pair of numbers"),
        ({"moving": [False, 17.5, True]}, "stream `moving`: a value is not true or false"),
    ],
)
def test_a_bad_sample_is_told_and_the_others_load(tmp_path, change, reason):
    answer = {key: {"data": data} for key, data in (SERIES | change).items()}
    made = select(STREAMS, "strava_stream_samples", tmp_path, [answer], REQUEST)
    assert [r["bad_reason"] for r in made if r["bad_reason"]] == [reason]
    assert len([r for r in made if r["bad_reason"] is None]) >= 2
