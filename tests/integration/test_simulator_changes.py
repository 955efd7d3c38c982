"""The changing world over HTTP: what is deleted, edited, late or revoked, each provider shows as it would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests

from fit_platform.simulator import SimulatorConfig, WorldConfig, running
from tests.integration.simulator_login import Client

BEGINNING = datetime(2026, 3, 10, tzinfo=UTC)
MONTH = WorldConfig(seed=11, end=date(2026, 4, 5), days=60, now=BEGINNING)


@pytest.fixture
def base_url() -> Iterator[str]:
    with running(SimulatorConfig(world=MONTH)) as url:
        yield url


def control(base_url: str, path: str, body: Any) -> dict[str, Any]:
    answer = requests.post(f"{base_url}/_sim/{path}", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def changes(base_url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{base_url}/_sim/changes", timeout=30).json()["changes"]
    return found


def record_ids(base_url: str, provider: str) -> set[str]:
    truth = requests.get(f"{base_url}/_sim/truth", timeout=60).json()
    return {
        record["provider_activity_id"]
        for activity in truth["activities"]
        if activity["athlete"] == "ada"
        for record in activity["records"]
        if record["provider"] == provider
    }


def test_a_deleted_strava_activity_is_gone_from_list_detail_streams_and_truth(base_url: str) -> None:
    strava = Client(base_url, "strava").login()
    row = next(r for r in strava.json("/athlete/activities") if not r["manual"])
    paths = [f"/activities/{row['id']}", f"/activities/{row['id']}/streams?keys=time&key_by_type=true"]
    assert [strava.get(path).status_code for path in paths] == [200, 200]
    op = {"op": "delete", "provider": "strava", "athlete": "ada", "record": str(row["id"])}
    control(base_url, "world", op)
    assert [strava.get(path).status_code for path in paths] == [404, 404]
    assert row["id"] not in [r["id"] for r in strava.json("/athlete/activities")]
    assert str(row["id"]) not in record_ids(base_url, "strava")
    assert changes(base_url)[-1] | {"at": ""} == {
        "at": "", "provider": "strava", "athlete": "ada", "what": "activity", "action": "delete",
        "record_id": str(row["id"]),
    }  # fmt: skip


def test_an_edit_shows_at_its_provider_only(base_url: str) -> None:
    strava = Client(base_url, "strava").login()
    before = next(r for r in strava.json("/athlete/activities") if not r["manual"])
    edit = {"title": "Long one", "sport": "walk", "distance_factor": 0.5, "trim_seconds": 120, "private": True}
    op = {"op": "edit", "provider": "strava", "athlete": "ada", "record": str(before["id"]), **edit}
    control(base_url, "world", [op])
    after = strava.json(f"/activities/{before['id']}")
    assert (after["name"], after["sport_type"], after["private"]) == ("Long one", "Walk", True)
    assert after["elapsed_time"] == before["elapsed_time"] - 120
    assert after["distance"] < 0.55 * before["distance"]
    assert len(strava.json(f"/activities/{before['id']}/streams?keys=time&key_by_type=true")["time"]["data"]) > 60
    assert changes(base_url)[-1]["fields"] == ["title", "sport", "distance", "trim", "private"]


def test_a_changed_polar_exercise_is_shorter_in_all_its_parts(base_url: str) -> None:
    polar = Client(base_url, "polar").login()
    before = polar.json("/exercises", samples="true")[-1]
    op = {"op": "edit", "provider": "polar", "athlete": "ada", "record": before["id"], "trim_seconds": 300}
    control(base_url, "world", {"ops": [op]})
    after = polar.json(f"/exercises/{before['id']}", samples="true")

    def beats(exercise: dict[str, Any]) -> int:
        return len(exercise["samples"][0]["data"].split(","))

    assert beats(after) == beats(before) - 300
    assert polar.json("/exercises")[-1]["duration"] == after["duration"] != before["duration"]


def test_a_google_exercise_is_updated_and_silently_deleted(base_url: str) -> None:
    fitbit = Client(base_url, "fitbit").login()
    before = next(iter(fitbit.points("exercise")))
    record = before["name"].rpartition("/")[2]
    op = {"provider": "fitbit", "athlete": "ada", "record": record}
    control(base_url, "world", {"op": "edit", "distance_factor": 2.0, **op})
    after = fitbit.json(f"/users/me/dataTypes/exercise/dataPoints/{record}")
    assert after["exercise"]["updateTime"] > before["exercise"]["updateTime"]
    control(base_url, "world", {"op": "delete", **op})
    assert fitbit.get(f"/users/me/dataTypes/exercise/dataPoints/{record}").status_code == 404
    assert record not in [point["name"].rpartition("/")[2] for point in fitbit.points("exercise")]


def test_an_upload_in_the_middle_of_a_walk_makes_the_pages_drift(base_url: str) -> None:
    strava = Client(base_url, "strava").login()
    everything = [row["id"] for row in strava.json("/athlete/activities", per_page=200)]
    op = {"provider": "strava", "athlete": "ada", "record": str(everything[0])}
    control(base_url, "world", {"op": "hide", **op})
    first = [row["id"] for row in strava.json("/athlete/activities", per_page=5)]
    control(base_url, "world", {"op": "reveal", **op})
    second = [row["id"] for row in strava.json("/athlete/activities", per_page=5, page=2)]
    assert first == everything[1:6]
    assert second == everything[5:10]
    assert set(first) & set(second)


def test_a_late_day_is_empty_until_it_is_synced(base_url: str) -> None:
    polar, fitbit = Client(base_url, "polar").login(), Client(base_url, "fitbit").login()
    day = "2026-03-05"
    terms = {
        "steps": "steps.interval.start_time",
        "heart-rate": "heart_rate.sample_time.physical_time",
    }

    def has_points(data_type: str) -> bool:
        name = terms[data_type]
        term = f'{name} >= "{day}T00:00:00Z" AND {name} < "2026-03-06T00:00:00Z"'
        return bool(list(fitbit.points(data_type, filter=term)))

    def seen() -> list[bool]:
        return [
            # Berlin's day begins an hour before the UTC day by which samples are synced: some are there already.
            len(polar.json(f"/users/continuous-heart-rate/{day}")["heart_rate_samples"]) > 60,
            polar.get(f"/users/activities/{day}").status_code == 200,
            polar.get(f"/users/sleep/{day}").status_code == 200,
            has_points("steps"),
            has_points("heart-rate"),
        ]

    whole = seen()
    assert whole == [True] * 5
    for provider in ("polar", "fitbit"):
        control(base_url, "world", {"op": "hide", "provider": provider, "athlete": "ada", "day": day})
    assert seen() == [False] * 5
    for provider in ("polar", "fitbit"):
        control(base_url, "world", {"op": "reveal", "provider": provider, "athlete": "ada", "day": day})
    assert seen() == whole


def test_a_month_goes_by_with_the_clock_and_only_what_is_over_can_be_seen(base_url: str) -> None:
    churn = {"seed": 2, "edits": 0.2, "deletes": 0.2, "late": {"share": 0.3, "max_days": 10}}
    control(base_url, "scenario", {"world_moves": True, "churn": churn})
    strava = Client(base_url, "strava").login()
    counts = []
    for _ in range(4):
        moved = control(base_url, "clock", {"advance_seconds": 6 * 86_400})
        strava = Client(base_url, "strava").login()  # the token clock has moved as well
        rows = strava.json("/athlete/activities", per_page=200)
        assert {str(row["id"]) for row in rows} == record_ids(base_url, "strava")
        assert all(row["start_date"] < moved["world_now"] for row in rows)
        counts.append(len(rows))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    assert moved["world_now"] == "2026-04-03T00:00:00Z"
    told = changes(base_url)
    assert {"create", "update", "delete"} == {c["action"] for c in told if c["what"] == "activity"}
    assert [c["at"] for c in told] == sorted(c["at"] for c in told)


def test_the_newest_night_at_google_changes_when_its_stages_are_ready(base_url: str) -> None:
    fitbit = Client(base_url, "fitbit").login()
    control(base_url, "clock", {"world_now": "2026-03-10T12:00:00Z"})
    early = next(p for p in fitbit.points("sleep") if p["sleep"]["metadata"].get("mainSleep"))
    control(base_url, "clock", {"world_now": "2026-03-12T12:00:00Z"})
    late = next(p for p in fitbit.points("sleep") if p["name"] == early["name"])
    assert (early["sleep"]["metadata"]["processed"], late["sleep"]["metadata"]["processed"]) == (False, True)
    assert "stages" not in early["sleep"]
    assert late["sleep"]["stages"]
    assert late["sleep"]["updateTime"] > early["sleep"]["updateTime"]


def test_a_split_night_is_two_sleeps_at_google_and_one_at_polar(base_url: str) -> None:
    fitbit, polar = Client(base_url, "fitbit").login(), Client(base_url, "polar").login()
    day = "2026-03-05"
    control(base_url, "world", {"op": "split", "athlete": "ada", "day": day})
    control(base_url, "clock", {"world_now": "2026-03-12T12:00:00Z"})
    term = f'sleep.interval.civil_end_time >= "{day}" AND sleep.interval.civil_end_time < "2026-03-06"'
    nights = [p for p in fitbit.points("sleep", filter=term) if not p["sleep"]["metadata"].get("nap")]
    assert len(nights) == 2
    assert len({night["name"] for night in nights}) == 2
    assert sum(bool(night["sleep"]["metadata"].get("mainSleep")) for night in nights) == 1
    assert polar.json(f"/users/sleep/{day}")["date"] == day


@pytest.mark.parametrize(("provider", "path"), [
    ("polar", "/exercises"), ("strava", "/athlete"), ("fitbit", "/users/me/identity"),
])  # fmt: skip
def test_a_revoked_consent_kills_every_token_until_there_is_a_new_one(base_url: str, provider: str, path: str) -> None:
    clients = [Client(base_url, provider).login(), Client(base_url, provider).login()]
    control(base_url, "world", {"op": "revoke", "provider": provider, "athlete": "ada"})
    assert [client.get(path).status_code for client in clients] == [401, 401]
    refused = clients[0].ask_token(grant_type="refresh_token", refresh_token=clients[0].token.get("refresh_token", ""))
    assert refused.status_code == 400
    assert Client(base_url, provider).login().get(path).status_code == 200


def test_a_new_weight_stands_in_the_profiles(base_url: str) -> None:
    polar, strava = Client(base_url, "polar").login(), Client(base_url, "strava").login()
    control(base_url, "world", {"op": "profile", "athlete": "ada", "weight_kg": 59.5})
    assert polar.json("/users/physical-info")["weight"] == 59.5
    assert strava.json("/athlete")["weight"] == 59.5


def test_reset_takes_everything_back(base_url: str) -> None:
    before = record_ids(base_url, "strava")
    victim = sorted(before)[0]
    control(base_url, "world", {"op": "delete", "provider": "strava", "athlete": "ada", "record": victim})
    control(base_url, "clock", {"world_now": "2026-03-30T00:00:00Z"})
    assert record_ids(base_url, "strava") != before
    assert control(base_url, "world", {"op": "reset"})["world_now"] == "2026-03-10T00:00:00Z"
    assert record_ids(base_url, "strava") == before


@pytest.mark.parametrize(("op", "word"), [
    ({"op": "delete", "provider": "strava", "athlete": "ada", "record": "1"}, "no activity 1"),
    ({"op": "delete", "provider": "strava", "athlete": "zoe", "record": "1"}, "no athlete zoe"),
    ({"op": "delete", "provider": "polar", "athlete": "ada", "day": "2026-03-05"}, "delete"),
    ({"op": "hide", "provider": "polar", "athlete": "ada"}, "either a record or a day"),
    ({"op": "edit", "provider": "polar", "athlete": "ada", "record": "x", "sport": "chess"}, "no sport chess"),
    ({"op": "hide", "provider": "polar", "athlete": "ada", "day": "2026-03-05", "at": "2026-03-01T00:00:00Z"},
     "passed"),
    ({"op": "explode"}, "explode"),
])  # fmt: skip
def test_a_wrong_operation_is_refused_with_the_reason(base_url: str, op: dict[str, Any], word: str) -> None:
    answer = requests.post(f"{base_url}/_sim/world", json=op, timeout=10)
    assert answer.status_code == 400
    assert word in answer.json()["error"]
