"""Polar's series on "HH:MM" keys: in the order of the night, across midnight, and over the change of the clocks."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import rows, select

SLEEP = resource("polar", "sleep").parse
RECHARGE = resource("polar", "nightly_recharge").parse


def a_night(start: str, end: str, **series: str) -> str:
    """A night as JSON text: Python's maps could not hold a key that stands there twice."""
    night = json.dumps({"date": end[:10], "sleep_start_time": start, "sleep_end_time": end})
    return night[:-1] + "".join(f', "{name}": {text}' for name, text in series.items()) + "}"


def stages(folder: Path, night: str) -> list[tuple[str, str, str]]:
    """(start, end, stage) in UTC, "HH:MM:SS", and all of the night's rows are good."""
    made = select(SLEEP.columnar, "polar_sleep_stages", folder, [night])
    assert {row["bad_reason"] for row in made} <= {None}
    ordered = sorted(made, key=lambda row: row["entry_index"])
    return [
        (utc(row["started_at"]).strftime("%H:%M:%S"), utc(row["ended_at"]).strftime("%H:%M:%S"), row["stage"])
        for row in ordered
    ]


def utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def beats(folder: Path, night: str) -> list[tuple[str, Any]]:
    made = select(SLEEP.columnar, "polar_sleep_heart_rate", folder, [night])
    ordered = sorted(made, key=lambda row: row["sample_index"])
    return [(utc(row["sampled_at"]).strftime("%H:%M"), row["bpm"]) for row in ordered if not row["bad_reason"]]


def test_hypnogram_keys_are_read_in_order_across_midnight_and_in_the_zone_of_the_recording(tmp_path: Path) -> None:
    """Sorted, or read in UTC, this night would have the athlete awake for most of a day."""
    night = a_night(
        "2026-09-30T23:33:22.675+03:00",
        "2026-10-01T06:40:10+03:00",
        hypnogram='{"23:33": 3, "23:58": 4, "00:40": 1, "02:10": 0, "02:12": 2, "05:30": 5}',
    )
    assert stages(tmp_path, night) == [
        ("20:33:22", "20:58:00", "light"),
        ("20:58:00", "21:40:00", "deep"),
        ("21:40:00", "23:10:00", "rem"),
        ("23:10:00", "23:12:00", "awake"),
        ("23:12:00", "02:30:00", "light"),
        ("02:30:00", "03:40:10", "unknown"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "first", "expected"),
    [
        ("2026-09-30T00:10:59-04:30", "2026-09-30T06:00:00-04:30", "00:10", ("04:40:59", "10:30:00")),
        ("2026-09-30T00:10:05+02:00", "2026-09-30T06:00:00+02:00", "00:11", ("22:11:00", "04:00:00")),
        ("2026-09-30T00:01:05+02:00", "2026-09-30T06:00:00+02:00", "23:59", ("22:01:05", "04:00:00")),
        ("2026-09-29T23:59:55+02:00", "2026-09-30T06:00:00+02:00", "00:00", ("22:00:00", "04:00:00")),
    ],
)
def test_the_first_key_may_lie_a_little_beside_the_start(
    tmp_path: Path, start: str, end: str, first: str, expected: tuple[str, str]
) -> None:
    assert stages(tmp_path, a_night(start, end, hypnogram=f'{{"{first}": 3}}')) == [(*expected, "light")]


BACK = ("2026-10-25T00:30:00+03:00", "2026-10-25T06:00:00+02:00")  # Helsinki: 04:00 becomes 03:00 at 01:00 UTC


def test_keys_that_repeat_when_the_clocks_go_back_are_an_hour_apart(tmp_path: Path) -> None:
    night = a_night(
        *BACK,
        hypnogram='{"00:30": 3, "03:10": 4, "03:50": 1, "03:10": 2, "05:00": 0}',
        heart_rate_samples='{"03:50": 51, "03:55": 52, "03:00": 53, "03:50": 54, "04:00": 55}',
    )
    assert [start for start, _, _ in stages(tmp_path, night)] == [
        "21:30:00",
        "00:10:00",
        "00:50:00",
        "01:10:00",
        "03:00:00",
    ]
    assert beats(tmp_path, night) == [("00:50", 51), ("00:55", 52), ("01:00", 53), ("01:50", 54), ("02:00", 55)]


def test_the_very_same_key_twice_in_a_row_is_an_hour_apart(tmp_path: Path) -> None:
    night = a_night(*BACK, hypnogram='{"00:30": 3, "03:20": 4, "03:20": 1}')
    assert [start for start, _, _ in stages(tmp_path, night)] == ["21:30:00", "00:20:00", "01:20:00"]


