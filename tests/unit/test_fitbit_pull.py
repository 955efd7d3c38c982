"""Pulling from Google Health: filters per type, walks to the last token, days split by instant or civil date."""

from __future__ import annotations

import json
from datetime import date

import pytest
import responses

from fit_platform.errors import BadRequest, Transient
from fit_platform.providers.base import DayAnswer
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import API, client, payloads, pull, rejects

EXERCISE = resource("fitbit", "exercise")
HEART_RATE = resource("fitbit", "heart_rate")
SLEEP = resource("fitbit", "sleep")
STEPS = resource("fitbit", "steps")
RESTING = resource("fitbit", "daily_resting_heart_rate")


def url(data_type: str, method: str = "") -> str:
    return f"{API}/users/me/dataTypes/{data_type}/dataPoints{method}"


def a_beat(time: str, bpm: str = "60") -> dict:
    return {"heartRate": {"beatsPerMinute": bpm, "sampleTime": {"physicalTime": time, "utcOffset": "7200s"}}}


def serve(address: str, pages: dict[str, dict]) -> None:
    """Pages by token; the first has the token ''."""
    responses.add_callback(
        "GET", address, lambda request: (200, {}, json.dumps(pages[request.params.get("pageToken", "")]))
    )


@responses.activate
def test_a_walk_goes_on_after_an_empty_page_with_a_token_and_ends_without_one():
    beats = [a_beat("2026-09-02T00:00:01Z"), a_beat("2026-09-01T23:59:59.5Z")]
    serve(
        url("heart-rate"),
        {
            "": {"dataPoints": beats[:1], "nextPageToken": "a"},
            "a": {"nextPageToken": "b"},
            "b": {"dataPoints": beats[1:]},
        },
    )
    days = pull(client("fitbit"), HEART_RATE, "2026-09-01", "2026-09-03")
    assert payloads(days[date(2026, 9, 2)]) == [{"dataPoints": beats[:1]}]
    assert payloads(days[date(2026, 9, 1)]) == [{"dataPoints": beats[1:]}]
    assert days[date(2026, 9, 3)] == DayAnswer(date(2026, 9, 3), ())
    sent = [call.request.params for call in responses.calls]
    field = "heart_rate.sample_time.physical_time"
    assert sent[0] == {
        "filter": f'{field} >= "2026-09-01T00:00:00Z" AND {field} < "2026-09-04T00:00:00Z"',
        "pageSize": "10000",
    }
    assert sent[2] == sent[0] | {"pageToken": "b"}, "a token is resent with all other fields unchanged"


@responses.activate
def test_the_points_of_a_day_are_one_verbatim_item_without_page_tokens():
    point = '{"heartRate":{"beatsPerMinute":"72",\n"sampleTime":{"physicalTime":"2026-09-01T10:00:00Z"}}}'
    responses.get(url("heart-rate"), body=f'{{"dataPoints": [ {point} ]}}')
    pulled = pull(client("fitbit"), HEART_RATE, "2026-09-01", "2026-09-01")[date(2026, 9, 1)]
    assert isinstance(pulled, DayAnswer)
    assert pulled.items[0].payload == (
        b'{"dataPoints":[{"heartRate":{"beatsPerMinute":"72", "sampleTime":{"physicalTime":"2026-09-01T10:00:00Z"}}}]}'
    )
    assert pulled.items[0].request == {"path": "/users/me/dataTypes/heart-rate/dataPoints", "params": {}}


@responses.activate
def test_a_504_restarts_the_walk_with_half_the_page():
    def answer(request):
        if int(request.params["pageSize"]) > 2500:
            return 504, {}, "<html>"
        return 200, {}, json.dumps({"dataPoints": [a_beat("2026-09-01T10:00:00Z")]})

    responses.add_callback("GET", url("heart-rate"), answer)
    days = pull(client("fitbit"), HEART_RATE, "2026-09-01", "2026-09-01")
    assert len(payloads(days[date(2026, 9, 1)])) == 1
    assert [call.request.params["pageSize"] for call in responses.calls] == ["10000", "5000", "2500"]


@responses.activate
def test_a_504_that_stays_on_small_pages_is_transient_and_bounded():
    responses.get(url("exercise"), status=504)
    with pytest.raises(Transient):
        pull(client("fitbit"), EXERCISE, "2026-09-01", "2026-09-01")
    assert len(responses.calls) == 4


@responses.activate
def test_a_token_that_repeats_is_a_list_without_end_and_not_walked_for_ever():
    responses.get(url("heart-rate"), json={"dataPoints": [], "nextPageToken": "again"})
    days = pull(client("fitbit"), HEART_RATE, "2026-09-01", "2026-09-01")
    assert "token" in rejects(days[date(2026, 9, 1)])[0].reason


@responses.activate
def test_a_point_without_a_time_is_kept_with_its_day_range_for_quarantine():
    broken = {"heartRate": {"beatsPerMinute": "70"}}
    responses.get(url("heart-rate"), json={"dataPoints": [broken, a_beat("2026-09-01T10:00:00Z")]})
    days = pull(client("fitbit"), HEART_RATE, "2026-09-01", "2026-09-01")
    assert payloads(days[date(2026, 9, 1)])[0]["dataPoints"][0] == broken


