"""Which days a look covers, which of them it finds to differ, and which days an event without a date is about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import responses

from fit_platform.feed.locate import NotKnownYet, days_of, landed_day
from fit_platform.feed.look import Mode, changed_days, looked_window
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.landing.store import FolderStore, Listed
from fit_platform.landing.zone import LandingZone
from fit_platform.providers.base import DayAnswer, Item, Resource
from fit_platform.providers.registry import resource
from fit_platform.runtime import Runtime
from tests.unit.provider_fakes import API, NOW, client

EXERCISES = resource("polar", "exercises")
SLEEP = resource("polar", "sleep")
GOOGLE_EXERCISE = resource("fitbit", "exercise")
TODAY = NOW.date()
START = date(2026, 1, 1)


class ListingStore(FolderStore):
    """A folder whose listing shows content hashes, as a bucket's does; it notes what is read whole."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.hashes: dict[str, str] = {}
        self.reads: list[str] = []

    def write_if(self, name: str, body: bytes, version: str | None, *, content_hash: str, history: str) -> bool:
        self.hashes[name] = content_hash
        return super().write_if(name, body, version, content_hash=content_hash, history=history)

    def read_version(self, name: str) -> tuple[bytes, str] | None:
        self.reads.append(name)
        return super().read_version(name)

    def read(self, name: str) -> bytes | None:
        self.reads.append(name)
        return super().read(name)

    def listing(self, prefix: str, start_offset: str = "", end_offset: str = "") -> Iterator[Listed]:
        for listed in super().listing(prefix, start_offset, end_offset):
            yield Listed(listed.name, self.hashes.get(listed.name))


@pytest.fixture
def store(tmp_path: Path) -> ListingStore:
    return ListingStore(tmp_path)


@pytest.fixture
def zone(store: ListingStore) -> LandingZone:
    return LandingZone(store)


def an_exercise(day: date, identity: str = "a", uploaded: date | None = None) -> dict[str, Any]:
    upload = {"upload_time": f"{uploaded}T20:00:00.000Z"} if uploaded else {}
    return {
        "id": identity,
        "start_time": f"{day}T08:00:00",
        "start_time_utc_offset": 0,
        "duration": "PT30M",
        **upload,
    }


def a_google_exercise(day: date) -> dict[str, Any]:
    interval = {"startTime": f"{day}T08:00:00Z", "endTime": f"{day}T09:00:00Z", "startUtcOffset": "0s"}
    return {"name": "users/0/dataTypes/exercise/dataPoints/66", "exercise": {"interval": interval}}


def land(zone: LandingZone, resource: Resource, day: date, *payloads: dict[str, Any]) -> None:
    request = {"path": "/exercises", "params": {}}
    items = tuple(Item(msgspec.json.encode(payload), request, NOW) for payload in payloads)
    zone.write_day(resource, "ada", DayAnswer(day, items), NOW)


def land_a_month(zone: LandingZone, resource: Resource) -> None:
    """Every day of the last month pulled, and nothing there."""
    for n in range(31):
        land(zone, resource, TODAY - timedelta(days=n))


def found_by(mode: Mode, resource: Resource, zone: LandingZone) -> set[date]:
    window = looked_window(resource, "ada", zone, mode, TODAY, START)
    return set(changed_days(resource, client(resource.provider), window, zone, NOW, mode))


def asked_for(zone: LandingZone, provider: str, **event: Any) -> tuple[date, ...]:
    house = SimpleNamespace(zone=zone, clock=lambda: NOW, settings=SimpleNamespace(start_date=START))
    news = ChangeEvent(provider=provider, athlete_id="ada", origin="webhook", seen_at=NOW, **event)
    return days_of(news, client(provider), cast("Runtime", house))


