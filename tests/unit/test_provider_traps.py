"""Every known trap of the three providers, by name: where its test is, and the tests of those that had none.

A trap was met in recorded answers, in public clients or in a provider's docs. One that loses its test is found here.
"""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import responses

from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import API, client, payloads, pull, rows, select

TESTS = Path(__file__).resolve().parents[1]
TRAPS = {
    "strava: short pages": ["test_a_short_page_is_not_the_end_an_empty_page_is"],
    "strava: streams 404 for manual activities": [
        "test_a_404_means_no_streams_for_good",
        "test_an_activity_typed_in_by_hand_is_not_asked_for_streams",
    ],
    "strava: no rate headers on streams": ["test_streams_are_paid_for_though_their_answers_carry_no_rate_headers"],
    "strava: moving > elapsed": ["test_a_moving_time_beyond_the_elapsed_time_is_kept_as_it_is"],
    "strava: false Z of local time": ["test_the_day_is_the_utc_start_and_not_the_local_time_with_its_false_z"],
    "strava: label against real offset": ["test_the_offset_is_taken_from_utc_offset_and_not_from_the_label"],
    "strava: unknown sport types": ["test_an_unknown_sport_is_kept_as_given"],
    "polar: both spellings": [
        "test_the_spelling_of_the_spec_is_read_as_well",
        "test_cardio_load_levels_are_read_in_both_spellings",
    ],
    "polar: integer sample types": ["test_sample_types_are_the_same_as_whole_numbers_and_as_text"],
    "polar: fractional ISO durations": ["test_the_durations_that_polar_has_sent_are_read"],
    "polar: -1.0": ["test_a_live_exercise_becomes_one_row_with_utc_start_and_nulls_for_sentinels"],
    "polar: 0 bpm": [
        "test_a_heart_rate_of_0_is_no_data_in_every_series_but_the_raw_one",
        "test_sleep_heart_rate_has_no_zero_and_keeps_its_places",
    ],
    "polar: NOT_AVAILABLE": ["test_cardio_load_that_is_not_available_is_null_and_no_minus_one"],
    "polar: sign of the offset": ["test_utc_is_local_time_minus_the_offset_east_west_and_at_half_hours"],
    "polar: HH:MM series across midnight": [
        "test_hypnogram_keys_are_read_in_order_across_midnight_and_in_the_zone_of_the_recording"
    ],
    "polar: wrapped range answers": ["test_a_range_of_continuous_heart_rate_may_be_wrapped_or_bare"],
    "polar: 403 for one data type": ["test_missing_consent_for_one_data_type_is_told_for_that_type_alone"],
    "polar: windows of 28 and 30 days": [
        "test_ranges_are_28_days_long_at_most",
        "test_a_day_beyond_the_30_day_window_is_unknown_and_not_empty",
    ],
    "google: int64 as text": ["test_whole_numbers_come_as_text_and_zones_that_nobody_knows_are_kept"],
    "google: absent zeros": [
        "test_a_steps_point_without_its_count_is_a_true_zero",
        "test_a_roll_up_without_its_value_is_a_true_zero",
    ],
    "google: empty page with a token": ["test_a_walk_goes_on_after_an_empty_page_with_a_token_and_ends_without_one"],
    "google: 25 exercises or sleeps a page": ["test_exercise_and_sleep_are_walked_in_pages_of_25_and_no_larger"],
    "google: filter members by type": [
        "test_exercises_are_asked_for_by_civil_day_and_filed_by_utc_day",
        "test_sleep_is_filtered_by_its_end_and_filed_by_the_civil_date_of_it",
        "test_samples_are_filtered_by_physical_time",
        "test_daily_values_are_filtered_by_their_date",
    ],
    "google: end-exclusive roll-ups keyed by civilStartTime": [
        "test_a_roll_up_is_end_exclusive_without_page_size_and_keyed_by_its_civil_start"
    ],
    "google: list against reconcile": [
        "test_steps_come_from_the_reconciled_stream_and_are_split_by_civil_start",
        "test_reconciled_distance_adds_up_to_the_roll_up_and_a_list_counts_twice",
    ],
    "google: processed:false sleep": [
        "test_a_night_that_was_still_processed_is_replaced_by_its_stages_when_it_is_read_again"
    ],
    "google: ACCOUNT_NOT_LINKED": ["test_an_account_that_is_not_linked_is_told_in_plain_words"],
    "google: dead refresh after 7 days": [
        "test_google_gets_the_code_verifier_and_a_testing_app_ends_after_seven_days",
        "test_only_a_dead_refresh_token_asks_for_a_new_consent",
    ],
}


