"""The platform against an HTTP server that is not our simulator, linked with `--token-file`, by the command line alone.

The server is plain `http.server` with recorded-style answers (invented, in the documented shapes). It wants the bearer
token in the header, hands out one new Strava token for the expired one, and knows nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

from tests.unit.test_providers_recorded import ANSWERS, RUN

FRESH = "fresh-strava-token"
BEARERS = {"/polar/v3": "polar-token", "/strava/api/v3": FRESH, "/google/v4": "google-token"}


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        prefix = next((p for p in BEARERS if address.path.startswith(p)), "")
        path = address.path.removeprefix(prefix)
        if self.headers.get("Authorization") != f"Bearer {BEARERS.get(prefix)}":
            self.answer(401, {"message": "Authorization Error"})
        elif path == "/athlete/activities":
            self.answer(200, [RUN] if parse_qs(address.query)["page"] == ["1"] else [])
        elif path == "/users/me/identity":
            self.answer(200, {"name": "users/me/identity", "healthUserId": "111"})
        elif path in ANSWERS:
            self.answer(200, ANSWERS[path])
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/strava/oauth/token" and "grant_type=refresh_token" in body and "old-refresh" in body:
            expires_at = int(time.time()) + 21600
            self.answer(200, {"access_token": FRESH, "refresh_token": "new-refresh", "expires_at": expires_at})
        elif self.path == "/polar/v3/users":
            self.answer(409, {})
        else:
            self.answer(404, {})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content, indent=2).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Silence."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def fit_platform(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fit_platform", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_link_by_token_file_and_sync_against_a_server_that_we_did_not_simulate(server: str, tmp_path: Path) -> None:
    environment = {
        "FIT_HOME": str(tmp_path / "home"),
        "FIT_STRAVA_API_RETENTION_DAYS": "keep",
        "FIT_STRAVA_CLIENT_ID": "1",
        "FIT_STRAVA_CLIENT_SECRET": "s",
        "FIT_POLAR_API_URL": f"{server}/polar/v3",
        "FIT_STRAVA_API_URL": f"{server}/strava/api/v3",
        "FIT_STRAVA_TOKEN_URL": f"{server}/strava/oauth/token",
        "FIT_FITBIT_API_URL": f"{server}/google/v4",
    }
    now = int(time.time())
    tokens = {
        "polar": {"access_token": "polar-token", "expires_at": now + 10**7, "user_id": "10579"},
        "strava": {"access_token": "stale", "refresh_token": "old-refresh", "expires_at": now - 60},
        "fitbit": {"access_token": "google-token", "refresh_token": "r", "expires_at": now + 3000},
    }
    for provider, token in tokens.items():
        file = tmp_path / f"{provider}.json"
        file.write_text(json.dumps(token))
        linked = fit_platform(
            environment, "link", provider, "eve", "--token-file", str(file), "--timezone", "Europe/Riga"
        )
        assert linked.returncode == 0, linked.stderr
        assert token["access_token"] not in linked.stdout + linked.stderr

    synced = fit_platform(environment, "sync", "--from", "2026-08-31", "--to", "2026-09-02", "--json")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    with duckdb.connect(str(tmp_path / "home" / "warehouse" / "fit.duckdb"), read_only=True) as db:
        assert db.sql("SELECT * FROM ops.quarantine").fetchall() == []
        counts = dict(db.sql("SELECT provider, count(*) FROM marts.activity_sources GROUP BY provider").fetchall())
        assert set(counts) == {"polar", "strava", "fitbit"}
        [(highest,)] = db.sql(
            "SELECT max_bpm FROM marts.heart_rate_hourly WHERE hour_start_utc = '2026-09-01 10:00:00+00'"
        ).fetchall()
        assert highest >= 72
        assert db.sql("SELECT steps FROM marts.daily_summary WHERE local_date = '2026-09-01'").fetchall()

    again = fit_platform(environment, "sync", "--from", "2026-08-31", "--to", "2026-09-02")
    assert again.returncode == 0, again.stderr
    assert "Nothing changed" in again.stdout
    status = fit_platform(environment, "status", "--json")
    assert status.returncode == 0
    assert FRESH not in status.stdout
