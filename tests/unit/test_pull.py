"""Provider to landing: what a failure costs, and what a short quota window does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fit_platform.errors import AuthRevoked, NotFound, QuotaExhausted, Transient
from fit_platform.landing.layout import DayKey
from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import GONE, LandingZone
from fit_platform.pipeline.pull import pull
from fit_platform.providers.base import DayAnswer, DayOf, Item, Parser, Resource, Window
from fit_platform.providers.fitbit.tables import STEPS

DAYS = Window(date(2026, 3, 1), date(2026, 3, 10))
START = datetime(2026, 3, 11, 12, 0, 30, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


class MinuteQuota:
    """So many days a minute; asking for more is refused until the next one."""

    def __init__(self, clock: Clock, days_a_minute: int) -> None:
        self.clock, self.limit, self.used = clock, days_a_minute, {}
        self.asked: list[date] = []

    def spend(self, day: date) -> None:
        minute = self.clock().replace(second=0, microsecond=0)
        if self.used.get(minute, 0) >= self.limit:
            raise QuotaExhausted("test", "minute", "used up", until=minute + timedelta(minutes=1))
        self.used[minute] = self.used.get(minute, 0) + 1
        self.asked.append(day)


def newest_first(quota: MinuteQuota) -> Resource:
    def pull_days(client: Any, window: Window, landed: Any) -> Iterator[DayAnswer]:
        for day in reversed(window.days()):
            quota.spend(day)
            yield DayAnswer(day, (Item(b'{"dataPoints":[]}', {"path": "/x"}, START),))

    return resource(pull_days)


def resource(pull_days: Any) -> Resource:
    return Resource(
        "test", "beats", "test", DayOf.UTC_START, (STEPS,), pull_days, Parser(records=lambda p, c: iter(()))
    )


def athlete(name: str, clock: Clock) -> Any:
    return SimpleNamespace(athlete_id=name, clock=clock, registered_at=None)


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(FolderStore(tmp_path))


def test_a_minutes_quota_is_waited_for_and_no_day_is_asked_twice(zone: LandingZone) -> None:
    clock = Clock()
    quota = MinuteQuota(clock, days_a_minute=3)
    report = pull(
        newest_first(quota), DAYS, [athlete("ada", clock)], zone, patience_seconds=75, sleep=clock.sleep, now=clock
    )
    assert report.failures == []
    assert sorted(quota.asked) == DAYS.days()
    assert clock.slept == [30, 60, 60]


def test_without_patience_the_days_that_landed_stay_and_the_failure_says_until_when(zone: LandingZone) -> None:
    clock = Clock()
    quota = MinuteQuota(clock, days_a_minute=3)
    report = pull(newest_first(quota), DAYS, [athlete("ada", clock)], zone, sleep=clock.sleep, now=clock)
    [failure] = report.failures
    assert (failure.verdict, failure.retry_at) == ("quota", datetime(2026, 3, 11, 12, 1, tzinfo=UTC))
    assert len(report.written) == 3
    assert clock.slept == []


def test_waiting_that_brings_no_day_further_ends(zone: LandingZone) -> None:
    clock = Clock()
    quota = MinuteQuota(clock, days_a_minute=0)
    report = pull(
        newest_first(quota), DAYS, [athlete("ada", clock)], zone, patience_seconds=75, sleep=clock.sleep, now=clock
    )
    assert [failure.verdict for failure in report.failures] == ["quota"]
    assert len(clock.slept) == 1


def test_one_athletes_failure_loses_nobody_elses_day(zone: LandingZone) -> None:
    clock = Clock()

    def pull_days(client: Any, window: Window, landed: Any) -> Iterator[DayAnswer]:
        if client.athlete_id == "ben":
            raise AuthRevoked("test", "GET /x", "revoked", 401)
        for day in window.days():
            if client.athlete_id == "cleo" and day == DAYS.last:
                raise Transient("test", "GET /x", "down", 503)
            yield DayAnswer(day, ())

    people = [athlete(name, clock) for name in ("ada", "ben", "cleo")]
    report = pull(resource(pull_days), DAYS, people, zone, now=clock)
    assert {(f.athlete_id, f.verdict) for f in report.failures} == {("ben", "needs re-consent"), ("cleo", "transient")}
    assert "fit-platform link test ben" in report.failures[0].message
    assert len(report.written) == len(DAYS.days()) * 2 - 1


def test_a_tombstone_says_whether_the_object_was_deleted_moved_or_only_left_out(tmp_path: Path) -> None:
    """One call each, and only for the first five: the sixth is not asked about."""
    shown = ["1", "2", "3", "4", "5", "6"]
    asked: list[str] = []

    def day_by_id(client: Any, object_id: str) -> date:
        asked.append(object_id)
        match object_id:
            case "1":
                raise NotFound("test", "/x", "no such thing")
            case "2":
                return DAYS.last
            case "3":
                raise Transient("test", "/x", "no answer")
        return DAYS.first

    def pull_day(client: Any, window: Window, landed: Any) -> Iterator[DayAnswer]:
        for day in window.days():
            yield DayAnswer(day, tuple(Item(f'{{"id":"{one}"}}'.encode(), {"path": "/x"}, START) for one in shown))

    things = replace(resource(pull_day), object_id=lambda payload: str(payload["id"]), day_by_id=day_by_id)
    zone, client = LandingZone(FolderStore(tmp_path)), SimpleNamespace(athlete_id="ada", registered_at=None)
    day = Window(DAYS.first, DAYS.first)
    pull(things, day, [client], zone)
    assert asked == []
    shown.clear()
    for _ in range(2):
        assert pull(things, day, [client], zone).failures == []
        lines = zone.lines(DayKey(things.provider, things.name, DAYS.first, "ada")) or []
        reasons = {line.tombstone["object_id"]: line.tombstone["reason"] for line in lines if line.tombstone}
        assert "404" in reasons["1"]
        assert str(DAYS.last) in reasons["2"]
        assert [reasons[one] for one in "3456"] == [GONE] * 4
        assert asked == ["1", "2", "3", "4", "5"], "a tombstone is not asked about again"
