"""The simulators' webhooks: handshakes, signatures, retries and losses, as each provider documents them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fit_platform.simulator import SimulatorConfig, WorldConfig, running
from tests.integration.notified import Got, Receiver, receiving
from tests.integration.simulator_login import Client

WORLD = WorldConfig(seed=11, end=date(2026, 4, 5), days=60, now=datetime(2026, 3, 20, 12, tzinfo=UTC))
POLAR_EVENTS = ["EXERCISE", "SLEEP", "CONTINUOUS_HEART_RATE", "SLEEP_WISE_CIRCADIAN_BEDTIME", "SLEEP_WISE_ALERTNESS",
                "ACTIVITY_SUMMARY", "PHYSICAL_INFORMATION"]  # fmt: skip
BASIC = ("demo-polar", "demo-polar-secret")
APPLICATION = {"client_id": "demo-strava", "client_secret": "demo-strava-secret"}
SECRET = "Bearer let-me-in"
DATA_TYPES = ["exercise", "sleep", "heart-rate", "steps", "daily-resting-heart-rate"]
SUBSCRIBER = {"subscriberConfigs": [{"dataTypes": DATA_TYPES, "subscriptionCreatePolicy": "AUTOMATIC"}],
              "endpointAuthorization": {"secret": SECRET}}  # fmt: skip
SERVICE = {"Authorization": "Bearer a-service-token"}


@pytest.fixture
def base_url() -> Iterator[str]:
    with running(SimulatorConfig(world=WORLD)) as url:
        play(url)
        yield url


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def control(base_url: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = requests.post(f"{base_url}/_sim/{path}", json={} if body is None else body, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def play(base_url: str, **webhooks: Any) -> None:
    control(base_url, "scenario", {"world_moves": True, "webhooks": {"is_automatic": False, **webhooks}})


def pass_hours(base_url: str, hours: float) -> None:
    control(base_url, "clock", {"advance_seconds": hours * 3600})


def counts(base_url: str, provider: str) -> dict[str, int]:
    found: dict[str, int] = control(base_url, "webhooks/flush")["counts"].get(provider, {})
    return found


# Strava


def repeats_the_challenge(got: Got) -> tuple[int, Any]:
    return 200, {"hub.challenge": got.query["hub.challenge"]} if got.method == "GET" else None


def subscribe_strava(base_url: str, url: str) -> requests.Response:
    form = {**APPLICATION, "callback_url": url, "verify_token": "v-1"}
    return requests.post(f"{base_url}/strava/api/v3/push_subscriptions", data=form, timeout=10)


@pytest.fixture
def strava(base_url: str, receiver: Receiver) -> Client:
    receiver.answer = repeats_the_challenge
    client = Client(base_url, "strava").login()
    assert subscribe_strava(base_url, receiver.url).status_code == 201
    receiver.got.clear()
    return client


def test_strava_makes_one_subscription_after_its_address_repeated_the_challenge(
    base_url: str, receiver: Receiver
) -> None:
    receiver.answer = repeats_the_challenge
    url = f"{base_url}/strava/api/v3/push_subscriptions"
    made = subscribe_strava(base_url, receiver.url)
    assert (made.status_code, list(made.json())) == (201, ["id"])
    assert receiver.got[0].query | {"hub.challenge": ""} == {
        "hub.mode": "subscribe", "hub.challenge": "", "hub.verify_token": "v-1",
    }  # fmt: skip
    assert subscribe_strava(base_url, receiver.url).status_code == 400
    listed = requests.get(url, params=APPLICATION, timeout=10).json()
    assert [(s["id"], s["callback_url"]) for s in listed] == [(made.json()["id"], receiver.url)]
    assert requests.get(url, params={"client_id": "x"}, timeout=10).status_code == 401
    assert requests.delete(f"{url}/{listed[0]['id']}", params=APPLICATION, timeout=10).status_code == 204
    assert requests.get(url, params=APPLICATION, timeout=10).json() == []


@pytest.mark.parametrize(("status", "content", "code"), [
    (200, {"hub.challenge": "another"}, "not verifiable"),
    (403, None, "GET to callback URL does not return 200"),
])  # fmt: skip
def test_strava_refuses_an_address_that_does_not_answer_the_challenge(
    base_url: str, receiver: Receiver, status: int, content: Any, code: str
) -> None:
    receiver.answer = lambda _: (status, content)
    refused = subscribe_strava(base_url, receiver.url)
    assert refused.status_code == 400
    assert refused.json()["errors"] == [{"resource": "PushSubscription", "field": "callback url", "code": code}]


def test_strava_gives_the_address_two_seconds_for_its_answer(base_url: str, receiver: Receiver) -> None:
    def slow(got: Got) -> tuple[int, Any]:
        time.sleep(2.2)
        return repeats_the_challenge(got)

    receiver.answer = slow
    assert subscribe_strava(base_url, receiver.url).status_code == 400


def test_strava_tells_of_uploads_and_deletes_and_of_some_edits_only(
    base_url: str, receiver: Receiver, strava: Client
) -> None:
    row = strava.json("/athlete/activities")[0]
    op = {"provider": "strava", "athlete": "ada", "record": str(row["id"])}
    edits = [{"title": "New"}, {"sport": "walk"}, {"private": True}, {"distance_factor": 1.1}, {"trim_seconds": 60}]
    control(base_url, "world", [{"op": "edit", **edit, **op} for edit in edits])
    control(base_url, "world", {"op": "delete", **op})
    control(base_url, "webhooks/flush")
    events = receiver.events()
    assert [(e["aspect_type"], e["updates"]) for e in events] == [
        ("update", {"title": "New"}), ("update", {"type": "Walk"}), ("update", {"private": "true"}), ("delete", {}),
    ]  # fmt: skip
    assert {(e["object_type"], e["object_id"], e["owner_id"]) for e in events} == {
        ("activity", row["id"], row["athlete"]["id"])
    }
    known = {row["id"] for row in strava.json("/athlete/activities", per_page=200)}
    receiver.got.clear()
    pass_hours(base_url, 4 * 24)
    control(base_url, "webhooks/flush")
    strava.login()
    fresh = {row["id"] for row in strava.json("/athlete/activities", per_page=200)} - known
    assert fresh
    assert {(e["aspect_type"], e["object_id"]) for e in receiver.events()} == {("create", number) for number in fresh}


def test_strava_shows_only_you_as_a_delete_to_those_who_may_not_see_it(base_url: str, receiver: Receiver) -> None:
    receiver.answer = repeats_the_challenge
    client = Client(base_url, "strava").login(("read", "activity:read"))
    subscribe_strava(base_url, receiver.url)
    receiver.got.clear()
    number = str(client.json("/athlete/activities")[0]["id"])
    for private in (True, False):
        op = {"op": "edit", "provider": "strava", "athlete": "ada", "record": number, "private": private}
        control(base_url, "world", op)
    control(base_url, "webhooks/flush")
    assert [e["aspect_type"] for e in receiver.events()] == ["delete", "create"]


def test_strava_tells_a_deauthorisation_as_an_update_of_the_athlete(
    base_url: str, receiver: Receiver, strava: Client
) -> None:
    control(base_url, "world", {"op": "revoke", "provider": "strava", "athlete": "ada"})
    control(base_url, "webhooks/flush")
    event = receiver.events()[0]
    assert (event["object_type"], event["aspect_type"]) == ("athlete", "update")
    assert event["updates"] == {"authorized": "false"}
    assert event["object_id"] == event["owner_id"] == strava.token["athlete"]["id"]
    receiver.got.clear()
    pass_hours(base_url, 96)
    assert control(base_url, "webhooks/flush")["requests"] == 0


def test_strava_tries_three_times_and_then_the_event_is_lost(base_url: str, receiver: Receiver, strava: Client) -> None:
    receiver.answer = lambda _: (500, None)
    number = strava.json("/athlete/activities")[0]["id"]
    control(base_url, "world", {"op": "delete", "provider": "strava", "athlete": "ada", "record": str(number)})
    for made in (1, 0):
        assert control(base_url, "webhooks/flush")["requests"] == made
    control(base_url, "webhooks/flush", {"all": True})
    assert len(receiver.got) == 3
    assert len({got.body for got in receiver.got}) == 1
    assert counts(base_url, "strava") == {"delivered": 3, "duplicated": 0, "failed": 1}


@pytest.mark.parametrize(("how", "is_verifiable"), [("absent", None), ("unverifiable", False), ("client_secret", True)])
def test_strava_signs_as_the_scenario_says(
    base_url: str, receiver: Receiver, strava: Client, how: str, is_verifiable: bool | None
) -> None:
    play(base_url, strava_signature=how)
    number = strava.json("/athlete/activities")[0]["id"]
    control(base_url, "world", {"op": "delete", "provider": "strava", "athlete": "ada", "record": str(number)})
    control(base_url, "webhooks/flush")
    header = receiver.got[0].headers.get("x-strava-signature")
    if is_verifiable is None or header is None:
        assert header is is_verifiable is None
        return
    at, given = (part.partition("=")[2] for part in header.split(","))
    wanted = hmac.new(APPLICATION["client_secret"].encode(), f"{at}.".encode() + receiver.got[0].body, hashlib.sha256)
    assert (given == wanted.hexdigest()) is is_verifiable


# Polar


def create_polar(base_url: str, url: str, events: list[str] | None = None) -> requests.Response:
    body = {"events": events or POLAR_EVENTS, "url": url}
    return requests.post(f"{base_url}/polar/v3/webhooks", json=body, auth=BASIC, timeout=10)


def test_polar_pings_and_tells_the_secret_once(base_url: str, receiver: Receiver) -> None:
    url = f"{base_url}/polar/v3/webhooks"
    assert requests.get(url, timeout=10).status_code == 401
    receiver.answer = lambda _: (404, None)
    refused = create_polar(base_url, receiver.url)
    assert (refused.status_code, refused.json()["errorType"]) == (400, "WebhookPingFailedException")
    receiver.answer = lambda _: (200, None)
    made = create_polar(base_url, receiver.url)
    assert made.status_code == 201
    ping = receiver.got[-1]
    assert (ping.json["event"], ping.headers["polar-webhook-event"]) == ("PING", "PING")
    assert "polar-webhook-signature" not in ping.headers  # nobody knows the secret yet
    assert set(made.json()["data"]) == {"id", "events", "url", "signature_secret_key"}
    assert create_polar(base_url, receiver.url).status_code == 409
    webhook = requests.get(url, auth=BASIC, timeout=10).json()["data"][0]
    assert (webhook["active"], "signature_secret_key" in webhook) == (True, False)
    own = f"{url}/{webhook['id']}"
    changed = requests.patch(own, json={"events": ["SLEEP"]}, auth=BASIC, timeout=10).json()["data"][0]
    assert (changed["events"], changed["url"]) == (["SLEEP"], receiver.url)
    assert requests.patch(own, json={"url": receiver.url}, auth=BASIC, timeout=10).status_code == 200
    secret = made.json()["data"]["signature_secret_key"]
    assert signed(secret, receiver.got[-1])
    assert requests.post(f"{url}/deactivate", auth=BASIC, timeout=10).status_code == 200
    assert requests.get(url, auth=BASIC, timeout=10).json()["data"][0]["active"] is False
    assert requests.delete(own, auth=BASIC, timeout=10).status_code == 204
    assert requests.post(f"{url}/activate", auth=BASIC, timeout=10).status_code == 204
    assert requests.get(url, auth=BASIC, timeout=10).json() == {"data": []}


def signed(secret: str, got: Got) -> bool:
    wanted = hmac.new(secret.encode(), got.body, hashlib.sha256).hexdigest()
    return got.headers.get("polar-webhook-signature") == wanted


def test_polar_sends_all_seven_events_signed_and_with_urls_that_answer(base_url: str, receiver: Receiver) -> None:
    client = Client(base_url, "polar").login()
    secret = create_polar(base_url, receiver.url).json()["data"]["signature_secret_key"]
    receiver.got.clear()
    pass_hours(base_url, 5 * 24)
    control(base_url, "world", {"op": "profile", "athlete": "ada", "weight_kg": 60.0})
    control(base_url, "webhooks/flush")
    assert {got.headers["polar-webhook-event"] for got in receiver.got} == set(POLAR_EVENTS)
    assert all(signed(secret, got) for got in receiver.got)
    user = client.token["x_user_id"]
    for event in receiver.events():
        assert event["user_id"] == user
        prefix = "https://www.polaraccesslink.com/v3"
        assert event["url"].startswith(prefix)
        assert client.get(event["url"].removeprefix(prefix)).status_code == 200, event
    members = {e["event"]: set(e) - {"event", "user_id", "timestamp", "url"} for e in receiver.events()}
    assert members["EXERCISE"] == {"entity_id"}
    assert members["SLEEP"] == members["CONTINUOUS_HEART_RATE"] == members["ACTIVITY_SUMMARY"] == {"date"}
    assert members["SLEEP_WISE_ALERTNESS"] == {"from", "to"}
    assert members["PHYSICAL_INFORMATION"] == set()


def test_polar_says_nothing_of_strangers_edits_and_deletes(base_url: str, receiver: Receiver) -> None:
    client = Client(base_url, "polar").login()  # ada; ben is not registered
    create_polar(base_url, receiver.url)
    receiver.got.clear()
    op = {"provider": "polar", "athlete": "ada", "record": client.json("/exercises")[0]["id"]}
    control(base_url, "world", [{"op": "edit", "trim_seconds": 60, **op}, {"op": "delete", **op}])
    assert control(base_url, "webhooks/flush")["requests"] == 0
    pass_hours(base_url, 48)
    control(base_url, "webhooks/flush")
    assert {event["user_id"] for event in receiver.events()} == {client.token["x_user_id"]}


def test_polar_switches_a_webhook_off_after_seven_days_without_success(base_url: str, receiver: Receiver) -> None:
    Client(base_url, "polar").login()
    create_polar(base_url, receiver.url)
    receiver.answer = lambda _: (503, None)
    url = f"{base_url}/polar/v3/webhooks"

    def is_active() -> bool:
        found: bool = requests.get(url, auth=BASIC, timeout=10).json()["data"][0]["active"]
        return found

    for _ in range(3):
        pass_hours(base_url, 48)
        control(base_url, "webhooks/flush")
        assert is_active()
    pass_hours(base_url, 25)
    control(base_url, "webhooks/flush")
    assert not is_active()
    pass_hours(base_url, 24)
    assert control(base_url, "webhooks/flush")["requests"] == 0
    assert requests.post(f"{url}/activate", auth=BASIC, timeout=10).status_code == 400
    receiver.answer = lambda _: (200, None)
    assert requests.post(f"{url}/activate", auth=BASIC, timeout=10).status_code == 200
    assert is_active()


def test_polar_may_keep_quiet_about_heart_rate_and_name_a_foreign_host(base_url: str, receiver: Receiver) -> None:
    Client(base_url, "polar").login()
    create_polar(base_url, receiver.url)
    receiver.got.clear()
    play(base_url, polar_heart_rate_events=False, polar_foreign_host=1.0)
    pass_hours(base_url, 24)
    control(base_url, "webhooks/flush")
    assert "ACTIVITY_SUMMARY" in {event["event"] for event in receiver.events()}
    assert "CONTINUOUS_HEART_RATE" not in {event["event"] for event in receiver.events()}
    assert all(event["url"].startswith("https://polaraccesslink.example/") for event in receiver.events())


# Google Health


def knows_its_secret(got: Got) -> tuple[int, Any]:
    if got.headers.get("authorization") != SECRET:
        return 401, None
    return (201, None) if got.json == {"type": "verification"} else (204, None)


def create_subscriber(base_url: str, url: str, **more: Any) -> requests.Response:
    where = f"{base_url}/fitbit/v4/projects/1234/subscribers"
    body = {"endpointUri": url, **SUBSCRIBER, **more}
    return requests.post(where, params={"subscriberId": "the-platform"}, json=body, headers=SERVICE, timeout=30)


@pytest.fixture
def google(base_url: str, receiver: Receiver) -> Client:
    receiver.answer = knows_its_secret
    client = Client(base_url, "fitbit").login()
    assert create_subscriber(base_url, receiver.url).status_code == 200
    receiver.got.clear()
    return client


def verify(base_url: str, got: Got, header: str = "google-health-api-signature") -> None:
    """Raises InvalidSignature. Reads the keyset as Tink writes it."""
    text = requests.get(f"{base_url}/fitbit/googlehealthapi/webhooks/webhooks_public_keyset.json", timeout=10).json()
    signature = base64.b64decode(got.headers[header])
    assert signature[0] == 1
    key_id = int.from_bytes(signature[1:5], "big")
    entry = next(k for k in text["key"] if k["keyId"] == key_id and k["status"] == "ENABLED")
    message = base64.b64decode(entry["keyData"]["value"])
    # params (field 2, 6 bytes), then x and y of 33 bytes each with tag and length.
    assert (message[:2], message[8:10], message[43:45]) == (b"\x12\x06", b"\x1a\x21", b"\x22\x21")
    x, y = int.from_bytes(message[10:43], "big"), int.from_bytes(message[45:78], "big")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    key.verify(signature[5:], got.body, ec.ECDSA(hashes.SHA256()))


def test_google_makes_a_subscriber_whose_address_knows_the_secret(base_url: str, receiver: Receiver) -> None:
    receiver.answer = knows_its_secret
    made = create_subscriber(base_url, receiver.url).json()
    assert made["done"] is True
    assert made["response"]["state"] == "ACTIVE"
    assert SECRET not in str(made)
    assert [got.headers.get("authorization") for got in receiver.got] == [SECRET, None]
    assert create_subscriber(base_url, receiver.url).status_code == 409
    where = f"{base_url}/fitbit/v4/projects/1234/subscribers"
    assert requests.get(where, timeout=10).status_code == 401
    listed = requests.get(where, headers=SERVICE, timeout=10).json()
    assert listed["totalSize"] == 1
    name = listed["subscribers"][0]["name"]
    patch = {"subscriberConfigs": [{"dataTypes": ["sleep"], "subscriptionCreatePolicy": "AUTOMATIC"}]}
    url, mask = f"{base_url}/fitbit/v4/{name}", {"updateMask": "subscriber_configs"}
    changed = requests.patch(url, params=mask, json=patch, headers=SERVICE, timeout=10).json()["response"]
    assert changed["subscriberConfigs"][0]["dataTypes"] == ["sleep"]
    assert len(receiver.got) == 2  # only another address or secret is verified again
    assert requests.delete(url, headers=SERVICE, timeout=10).json()["done"] is True
    assert requests.get(where, headers=SERVICE, timeout=10).json() == {}


@pytest.mark.parametrize("answer", [lambda _: (201, None), lambda _: (401, None), lambda _: (204, None)])
def test_google_refuses_an_address_that_lets_everybody_in_or_nobody(
    base_url: str, receiver: Receiver, answer: Any
) -> None:
    receiver.answer = answer
    refused = create_subscriber(base_url, receiver.url)
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")


def test_google_notifies_signed_arrays_about_intervals_of_each_data_type(
    base_url: str, receiver: Receiver, google: Client
) -> None:
    pass_hours(base_url, 5 * 24)
    control(base_url, "webhooks/flush")
    user = google.login().json("/users/me/identity")["healthUserId"]
    notifications = []
    for got in receiver.got:
        assert got.headers["authorization"] == SECRET
        verify(base_url, got)
        assert isinstance(got.json, list)
        notifications += [part["data"] for part in got.json]
    assert {n["dataType"] for n in notifications} == set(DATA_TYPES)
    assert {n["healthUserId"] for n in notifications} == {user}
    forms = {name for n in notifications for interval in n["intervals"] for name in interval}
    assert forms == {"physicalTimeInterval", "civilDateTimeInterval", "civilIso8601TimeInterval"}
    known = {p["name"].rpartition("/")[2] for p in google.points("exercise")}
    told = {n["recordId"] for n in notifications if n["dataType"] == "exercise"}
    assert told
    assert told <= known


def test_google_repeats_what_is_not_answered_with_204(base_url: str, receiver: Receiver, google: Client) -> None:
    receiver.answer = lambda _: (200, None)
    record = next(iter(google.points("exercise")))["name"].rpartition("/")[2]
    control(base_url, "world", {"op": "delete", "provider": "fitbit", "athlete": "ada", "record": record})
    control(base_url, "webhooks/flush")
    assert counts(base_url, "fitbit") == {"delivered": 1, "duplicated": 0, "pending": 1}
    receiver.answer = lambda _: (204, None)
    pass_hours(base_url, 0.01)
    control(base_url, "webhooks/flush")
    data = receiver.events()[0][0]["data"]
    assert (data["operation"], data["dataType"], data["recordId"]) == ("DELETE", "exercise", record)
    assert receiver.got[0].body == receiver.got[1].body


def test_google_tells_a_revoked_consent_as_deletes_of_all_types(
    base_url: str, receiver: Receiver, google: Client
) -> None:
    control(base_url, "world", {"op": "revoke", "provider": "fitbit", "athlete": "ada"})
    control(base_url, "webhooks/flush")
    told = [part["data"] for part in receiver.events()[0]]
    assert {(t["operation"], "intervals" in t) for t in told} == {("DELETE", False)}
    assert {t["dataType"] for t in told} == set(DATA_TYPES)


def test_google_bodies_headers_intervals_and_keys_vary_with_the_scenario(
    base_url: str, receiver: Receiver, google: Client
) -> None:
    play(base_url, google_body="object", google_signature_header="X-HEALTHAPI-SIGNATURE",
         google_without_intervals=1.0, google_without_authorization=1.0)  # fmt: skip
    receiver.answer = lambda _: (204, None)
    pass_hours(base_url, 24)
    control(base_url, "webhooks/flush")
    got = receiver.got[0]
    assert set(got.json) == {"data"}
    assert "intervals" not in got.json["data"]
    assert "authorization" not in got.headers
    verify(base_url, got, "x-healthapi-signature")
    first = base64.b64decode(got.headers["x-healthapi-signature"])[1:5]
    control(base_url, "webhooks/rotate-keys", {"disables_old": True})
    receiver.got.clear()
    pass_hours(base_url, 24)
    control(base_url, "webhooks/flush")
    fresh = receiver.got[0]
    verify(base_url, fresh, "x-healthapi-signature")
    assert base64.b64decode(fresh.headers["x-healthapi-signature"])[1:5] != first
    with pytest.raises(StopIteration):
        verify(base_url, got, "x-healthapi-signature")  # its key is disabled now


def test_google_notifies_a_manual_subscriber_of_subscribed_users_only(base_url: str, receiver: Receiver) -> None:
    receiver.answer = knows_its_secret
    client = Client(base_url, "fitbit").login()
    configs = [{"dataTypes": ["steps", "sleep"], "subscriptionCreatePolicy": "MANUAL"}]
    name = create_subscriber(base_url, receiver.url, subscriberConfigs=configs).json()["response"]["name"]
    receiver.got.clear()
    pass_hours(base_url, 24)
    assert control(base_url, "webhooks/flush")["requests"] == 0
    user = client.login().json("/users/me/identity")["healthUserId"]
    body = {"user": f"users/{user}", "dataTypes": [f"users/{user}/dataTypes/steps"]}
    made = requests.post(f"{base_url}/fitbit/v4/{name}/subscriptions", json=body, headers=SERVICE, timeout=10)
    assert made.status_code == 200
    pass_hours(base_url, 24)
    control(base_url, "webhooks/flush")
    assert {part["data"]["dataType"] for event in receiver.events() for part in event} == {"steps"}


# On the way


def test_faults_on_the_way_are_drawn_by_seed(base_url: str, receiver: Receiver) -> None:
    def month(**shares: float) -> tuple[dict[str, int], list[bytes]]:
        with running(SimulatorConfig(world=WORLD)) as url:
            play(url, **shares)
            Client(url, "polar").login()
            create_polar(url, receiver.url, ["EXERCISE", "SLEEP", "ACTIVITY_SUMMARY"])
            receiver.got.clear()
            pass_hours(url, 15 * 24)
            control(url, "webhooks/flush")
            return counts(url, "polar"), [got.body for got in receiver.got]

    _, sent = month()
    faults = {"lost": 0.1, "duplicated": 0.2, "out_of_order": 0.2}
    counted, faulty = month(**faults)
    assert month(**faults) == (counted, faulty)
    assert len(faulty) == len(sent) - counted["lost"] + counted["duplicated"] == counted["acknowledged"]
    assert min(counted["lost"], counted["duplicated"], counted["out_of_order"]) > 0
    assert set(faulty) < set(sent)
    order = [sent.index(body) for body in faulty]
    assert order != sorted(order)


def test_a_delayed_notification_waits_for_the_clock(base_url: str, receiver: Receiver, strava: Client) -> None:
    play(base_url, delayed=1.0, delay_seconds=600)
    number = strava.json("/athlete/activities")[0]["id"]
    control(base_url, "world", {"op": "delete", "provider": "strava", "athlete": "ada", "record": str(number)})
    assert control(base_url, "webhooks/flush")["requests"] == 0
    pass_hours(base_url, 0.2)
    assert control(base_url, "webhooks/flush")["requests"] == 1


def test_a_wrong_signature_does_not_verify(base_url: str, receiver: Receiver, google: Client) -> None:
    play(base_url, wrong_signature=1.0)
    secret = "unknown"
    pass_hours(base_url, 24)
    control(base_url, "webhooks/flush")
    with pytest.raises(InvalidSignature):
        verify(base_url, receiver.got[0])
    receiver.answer = lambda _: (200, None)
    Client(base_url, "polar").login()
    secret = create_polar(base_url, receiver.url).json()["data"]["signature_secret_key"]
    receiver.got.clear()
    pass_hours(base_url, 24)
    control(base_url, "webhooks/flush")
    polar = [got for got in receiver.got if "polar-webhook-event" in got.headers]
    assert polar
    assert not any(signed(secret, got) for got in polar)


def test_a_thread_delivers_without_being_asked(base_url: str, receiver: Receiver, strava: Client) -> None:
    play(base_url, is_automatic=True)
    number = strava.json("/athlete/activities")[0]["id"]
    control(base_url, "world", {"op": "delete", "provider": "strava", "athlete": "ada", "record": str(number)})
    deadline = time.monotonic() + 10
    while not receiver.got and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [event["object_id"] for event in receiver.events()] == [number]
    state = requests.get(f"{base_url}/_sim/webhooks", timeout=10).json()
    assert state["recent"][0] == {"provider": "strava", "status": 200, "attempt": 1}
