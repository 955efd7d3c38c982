"""Google Health's answers as rows: numbers as text, members left out, civil times made where they are missing."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fit_platform.errors import BadRecord
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import rows, select

EXERCISE = resource("fitbit", "exercise")
HEART_RATE = resource("fitbit", "heart_rate").parse.columnar
STEPS = resource("fitbit", "steps").parse.columnar
INTERVAL = {
    "startTime": "2026-09-01T10:00:00Z",
    "startUtcOffset": "7200s",
    "endTime": "2026-09-01T10:20:00Z",
    "endUtcOffset": "-12600s",
}
POINT = {
    "name": "users/0/dataTypes/exercise/dataPoints/66",
    "dataSource": {
        "recordingMethod": "A_NEW_METHOD",
        "platform": "HEALTH_CONNECT",
        "device": {"displayName": "Pixel Watch"},
        "application": {"packageName": "com.strava"},
    },
    "exercise": {
        "interval": INTERVAL,
        "exerciseType": "SOME_NEW_SPORT",
        "activeDuration": "1025.5s",
        "metricsSummary": {
            "caloriesKcal": 110,
            "distanceMillimeters": 1500000,
            "steps": "2000",
            "averageHeartRateBeatsPerMinute": "95",
        },
        "exerciseMetadata": {},
        "updateTime": "2026-09-01T10:31:02.123456789Z",
    },
}


def test_an_exercise_becomes_a_row_in_our_units():
    ((_, row),) = rows(EXERCISE.parse.records, POINT)
    assert (row["exercise_id"], row["exercise_type"]) == ("66", "SOME_NEW_SPORT")
    assert (row["active_seconds"], row["distance_m"], row["steps"], row["avg_hr_bpm"]) == (1025.5, 1500, 2000, 95)
    assert (row["utc_offset_seconds"], row["end_utc_offset_seconds"]) == (7_200, -12_600)
    assert (row["has_gps"], row["ascent_m"]) == (False, None)
    assert (row["platform"], row["source_package"]) == ("HEALTH_CONNECT", "com.strava")
    assert row["updated_at"] == datetime(2026, 9, 1, 10, 31, 2, 123456, tzinfo=UTC)


def test_a_heart_rate_of_zero_is_no_heart_rate():
    """A band without contact; as a measurement it would be an average, and win over another source's."""
    zero = {"averageHeartRateBeatsPerMinute": "0"}
    split = {"startTime": INTERVAL["startTime"], "endTime": INTERVAL["endTime"], "metricsSummary": zero}
    found = rows(
        EXERCISE.parse.records, {**POINT, "exercise": {**POINT["exercise"], "metricsSummary": zero, "splits": [split]}}
    )
    assert [row["avg_hr_bpm"] for _, row in found] == [None, None]


def test_an_exercise_without_a_name_is_known_by_source_and_start():
    nameless = {key: value for key, value in POINT.items() if key != "name"}
    ((_, row),) = rows(EXERCISE.parse.records, nameless)
    assert row["exercise_id"] == EXERCISE.object_id(nameless)
    edited = nameless | {"exercise": POINT["exercise"] | {"activeDuration": "900s"}}
    assert EXERCISE.object_id(edited) == EXERCISE.object_id(nameless)
    assert EXERCISE.object_id(nameless | {"dataSource": {"platform": "FITBIT"}}) != EXERCISE.object_id(nameless)


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ({}, "`exercise` is missing"),
        ({"exercise": {}}, "`interval` is missing"),
        ({"exercise": {"interval": INTERVAL | {"endTime": None}}}, "`endTime` is missing"),
        ({"exercise": {"interval": INTERVAL | {"endUtcOffset": "2h"}}}, "`endUtcOffset` is not a duration in seconds"),
    ],
)
def test_a_broken_exercise_is_refused_with_the_key_that_is_wrong(point, reason):
    with pytest.raises(BadRecord) as caught:
        rows(EXERCISE.parse.records, point)
    assert str(caught.value) == reason


SLEEP = {
    "name": "users/0/dataTypes/sleep/dataPoints/s1",
    "sleep": {
        "interval": {"startTime": "2026-09-01T20:10:00Z", "endTime": "2026-09-01T22:40:00Z", "endUtcOffset": "7200s"},
        "type": "STAGES",
        "metadata": {"processed": True, "mainSleep": True},
        "summary": {
            "minutesAsleep": "140",
            "stagesSummary": [{"type": "DEEP", "minutes": "40"}, {"type": "LIGHT", "minutes": "70"}, {"type": "REM"}],
        },
    },
}


def sleep(**change: object) -> dict:
    (_, row), *_ = rows(resource("fitbit", "sleep").parse.records, SLEEP | {"sleep": SLEEP["sleep"] | change})
    return row


def test_a_sleep_without_civil_times_is_dated_by_end_and_offset():
    row = sleep()
    assert row["local_date"] == date(2026, 9, 2)
    assert (row["is_main"], row["is_nap"], row["is_processed"]) == (True, False, True)
    assert (row["asleep_minutes"], row["awake_minutes"]) == (140, 0), "zero is left out of a summary that is there"
    assert (row["deep_minutes"], row["light_minutes"], row["rem_minutes"]) == (40, 70, 0)