@responses.activate
@pytest.mark.parametrize("mode", ["new", "all"])
def test_an_exercise_that_came_long_after_polars_window_of_30_days_is_found_by_every_look(
    zone: LandingZone, mode: Mode
) -> None:
    responses.get(f"{API}/exercises", json=[an_exercise(date(2026, 5, 2), "late")])
    land_a_month(zone, EXERCISES)
    assert found_by(mode, EXERCISES, zone) == {date(2026, 5, 2)}
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("days_late", [4, 10, 27, 60])
def test_polars_news_of_an_exercise_finds_its_day_however_late_the_watch_was_synced(
    zone: LandingZone, days_late: int
) -> None:
    day = TODAY - timedelta(days=days_late)
    land_a_month(zone, EXERCISES)
    responses.get(f"{API}/exercises", json=[an_exercise(day, "late", uploaded=TODAY)])
    assert asked_for(zone, "polar", resources=("exercises",), object_id="late", detail="EXERCISE") == (day,)
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("days_ago", [5, 20, 29])
def test_an_exercise_that_was_deleted_at_polar_is_missed_by_the_next_look(zone: LandingZone, days_ago: int) -> None:
    day = TODAY - timedelta(days=days_ago)
    land_a_month(zone, EXERCISES)
    land(zone, EXERCISES, day, an_exercise(day, uploaded=day))
    responses.get(f"{API}/exercises", json=[])
    assert found_by("new", EXERCISES, zone) == {day}


@responses.activate
def test_a_night_that_polar_changed_weeks_ago_is_found_by_the_one_call_that_any_look_makes(zone: LandingZone) -> None:
    land_a_month(zone, SLEEP)
    night = {"date": str(TODAY - timedelta(days=20)), "sleep_score": 71}
    responses.get(f"{API}/users/sleep", json={"nights": [night]})
    assert found_by("new", SLEEP, zone) == {TODAY - timedelta(days=20)}
    assert len(responses.calls) == 1


@responses.activate
def test_where_a_listing_shows_what_has_landed_a_quiet_look_hardly_reads_a_day(
    zone: LandingZone, store: ListingStore
) -> None:
    day = TODAY - timedelta(days=5)
    land_a_month(zone, EXERCISES)
    land(zone, EXERCISES, day, an_exercise(day))
    responses.get(f"{API}/exercises", body=msgspec.json.encode([an_exercise(day)]))
    store.reads.clear()
    assert found_by("new", EXERCISES, zone) == set()
    assert len(store.reads) <= 1, "the oldest day, of which Polar serves a part"


@responses.activate
def test_googles_news_of_an_exercise_without_its_time_is_asked_about_by_its_id(zone: LandingZone) -> None:
    day = date(2026, 3, 4)
    responses.get(f"{API}/users/me/dataTypes/exercise/dataPoints/66", json=a_google_exercise(day))
    assert asked_for(zone, "fitbit", resources=("exercise",), object_id="66") == (day,)


@responses.activate
def test_what_google_no_longer_has_is_gone_from_the_day_on_which_it_landed(zone: LandingZone) -> None:
    day = date(2026, 3, 4)
    land(zone, GOOGLE_EXERCISE, day, a_google_exercise(day))
    responses.get(f"{API}/users/me/dataTypes/exercise/dataPoints/66", status=404, json={"error": {"code": 404}})
    assert asked_for(zone, "fitbit", kind="deleted", resources=("exercise",), object_id="66") == (day,)


@responses.activate
def test_an_id_that_google_denies_to_the_last_is_taken_for_something_else_and_the_recent_days_are_looked_at(
    zone: LandingZone,
) -> None:
    day = TODAY - timedelta(days=10)
    for n in range(31):
        land(zone, GOOGLE_EXERCISE, TODAY - timedelta(days=n))
    responses.get(f"{API}/users/me/dataTypes/exercise/dataPoints/7", status=404, json={"error": {"code": 404}})
    responses.get(f"{API}/users/me/dataTypes/exercise/dataPoints", json={"dataPoints": [a_google_exercise(day)]})
    with pytest.raises(NotKnownYet):
        asked_for(zone, "fitbit", resources=("exercise",), object_id="7")
    assert asked_for(zone, "fitbit", resources=("exercise",), object_id="7", attempt=5) == (day,)


def test_the_day_of_a_deleted_object_is_found_without_reading_the_days_that_hold_nothing(
    zone: LandingZone, store: ListingStore
) -> None:
    for n in range(400):
        land(zone, GOOGLE_EXERCISE, TODAY - timedelta(days=n))
    day = TODAY - timedelta(days=399)
    land(zone, GOOGLE_EXERCISE, day, a_google_exercise(day))
    store.reads.clear()
    house = cast("Runtime", SimpleNamespace(zone=zone))
    assert landed_day(GOOGLE_EXERCISE, "66", "ada", house) == day
    assert len(store.reads) == 1
