"""The receiver: what is genuine is in the inbox before it is acknowledged; nothing else ever gets there."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from fit_platform.feed import receiver as receiver_module
from fit_platform.feed.asgi import build_app
from fit_platform.feed.receiver import MAX_BODY_BYTES, Request
from tests.unit.webhook_receiver import Desk
from tests.webhook_senders import (
    SECRETS,
    GoogleKeys,
    google_event,
    google_request,
    polar_event,
    polar_request,
    strava_event,
    strava_request,
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_genuine_event_of_each_provider_waits_in_the_inbox_for_its_athlete(desk: Desk) -> None:
    statuses = [
        desk.receiver.handle(request).status
        for request in (
            polar_request(polar_event()),
            strava_request(strava_event()),
            google_request([google_event()], desk.keys),
        )
    ]
    assert statuses == [200, 200, 204]
    assert {(event.provider, event.athlete_id, event.origin, event.object_id) for event in desk.events()} == {
        ("polar", "anna", "webhook", "aQlC83"),
        ("strava", "anna", "webhook", "1360128428"),
        ("fitbit", "anna", "webhook", None),
    }


def test_an_event_is_on_disk_and_settled_before_it_is_acknowledged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    write, settle = desk.store.write, desk.store.settle
    monkeypatch.setattr(desk.store, "write", lambda name, body: (write(name, body), steps.append("written")))
    monkeypatch.setattr(desk.store, "settle", lambda name: (settle(name), steps.append("settled")))
    assert desk.receiver.handle(polar_request(polar_event())).status == 200
    assert steps == ["written", "settled"]


def test_an_event_that_cannot_be_kept_is_not_acknowledged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(name: str, body: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.store, "write", full)
    for request in (
        polar_request(polar_event()),
        strava_request(strava_event()),
        google_request(google_event(), desk.keys),
    ):
        assert desk.receiver.handle(request).status == 503
    assert "could not be kept (OSError)" in caplog.text
    assert desk.receiver.handle(Request("GET", "/healthz")).status == 503
    monkeypatch.setattr(receiver_module, "_UNHEALTHY_S", 0.0)
    assert desk.receiver.handle(Request("GET", "/healthz")).status == 200, "it must get traffic again to recover"


def test_a_delivery_that_is_repeated_is_one_event_even_after_a_crash(desk: Desk) -> None:
    requests = [
        polar_request(polar_event("SLEEP")),
        strava_request(strava_event()),
        google_request(google_event(), desk.keys),
    ]
    for receiver in (desk.receiver, desk.receiver, desk.open()):
        desk.now += timedelta(seconds=30)
        assert all(receiver.handle(request).status in (200, 204) for request in requests)
    assert len(desk.events()) == 3


def test_no_request_waits_while_a_receiver_that_was_started_again_looks_through_the_inbox(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 connections that came back after a kill once waited a second for the listing of what had piled up."""
    desk.receiver.handle(strava_request(strava_event()))
    listed: list[str] = []
    names = desk.store.names
    monkeypatch.setattr(desk.store, "names", lambda prefix, start="": listed.append(prefix) or names(prefix, start))
    started = desk.open()
    with TestClient(build_app(started)) as client:
        assert sorted(listed) == ["inbox/fitbit/", "inbox/polar/", "inbox/strava/"]
        for request in (strava_request(strava_event()), polar_request(polar_event())):
            answer = client.post(request.path, content=request.body, headers=dict(request.headers))
            assert answer.status_code == 200
    assert len(listed) == 3
    assert len(desk.events()) == 2


def test_a_receiver_starts_while_the_bucket_is_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(prefix: str, start: str = "") -> list[str]:
        raise ConnectionError("no route")

    names = desk.store.names
    monkeypatch.setattr(desk.store, "names", away)
    started = desk.open()
    started.prepare()
    assert "strava: the inbox could not be looked through yet (ConnectionError)" in caplog.text
    assert started.handle(strava_request(strava_event())).status == 503
    monkeypatch.setattr(desk.store, "names", names)
    assert started.handle(strava_request(strava_event())).status == 200


def test_what_happens_twice_is_two_events(desk: Desk) -> None:
    """Polar may send a day again after a later sync, Strava an update after an update."""
    for stamp in ("2026-04-01T11:00:00Z", "2026-04-01T11:20:00Z"):
        desk.receiver.handle(polar_request(polar_event("SLEEP", timestamp=stamp)))
    for updates in ({"title": "Morning run"}, {"type": "Walk"}):
        desk.receiver.handle(strava_request(strava_event(aspect_type="update", updates=updates)))
    assert len(desk.events()) == 4


def test_an_unknown_owner_is_acknowledged_dropped_and_counted(desk: Desk) -> None:
    requests = [
        ("polar", polar_request(polar_event(user_id=999)), 200),
        ("strava", strava_request(strava_event(owner_id=999)), 200),
        ("fitbit", google_request(google_event(healthUserId="999"), desk.keys), 204),
    ]
    for provider, request, status in requests:
        assert desk.receiver.handle(request).status == status
        assert desk.receiver.counts()[provider, "unknown owner"] == 1
    assert desk.events() == []