@responses.activate
def test_an_object_that_is_no_page_is_not_taken_for_an_empty_one():
    responses.get(url("heart-rate"), json={"message": "try later"})
    days = pull(client("fitbit"), HEART_RATE, "2026-09-01", "2026-09-01")
    assert rejects(days[date(2026, 9, 1)])[0].reason == "an object without `dataPoints`"


def an_exercise(name: str, start: str) -> dict:
    return {"name": f"users/0/dataTypes/exercise/dataPoints/{name}", "exercise": {"interval": {"startTime": start}}}


@responses.activate
def test_exercises_are_asked_for_by_civil_day_and_filed_by_utc_day():
    """A start at 20:00 in New York is the next UTC day; one civil day more on either side finds it."""
    points = [an_exercise("in", "2026-09-02T00:00:00Z"), an_exercise("out", "2026-08-31T23:59:59Z")]
    responses.get(url("exercise"), json={"dataPoints": points})
    days = pull(client("fitbit"), EXERCISE, "2026-09-01", "2026-09-02")
    assert payloads(days[date(2026, 9, 2)]) == [points[0]]
    assert payloads(days[date(2026, 9, 1)]) == []
    field = "exercise.interval.civil_start_time"
    assert responses.calls[0].request.params == {
        "filter": f'{field} >= "2026-08-31" AND {field} < "2026-09-04"',
        "pageSize": "25",
    }


@responses.activate
def test_sleep_is_filtered_by_its_end_and_filed_by_the_civil_date_of_it():
    interval = {"startTime": "2026-09-01T20:00:00Z", "endTime": "2026-09-01T22:30:00Z", "endUtcOffset": "7200s"}
    responses.get(url("sleep"), json={"dataPoints": [{"sleep": {"interval": interval}}]})
    days = pull(client("fitbit"), SLEEP, "2026-09-01", "2026-09-02")
    assert len(payloads(days[date(2026, 9, 2)])) == 1
    sent = responses.calls[0].request.params["filter"]
    assert sent == 'sleep.interval.civil_end_time >= "2026-09-01" AND sleep.interval.civil_end_time < "2026-09-03"'


@responses.activate
def test_steps_come_from_the_reconciled_stream_and_are_split_by_civil_start():
    late = {"steps": {"interval": {"startTime": "2026-09-02T03:59:00Z", "startUtcOffset": "-14400s"}, "count": "5"}}
    civil = {"date": {"year": 2026, "month": 9, "day": 2}, "time": {}}
    midnight = {"steps": {"interval": {"startTime": "2026-09-02T04:00:00Z", "civilStartTime": civil}}}
    responses.get(url("steps", ":reconcile"), json={"dataPoints": [midnight, late]})
    days = pull(client("fitbit"), STEPS, "2026-09-01", "2026-09-02")
    assert payloads(days[date(2026, 9, 1)]) == [{"dataPoints": [late]}]
    assert payloads(days[date(2026, 9, 2)]) == [{"dataPoints": [midnight]}]


@responses.activate
def test_resting_heart_rate_is_one_item_a_date():
    point = {"dailyRestingHeartRate": {"date": {"year": 2026, "month": 9, "day": 1}, "beatsPerMinute": "52"}}
    responses.get(url("daily-resting-heart-rate"), json={"dataPoints": [point]})
    days = pull(client("fitbit"), RESTING, "2026-09-01", "2026-09-02")
    assert payloads(days[date(2026, 9, 1)]) == [point]
    assert 'daily_resting_heart_rate.date >= "2026-09-01"' in responses.calls[0].request.params["filter"]


@responses.activate
def test_an_account_that_is_not_linked_is_told_in_plain_words():
    details = [{"@type": "ErrorInfo", "reason": "ACCOUNT_NOT_LINKED", "metadata": {"redirect_uri": "https://x"}}]
    error = {"code": 400, "message": "no", "status": "FAILED_PRECONDITION", "details": details}
    responses.get(url("exercise"), status=400, json={"error": error})
    with pytest.raises(BadRequest, match="sign in to the Google Health app"):
        pull(client("fitbit"), EXERCISE, "2026-09-01", "2026-09-01")


@responses.activate
def test_an_html_page_with_status_200_costs_its_day_alone():
    def answer(request):
        if '>= "2026-09-02' in request.params["filter"] or '< "2026-09-03' in request.params["filter"]:
            return 200, {}, "<!DOCTYPE html><html>"
        if '< "2026-09-04' in request.params["filter"] and '>= "2026-09-01' in request.params["filter"]:
            return 200, {}, "<!DOCTYPE html><html>"
        return 200, {}, json.dumps({"dataPoints": [a_beat("2026-09-01T10:00:00Z"), a_beat("2026-09-03T10:00:00Z")]})

    responses.add_callback("GET", url("heart-rate"), answer)
    days = pull(client("fitbit"), HEART_RATE, "2026-09-01", "2026-09-03")
    assert [len(payloads(day)) for day in days.values()] == [1, 0, 1]
    assert rejects(days[date(2026, 9, 2)])[0].reason == "an HTML page where JSON was promised"
