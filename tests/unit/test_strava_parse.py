"""Strava's answers as rows: tolerant of absent and unknown keys, exact on time, streams in both shapes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fit_platform.errors import BadRecord
from fit_platform.providers.registry import resource
from fit_platform.providers.strava.tables import STREAM_SAMPLES
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


ZONES = {
    "heart_rate": {
        "custom_zones": False,
        "zones": [{"min": 0, "max": 120}, {"min": 120, "max": 150}, {"min": 150, "max": -1}],
    },
    "power": {"zones": [{"min": 0, "max": 140}, {"min": 141, "max": -1}]},
}
DETAIL = {
    "resource_state": 3,
    "calories": 412.5,
    "description": None,
    "perceived_exertion": None,
    "laps": [
        {"id": 71, "lap_index": 1, "start_date": "2026-07-02T12:15:09Z", "elapsed_time": 600, "distance": 1700.5},
        {"id": 72, "name": "Lap 2", "elapsed_time": 1200, "average_heartrate": 151.2, "start_index": 600},
    ],
}


def test_a_heart_rate_of_zero_is_no_heart_rate() -> None:
    """A sensor without contact; as a measurement it would be an average, and win over another source's."""
    ((_, row),) = rows(
        ACTIVITIES, {"id": 1, "average_heartrate": 0, "max_heartrate": 0.0, "start_date": "2026-07-02T12:15:09Z"}
    )
    assert (row["avg_hr_bpm"], row["max_hr_bpm"]) == (None, None)
    lap = {"lap_index": 1, "average_heartrate": 0.0, "max_heartrate": 0}
    found = dict(rows(resource("strava", "activity_details").parse.records, {**DETAIL, "id": 1, "laps": [lap]}))
    assert (found["strava_laps"]["avg_hr_bpm"], found["strava_laps"]["max_hr_bpm"]) == (None, None)


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


def test_a_moving_time_beyond_the_elapsed_time_is_kept_as_it_is():
    row = activity(moving_time=3605, elapsed_time=3600)
    assert (row["moving_seconds"], row["elapsed_seconds"]) == (3605, 3600)


@pytest.mark.parametrize(
    ("change", "is_hidden"),
    [
        ({}, False),
        ({"start_date_local": "2026-07-02T00:00:01Z"}, True),
        ({"start_date": "2026-07-02T00:00:01Z", "start_date_local": "2026-07-01T20:00:01Z"}, True),
        ({"start_date_local": None}, False),
    ],
)
def test_a_hidden_start_time_is_told_from_a_true_one(change, is_hidden):
    assert activity(**change)["is_start_hidden"] is is_hidden


def test_the_top_zone_is_open_whatever_its_minus_one_says():
    made = [row for _, row in rows(resource("strava", "zones").parse.records, ZONES)]
    beats = [(r["zone"], r["lower_bpm"], r["upper_bpm"], r["is_custom"]) for r in made if r["kind"] == "heart_rate"]
    assert beats == [(1, 0, 120, False), (2, 120, 150, False), (3, 150, None, False)]
    watts = [(r["zone"], r["lower_w"], r["upper_w"], r["is_custom"]) for r in made if r["kind"] == "power"]
    assert watts == [(1, 0, 140, None), (2, 141, None, None)]


@pytest.mark.parametrize("answer", [{}, {"heart_rate": None}, {"heart_rate": {"zones": []}}])
def test_an_athlete_without_zones_makes_no_rows(answer):
    assert rows(resource("strava", "zones").parse.records, answer) == []


def test_a_zone_that_is_no_number_is_refused():
    with pytest.raises(BadRecord, match="`min` is text, expected a number"):
        rows(resource("strava", "zones").parse.records, {"heart_rate": {"zones": [{"min": "low", "max": 1}]}})


@pytest.mark.parametrize(("gear_id", "kind"), [("b12", "bike"), ("g7", "shoes"), ("x1", None)])
def test_gear_is_a_bike_or_shoes_by_its_id(gear_id, kind):
    ((_, row),) = rows(
        resource("strava", "gear").parse.records,
        {"id": gear_id, "name": "Old", "distance": 512400, "primary": True, "retired": False, "weight": 9},
    )
    assert (row["gear_id"], row["kind"], row["distance_m"], row["is_retired"]) == (gear_id, kind, 512_400, False)


def test_laps_come_out_of_the_detail_and_are_numbered_by_place_where_strava_does_not():
    made = rows(resource("strava", "activity_details").parse.records, SUMMARY | DETAIL)
    assert [name for name, _ in made] == ["strava_activity_details", "strava_laps", "strava_laps"]
    detail, first, second = (row for _, row in made)
    assert (detail["activity_id"], detail["calories_kcal"], detail["lap_count"]) == ("154504250376823", 412.5, 2)
    assert (first["lap_number"], first["lap_id"], first["distance_m"]) == (1, "71", 1700.5)
    assert first["started_at"] == datetime(2026, 7, 2, 12, 15, 9, tzinfo=UTC)
    assert (second["lap_number"], second["avg_hr_bpm"], second["first_sample"]) == (2, 151.2, 600)


def test_a_detail_without_laps_is_a_detail():
    ((_, row),) = rows(resource("strava", "activity_details").parse.records, {"id": 7, "laps": None})
    assert (row["calories_kcal"], row["lap_count"]) == (None, 0)


REQUEST = {"activity": {"id": "7", "start_date": "2026-09-01T08:00:00Z", "fingerprint": "f"}}
SERIES = {
    "time": [0, 1, 4],
    "heartrate": [90, None, 92],
    "velocity_smooth": [0.0, 2.5, 3],
    "latlng": [[60.1, 24.9], [60.2, 25.0], []],
    "moving": [False, True, True],
    "grade_smooth": [0, -1.5, 2],
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
    assert [r["grade_percent"] for r in made] == [0, -1.5, 2]
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


NUMBERS = st.one_of(st.none(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.just(-0.0))
ODD = st.one_of(st.booleans(), st.sampled_from(["high", "12", " 3 ", "", "nan", "null"]), st.just([1]), st.just({}))
PAIRS = st.one_of(st.none(), st.lists(NUMBERS, max_size=3), st.tuples(NUMBERS, NUMBERS))


def stream_of(plain: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(st.lists(plain, max_size=4), st.lists(st.one_of(plain, ODD), max_size=4))


ANSWERS = st.dictionaries(st.sampled_from(["time", *SERIES]), st.just(None)).flatmap(
    lambda keys: st.fixed_dictionaries(
        {
            key: stream_of({"latlng": PAIRS, "moving": st.one_of(st.none(), st.booleans())}.get(key, NUMBERS))
            for key in keys
        }
    )
)


@settings(max_examples=8, deadline=None)
@given(st.lists(ANSWERS, min_size=10, max_size=30))
def test_what_is_read_at_once_as_numbers_is_what_reading_it_as_text_makes(tmp_path_factory, answers):
    folder = tmp_path_factory.mktemp("streams")
    by_type = [{key: {"data": data} for key, data in answer.items()} for answer in answers]
    as_list = [[{"type": key, "data": data} for key, data in answer.items()] for answer in answers]
    kept = ["line_number", "bad_reason", *(column.name for column in STREAM_SAMPLES.columns)]
    plain, texts = (
        sorted(
            repr([row[name] for name in kept])
            for row in select(STREAMS, "strava_stream_samples", folder, shape, REQUEST)
        )
        for shape in (by_type, as_list)
    )
    assert plain == texts