def test_a_link_made_while_the_receiver_runs_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fit_platform.feed.owners._MAX_AGE_S", -1.0)
    request = strava_request(strava_event(owner_id=4711))
    desk.receiver.handle(request)
    known = desk.connections.get("strava", "anna")
    assert known is not None
    desk.connections.save(known.model_copy(update={"athlete_id": "ben", "provider_user_id": "4711"}))
    desk.receiver.handle(request)
    assert [event.athlete_id for event in desk.events()] == ["ben"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 404),
        ("POST", "/webhooks/polar", 404),
        ("POST", "/webhooks/polar/wrong", 404),
        ("POST", "/webhooks/polar/unguessable/", 404),
        ("POST", "/webhooks/garmin/unguessable", 404),
        ("POST", "//webhooks/polar/unguessable", 404),
        ("GET", "/webhooks/polar/unguessable", 405),
        ("GET", "/webhooks/fitbit/unguessable", 405),
        ("PUT", "/webhooks/strava/unguessable", 405),
        ("HEAD", "/webhooks/strava/unguessable", 405),
        ("POST", "/healthz", 405),
        ("GET", "/healthz", 200),
        ("GET", "/health", 200),
    ],
)
def test_unknown_paths_and_methods_are_refused(desk: Desk, method: str, path: str, status: int) -> None:
    genuine = polar_request(polar_event())
    assert desk.receiver.handle(replace(genuine, method=method, path=path)).status == status
    assert desk.events() == []


def test_a_body_over_256_kib_is_refused_and_one_of_just_that_is_read(desk: Desk) -> None:
    padded = polar_event(padding="")
    room = MAX_BODY_BYTES - len(polar_request(padded).body)
    assert desk.receiver.handle(polar_request(polar_event(padding="x" * room))).status == 200
    assert desk.receiver.handle(polar_request(polar_event(padding="x" * (room + 1)))).status == 413


def test_nothing_secret_and_no_body_reaches_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    requests = [
        polar_request(polar_event()),
        polar_request(polar_event(), secret="wrong-secret"),
        strava_request(strava_event()),
        strava_request(strava_event(subscription_id=666)),
        google_request(google_event(), desk.keys),
        google_request(google_event(), desk.keys, authorization="Bearer wrong-secret"),
        Request("POST", SECRETS.path("polar"), body=b"{not json"),
        Request(
            "GET", SECRETS.path("strava"), {"hub.mode": "subscribe", "hub.challenge": "c", "hub.verify_token": "x"}
        ),
    ]
    for request in requests:
        desk.receiver.handle(request)
    assert caplog.records
    hidden = [
        SECRETS.path_secret,
        SECRETS.polar["signing_secret"],
        *SECRETS.strava.values(),
        *SECRETS.fitbit.values(),
        "wrong-secret",
        "aQlC83",
        "1360128428",
        "475",
        "134815",
        "100200300",
        "not json",
        *(value for request in requests for name, value in request.headers.items() if name != "Polar-Webhook-Event"),
    ]
    assert [text for text in hidden if text in caplog.text] == []
    assert "subscriber" not in repr(SECRETS)
    assert SECRETS.path_secret not in repr(SECRETS)


def test_a_damaged_secrets_file_refuses_everything_and_says_the_way_out(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.secrets.path.write_text("{")
    assert desk.receiver.handle(polar_request(polar_event())).status == 503
    assert "webhooks subscribe" in caplog.text


def test_secrets_that_are_stored_while_the_receiver_runs_are_used(desk: Desk) -> None:
    """Polar tells the secret in the answer to the call during which it pings us."""
    desk.secrets.change(lambda known: msgspec.structs.replace(known, polar={}))
    request = polar_request(polar_event())
    assert desk.receiver.handle(request).status == 503, "Polar sends it again"
    desk.secrets.keep("polar", **SECRETS.polar)
    assert desk.receiver.handle(request).status == 200
    assert desk.secrets.path.stat().st_mode & 0o777 == 0o600


def test_a_batch_of_google_is_kept_whole_and_what_is_not_pulled_is_counted(desk: Desk) -> None:
    batch = [google_event("steps"), google_event("heart-rate"), google_event("swim-lengths-data"), {"data": 1}, 7]
    assert desk.receiver.handle(google_request(batch, desk.keys)).status == 204
    assert sorted(event.resources for event in desk.events()) == [("heart_rate",), ("steps",)]
    assert desk.receiver.counts()["fitbit", "ignored"] == 3
    assert {event.days for event in desk.events()} == {(date(2026, 3, 31),)}


def test_a_new_key_of_google_is_fetched_when_it_signs(desk: Desk) -> None:
    desk.receiver.handle(google_request(google_event(), desk.keys))
    desk.keys = GoogleKeys(key_id=77)
    desk.now += timedelta(minutes=2)
    assert desk.receiver.handle(google_request(google_event("sleep"), desk.keys)).status == 204
    assert len(desk.fetched) == 2
