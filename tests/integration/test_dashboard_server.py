"""The dashboard as a server, over real sockets: nobody can hold it by being slow."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from threading import Thread

import pytest
import uvicorn

from fit_platform import patience
from fit_platform.dashboard import app as app_module
from fit_platform.dashboard import serve as serve_module
from tests.bench.webhooks import free_port
from tests.dashboard_home import DashboardHome, make_home

HOST = b"host: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> DashboardHome:
    return make_home(tmp_path_factory.mktemp("home"), 20)


@pytest.fixture
def server(home: DashboardHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    """`serve` as it is, in a thread; the server that it makes is caught, to be looked at and ended."""
    servers: list[uvicorn.Server] = []

    def run(made: uvicorn.Server) -> None:
        servers.append(made)
        original(made)

    original = uvicorn.Server.run
    monkeypatch.setattr(uvicorn.Server, "run", run)
    for name in ("HEADER_SECONDS", "READER_SECONDS"):
        monkeypatch.setattr(patience, name, 0.2)
    monkeypatch.setattr(app_module, "_MAX_BODY_SECONDS", 0.2)
    thread = Thread(target=serve_module.serve, args=(home.parts(), "127.0.0.1", free_port()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not (servers and servers[0].started):
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    yield servers[0]
    servers[0].should_exit = True
    thread.join(20)


def connected(server: uvicorn.Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.config.port), 10)


def until_closed(connection: socket.socket) -> bytes:
    """Everything that comes until the other side closes."""
    received = bytearray()
    while part := connection.recv(65536):
        received += part
    return bytes(received)


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\n" + HOST + b"x-slow: "])
def test_headers_that_never_end_are_given_up(server: uvicorn.Server, sent: bytes) -> None:
    with connected(server) as connection:
        connection.sendall(sent)
        assert until_closed(connection) == b""


@pytest.mark.parametrize("path", [b"/api/decisions", b"/api/enter"])
def test_a_body_that_never_ends_is_given_up(server: uvicorn.Server, path: bytes) -> None:
    with connected(server) as connection:
        connection.sendall(b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"content-length: 100\r\n\r\n{")
        assert until_closed(connection).startswith(b"HTTP/1.1 408")


def test_an_answer_that_nobody_reads_is_given_up_and_others_are_served(server: uvicorn.Server) -> None:
    asked = 40
    with connected(server) as greedy:
        greedy.sendall((b"GET /assets/app.js HTTP/1.1\r\n" + HOST + b"\r\n") * asked)
        with connected(server) as other:
            other.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n")
            assert until_closed(other).endswith(b"ok\n")
        deadline = time.monotonic() + 10
        while server.server_state.connections:
            assert time.monotonic() < deadline, "the reader is still waited for"
            time.sleep(0.01)
        assert until_closed(greedy).count(b"HTTP/1.1 200") < asked
