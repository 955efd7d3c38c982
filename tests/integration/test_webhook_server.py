"""The receiver as a server, over real sockets: limits of size and time, a graceful end, and nothing in its log."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings

from fit_platform import patience
from fit_platform.feed.asgi import build_app
from fit_platform.feed.openapi import describe
from fit_platform.feed.receiver import MAX_BODY_BYTES, Receiver, Response
from fit_platform.landing.inbox import Inbox
from fit_platform.landing.store import FolderStore
from tests.bench.webhooks import ReceiverProcess, free_port, served, wire
from tests.unit.webhook_receiver import Desk
from tests.webhook_senders import (
    SECRETS,
    GoogleKeys,
    google_event,
    google_request,
    keep_secrets,
    link_owners,
    polar_event,
    polar_request,
    strava_event,
    strava_request,
)


@contextmanager
def listening(receiver: Receiver, max_seconds: float = 10.0) -> Iterator[int]:
    """The application in this process, with the protocol that `serve` uses."""
    port = free_port()
    app = build_app(receiver, max_seconds)
    config = uvicorn.Config(app, port=port, http=patience.ImpatientProtocol, access_log=False, log_config=None)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def answer_to(port: int, *parts: bytes, timeout_s: float = 10.0) -> bytes:
    """What comes back for these bytes; empty when the connection is closed without a word."""
    with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = connection.recv(65536)
            if not received:
                break
            answer += received
        return answer


def test_a_body_that_is_too_large_is_refused_announced_or_not(desk: Desk) -> None:
    path, large = SECRETS.path("polar"), b"x" * (MAX_BODY_BYTES + 1)
    with listening(desk.receiver) as port:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\n".encode()
        announced = answer_to(port, head + f"content-length: {len(large)}\r\n\r\n".encode())
        assert announced.startswith(b"HTTP/1.1 413"), "refused before any of it was sent"
        chunk = b"%x\r\n%s\r\n" % (len(large), large)
        assert answer_to(port, head + b"transfer-encoding: chunked\r\n\r\n", chunk).startswith(b"HTTP/1.1 413")
    assert desk.events() == []


def test_a_body_that_trickles_in_is_given_up(desk: Desk) -> None:
    request = wire(polar_request(polar_event()))
    with listening(desk.receiver, max_seconds=0.2) as port:
        started = time.monotonic()
        assert answer_to(port, request[:-10]).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - started < 5
    assert desk.events() == []


@pytest.mark.parametrize("sent", [b"", b"POST /webhooks/polar/x HTTP/1.1\r\nhost: x\r\nx-slow: "])
def test_headers_that_never_end_are_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(patience, "HEADER_SECONDS", 0.2)
    with listening(desk.receiver) as port:
        started = time.monotonic()
        assert answer_to(port, sent) == b""
        assert time.monotonic() - started < 5


def test_a_second_request_on_the_connection_has_its_own_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEADER_SECONDS", 0.3)
    request = wire(polar_request(polar_event()))
    with listening(desk.receiver) as port, socket.create_connection(("127.0.0.1", port), 10) as connection:
        for _ in range(3):
            connection.sendall(request)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            time.sleep(0.2)
        connection.sendall(request[:20])
        assert connection.recv(65536) == b""


def test_while_one_sender_is_slow_the_others_are_served(desk: Desk) -> None:
    with listening(desk.receiver, max_seconds=5) as port:
        slow = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(50)]
        for connection in slow:
            connection.sendall(wire(polar_request(polar_event()))[:-5])
        started = time.monotonic()
        assert answer_to(port, wire(strava_request(strava_event()))).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - started < 2, "Strava waits two seconds"
        for connection in slow:
            connection.close()


def test_a_path_with_a_line_break_is_refused_as_any_other(desk: Desk) -> None:
    """Found by fuzzing: the web framework's own 404 was another answer than ours."""
    with listening(desk.receiver) as port:
        answer = requests.post(f"http://127.0.0.1:{port}/webhooks/polar/%0Ax", timeout=10)
    assert (answer.status_code, answer.json()) == (404, {"status": "no such path"})


def test_rubbish_that_is_no_http_is_refused(desk: Desk) -> None:
    with listening(desk.receiver) as port:
        assert answer_to(port, b"\x16\x03\x01\x00\xa5\x01\x00\x00\r\n\r\n").startswith((b"HTTP/1.1 400", b""))
        assert answer_to(port, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_request_in_flight_is_answered_when_the_server_is_told_to_end(desk: Desk) -> None:
    class Slow:
        def prepare(self) -> None:
            """Nothing to look through."""

        def handle(self, _: object) -> Response:
            time.sleep(0.5)
            return Response(204)

    with ThreadPoolExecutor(1) as sender:
        with listening(Slow()) as port:  # type: ignore[arg-type]
            waiting = sender.submit(answer_to, port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            time.sleep(0.2)
        assert waiting.result().startswith(b"HTTP/1.1 204")


def test_the_command_serves_all_three_providers_ends_on_sigterm_and_keeps_its_log_clean(tmp_path: Path) -> None:
    keys = GoogleKeys()
    keep_secrets(tmp_path / "state" / "webhooks" / "secrets.json")
    link_owners(tmp_path)
    sent = [polar_request(polar_event()), strava_request(strava_event()), google_request([google_event()], keys)]
    with served(keys.document()) as keys_url:
        process = ReceiverProcess(tmp_path, keys_url)
        try:
            process.wait_until_up()
            base = f"http://127.0.0.1:{process.port}"
            for request in sent:
                answer = requests.post(base + request.path, request.body, headers=dict(request.headers), timeout=10)
                assert answer.status_code in (200, 204)
            challenge = {"hub.mode": "subscribe", "hub.challenge": "c1", "hub.verify_token": "STRAVA-token"}
            echo = requests.get(base + SECRETS.path("strava"), challenge, timeout=10)
            assert echo.json() == {"hub.challenge": "c1"}
            assert requests.get(f"{base}/healthz", timeout=10).json() == {"status": "ok"}
            assert process.end() == 0
        finally:
            process.process.kill()
    inbox = Inbox(FolderStore(tmp_path / "landing"))
    assert {name.split("/")[1] for name in inbox.names()} == {"polar", "strava", "fitbit"}
    log = (tmp_path / "receiver.log").read_text()
    assert "polar: event, answered 200" in log
    assert "since the start: fitbit, kept: 1" in log
    for hidden in (SECRETS.path_secret, "STRAVA-token", "health-secret", "aQlC83", "1360128428", "Traceback"):
        assert hidden not in log


fuzzed = schemathesis.openapi.from_dict(describe())
fuzzed.config.update(headers={"host": "127.0.0.1"})


def as_digits(value: Any) -> Any:
    """To JSON Schema 17.0 is an integer; no provider writes an id like that, and the receiver refuses it."""
    if isinstance(value, dict):
        return {name: as_digits(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_digits(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@fuzzed.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_receiver_keeps_to_its_own_description(case: schemathesis.Case, desk: Desk) -> None:
    """Generated requests, right and wrong, behind a wrong path secret and then behind the right one."""
    app = build_app(desk.receiver)
    case.body = as_digits(case.body)
    case.call_and_validate(app=app)
    if "secret" in case.path_parameters:
        case.path_parameters["secret"] = SECRETS.path_secret
        case.call_and_validate(app=app)
    assert desk.events() == []
