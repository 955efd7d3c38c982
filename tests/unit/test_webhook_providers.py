"""What each provider posts: which deliveries are genuine, and what they say. Anything else has no effect at all."""

from __future__ import annotations

import base64
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fit_platform.errors import BadPayload, Transient
from fit_platform.feed.receiver import Request
from fit_platform.providers.base import DayOf
from fit_platform.providers.fitbit import webhook as fitbit
from fit_platform.providers.fitbit.keyset import KeySet, KeysUnavailable, keys_of
from fit_platform.providers.polar import webhook as polar
from fit_platform.providers.registry import PROVIDERS
from fit_platform.providers.strava import webhook as strava
from fit_platform.providers.webhook_base import days_between
from tests.unit.webhook_receiver import Desk
from tests.webhook_senders import (
    NOW,
    SECRETS,
    GoogleKeys,
    google_event,
    google_request,
    polar_event,
    polar_request,
    strava_event,
    strava_request,
)

MARCH_31 = date(2026, 3, 31)
NAMES = {provider: {resource.name: resource for resource in PROVIDERS[provider]} for provider in PROVIDERS}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --- Polar


@pytest.mark.parametrize(
    ("event", "resources", "days"),
    [
        ("EXERCISE", ("exercises", "cardio_load"), ()),
        ("SLEEP", ("sleep", "nightly_recharge", "cardio_load"), (MARCH_31,)),
        ("CONTINUOUS_HEART_RATE", ("continuous_heart_rate",), (MARCH_31,)),
        (
            "SLEEP_WISE_CIRCADIAN_BEDTIME",
            ("circadian_bedtime",),
            tuple(date(2026, 3, 29) + timedelta(days=n) for n in range(4)),
        ),
        ("SLEEP_WISE_ALERTNESS", ("alertness",), tuple(date(2026, 3, 29) + timedelta(days=n) for n in range(4))),
        ("ACTIVITY_SUMMARY", ("daily_activity",), (MARCH_31,)),
        ("PHYSICAL_INFORMATION", ("physical_info",), ()),
    ],
)
def test_each_of_polars_seven_events_asks_for_its_resources(
    desk: Desk, event: str, resources: tuple[str, ...], days: tuple[date, ...]
) -> None:
    assert desk.receiver.handle(polar_request(polar_event(event))).status == 200
    [kept] = desk.events()
    assert (kept.resources, kept.days, kept.kind, kept.detail) == (resources, days, "changed", event)
    assert set(resources) <= set(NAMES["polar"])


def test_the_ping_is_answered_before_there_is_a_secret_and_does_nothing(desk: Desk) -> None:
    ping = polar_request({"timestamp": "2026-04-01T12:00:00Z", "event": "PING"}, secret="not the secret")
    assert desk.receiver.handle(ping).status == 200
    assert desk.events() == []


@pytest.mark.parametrize(
    "signature",
    ["", "0" * 64, "é", polar.signature("another", b"{}"), polar.signature(SECRETS.polar["signing_secret"], b"{}")],
)
def test_a_polar_event_with_another_signature_is_refused(desk: Desk, signature: str) -> None:
    request = polar_request(polar_event())
    forged = Request(request.method, request.path, headers={"polar-webhook-signature": signature}, body=request.body)
    assert desk.receiver.handle(forged).status == 401
    assert desk.receiver.handle(Request(request.method, request.path, body=request.body)).status == 401
    assert desk.events() == []


