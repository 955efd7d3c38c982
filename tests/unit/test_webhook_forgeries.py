"""Whatever a stranger sends: an answer, never an exception, never an event, and never a word of it in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fit_platform.feed.receiver import Request
from tests.unit.webhook_receiver import Desk
from tests.webhook_senders import (
    SECRETS,
    USERS,
    google_event,
    google_request,
    polar_event,
    polar_request,
    strava_event,
    strava_request,
)

quick = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
members = st.sampled_from(
    [
        *("event", "user_id", "entity_id", "date", "from", "to", "object_type", "object_id", "aspect_type", "owner_id"),
        *("subscription_id", "event_time", "updates", "data", "healthUserId", "dataType", "intervals", "recordId"),
    ]
)
bodies = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
headers = st.dictionaries(
    st.sampled_from(
        ["authorization", "polar-webhook-signature", "x-strava-signature", "google-health-api-signature", "x-other"]
    ),
    st.text(max_size=100),
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(autouse=True)
def _no_secret_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert SECRETS.path_secret not in caplog.text


@quick
@given(provider=st.sampled_from(["polar", "strava", "fitbit"]), body=bodies, headers=headers)
def test_no_forgery_becomes_an_event(desk: Desk, provider: str, body: bytes, headers: dict[str, str]) -> None:
    answer = desk.receiver.handle(Request("POST", SECRETS.path(provider), headers=headers, body=body))
    assert answer.status in ((200, 400, 401) if provider == "polar" else (400, 401, 403))
    assert desk.events() == []


@quick
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", ""]) | st.text(max_size=8),
    path=st.text(max_size=60) | st.sampled_from([SECRETS.path("polar"), "/webhooks/strava/", "/healthz/.."]),
    query=st.dictionaries(st.sampled_from(["hub.mode", "hub.challenge", "hub.verify_token"]), st.text(max_size=300)),
    headers=headers,
    body=bodies,
)
def test_any_request_at_all_is_answered(
    desk: Desk, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> None:
    assert 200 <= desk.receiver.handle(Request(method, path, query, headers, body)).status < 500
    assert desk.events() == []


@quick
@given(
    provider=st.sampled_from(["polar", "strava", "fitbit"]), changes=st.dictionaries(members, json_values, max_size=3)
)
def test_a_genuine_sender_with_strange_content_is_acknowledged_or_refused_but_breaks_nothing(
    desk: Desk, provider: str, changes: dict[str, object]
) -> None:
    """A signature proves who sent it, not that it makes sense: nothing may be lost or break over it."""
    request = {
        "polar": lambda: polar_request({**polar_event("SLEEP"), **changes}),
        "strava": lambda: strava_request({**strava_event(), **changes}),
        "fitbit": lambda: google_request([{"data": {**google_event()["data"], **changes}}], desk.keys),
    }[provider]()
    assert desk.receiver.handle(request).status in (200, 204, 400, 403)
    assert {event.athlete_id for event in desk.events()} <= {"anna"}


@quick
@given(data=st.data())
def test_one_changed_byte_of_a_signed_body_is_a_forgery(desk: Desk, data: st.DataObject) -> None:
    request = data.draw(
        st.sampled_from([polar_request(polar_event()), google_request([google_event()], desk.keys)]), label="request"
    )
    at = data.draw(st.integers(0, len(request.body) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != request.body[at]))
    changed = request.body[:at] + bytes([byte]) + request.body[at + 1 :]
    answer = desk.receiver.handle(Request("POST", request.path, headers=request.headers, body=changed))
    assert answer.status in (400, 401)
    assert desk.events() == []


@settings(quick, max_examples=40)
@given(order=st.lists(st.sampled_from(["polar", "strava", "fitbit"]), min_size=1, max_size=12), restart=st.booleans())
def test_however_often_deliveries_are_replayed_each_change_waits_once(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], restart: bool
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    requests = {
        "polar": polar_request(polar_event()),
        "strava": strava_request(strava_event()),
        "fitbit": google_request(google_event(), desk.keys),
    }
    receiver = desk.receiver
    for provider in order:
        assert receiver.handle(requests[provider]).status in (200, 204)
        receiver = desk.open() if restart else receiver
    assert sorted(event.provider for event in desk.events()) == sorted(set(order))
    assert {event.athlete_id for event in desk.events()} == {"anna"}
    assert set(order) <= set(USERS)
