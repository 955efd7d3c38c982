"""Quirks that a scenario switches on: each changes the answer as its provider is known to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests

from fit_platform.simulator import SimulatorConfig, WorldConfig, running
from tests.integration.simulator_login import Client

WORLD = WorldConfig(seed=11, end=date(2026, 4, 5), days=30)
BASIC = ("demo-polar", "demo-polar-secret")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(SimulatorConfig(world=WORLD)) as base_url:
        yield base_url


@pytest.fixture
def base_url(url: str) -> Iterator[str]:
    yield url
    play(url)


def play(base_url: str, **scenario: Any) -> None:
    answer = requests.post(f"{base_url}/_sim/scenario", json=scenario, timeout=10)
    assert answer.status_code == 200, answer.text


# Polar


def test_polar_spells_an_exercise_with_hyphens_as_specified(base_url: str) -> None:
    polar = Client(base_url, "polar").login()
    live = polar.json("/exercises", samples="true", zones="true")[0]
    play(base_url, polar={"spelling": "hyphen", "sample_type": "string", "first_zone": 1})
    specified = polar.json("/exercises", samples="true", zones="true")[0]
    assert set(live["samples"][0]) == {"recording_rate", "sample_type", "data"}
    assert set(specified["samples"][0]) == {"recording-rate", "sample-type", "data"}
    assert (live["samples"][0]["sample_type"], specified["samples"][0]["sample-type"]) == (0, "0")
    assert set(specified["heart_rate_zones"][0]) == {"index", "lower-limit", "upper-limit", "in-zone"}
    indices = [[zone["index"] for zone in one["heart_rate_zones"]] for one in (live, specified)]
    assert indices == [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]
    assert live["start_time"] == specified["start_time"]  # underscores in both


def test_polar_answers_a_range_of_heart_rates_wrapped_or_bare(base_url: str) -> None:
    polar = Client(base_url, "polar").login()
    path = "/users/continuous-heart-rate"
    one, two = {"from": "2026-03-20", "to": "2026-03-20"}, {"from": "2026-03-20", "to": "2026-03-21"}
    wrapped = polar.json(path, **one), polar.json(path, **two)
    play(base_url, polar={"has_bare_heart_rates": True})
    assert polar.json(path, **one) == wrapped[0]["heart_rates"][0]
    assert polar.json(path, **two) == wrapped[1]["heart_rates"]


def test_polar_refuses_one_data_type_without_consent_and_no_other(base_url: str) -> None:
    polar = Client(base_url, "polar").login()
    play(base_url, polar={"without_consent": ["/sleep/"]})
    refused = polar.get("/users/sleep/2026-03-20")
    assert (refused.status_code, refused.json()["error"]["error_type"]) == (403, "forbidden")
    assert polar.get("/users/nightly-recharge").status_code == 200


def test_polar_hides_what_was_uploaded_before_the_registration(base_url: str) -> None:
    polar = Client(base_url, "polar", "ben").login()
    everything = polar.json("/exercises")
    play(base_url, polar={"hides_old_uploads": True})
    assert len(everything) > 5
    assert polar.json("/exercises") == []


def test_polar_night_keys_cross_midnight_in_order(base_url: str) -> None:
    nights = Client(base_url, "polar").login().json("/users/sleep")["nights"]
    night = next(n for n in nights if n["sleep_start_time"][:10] < n["date"])
    keys = list(night["hypnogram"])
    assert keys != sorted(keys)
    midnight = next(n for n, key in enumerate(keys) if key < keys[0])
    assert keys[:midnight] == sorted(keys[:midnight])
    assert keys[midnight:] == sorted(keys[midnight:])


def test_polar_offers_exercises_in_transactions_until_they_are_committed(base_url: str) -> None:
    polar = Client(base_url, "polar").login()
    user = polar.token["x_user_id"]
    notified = requests.get(f"{base_url}/polar/v3/notifications", auth=BASIC, timeout=10).json()
    assert {"user-id": user, "data-type": "EXERCISE",
            "url": f"https://www.polaraccesslink.com/v3/users/{user}/exercise-transactions",
            } in notified["available-user-data"]  # fmt: skip
    path = f"/users/{user}/exercise-transactions"

    def opened() -> tuple[str, list[str]]:
        made = polar.post(path, {})
        assert made.status_code == 201
        uri = made.json()["resource-uri"].removeprefix("https://www.polaraccesslink.com/v3")
        return uri, polar.json(uri)["exercises"]

    _, offered = opened()
    uri, again = opened()
    names = [url.rpartition("/")[2] for url in again]
    assert [url.rpartition("/")[2] for url in offered] == names
    item = polar.json(again[0].removeprefix("https://www.polaraccesslink.com/v3"))
    assert {"start-time", "upload-time", "detailed-sport-info"} <= set(item)
    committed = requests.put(polar.setting("API_URL") + uri, headers=polar.headers, timeout=10)
    assert committed.status_code == 200
    assert polar.get(uri).status_code == 404
    assert polar.post(path, {}).status_code == 204
    assert polar.post("/users/1/exercise-transactions", {}).status_code == 403


# Strava


def rows(base_url: str, athlete: str = "ada") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Client(base_url, "strava", athlete).login().json("/athlete/activities", per_page=200)
    return found


def test_strava_names_some_zones_by_their_abbreviation(base_url: str) -> None:
    iana = {row["timezone"] for row in rows(base_url, "ben")}
    play(base_url, strava={"abbreviates_zones": True})
    found = rows(base_url, "ben")
    assert iana == {"(GMT-05:00) America/New_York"}
    assert {row["timezone"] for row in found} == {"(GMT-05:00) EST"}
    assert {row["utc_offset"] for row in found} == {-14_400.0}  # the label is wrong since the clocks changed


def test_strava_local_time_ends_in_a_false_z(base_url: str) -> None:
    for row in rows(base_url, "ben"):
        assert row["start_date_local"].endswith("Z")
        assert row["start_date_local"] < row["start_date"]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_strava_activities_may_move_longer_than_they_last(base_url: str, share: float) -> None:
    play(base_url, strava={"moving_longer": share})
    assert {row["moving_time"] > row["elapsed_time"] for row in rows(base_url)} == {bool(share)}


def test_strava_errors_may_lack_their_message(base_url: str) -> None:
    strava = Client(base_url, "strava").login()
    assert strava.get("/activities/1").json() == {"message": "Resource Not Found", "errors": []}
    play(base_url, strava={"has_errors_without_message": True})
    assert strava.get("/activities/1").json() == {"errors": []}


def test_strava_streams_send_rate_headers_only_if_asked_to(base_url: str) -> None:
    strava = Client(base_url, "strava").login()
    number = next(row["id"] for row in rows(base_url) if not row["manual"])

    def has_headers(path: str) -> bool:
        return any("ratelimit" in name.lower() for name in strava.get(path).headers)

    streams = f"/activities/{number}/streams?keys=time&key_by_type=true"
    assert (has_headers(f"/activities/{number}"), has_headers(streams)) == (True, False)
    play(base_url, strava={"has_stream_rate_headers": True})
    assert has_headers(streams)


def test_strava_finds_nothing_on_the_first_call_after_a_create(base_url: str) -> None:
    strava = Client(base_url, "strava").login()
    number = rows(base_url)[0]["id"]
    play(base_url, strava={"first_detail_is_404": True})
    assert [strava.get(f"/activities/{number}").status_code for _ in range(2)] == [404, 200]


# Google Health

DAY = {"range": {"start": {"date": {"year": 2026, "month": 3, "day": 20}},
                 "end": {"date": {"year": 2026, "month": 3, "day": 27}}}}  # fmt: skip


def roll_up(client: Client, data_type: str, body: dict[str, Any] = DAY, how: str = "dailyRollUp") -> requests.Response:
    return client.post(f"/users/me/dataTypes/{data_type}/dataPoints:{how}", body)


def test_google_rolls_up_weight_and_zone_minutes_to_what_is_listed(base_url: str) -> None:
    client = Client(base_url, "fitbit").login()
    window = {"range": {"startTime": "2026-03-10T00:00:00Z", "endTime": "2026-03-27T00:00:00Z"},
              "windowSize": f"{17 * 86_400}s"}  # fmt: skip

    def between(name: str) -> str:
        return f'{name} >= "2026-03-10T00:00:00Z" AND {name} < "2026-03-27T00:00:00Z"'

    weights = [p["weight"]["weightGrams"]
               for p in client.points("weight", filter=between("weight.sample_time.physical_time"))]  # fmt: skip
    rolled = roll_up(client, "weight", window, "rollUp").json()["rollupDataPoints"]
    assert [point["weight"]["weightGramsAvg"] for point in rolled] == [round(sum(weights) / len(weights), 1)]
    minutes = [p["activeZoneMinutes"] for p in client.points(
        "active-zone-minutes", filter=between("active_zone_minutes.interval.start_time"))]  # fmt: skip
    rolled = roll_up(client, "active-zone-minutes", window, "rollUp").json()["rollupDataPoints"]
    names = {"FAT_BURN": "sumInFatBurnHeartZone", "CARDIO": "sumInCardioHeartZone", "PEAK": "sumInPeakHeartZone"}
    listed = {member: sum(int(m["activeZoneMinutes"]) for m in minutes if m["heartRateZone"] == zone)
              for zone, member in names.items()}  # fmt: skip
    assert {name: int(total) for name, total in rolled[0]["activeZoneMinutes"].items()} == {
        name: total for name, total in listed.items() if total
    }


@pytest.mark.parametrize("data_type", ["floors", "total-calories"])
@pytest.mark.parametrize("operation", ["", ":reconcile"])
def test_google_has_no_points_of_what_it_only_rolls_up(base_url: str, data_type: str, operation: str) -> None:
    client = Client(base_url, "fitbit").login()
    refused = client.get(f"/users/me/dataTypes/{data_type}/dataPoints{operation}")
    assert refused.status_code == 400
    assert "is not supported for data type" in refused.json()["error"]["message"]
    assert roll_up(client, data_type).json()["rollupDataPoints"]


def test_google_lists_mirrors_of_other_apps_and_reconciles_them_away(base_url: str) -> None:
    client = Client(base_url, "fitbit").login()
    plain = list(client.points("exercise"))
    play(base_url, fitbit={"has_mirrors": True})
    listed, reconciled = list(client.points("exercise")), list(client.points("exercise", ":reconcile"))
    mirrors = [p for p in listed if p["dataSource"]["platform"] == "HEALTH_CONNECT"]
    assert [p for p in listed if p not in mirrors] == plain
    strava = Client(base_url, "strava").login().json("/athlete/activities", per_page=200)
    assert {m["exercise"]["interval"]["startTime"] for m in mirrors} == {row["start_date"] for row in strava}
    assert len(plain) < len(reconciled) < len(listed)
    assert not any("dataSource" in point for point in reconciled)
    one = client.json(f"/users/me/dataTypes/exercise/dataPoints/{mirrors[0]['name'].rpartition('/')[2]}")
    assert one == mirrors[0]


def test_google_refuses_an_account_that_is_not_linked_and_says_where_to_link_it(base_url: str) -> None:
    client, other = Client(base_url, "fitbit").login(), Client(base_url, "fitbit", "ben").login()
    play(base_url, fitbit={"unlinked_athletes": ["ada"]})
    error = client.get("/users/me/identity").json()["error"]
    assert (error["code"], error["status"]) == (400, "FAILED_PRECONDITION")
    assert error["details"][0]["reason"] == "ACCOUNT_NOT_LINKED"
    assert "redirect_uri" in error["details"][0]["metadata"]
    assert other.get("/users/me/identity").status_code == 200


def test_google_refuses_one_data_type_without_consent_and_no_other(base_url: str) -> None:
    client = Client(base_url, "fitbit").login()
    play(base_url, fitbit={"without_consent": ["sleep"]})
    refused = client.get("/users/me/dataTypes/sleep/dataPoints")
    assert (refused.status_code, refused.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert client.get("/users/me/dataTypes/exercise/dataPoints").status_code == 200


def test_google_runs_out_of_time_on_large_pages(base_url: str) -> None:
    client = Client(base_url, "fitbit").login()
    play(base_url, fitbit={"slow_page_size": 5000})
    path = "/users/me/dataTypes/heart-rate/dataPoints"
    assert [client.get(path, pageSize=size).status_code for size in (10_000, 5_000)] == [504, 200]


def test_google_may_count_the_last_day_of_a_daily_roll_up_in(base_url: str) -> None:
    client = Client(base_url, "fitbit").login()

    def days() -> list[int]:
        points = roll_up(client, "steps").json()["rollupDataPoints"]
        return [point["civilStartTime"]["date"]["day"] for point in points]

    assert days() == [20, 21, 22, 23, 24, 25, 26]
    play(base_url, fitbit={"has_inclusive_days": True})
    assert days() == [20, 21, 22, 23, 24, 25, 26, 27]


def test_google_sends_an_empty_page_with_a_token(base_url: str) -> None:
    client = Client(base_url, "fitbit").login()
    path, query = "/users/me/dataTypes/heart-rate/dataPoints", {"pageSize": "400"}
    name = "heart_rate.sample_time.physical_time"
    query["filter"] = f'{name} >= "2026-03-20T00:00:00Z" AND {name} < "2026-03-23T00:00:00Z"'
    sizes, page = [], client.json(path, **query)
    while "nextPageToken" in page:
        page = client.json(path, **query, pageToken=page["nextPageToken"])
        sizes.append(len(page.get("dataPoints", [])))
    assert 0 in sizes[:-1]


def test_google_refresh_tokens_of_an_application_in_testing_die_after_seven_days() -> None:
    with running(SimulatorConfig(world=WORLD)) as base_url:
        play(base_url, fitbit={"is_testing": True})
        client = Client(base_url, "fitbit").login()
        assert client.token["refresh_token_expires_in"] == 604_799

        def refreshed() -> requests.Response:
            return client.ask_token(grant_type="refresh_token", refresh_token=client.token["refresh_token"])

        assert refreshed().status_code == 200
        requests.post(f"{base_url}/_sim/clock", json={"advance_seconds": 7 * 86_400}, timeout=10)
        assert (refreshed().status_code, refreshed().json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("path", ["/1/user/-/activities/heart/date/today/1d.json", "/1.2/user/-/sleep/list.json"])
def test_the_old_fitbit_web_api_is_gone(base_url: str, path: str) -> None:
    assert requests.get(f"{base_url}/fitbit{path}", timeout=10).status_code == 410
