"""Strava as `stravalib` sees it: its pydantic models are generated from Strava's published Swagger definitions.

What it cannot tell: it stops at the first page that is short (Strava's pages may be), it drops keys that it does not
know, and it never asks for a stream without `key_by_type`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from fit_platform.simulator import World, running
from tests.conformance.conftest import CONFIG, STRAVA, Visitor, is_served

stravalib = pytest.importorskip("stravalib", reason="needs the dependency group: make conformance")
exc = pytest.importorskip("stravalib.exc")
limiter = pytest.importorskip("stravalib.util.limiter")

HOST = "https://www.strava.com"


class Detour(HTTPAdapter):
    """Takes what is meant for www.strava.com to the simulation; the client itself is left as it is."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace(HOST, f"{self.base_url}/strava", 1)
        return super().send(request, *args, **{**kwargs, "verify": False})


def client_for(base_url: str, athlete: str = "ada") -> Any:
    session = requests.Session()
    session.mount(HOST, Detour(base_url))
    client = stravalib.Client(requests_session=session)
    code = Visitor(base_url, "strava", athlete).consent()["code"]
    info = client.exchange_code_for_token(int(STRAVA.client_id), STRAVA.client_secret, code)
    client.refresh_token, client.token_expires = info["refresh_token"], info["expires_at"]
    return client


@pytest.fixture(autouse=True)
def _application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRAVA_CLIENT_ID", STRAVA.client_id)
    monkeypatch.setenv("STRAVA_CLIENT_SECRET", STRAVA.client_secret)


@pytest.fixture
def strava(base_url: str) -> Any:
    return client_for(base_url)


@pytest.fixture
def own_server() -> Iterator[str]:
    """For tests that move the clock."""
    with running(CONFIG) as url:
        yield url


@pytest.fixture(scope="module")
def world() -> World:
    return World(CONFIG.world)


def test_a_code_is_exchanged_and_names_the_athlete(base_url: str) -> None:
    session = requests.Session()
    session.mount(HOST, Detour(base_url))
    client = stravalib.Client(requests_session=session)
    code = Visitor(base_url, "strava").consent()["code"]
    own = int(STRAVA.client_id), STRAVA.client_secret
    info, athlete = client.exchange_code_for_token(*own, code, return_athlete=True)
    assert athlete.firstname == "Ada"
    assert 0 < info["expires_at"] - time.time() <= 21_600
    with pytest.raises(exc.Fault, match="'field': 'code', 'code': 'invalid'"):
        client.exchange_code_for_token(*own, code)


def test_the_athlete_and_her_zones(strava: Any, world: World) -> None:
    athlete, ada = strava.get_athlete(), world.people["ada"].athlete
    assert (athlete.id, athlete.weight, athlete.sex) == (ada.strava_athlete_id, ada.weight_kg, "F")
    assert [gear.id[0] for gear in (*athlete.bikes, *athlete.shoes)] == ["b", "g"]
    zones = strava.get_athlete_zones().heart_rate.zones.root
    assert [zone.max for zone in zones] == [*(zone.min for zone in zones[1:]), -1]


def test_every_activity_of_the_world_arrives_once_newest_first(strava: Any, world: World) -> None:
    true = {r.provider_activity_id: (a, r) for a, r in world.people["ada"].records("strava")}
    seen = list(strava.get_activities())
    assert len(seen) == len(true)
    assert {str(activity.id) for activity in seen} == set(true)
    assert [a.start_date for a in seen] == sorted((a.start_date for a in seen), reverse=True)
    for activity in seen:
        session, record = true[str(activity.id)]
        assert activity.start_date == datetime.fromtimestamp(record.started_at, UTC)
        assert activity.elapsed_time == record.ended_at - record.started_at
        sport = session.session.sport
        # What its models do not know yet becomes a workout, with a warning: the world has one such sport.
        assert activity.sport_type == ("Workout" if sport.is_rare else sport.strava[1])
        # The wall clock with its false Z, as stravalib has always read it: local time, as if it were UTC.
        assert activity.start_date_local - activity.start_date == timedelta(seconds=activity.utc_offset)


def test_pages_are_walked_to_the_end(strava: Any) -> None:
    everything = [activity.id for activity in strava.get_activities()]
    walk = strava.get_activities()
    walk.per_page = 7  # pages this small come whole; stravalib takes a short one for the last
    assert [activity.id for activity in walk] == everything


def test_a_time_range_is_half_open_on_both_sides(strava: Any) -> None:
    everything = list(strava.get_activities())
    newer, middle, older = everything[4:7]
    between = strava.get_activities(after=older.start_date, before=newer.start_date)
    assert [activity.id for activity in between] == [middle.id]
    since = [activity.id for activity in strava.get_activities(after=middle.start_date)]
    assert since == [activity.id for activity in reversed(everything[:5])]


