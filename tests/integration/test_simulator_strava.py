"""Strava's data endpoints: pages, order, rows with their traps, streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from fit_platform.simulator import Scenario, SimulatorConfig, StravaQuirks, World, WorldConfig, running
from tests.integration.simulator_login import Client

WORLD = WorldConfig(athletes=4)
KEYS = "time,distance,latlng,altitude,velocity_smooth,heartrate,cadence,watts,temp,moving,grade_smooth"


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with running(SimulatorConfig(world=WORLD)) as url:
        yield url


@pytest.fixture(scope="module")
def strava(base_url: str) -> Client:
    return Client(base_url, "strava").login()


@pytest.fixture(scope="module")
def rows(base_url: str) -> list[dict[str, Any]]:
    return [row for who in ("ada", "ben", "chitra", "dan") for row in Client(base_url, "strava", who).login().json(
        "/athlete/activities", per_page=200
    )]  # fmt: skip


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def test_pages_are_short_and_only_an_empty_one_is_the_end(strava: Client) -> None:
    pages = [strava.json("/athlete/activities", per_page=20, page=page) for page in range(1, 5)]
    assert [len(page) for page in pages[:2]] == [19, 19]
    assert pages[3] == []
    ids = [row["id"] for page in pages for row in page]
    assert ids == [row["id"] for row in strava.json("/athlete/activities", per_page=500)]


def test_rows_come_newest_first_unless_only_after_is_given(strava: Client) -> None:
    def starts(**query: int) -> list[str]:
        return [row["start_date"] for row in strava.json("/athlete/activities", per_page=200, **query)]

    everything = starts()
    assert everything == sorted(everything, reverse=True)
    middle = _epoch(everything[20])
    assert starts(after=middle) == sorted(everything[:20])
    assert starts(before=middle) == everything[21:]
    assert starts(after=middle - 1, before=middle + 1) == [everything[20]]


def test_after_in_the_future_is_refused(strava: Client) -> None:
    answer = strava.get("/athlete/activities", after=_epoch("2100-01-01T00:00:00Z"))
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"resource": "Application", "field": "after", "code": "future"}]


def test_local_time_has_a_false_z_and_the_label_is_wrong_in_summer(rows: list[dict[str, Any]]) -> None:
    is_label_wrong = set()
    for row in rows:
        start = datetime.fromtimestamp(_epoch(row["start_date"]), UTC)
        label, _, zone = row["timezone"].partition(" ")
        offset = start.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
        assert row["utc_offset"] == offset.total_seconds()
        assert _epoch(row["start_date_local"]) - _epoch(row["start_date"]) == row["utc_offset"]
        hours, minutes = int(label[4:7]), int(label[8:10])
        is_label_wrong.add(hours * 3600 + minutes * 60 != row["utc_offset"])
    assert is_label_wrong == {True, False}


def test_rows_carry_the_known_traps(rows: list[dict[str, Any]]) -> None:
    assert any("average_heartrate" not in row and not row["has_heartrate"] for row in rows)
    assert any(row["moving_time"] > row["elapsed_time"] for row in rows)
    assert any(row["sport_type"] == "UnderwaterHockey" for row in rows)
    assert any(row["private"] and row["visibility"] == "only_me" for row in rows)
    assert any(row["start_latlng"] == [] and row["map"]["summary_polyline"] == "" for row in rows)
    assert {type(row["total_elevation_gain"]) for row in rows} == {int, float}
    manual = [row for row in rows if row["manual"]]
    assert manual
    assert all(row["upload_id"] is None and row["external_id"] is None for row in manual)
    assert not any("upload_id_str" in row for row in manual)
    assert len({row["id"] for row in rows}) == len(rows)


def test_a_relay_names_the_polar_exercise_it_came_from(base_url: str, rows: list[dict[str, Any]]) -> None:
    polar = {e["id"] for e in Client(base_url, "polar", "ben").login().json("/exercises")}
    mine = [row for row in rows if row["athlete"]["id"] == 118_401_011 and row["external_id"]]
    relays = [row for row in mine if row["external_id"].removesuffix(".fit") in polar]
    assert len(relays) > 15
    assert len(relays) < len(mine), "some are the phone's own"


def test_streams_are_one_per_second_and_missing_keys_are_absent(strava: Client) -> None:
    world = World(WORLD)
    person = world.people["ada"]
    pairs = person.records("strava")
    activity, record = next(p for p in pairs if p[1].kind == "relay" and p[0].session.sport.name == "run")
    streams = strava.json(f"/activities/{record.provider_activity_id}/streams", keys=KEYS, key_by_type="true")
    assert set(streams) == {"time", "distance", "latlng", "altitude", "velocity_smooth", "heartrate", "cadence",
                            "moving", "grade_smooth"}  # fmt: skip
    lengths = {len(stream["data"]) for stream in streams.values()}
    assert lengths == {streams["time"]["original_size"]}
    assert streams["time"]["data"] == list(range(lengths.pop()))
    assert streams["heartrate"]["data"] == person.devices.recorded_heart_rate(activity, record).tolist()
    listed = strava.json(f"/activities/{record.provider_activity_id}/streams", keys="time,heartrate,watts")
    assert {stream["type"] for stream in listed} == {"time", "heartrate"}
    indoor = next(r for a, r in pairs if r.kind == "relay" and not a.session.sport.speed_mps)
    bare = strava.json(f"/activities/{indoor.provider_activity_id}/streams", keys=KEYS, key_by_type="true")
    assert set(bare) == {"time", "heartrate", "moving"}


def test_manual_activities_have_no_streams_and_strangers_no_activities(strava: Client) -> None:
    manual = next(r for _, r in World(WORLD).people["ada"].records("strava") if r.kind == "manual")
    answer = strava.get(f"/activities/{manual.provider_activity_id}/streams", keys="time", key_by_type="true")
    assert answer.status_code == 404
    assert answer.json() == {"message": "Resource Not Found", "errors": []}
    assert strava.get(f"/activities/{manual.provider_activity_id}").status_code == 200
    others = next(r for _, r in World(WORLD).people["ben"].records("strava"))
    assert strava.get(f"/activities/{others.provider_activity_id}").status_code == 404


def test_streams_count_but_do_not_say_so(strava: Client) -> None:
    activity = strava.json("/athlete/activities", per_page=1)[0]["id"]

    def used() -> int:
        headers = {name.lower(): value for name, value in strava.get("/athlete").headers.items()}
        return int(headers["x-readratelimit-usage"].split(",")[0])

    before = used()
    streams = strava.get(f"/activities/{activity}/streams", keys="time", key_by_type="true")
    assert not [name for name in streams.headers if "rate" in name.lower()]
    assert used() - before in (2, -before + 1)  # the second: a new quarter of an hour has begun


def test_only_me_rows_are_missing_without_read_all(base_url: str, rows: list[dict[str, Any]]) -> None:
    public = Client(base_url, "strava", "ben").login(scopes=("read", "activity:read"))
    seen = public.json("/athlete/activities", per_page=200)
    mine = [row for row in rows if row["athlete"]["id"] == 118_401_011]
    assert [row["id"] for row in seen] == [row["id"] for row in mine if not row["private"]]
    assert len(seen) < len(mine)
    hidden = next(row for row in mine if row["private"])
    assert public.get(f"/activities/{hidden['id']}").status_code == 404


def test_profile_zones_and_laps(strava: Client) -> None:
    athlete = strava.json("/athlete")
    assert (athlete["resource_state"], athlete["sex"]) == (3, "F")
    zones = strava.json("/athlete/zones")
    assert zones["heart_rate"]["zones"][-1]["max"] == -1
    assert "power" not in zones
    row = strava.json("/athlete/activities", per_page=1)[0]
    laps = strava.json(f"/activities/{row['id']}/laps")
    assert sum(lap["elapsed_time"] for lap in laps) == row["elapsed_time"]
    assert strava.json(f"/activities/{row['id']}")["laps"] == laps


@contextmanager
def playing(base_url: str, **quirks: Any) -> Iterator[None]:
    scenario = Scenario(strava=StravaQuirks(**quirks))
    requests.post(f"{base_url}/_sim/scenario", data=scenario.model_dump_json(), timeout=10).raise_for_status()
    try:
        yield
    finally:
        requests.post(f"{base_url}/_sim/scenario", json={}, timeout=10).raise_for_status()


def test_gear_is_served_one_by_one_and_the_retired_pair_is_no_longer_in_the_profile(
    strava: Client, rows: list[dict[str, Any]]
) -> None:
    profile = strava.json("/athlete")
    listed = {piece["id"] for piece in (*profile["bikes"], *profile["shoes"])}
    mine = [row for row in rows if row["athlete"]["id"] == profile["id"]]
    used = {row["gear_id"] for row in mine} - {None}
    retired = {gear_id for gear_id in used | listed if strava.json(f"/gear/{gear_id}")["retired"]}
    assert retired
    assert retired.isdisjoint(listed)
    assert strava.get("/gear/b1").json() == {"message": "Resource Not Found", "errors": []}


def test_one_damaged_activity_answers_500_for_ever_and_the_others_do_not(
    base_url: str, strava: Client, rows: list[dict[str, Any]]
) -> None:
    damaged, sound = [row["id"] for row in rows if row["upload_id"]][:2]
    with playing(base_url, broken_activities=(damaged,)):
        for path in ("", "/laps", "/streams?keys=time&key_by_type=true"):
            answers = [strava.get(f"/activities/{damaged}{path}") for _ in range(3)]
            assert {(a.status_code, a.text) for a in answers} == {(500, '{"message":"error"}')}
            assert strava.get(f"/activities/{sound}{path}").status_code == 200
        assert damaged in [row["id"] for row in strava.json("/athlete/activities", per_page=200)]


def test_an_inactive_application_is_refused_whatever_it_asks(base_url: str, strava: Client) -> None:
    with playing(base_url, is_inactive=True):
        for path in ("/athlete", "/athlete/activities", "/gear/b1"):
            answer = strava.get(path)
            assert answer.status_code == 403
            assert answer.json()["errors"] == [{"resource": "Application", "field": "Status", "code": "Inactive"}]
    assert strava.get("/athlete").status_code == 200


def test_one_athlete_too_many_cannot_connect_until_another_has_revoked() -> None:
    capacity = Scenario(strava=StravaQuirks(athlete_capacity=1))
    with running(SimulatorConfig(world=WORLD, scenario=capacity)) as url:
        ada, again, ben = (Client(url, "strava", who) for who in ("ada", "ada", "ben"))
        ada.login()
        refused = ben.exchange(ben.consent()["code"])
        assert (refused.status_code, refused.json()["message"]) == (403, "Limit of connected athletes exceeded")
        again.login()  # she is connected already
        own = ada.setting("CLIENT_ID"), ada.setting("CLIENT_SECRET")
        for grant in (ada, again):
            form = {"token": grant.token["refresh_token"]}
            requests.post(ada.setting("REVOKE_URL"), data=form, auth=own, timeout=10).raise_for_status()
        ben.login()


def test_usage_headers_may_come_without_numbers(base_url: str, strava: Client) -> None:
    with playing(base_url, has_blank_usage=True):
        headers = {name.lower(): value for name, value in strava.get("/athlete").headers.items()}
    assert (headers["x-ratelimit-usage"], headers["x-readratelimit-usage"]) == (",", ",")
    assert headers["x-ratelimit-limit"] == "200,2000"


def test_a_hidden_start_reads_as_the_second_second_of_its_day(
    base_url: str, strava: Client, rows: list[dict[str, Any]]
) -> None:
    with playing(base_url, hides_start_times=True):
        shown = {row["id"]: row for row in strava.json("/athlete/activities", per_page=200)}
    true = {row["id"]: row for row in rows if row["id"] in shown}
    hidden = [i for i, row in shown.items() if row["start_date"].endswith("T00:00:01Z")]
    assert 0 < len(hidden) < len(shown)
    for i in hidden:
        assert shown[i]["start_date_local"].endswith("T00:00:01Z")
        assert shown[i]["start_date"][:10] == true[i]["start_date"][:10]
        assert shown[i]["start_date_local"][:10] == true[i]["start_date_local"][:10]
    assert all(shown[i]["start_date"] == true[i]["start_date"] for i in shown if i not in hidden)


def test_privacy_zones_are_cut_off_without_read_all(base_url: str, strava: Client) -> None:
    public = Client(base_url, "strava", "ada").login(scopes=("read", "activity:read"))
    cut = next(row for row in public.json("/athlete/activities", per_page=200) if row["start_latlng"])
    whole = next(row for row in strava.json("/athlete/activities", per_page=200) if row["id"] == cut["id"])
    assert cut["start_latlng"] != whole["start_latlng"]
    assert cut["distance"] == whole["distance"], "the sums are those of the whole way"
    query = {"keys": KEYS, "key_by_type": "true"}
    some = public.json(f"/activities/{cut['id']}/streams", **query)
    every = strava.json(f"/activities/{cut['id']}/streams", **query)
    assert set(some) == set(every)
    assert {len(stream["data"]) for stream in some.values()} == {len(some["time"]["data"])}
    assert some["distance"]["data"][0] >= 199.9
    assert every["distance"]["data"][-1] - some["distance"]["data"][-1] >= 199.9
    first = some["time"]["data"][0]
    assert some["heartrate"]["data"] == every["heartrate"]["data"][first : first + len(some["time"]["data"])]
    with playing(base_url, privacy_zone_m=0):
        assert public.json(f"/activities/{cut['id']}/streams", **query) == every
    with playing(base_url, privacy_zone_m=10**6):
        assert public.get(f"/activities/{cut['id']}/streams", **query).status_code == 404


def test_over_the_limit_is_429_with_headers_and_no_retry_after(base_url: str) -> None:
    client = Client(base_url, "strava").login()
    limits = {"limits": {"strava_read": [1, 2000]}}
    try:
        requests.post(f"{base_url}/_sim/scenario", json=limits, timeout=10)
        answers = [client.get("/athlete") for _ in range(2)]
    finally:
        requests.post(f"{base_url}/_sim/scenario", json={}, timeout=10)
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.json()["message"] == "Rate Limit Exceeded"
    assert "Retry-After" not in refused.headers
    assert "1,2000" in [v for k, v in refused.headers.items() if k.lower() == "x-readratelimit-limit"]
