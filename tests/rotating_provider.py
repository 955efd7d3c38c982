"""A token endpoint that kills a refresh token the moment it is used, and a home that is linked to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from fit_platform.accounts.connections import Connection, ConnectionStore
from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.settings import Settings

KEY = "a long and random key"


class RotatingProvider:
    """A token endpoint as strict as Strava's documents: each answer has a new refresh token, the old one is dead."""

    def __init__(self) -> None:
        self.url = ""
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


@contextmanager
def rotating_provider() -> Iterator[RotatingProvider]:
    """The endpoint, served on loopback; `url` says where."""
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
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def linked_home(home: Path, provider: RotatingProvider) -> Settings:
    """A linked athlete whose token is due."""
    settings = Settings(
        home=home,
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