def test_streams_are_the_recorded_samples(strava: Any, world: World) -> None:
    person = world.people["ada"]
    activity, record = next(p for p in person.records("strava") if p[1].kind == "relay" and p[0].session.sport.has_gps)
    streams = strava.get_activity_streams(int(record.provider_activity_id))
    assert {len(stream.data) for stream in streams.values()} == {streams["time"].original_size}
    assert streams["heartrate"].data == person.devices.recorded_heart_rate(activity, record).tolist()
    assert all(len(place) == 2 for place in streams["latlng"].data)
    assert {stream.resolution for stream in streams.values()} == {"high"}
    chosen = strava.get_activity_streams(int(record.provider_activity_id), types=["time", "heartrate"])
    assert set(chosen) == {"time", "heartrate"}


def test_the_detail_carries_the_laps_that_the_laps_call_gives(strava: Any) -> None:
    row = next(strava.get_activities())
    detail, laps = strava.get_activity(row.id), list(strava.get_activity_laps(row.id))
    assert detail.calories > 0
    assert [lap.id for lap in detail.laps] == [lap.id for lap in laps]
    assert sum(lap.elapsed_time for lap in laps) == row.elapsed_time
    assert [lap.lap_index for lap in laps] == list(range(1, len(laps) + 1))


def test_no_activity_surprises_the_generated_models(base_url: str, caplog: pytest.LogCaptureFixture) -> None:
    for athlete in ("ada", "ben"):
        client = client_for(base_url, athlete)
        for row in client.get_activities():
            assert client.get_activity(row.id).id == row.id
    warned = {record.getMessage() for record in caplog.records if record.name == "stravalib.model"}
    assert all("UnderwaterHockey" in message for message in warned), warned


def test_gear_is_found_by_the_ids_that_the_athlete_names(strava: Any) -> None:
    athlete = strava.get_athlete()
    bike = athlete.bikes[0]
    try:
        gear = strava.get_gear(bike.id)
    except exc.ObjectNotFound as missing:
        if not is_served(missing.response.text):
            pytest.skip("not simulated: /gear/{id}")
        raise
    assert (gear.id, gear.name, gear.distance) == (bike.id, bike.name, bike.distance)


def test_a_manual_activity_has_no_streams(strava: Any, world: World) -> None:
    manual = next(r for p in world.people.values() for _, r in p.records("strava") if r.kind == "manual")
    owner = next(name for name, p in world.people.items() if any(r is manual for _, r in p.records("strava")))
    client = strava if owner == "ada" else client_for(strava.protocol.rsession.get_adapter(HOST).base_url, owner)
    with pytest.raises(exc.ObjectNotFound):
        client.get_activity_streams(int(manual.provider_activity_id))


def test_the_rate_limits_are_where_a_limiter_looks_for_them(strava: Any) -> None:
    seen: list[Any] = []
    strava.protocol.rate_limiter = lambda headers, method: seen.append(
        limiter.get_rates_from_response_headers(headers, method)
    )
    row = next(a for a in strava.get_activities() if a.has_heartrate)
    strava.get_athlete()
    strava.get_activity_streams(row.id, types=["time"])
    listed, profile, streams = seen
    assert (listed.short_limit, listed.long_limit) == CONFIG.limits.strava_read
    assert profile.long_usage == listed.long_usage + 1
    assert streams is None, "stream answers say nothing about limits"


def test_a_dead_token_is_unauthorized(strava: Any) -> None:
    strava.access_token = "no-such-token"
    with pytest.raises(exc.AccessUnauthorized, match="access_token"):
        strava.get_athlete()


def test_the_token_is_the_same_while_more_than_an_hour_is_left(strava: Any) -> None:
    before = strava.access_token, strava.refresh_token
    own = int(STRAVA.client_id), STRAVA.client_secret
    info = strava.refresh_access_token(*own, strava.refresh_token)
    assert (info["access_token"], info["refresh_token"]) == before


def test_an_expired_token_is_renewed_on_the_way_and_rotation_is_followed(own_server: str) -> None:
    client = client_for(own_server)
    own = int(STRAVA.client_id), STRAVA.client_secret
    refresh_tokens = [client.refresh_token]
    for _ in range(4):
        before = client.access_token
        requests.post(f"{own_server}/_sim/clock", json={"advance_seconds": 21_601}, timeout=10).raise_for_status()
        client.token_expires = int(time.time()) - 1
        assert client.get_athlete().firstname == "Ada"
        assert client.access_token != before
        refresh_tokens.append(client.refresh_token)
    assert len(set(refresh_tokens)) > 1, "sometimes the refresh token is a new one"
    with pytest.raises(exc.Fault, match="RefreshToken"):
        client.refresh_access_token(*own, refresh_tokens[0])
