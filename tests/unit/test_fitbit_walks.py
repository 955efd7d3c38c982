"""Long walks over samples: full pages, days handed on as soon as they are complete, nothing lost when a walk breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import responses

from fit_platform.errors import QuotaExhausted
from fit_platform.providers.base import DayAnswer, Pulled, Resource, Window
from fit_platform.providers.fitbit import walks
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import API, client, nothing_landed, payloads, rejects

HEART_RATE = resource("fitbit", "heart_rate")
STEPS = resource("fitbit", "steps")
WINDOW = Window(date(2026, 6, 1), date(2026, 8, 31))
PAGE = 50


def times(window: Window, every_hours: int = 3) -> list[datetime]:
    """Newest first."""
    count = len(window.days()) * 24 // every_hours
    return [window.end_utc - timedelta(hours=every_hours * (n + 1)) for n in range(count)]


def a_beat(at: datetime) -> dict[str, Any]:
    return {"heartRate": {"beatsPerMinute": "60", "sampleTime": {"physicalTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}}}


def some_steps(at: datetime, offset_hours: int) -> dict[str, Any]:
    interval = {"startTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "startUtcOffset": f"{offset_hours * 3600}s"}
    return {"steps": {"interval": interval, "count": "7"}}


class Server:
    """Lists points that match the filter's bounds, PAGE at a time, in the order it holds them."""

    def __init__(self, resource_: Resource, points: list[tuple[datetime, dict[str, Any]]]) -> None:
        self.points = points
        self.calls = 0
        self.spoilt: dict[int, tuple[int, str]] = {}  # number of the call -> status and body
        method = ":reconcile" if resource_ is STEPS else ""
        address = f"{API}/users/me/dataTypes/{resource_.name.replace('_', '-')}/dataPoints{method}"
        responses.add_callback("GET", address, self.answer)

    def answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        self.calls += 1
        if self.calls in self.spoilt:
            status, body = self.spoilt[self.calls]
            return status, {}, body
        lower, upper = (datetime.fromisoformat(part[:10]) for part in request.params["filter"].split('"')[1::2])
        listed = [p for at, p in self.points if lower <= at.replace(tzinfo=None) < upper]
        first = int(request.params.get("pageToken", "0"))
        answer: dict[str, Any] = {"dataPoints": listed[first : first + PAGE]}
        if first + PAGE < len(listed):
            answer["nextPageToken"] = str(first + PAGE)
        return 200, {}, json.dumps(answer)


def walked(resource_: Resource, window: Window = WINDOW) -> Iterator[Pulled]:
    return resource_.pull(client("fitbit"), window, nothing_landed)


def beats_of(day: date, source: list[datetime]) -> list[dict[str, Any]]:
    return [a_beat(at) for at in source if at.date() == day]


@pytest.fixture
def mocked() -> Iterator[None]:
    with responses.mock:
        yield


