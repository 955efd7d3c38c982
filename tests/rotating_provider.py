"""A token endpoint that kills a refresh token the moment it is used, and a home that is linked to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from fit_platform.accounts.connections import Connection, ConnectionStore
from fit_platform.accounts.tokens import Token, open_token_store
from fit_platform.settings import Settings
from tests.fake_secret_manager import FakeSecretManager

KEY = "a long and random key"


class Grace(StrEnum):
    """What becomes of the old refresh token when a new one is answered."""

    NONE = "dead at once"  # Strava: "if it changed, the old one is dead"; Polar v4 says as little
    UNTIL_USED = "until the new one is used"  # the strictest rule under which an answer may get lost
    NO_ROTATION = "the refresh token never changes"  # Google


class RotatingProvider:
    """A token endpoint. By default as strict as Strava's documents: each refresh kills the refresh token used."""

    def __init__(self) -> None:
        self.url = ""
        self.grace = Grace.NONE
        self.on_answer: Callable[[], object] = lambda: None  # runs when the answer is made and before it is sent
        self.refresh_token = "r0"
        self.lifetime_s = 1
        self.refreshes = 0
        self.refused = 0
        self._graced = ""
        self._lock = threading.Lock()

    def answer(self, form: dict[str, list[str]]) -> tuple[int, dict]:
        with self._lock:
            given = form.get("refresh_token", [""])[0]
            if given == self.refresh_token:
                self._graced = ""
            if given not in (self.refresh_token, self._graced):
                self.refused += 1
                return 400, {"errors": [{"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}]}
            self.refreshes += 1
            if self.grace is Grace.UNTIL_USED:
                self._graced = given
            if self.grace is not Grace.NO_ROTATION:
                self.refresh_token = f"r{self.refreshes}"
            expires_at = int(datetime.now(UTC).timestamp()) + self.lifetime_s
            token = {
                "access_token": f"a{self.refreshes}",
                "refresh_token": self.refresh_token,
                "expires_at": expires_at,
            }
            return 200, token


@contextmanager
def rotating_provider() -> Iterator[RotatingProvider]:
    """The endpoint, served on loopback; `url` says where."""
    state = RotatingProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, answer = state.answer(form)
            state.on_answer()
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
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def linked_home(home: Path, provider: RotatingProvider, google: FakeSecretManager | None = None) -> Settings:
    """A linked athlete whose token is due, kept in a file, or in a Secret Manager."""
    settings = Settings(
        home=home,
        token_store="secret-manager" if google else "file",
        secret_manager_url=google.url if google else None,
        gcp_project="p",
        _env_file=None,
        strava_token_url=provider.url,
        strava_client_id="42",
        strava_client_secret="s",
        secret_key=KEY,
    )
    now = datetime.now(UTC)
    tokens = open_token_store(settings)
    tokens.save("strava", "ada", Token("a0", "r0", now + timedelta(seconds=1)))
    linked = Connection(provider="strava", athlete_id="ada", linked_at=now, acquired="oauth")
    ConnectionStore(settings.home_dir).save(linked)
    return settings