def test_civil_times_are_believed_where_they_are_given():
    interval = SLEEP["sleep"]["interval"] | {"civilEndTime": {"date": {"year": 2026, "month": 9, "day": 3}, "time": {}}}
    assert sleep(interval=interval)["local_date"] == date(2026, 9, 3)


def test_a_sleep_that_is_not_processed_yet_has_no_stages():
    row = sleep(metadata={"mainSleep": True}, summary={})
    assert (row["is_processed"], row["asleep_minutes"], row["deep_minutes"]) == (False, None, None)


def test_stages_are_added_up_where_the_summary_has_none():
    stage = {"startTime": "2026-09-01T20:10:00Z", "endTime": "2026-09-01T20:40:30Z", "type": "DEEP"}
    assert sleep(summary={}, stages=[stage, stage])["deep_minutes"] == 61


def test_resting_heart_rate_has_numbers_as_text_and_one_identity_a_date_and_source():
    resting = resource("fitbit", "daily_resting_heart_rate")
    point = {
        "dataSource": {"platform": "FITBIT"},
        "dailyRestingHeartRate": {
            "date": {"year": 2026, "month": 9, "day": 1},
            "beatsPerMinute": "52",
            "dailyRestingHeartRateMetadata": {"calculationMethod": "WITH_SLEEP"},
        },
    }
    ((_, row),) = rows(resting.parse.records, point)
    assert row == {"local_date": date(2026, 9, 1), "bpm": 52, "calculation_method": "WITH_SLEEP"}
    assert resting.object_id(point).startswith("2026-09-01|")
    assert resting.object_id({}).startswith("unidentified-")
    with pytest.raises(BadRecord, match="not a date of the calendar"):
        rows(resting.parse.records, {"dailyRestingHeartRate": {"date": {"year": 2026, "month": 2, "day": 30}}})


def test_heart_rate_samples_become_rows_and_bad_ones_say_why(tmp_path):
    def point(bpm: object, time: object, offset: object = "-14400s") -> dict:
        beat = {"beatsPerMinute": bpm, "sampleTime": {"physicalTime": time, "utcOffset": offset}}
        return {"heartRate": beat, "dataSource": {"platform": "FITBIT", "device": {"displayName": "Charge 6"}}}

    good = point("72", "2026-09-01T10:00:00.123Z")
    bare = {"heartRate": {"beatsPerMinute": 61, "sampleTime": {"physicalTime": "2026-09-01T10:00:05Z"}}}
    day = {
        "dataPoints": [good, point("x", "2026-09-01T10:00:01Z"), "text", bare, point("70", "noon"), {"heartRate": 3}]
    }
    made = select(HEART_RATE, "fitbit_heart_rate", tmp_path, [day, {}, '{"dataPoints":7}'])
    fine = [r for r in made if r["bad_reason"] is None]
    assert [(r["bpm"], r["utc_offset_seconds"], r["platform"], r["device_name"]) for r in fine] == [
        (72, -14_400, "FITBIT", "Charge 6"),
        (61, None, None, None),
    ]
    assert fine[0]["sampled_at"] == datetime(2026, 9, 1, 10, 0, 0, 123_000, tzinfo=UTC)
    bad = [(r["bad_reason"], r["bad_value"]) for r in made if r["bad_reason"]]
    assert bad[0][0] == "`heartRate.beatsPerMinute` is missing or not a number"
    assert '"beatsPerMinute":"x"' in bad[0][1].replace(" ", "")
    assert [reason for reason, _ in bad[1:]] == ["`heartRate.sampleTime.physicalTime` is missing or not a time"] * 3
    assert bad[1][1] == '"text"'


def test_a_steps_point_without_its_count_is_a_true_zero(tmp_path):
    civil = {"civilStartTime": {"date": {"year": 2026, "month": 9, "day": 2}, "time": {}}}
    points = [
        {"steps": {"interval": INTERVAL, "count": "17"}},
        {"steps": {"interval": INTERVAL | civil}},
        {"steps": {"interval": INTERVAL | {"startTime": "2026-09-01T23:30:00Z"}, "count": "many"}},
        {"steps": {"interval": INTERVAL | {"startTime": "2026-09-01T23:30:00Z"}, "count": 3}},
        {"steps": {}},
    ]
    made = select(STEPS, "fitbit_steps", tmp_path, [{"dataPoints": points}])
    fine = [(r["steps"], r["local_date"]) for r in made if r["bad_reason"] is None]
    assert fine == [(17, date(2026, 9, 1)), (0, date(2026, 9, 2)), (3, date(2026, 9, 2))]
    assert [r["bad_reason"] for r in made if r["bad_reason"]] == [
        "`steps.count` is not a whole number",
        "`steps.interval.startTime` is missing or not a time",
    ]