@pytest.mark.usefixtures("mocked")
def test_a_quarter_is_one_walk_whose_days_come_newest_first_and_whole():
    all_times = times(WINDOW)
    server = Server(HEART_RATE, [(at, a_beat(at)) for at in all_times])
    pulled = list(walked(HEART_RATE))
    assert server.calls == -(-len(all_times) // PAGE)
    assert [answer.day for answer in pulled] == WINDOW.days()[::-1]
    for answer in pulled:
        assert payloads(answer) == [{"dataPoints": beats_of(answer.day, all_times)}]


@pytest.mark.usefixtures("mocked")
def test_a_day_is_handed_on_as_soon_as_a_page_has_passed_beyond_it():
    server = Server(HEART_RATE, [(at, a_beat(at)) for at in times(WINDOW)])
    walk = walked(HEART_RATE)
    for _ in range(6):  # 50 points every 3 hours are six days, and the beginning of the seventh that proves it
        next(walk)
    assert server.calls == 1
    next(walk)
    assert server.calls == 2


@pytest.mark.usefixtures("mocked")
def test_days_without_points_are_answered_as_empty():
    around = [at for at in times(WINDOW) if not date(2026, 7, 1) <= at.date() <= date(2026, 7, 20)]
    Server(HEART_RATE, [(at, a_beat(at)) for at in around])
    pulled = {answer.day: answer for answer in walked(HEART_RATE)}
    assert list(pulled) == WINDOW.days()[::-1]
    assert pulled[date(2026, 7, 5)] == DayAnswer(date(2026, 7, 5), ())


@pytest.mark.usefixtures("mocked")
def test_an_unreadable_page_sends_only_the_rest_into_short_ranges_and_costs_its_day_alone():
    all_times = times(WINDOW)
    server = Server(HEART_RATE, [(at, a_beat(at)) for at in all_times])
    bad_day = date(2026, 6, 10)
    honest = server.answer

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        status, headers, body = honest(request)
        return (status, headers, "<!DOCTYPE html><html>") if f"{bad_day}T" in body else (status, headers, body)

    responses.mock.reset()
    responses.add_callback("GET", f"{API}/users/me/dataTypes/heart-rate/dataPoints", answer)
    pulled = list(walked(HEART_RATE))
    assert sorted(answer.day for answer in pulled) == WINDOW.days(), "each day once"
    assert [answer.day for answer in pulled if rejects(answer)] == [bad_day]
    assert all(payloads(a) == [{"dataPoints": beats_of(a.day, all_times)}] for a in pulled if a.day != bad_day)


@pytest.mark.usefixtures("mocked")
def test_a_page_that_takes_too_long_sends_the_rest_into_short_ranges():
    server = Server(HEART_RATE, [(at, a_beat(at)) for at in times(WINDOW)])
    server.spoilt = {4: (504, "")}
    pulled = list(walked(HEART_RATE))
    assert sorted(answer.day for answer in pulled) == WINDOW.days()
    assert sum(len(payloads(answer)[0]["dataPoints"]) for answer in pulled) == len(server.points)


@pytest.mark.usefixtures("mocked")
def test_days_that_were_handed_on_before_the_quota_ended_are_not_lost():
    server = Server(HEART_RATE, [(at, a_beat(at)) for at in times(WINDOW)])
    server.spoilt = {4: (429, "")}
    landed: list[date] = []

    def land_all() -> None:
        for answer in walked(HEART_RATE):
            landed.append(answer.day)

    with pytest.raises(QuotaExhausted):
        land_all()
    assert landed == WINDOW.days()[::-1][:18], "three pages, each of six days and a bit"


@pytest.mark.usefixtures("mocked")
@pytest.mark.parametrize("order", ["oldest first", "one page late"])
def test_points_out_of_order_lose_nothing(order):
    points = [(at, a_beat(at)) for at in times(WINDOW)]
    points = points[::-1] if order == "oldest first" else points[PAGE : 3 * PAGE] + points[:PAGE] + points[3 * PAGE :]
    server = Server(HEART_RATE, points)
    last_word = {answer.day: answer for answer in walked(HEART_RATE)}
    assert sorted(last_word) == WINDOW.days()
    assert sum(len(payloads(answer)[0]["dataPoints"]) for answer in last_word.values()) == len(server.points)


@pytest.mark.usefixtures("mocked")
def test_a_flight_west_repeats_civil_hours_and_both_count_for_their_date():
    """Newest first, civil dates then go back and forth: a day is complete only when no zone can still be in it."""
    landing = datetime(2026, 7, 15, 2, 0, tzinfo=UTC)
    points = [(at, some_steps(at, -7 if at >= landing else 9)) for at in times(WINDOW, every_hours=1)]
    Server(STEPS, points)
    pulled = {answer.day: answer for answer in walked(STEPS)}
    expected = [p for at, p in points if (at + timedelta(hours=-7 if at >= landing else 9)).date() == date(2026, 7, 14)]
    assert len(expected) == 24 + 5, "from Tokyo's midnight to the landing, and seven hours ago once more"
    assert payloads(pulled[date(2026, 7, 14)])[0]["dataPoints"] == expected


@pytest.mark.usefixtures("mocked")
def test_more_than_a_year_is_walked_year_by_year_newest_first():
    window = Window(date(2024, 1, 1), date(2026, 8, 31))
    server = Server(HEART_RATE, [])
    assert [answer.day for answer in walked(HEART_RATE, window)] == window.days()[::-1]
    assert server.calls == -(-len(window.days()) // walks.LONGEST_DAYS)


@pytest.mark.usefixtures("mocked")
def test_a_point_without_a_time_is_kept_with_the_newest_open_day():
    broken = {"heartRate": {"beatsPerMinute": "70"}}
    points = [(at, a_beat(at)) for at in times(WINDOW)]
    points.insert(PAGE + 1, (points[PAGE][0], broken))
    Server(HEART_RATE, points)
    found = [a.day for a in walked(HEART_RATE) if broken in payloads(a)[0]["dataPoints"]]
    assert found == [WINDOW.last - timedelta(days=6)]