def test_polars_signature_is_that_of_the_published_algorithm() -> None:
    """HMAC-SHA256, test case 2 of RFC 4231."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert polar.signature("Jefe", b"what do ya want for nothing?") == digest


def test_an_event_that_polar_will_invent_is_answered_200_for_else_it_counts_as_failed(desk: Desk) -> None:
    assert desk.receiver.handle(polar_request(polar_event("HYDRATION"))).status == 200
    assert desk.events() == []
    assert desk.receiver.counts()["polar", "ignored"] == 1


@pytest.mark.parametrize("when", ["0001-01-01", "9999-12-31", "31.03.2026", 20260331, {"day": 31}])
def test_a_date_that_cannot_be_meant_is_left_open_but_the_event_is_kept(desk: Desk, when: Any) -> None:
    assert desk.receiver.handle(polar_request(polar_event("SLEEP", date=when))).status == 200
    assert [event.days for event in desk.events()] == [()]


# --- Strava


@pytest.mark.parametrize(
    ("aspect", "kind"), [("create", "changed"), ("update", "changed"), ("delete", "deleted")]
)  # fmt: skip
def test_stravas_activity_events_name_the_activity(desk: Desk, aspect: str, kind: str) -> None:
    assert desk.receiver.handle(strava_request(strava_event(aspect_type=aspect))).status == 200
    [event] = desk.events()
    assert (event.kind, event.object_id, event.resources) == (kind, "1360128428", ("activities", "streams"))
    assert set(event.resources) <= set(NAMES["strava"])


@pytest.mark.parametrize("value", ["false", False, "False"])
def test_deauthorisation_comes_as_an_update_of_the_athlete(desk: Desk, value: Any) -> None:
    gone = strava_event(object_type="athlete", aspect_type="update", object_id=134815, updates={"authorized": value})
    assert desk.receiver.handle(strava_request(gone)).status == 200
    assert [event.kind for event in desk.events()] == ["revoked"]


def test_another_update_of_the_athlete_is_no_revocation(desk: Desk) -> None:
    other = strava_event(object_type="athlete", aspect_type="update", updates={"authorized": "true"})
    assert desk.receiver.handle(strava_request(other)).status == 200
    assert desk.events() == []


def test_strava_gets_its_challenge_back_for_the_verify_token_only(desk: Desk) -> None:
    path, token = SECRETS.path("strava"), SECRETS.strava["verify_token"]
    query = {"hub.mode": "subscribe", "hub.challenge": '15f7d1a91c1f40f8"', "hub.verify_token": token}
    answer = desk.receiver.handle(Request("GET", path, query))
    assert (answer.status, json.loads(answer.body)) == (200, {"hub.challenge": '15f7d1a91c1f40f8"'})
    assert desk.receiver.handle(Request("GET", path, {**query, "hub.verify_token": "guess"})).status == 403
    assert desk.receiver.handle(Request("GET", path, {**query, "hub.mode": "unsubscribe"})).status == 400
    assert desk.receiver.handle(Request("GET", path, {**query, "hub.challenge": "x" * 1000})).status == 400
    assert desk.receiver.handle(Request("GET", path)).status == 400


def test_an_event_of_another_subscription_is_refused(desk: Desk) -> None:
    assert desk.receiver.handle(strava_request(strava_event(subscription_id=120476))).status == 403
    assert desk.events() == []


def test_without_a_key_a_strava_signature_counts_by_its_age_only(desk: Desk) -> None:
    fresh, old = int(NOW.timestamp()), int(NOW.timestamp()) - strava.MAX_SIGNATURE_AGE_S - 1
    sent = {
        f"t={fresh},v1={'0' * 64}": 200,
        f"t={old},v1={'0' * 64}": 401,
        f"t={2 * fresh - old},v1={'0' * 64}": 401,
        "v1=": 401,
    }
    for signature, status in sent.items():
        request = strava_request(strava_event(), **{"X-Strava-Signature": signature})
        assert desk.receiver.handle(request).status == status, signature


def test_with_a_key_only_a_valid_strava_signature_counts(tmp_path: Path) -> None:
    desk = Desk(tmp_path, signing_keys={"strava": "given-by-strava"})
    body = strava_request(strava_event()).body
    valid = strava.signature("given-by-strava", int(NOW.timestamp()), body)
    forged = strava.signature("guessed", int(NOW.timestamp()), body)
    statuses = [
        desk.receiver.handle(strava_request(strava_event(), **headers)).status
        for headers in ({}, {"X-Strava-Signature": forged}, {"X-Strava-Signature": valid})
    ]
    assert statuses == [401, 401, 200]


# --- Google Health


def test_googles_handshake_tells_the_secret_from_its_absence(desk: Desk) -> None:
    path, body = SECRETS.path("fitbit"), b'{"type":"verification"}'
    for headers, status in (
        ({"Authorization": SECRETS.fitbit["authorization"]}, 201),
        ({}, 401),
        ({"Authorization": "Bearer guess"}, 401),
    ):
        assert desk.receiver.handle(Request("POST", path, headers=headers, body=body)).status == status


@pytest.mark.parametrize("header", fitbit.SIGNATURE_HEADERS)
def test_a_notification_is_taken_as_object_or_array_under_either_header(desk: Desk, header: str) -> None:
    for content in (google_event("steps"), [google_event("sleep")]):
        body = json.dumps(content).encode()
        headers = {header.upper(): desk.keys.sign(body), "authorization": SECRETS.fitbit["authorization"]}
        answer = desk.receiver.handle(Request("POST", SECRETS.path("fitbit"), headers=headers, body=body))
        assert (answer.status, answer.body) == (204, b"")
    assert len(desk.events()) == 2


def test_a_missing_authorization_was_seen_and_a_wrong_one_is_refused(desk: Desk) -> None:
    assert desk.receiver.handle(google_request(google_event(), desk.keys, authorization=None)).status == 204
    assert desk.receiver.handle(google_request(google_event(), desk.keys, authorization="Bearer x")).status == 401


def test_a_notification_signed_by_anybody_else_is_refused(desk: Desk) -> None:
    stranger = GoogleKeys(key_id=desk.keys.key_id)
    assert desk.receiver.handle(google_request(google_event(), stranger)).status == 401
    genuine = google_request(google_event(), desk.keys)
    changed = Request("POST", genuine.path, headers=genuine.headers, body=genuine.body.replace(b"steps", b"sleep"))
    assert desk.receiver.handle(changed).status == 401
    for signature in ("", "é", "AA==", base64.b64encode(b"\x01" + bytes(80)).decode()):
        headers = {"GOOGLE-HEALTH-API-SIGNATURE": signature}
        assert desk.receiver.handle(Request("POST", genuine.path, headers=headers, body=genuine.body)).status == 401
    assert desk.events() == []


def test_a_delete_of_google_says_so_and_names_its_record(desk: Desk) -> None:
    desk.receiver.handle(google_request(google_event("exercise", operation="DELETE", recordId=66), desk.keys))
    [event] = desk.events()
    assert (event.kind, event.object_id, event.resources) == ("deleted", "66", ("exercise",))


PHYSICAL = {"physicalTimeInterval": {"startTime": "2026-03-31T22:30:00Z", "endTime": "2026-04-01T05:00:00Z"}}
ISO = {"civilIso8601TimeInterval": {"startTime": "2026-04-01T00:30:00", "endTime": "2026-04-01T07:00:00"}}
CIVIL = {
    "civilDateTimeInterval": {
        "startDateTime": {"date": {"year": 2026, "month": 4, "day": 1}, "time": {"hours": 1}},
        "endDateTime": {"date": {"year": 2026, "month": 4, "day": 1}, "time": {}},
    }
}


@pytest.mark.parametrize(
    ("data_type", "intervals", "days"),
    [
        ("sleep", [{**PHYSICAL, **ISO, **CIVIL}], ["2026-04-01"]),
        ("sleep", [CIVIL], ["2026-04-01"]),
        ("sleep", [PHYSICAL], ["2026-03-31", "2026-04-01"]),
        ("heart-rate", [{**PHYSICAL, **ISO}], ["2026-03-31", "2026-04-01"]),
        ("heart-rate", [ISO], ["2026-03-31", "2026-04-01", "2026-04-02"]),
        ("steps", [ISO, PHYSICAL], ["2026-03-31", "2026-04-01"]),
        ("steps", [ISO, {}], []),
        ("steps", [], []),
        ("steps", None, []),
        ("steps", [{"civilIso8601TimeInterval": {"startTime": "2020-01-01", "endTime": "2026-01-01"}}], []),
    ],
)
def test_the_days_are_those_that_an_interval_may_mean(
    desk: Desk, data_type: str, intervals: list[Any] | None, days: list[str]
) -> None:
    assert desk.receiver.handle(google_request(google_event(data_type, intervals=intervals), desk.keys)).status == 204
    [event] = desk.events()
    assert [str(day) for day in event.days] == days


def test_every_data_type_that_we_subscribe_to_is_a_resource_dated_as_we_say() -> None:
    resources = {name.replace("-", "_"): name in fitbit.UTC_DATED for name in fitbit.DATA_TYPES}
    known = {name: resource.day_of is DayOf.UTC_START for name, resource in NAMES["fitbit"].items()}
    assert {name: known.get(name) for name in resources} == resources


# --- Google's keys


def keyset(keys: GoogleKeys, *others: GoogleKeys) -> tuple[KeySet, list[str]]:
    asked: list[str] = []
    return KeySet("https://keys.test", lambda url: (asked.append(url), keys.document(*others))[1]), asked


def test_a_key_that_is_not_enabled_verifies_nothing() -> None:
    good, retired = GoogleKeys(key_id=1), GoogleKeys(key_id=2, status="DISABLED")
    known, _ = keyset(good, retired)
    assert known.verifies(good.sign(b"x"), b"x", NOW)
    assert not known.verifies(retired.sign(b"x"), b"x", NOW)


def test_invented_key_ids_make_us_ask_google_once_a_minute_at_most() -> None:
    known, asked = keyset(GoogleKeys(key_id=1))
    for n in range(50):
        assert not known.verifies(GoogleKeys(key_id=100 + n).sign(b"x"), b"x", NOW + timedelta(seconds=n))
    assert len(asked) == 1
    known.verifies(GoogleKeys(key_id=999).sign(b"x"), b"x", NOW + timedelta(seconds=61))
    assert len(asked) == 2


def test_keys_are_fetched_again_after_a_day() -> None:
    keys = GoogleKeys()
    known, asked = keyset(keys)
    for hours in (0, 23, 25):
        assert known.verifies(keys.sign(b"x"), b"x", NOW + timedelta(hours=hours))
    assert len(asked) == 2


def test_while_there_are_no_keys_google_is_asked_to_send_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(url: str) -> bytes:
        raise Transient("fitbit", "GET webhook keyset", "no answer in time")

    known = KeySet("https://keys.test", down)
    for seconds in (0, 1):
        with pytest.raises(KeysUnavailable):
            known.verifies(desk.keys.sign(b"x"), b"x", NOW + timedelta(seconds=seconds))
    monkeypatch.setattr(desk, "_fetch", down)
    assert desk.open().handle(google_request(google_event(), desk.keys)).status == 503


def test_a_known_key_outlives_a_failing_refetch_until_it_is_a_day_old() -> None:
    keys, answers = GoogleKeys(key_id=1), iter([True, False, False])

    def fetch(url: str) -> bytes:
        if next(answers):
            return keys.document()
        raise Transient("fitbit", "GET webhook keyset", "no answer in time")

    known = KeySet("https://keys.test", fetch)
    assert known.verifies(keys.sign(b"x"), b"x", NOW)
    later = NOW + timedelta(hours=1)
    assert not known.verifies(GoogleKeys(key_id=2).sign(b"x"), b"x", later), "its refetch fails"
    assert known.verifies(keys.sign(b"x"), b"x", later)
    with pytest.raises(KeysUnavailable):
        known.verifies(keys.sign(b"x"), b"x", NOW + timedelta(hours=25))


def test_while_one_delivery_waits_for_new_keys_known_ones_are_verified_and_others_sent_back() -> None:
    keys, stranger = GoogleKeys(key_id=1), GoogleKeys(key_id=2)
    met: list[bool] = []

    def fetch(url: str) -> bytes:
        if known.verifies(keys.sign(b"x"), b"x", NOW) if met else False:
            with pytest.raises(KeysUnavailable):
                known.verifies(stranger.sign(b"x"), b"x", NOW)
            met.append(True)
        met.append(False)
        return keys.document()

    known = KeySet("https://keys.test", fetch)
    assert known.verifies(keys.sign(b"x"), b"x", NOW)
    assert not known.verifies(stranger.sign(b"x"), b"x", NOW + timedelta(minutes=2))
    assert met == [False, True, False], "the second fetch was under way while others were answered"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"key":[{"keyId":1,"status":"ENABLED","keyData":{"value":"!"}}]}',
        b'{"key":[{"keyId":1,"status":"ENABLED","keyData":{"value":"GiE="}}]}',
        b'{"key":[{"keyId":-1,"status":"ENABLED","keyData":{"value":""}}]}',
        b'{"key":[{"keyId":1,"status":"ENABLED","keyData":{"value":"GgEAIgEA"}}]}',
    ],
)
def test_rubbish_is_no_keyset(document: bytes) -> None:
    with pytest.raises(BadPayload):
        keys_of(document)


def test_days_between_are_bounded() -> None:
    assert days_between(MARCH_31, MARCH_31) == (MARCH_31,)
    assert days_between(MARCH_31, MARCH_31 - timedelta(days=1)) == ()
    assert days_between(MARCH_31, MARCH_31 + timedelta(days=400)) == ()
    assert days_between(None, MARCH_31) == ()
