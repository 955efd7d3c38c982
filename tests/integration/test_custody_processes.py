"""Custody under parallel processes, against a provider that kills a refresh token the moment it is used."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from fit_platform.accounts.connections import Connection, ConnectionStore, State
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.settings import Settings

FORK = multiprocessing.get_context("fork")
PROCESSES = 4
KEY = "a long and random key"


class RotatingProvider:
    """A token endpoint as strict as Strava's documents: each answer has a new refresh token, the old one is dead."""

    def __init__(self) -> None:
        self.refresh_token = "r0"
        self.lifetime_s = 1
        self.refreshes = 0
        self.refused = 0
        self._lock = threading.Lock()

    def answer(self, form: dict[str, list[str]]) -> tuple[int, dict]:
        with self._lock:
            if form.get("refresh_token") != [self.refresh_token]:
                self.refused += 1
                return 400, {"errors": [{"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}]}
            self.refreshes += 1
            self.refresh_token = f"r{self.refreshes}"
            expires_at = int(datetime.now(UTC).timestamp()) + self.lifetime_s
            token = {
                "access_token": f"a{self.refreshes}",
                "refresh_token": self.refresh_token,
                "expires_at": expires_at,
            }
            return 200, token


@pytest.fixture
def provider() -> Iterator[RotatingProvider]:
    state = RotatingProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, answer = state.answer(form)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/oauth/token"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path, provider: RotatingProvider) -> Settings:
    """A linked athlete whose token is due."""
    settings = Settings(
        home=tmp_path,
        _env_file=None,
        strava_token_url=provider.url,
        strava_client_id="42",
        strava_client_secret="s",
        secret_key=KEY,
    )
    now = datetime.now(UTC)
    tokens = FileTokenStore(settings.home_dir, settings.secret_key)
    tokens.save("strava", "ada", Token("a0", "r0", now + timedelta(seconds=1)))
    linked = Connection(provider="strava", athlete_id="ada", linked_at=now, acquired="oauth")
    ConnectionStore(settings.home_dir).save(linked)
    return settings


def _use(settings: Settings, times: int, barrier, results) -> None:
    custody = Custody(settings)
    barrier.wait(timeout=10)
    results.put([custody.access_token("strava", "ada") for _ in range(times)])


def in_parallel(settings: Settings, times: int) -> list[str]:
    barrier, results = FORK.Barrier(PROCESSES), FORK.Queue()
    workers = [FORK.Process(target=_use, args=(settings, times, barrier, results)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    handed_out = [token for _ in workers for token in results.get(timeout=20)]
    for worker in workers:
        worker.join(timeout=10)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    return handed_out


def test_parallel_processes_that_refresh_at_every_use_never_lose_the_connection(settings, provider):
    handed_out = in_parallel(settings, times=15)
    assert provider.refused == 0
    assert provider.refreshes == len(set(handed_out)) == PROCESSES * 15
    stored = FileTokenStore(settings.home_dir, settings.secret_key).load("strava", "ada")
    assert stored.refresh_token == provider.refresh_token
    assert ConnectionStore(settings.home_dir).get("strava", "ada").state(datetime.now(UTC)).state is State.WORKING


def test_parallel_processes_with_one_due_token_refresh_once(settings, provider):
    provider.lifetime_s = 21_600
    handed_out = in_parallel(settings, times=5)
    assert set(handed_out) == {"a1"}
    assert (provider.refreshes, provider.refused) == (1, 0)


def _hold(settings: Settings, holding) -> None:
    with FileTokenStore(settings.home_dir, settings.secret_key).exclusive("strava", "ada"):
        holding.set()
        signal.pause()


def test_a_process_that_was_killed_while_refreshing_does_not_lock_the_others_out(settings, provider):
    holding = FORK.Event()
    victim = FORK.Process(target=_hold, args=(settings, holding))
    victim.start()
    assert holding.wait(timeout=10)
    os.kill(victim.pid, signal.SIGKILL)
    victim.join(timeout=10)
    provider.lifetime_s = 21_600
    assert Custody(settings).access_token("strava", "ada") == "a1"


def _die_at(settings: Settings, step: str) -> None:
    """Refresh, and be killed just before `step` of the write."""
    import fit_platform.accounts.files as files

    def die(*args: object, **kwargs: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if step == "write":
        files.tempfile.mkstemp = die
    elif step == "rename":
        files.Path.replace = die
    else:
        done = files.Path.replace
        files.Path.replace = lambda self, target: (done(self, target), die())
    Custody(settings).access_token("strava", "ada")


@pytest.mark.parametrize("step", ["write", "rename", "use"])
def test_kill_9_at_any_step_of_the_write_leaves_a_whole_token(settings, provider, step):
    """Before the rename it is the old one, which only a provider with a grace period still takes; never a cut one."""
    victim = FORK.Process(target=_die_at, args=(settings, step))
    victim.start()
    victim.join(timeout=10)
    assert victim.exitcode == -signal.SIGKILL
    stored = FileTokenStore(settings.home_dir, settings.secret_key).load("strava", "ada")
    assert stored.refresh_token == ("r1" if step == "use" else "r0")