@pytest.mark.parametrize(
    ("start", "end", "keys", "expected"),
    [
        (*BACK, ("00:30", "02:50", "04:10"), ("21:30", "23:50", "02:10")),
        (
            "2026-11-01T00:30:00-04:00",
            "2026-11-01T06:00:00-05:00",
            ("00:30", "01:50", "02:10"),
            ("04:30", "05:50", "07:10"),
        ),
        (
            "2026-03-29T00:30:00+02:00",
            "2026-03-29T07:00:00+03:00",
            ("00:30", "02:55", "04:05", "05:00"),
            ("22:30", "00:55", "01:05", "02:00"),
        ),
        (
            "2026-03-07T23:30:00-05:00",
            "2026-03-08T07:00:00-04:00",
            ("23:30", "01:55", "03:05", "05:00"),
            ("04:30", "06:55", "07:05", "09:00"),
        ),
    ],
)
def test_a_change_of_clocks_that_no_key_shows_is_made_good_from_its_time_on(
    tmp_path: Path, start: str, end: str, keys: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    text = "{" + ", ".join(f'"{key}": {50 + n}' for n, key in enumerate(keys)) + "}"
    assert [at for at, _ in beats(tmp_path, a_night(start, end, heart_rate_samples=text))] == list(expected)


def test_sleep_heart_rate_has_no_zero_and_keeps_its_places(tmp_path: Path) -> None:
    night = a_night(
        "2026-09-30T23:33:22+03:00",
        "2026-10-01T06:40:10+03:00",
        heart_rate_samples='{"23:55": 61, "00:00": 0, "00:05": null, "00:10": 58}',
    )
    assert beats(tmp_path, night) == [("20:55", 61), ("21:00", None), ("21:05", None), ("21:10", 58)]


def test_a_bad_entry_is_told_and_the_others_keep_their_instants(tmp_path: Path) -> None:
    night = a_night(
        "2026-09-30T23:33:22+03:00",
        "2026-10-01T06:40:10+03:00",
        hypnogram='{"23:33": 3, "later": 4, "00:40": 9, "02:10": "x", "03:00": 1}',
        heart_rate_samples='{"23:35": "fast", "23:40": 60, "24:61": 61}',
    )
    made = select(SLEEP.columnar, "polar_sleep_stages", tmp_path, [night])
    good = [(row["entry_index"], utc(row["started_at"]).strftime("%H:%M")) for row in made if not row["bad_reason"]]
    assert sorted(good) == [(0, "20:33"), (4, "00:00")]
    assert sorted(row["bad_reason"] for row in made if row["bad_reason"]) == [
        "hypnogram: a key is not a time of day",
        "hypnogram: an unknown stage",
        "hypnogram: an unknown stage",
    ]
    assert beats(tmp_path, night) == [("20:40", 60)]


@pytest.mark.parametrize("hypnogram", ["null", "{}", "[]", "7", '"none"', "[1, 2]"])
def test_a_night_without_a_hypnogram_makes_no_rows_and_no_exception(tmp_path: Path, hypnogram: str) -> None:
    assert stages(tmp_path, a_night(*BACK, hypnogram=hypnogram)) == []


def test_several_nights_are_not_mixed_up(tmp_path: Path) -> None:
    one = a_night("2026-09-30T23:30:00+03:00", "2026-10-01T06:00:00+03:00", hypnogram='{"23:30": 3, "00:30": 4}')
    two = a_night("2026-10-01T23:40:00+03:00", "2026-10-02T06:00:00+03:00", hypnogram='{"23:40": 3, "00:40": 1}')
    made = select(SLEEP.columnar, "polar_sleep_stages", tmp_path, [one, two, "null", '{"date": "2026-10-03"}'])
    assert sorted((row["local_date"], row["stage"]) for row in made) == [
        (date(2026, 10, 1), "deep"),
        (date(2026, 10, 1), "light"),
        (date(2026, 10, 2), "light"),
        (date(2026, 10, 2), "rem"),
    ]
    lengths = {row["ended_at"] - row["started_at"] for row in made}
    assert lengths == {timedelta(hours=1), timedelta(hours=5, minutes=30), timedelta(hours=5, minutes=20)}


def test_recharge_samples_before_midnight_are_of_the_day_before(tmp_path: Path) -> None:
    recharge = {
        "date": "2026-10-01",
        "hrv_samples": {"23:50": 41, "23:55": 0, "00:00": 43},
        "breathing-samples": {"00:02": 13.4, "00:07": 13.5},
    }
    made = select(RECHARGE.columnar, "polar_nightly_recharge_samples", tmp_path, [recharge])
    ordered = sorted(made, key=lambda row: (row["series"], row["sample_index"]))
    assert [
        (r["series"], str(r["wall_date"]), r["second_of_day"], r["hrv_rmssd_ms"], r["breathing_rate_per_minute"])
        for r in ordered
    ] == [
        ("breathing", "2026-10-01", 120, None, 13.4),
        ("breathing", "2026-10-01", 420, None, 13.5),
        ("hrv", "2026-09-30", 85_800, 41, None),
        ("hrv", "2026-09-30", 86_100, None, None),
        ("hrv", "2026-10-01", 0, 43, None),
    ]
    assert {row["bad_reason"] for row in made} == {None}


def test_the_repeated_hour_is_no_midnight(tmp_path: Path) -> None:
    recharge = '{"date": "2026-10-25", "hrv_samples": {"23:55": 40, "03:55": 41, "03:00": 42, "03:55": 43}}'
    made = select(RECHARGE.columnar, "polar_nightly_recharge_samples", tmp_path, [recharge])
    assert sorted(str(row["wall_date"]) for row in made) == ["2026-10-24"] + ["2026-10-25"] * 3


def test_a_recharge_has_nulls_for_what_was_not_computed_and_keeps_an_ans_charge_of_zero() -> None:
    recharge = {"date": "2026-10-01", "heart_rate_avg": 0, "ans-charge": 0.0, "nightly_recharge_status": 0}
    ((name, row),) = rows(RECHARGE.records, recharge)
    assert name == "polar_nightly_recharge"
    assert (row["avg_hr_bpm"], row["recharge_status"], row["ans_charge"]) == (None, None, 0.0)