@pytest.fixture(scope="module")
def test_names() -> set[str]:
    files = (TESTS / "unit").glob("test_*.py")
    return {
        node.name
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_has_its_tests(trap: str, test_names: set[str]):
    assert [name for name in TRAPS[trap] if name not in test_names] == []


POLAR = resource("polar", "exercises").parse
EXERCISE = {"id": "a", "start_time": "2026-09-01T10:15:30", "duration": "PT1M"}


@pytest.mark.parametrize(("offset", "hour", "minute"), [(180, 7, 15), (-210, 13, 45), (345, 4, 30), (0, 10, 15)])
def test_utc_is_local_time_minus_the_offset_east_west_and_at_half_hours(offset: int, hour: int, minute: int):
    """Recorded offsets were all 0, so a wrong sign showed nowhere; public clients add it."""
    ((_, row),) = rows(POLAR.records, EXERCISE | {"start_time_utc_offset": offset})
    assert row["started_at"] == datetime(2026, 9, 1, hour, minute, 30, tzinfo=UTC)
    assert row["utc_offset_seconds"] == offset * 60


@pytest.mark.parametrize("heart_rate", [0, "0"])
def test_sample_types_are_the_same_as_whole_numbers_and_as_text(heart_rate: object, tmp_path: Path):
    series = [{"recording_rate": 1, "sample_type": heart_rate, "data": "77,78"}]
    made = select(POLAR.columnar, "polar_exercise_samples", tmp_path, [EXERCISE | {"samples": series}])
    assert {row["elapsed_seconds"]: row["heart_rate_bpm"] for row in made} == {0: 77, 1: 78}


def test_a_heart_rate_of_0_is_no_data_in_every_series_but_the_raw_one(tmp_path: Path):
    """Of 3,992 recorded samples 109 were 0. All-day heart rate is kept as given; the marts leave it out."""
    series = [{"recording_rate": 1, "sample_type": 0, "data": "0,78"}]
    made = select(POLAR.columnar, "polar_exercise_samples", tmp_path, [EXERCISE | {"samples": series}])
    assert {row["elapsed_seconds"]: row["heart_rate_bpm"] for row in made} == {0: None, 1: 78}
    ((_, row),) = rows(POLAR.records, EXERCISE | {"heart_rate": {"average": 0, "maximum": 0}})
    assert (row["avg_hr_bpm"], row["max_hr_bpm"]) == (None, None)
    day = {"date": "2026-09-01", "heart_rate_samples": [{"heart_rate": 0, "sample_time": "00:00:10"}]}
    raw = select(
        resource("polar", "continuous_heart_rate").parse.columnar, "polar_continuous_heart_rate", tmp_path, [day]
    )
    assert [(row["bpm"], row["bad_reason"]) for row in raw] == [(0, None)]


@pytest.mark.parametrize("name", ["exercise", "sleep"])
@responses.activate
def test_exercise_and_sleep_are_walked_in_pages_of_25_and_no_larger(name: str):
    """A larger page is cut to 25 in silence: who trusts the size asked for takes the first page for the last."""
    interval = {"startTime": "2026-09-01T08:00:00Z", "endTime": "2026-09-01T09:00:00Z"}
    points = [
        {"name": f"users/0/dataTypes/{name}/dataPoints/{number}", name: {"interval": interval}} for number in range(30)
    ]
    address = f"{API}/users/me/dataTypes/{name}/dataPoints"
    responses.get(address, json={"dataPoints": points[:25], "nextPageToken": "more"})
    responses.get(address, json={"dataPoints": points[25:]})
    days = pull(client("fitbit"), resource("fitbit", name), "2026-09-01", "2026-09-01")
    assert len(payloads(days[date(2026, 9, 1)])) == 30
    assert [call.request.params["pageSize"] for call in responses.calls] == ["25", "25"]
