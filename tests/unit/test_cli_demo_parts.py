"""The demo's own parts: its home, its score, its headless athlete, and children that end with their parent."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fit_platform.accounts.connections import Connection, ConnectionStore
from fit_platform.commands.children import child
from fit_platform.commands.demo import consenting
from fit_platform.commands.demo_home import choose_demo_world, refuse_real_account, save_demo_world
from fit_platform.commands.demo_score import score_matching
from fit_platform.commands.usage import UsageError
from fit_platform.providers.base import Window
from fit_platform.settings import load_settings

TODAY = date(2026, 3, 10)


def choose(**options):
    return choose_demo_world(load_settings(), TODAY, **{"days": None, "athletes": None, "seed": None, **options})


def test_the_first_demo_world_ends_yesterday_and_later_runs_find_the_same_one():
    world = choose(days=5)
    assert world.window == Window(date(2026, 3, 5), date(2026, 3, 9))
    save_demo_world(load_settings(), world)
    again = choose_demo_world(load_settings(), date(2026, 4, 1), days=None, athletes=None, seed=None)
    assert again == world


def test_another_world_than_the_home_holds_is_refused():
    save_demo_world(load_settings(), choose(days=5))
    with pytest.raises(UsageError, match="--days 5"):
        choose(days=30)


def test_the_demo_refuses_a_home_with_real_connections(tmp_path):
    ConnectionStore(load_settings().home_dir).save(
        Connection(provider="polar", athlete_id="me", linked_at="2026-03-01T08:00:00Z", acquired="oauth")
    )
    with pytest.raises(UsageError, match="real connections"):
        choose()


def test_a_real_account_cannot_be_linked_in_a_demo_home(monkeypatch):
    refuse_real_account(load_settings())
    save_demo_world(load_settings(), choose())
    with pytest.raises(UsageError, match="set FIT_HOME"):
        refuse_real_account(load_settings())
    monkeypatch.setenv("FIT_POLAR_API_URL", "http://127.0.0.1:9/v3")  # the operator says where providers are
    refuse_real_account(load_settings())


def test_matching_is_scored_by_pairs_of_records():
    truth = {
        "activities": [
            _activity("one", "2026-03-01T08:00:00Z", "polar:1", "strava:1", "fitbit:1"),
            _activity("two", "2026-03-02T08:00:00Z", "polar:2", "strava:2"),
            _activity("later", "2026-03-20T08:00:00Z", "polar:3", "strava:3"),
        ]
    }
    built = [("a", "polar:1"), ("a", "strava:1"), ("b", "fitbit:1"), ("c", "polar:2"), ("c", "strava:2"), ("c", "x:9")]
    rows = [
        {"activity_id": activity, "athlete_id": "ada", "provider": record[:-2], "provider_activity_id": record[-1]}
        for activity, record in built
    ]
    score = score_matching(truth, rows, Window(date(2026, 3, 1), date(2026, 3, 9)))
    assert (score.activities, score.true_pairs, score.matched_pairs, score.right_pairs) == (2, 4, 4, 2)
    assert score.precision_words == "2 of 4 (50.0%)"


def _activity(true_id, started_at, *records):
    return {
        "true_id": true_id,
        "athlete": "ada",
        "started_at": started_at,
        "records": [{"provider": name[:-2], "provider_activity_id": name[-1]} for name in records],
    }


def test_the_headless_athlete_allows_everything_that_is_ticked_for_the_right_person():
    page = (
        '<form method="post"><input type="hidden" name="shown" value="1">'
        '<input type="radio" name="athlete" value="ada" checked><input type="radio" name="athlete" value="ben">'
        '<input type="checkbox" name="scope" value="read" checked><input type="checkbox" name="scope" value="write">'
        '<button name="decision" value="deny">Deny</button></form>'
    )
    with _web_page(page) as (url, posted):
        consenting("ben")(f"{url}/authorize?state=s")
    assert posted == ["/authorize?state=s", "shown=1&scope=read&athlete=ben&decision=allow"]


@contextmanager
def _web_page(page):
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(page)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posted.extend([self.path, body])
            self._answer("thanks")

        def _answer(self, text):
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", posted
    finally:
        server.shutdown()
        server.server_close()


def test_a_child_is_stopped_when_the_block_ends():
    with child(["http.server", "0", "--bind", "127.0.0.1"], read_output=True) as process:
        assert process.poll() is None
    assert process.poll() is not None


def test_a_child_ends_when_its_parent_is_killed():
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time\nfrom fit_platform.commands.children import child\n"
            "with child(['http.server', '0', '--bind', '127.0.0.1']) as process:\n"
            "    print('up', flush=True)\n"
            "    time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline()
    parent.send_signal(signal.SIGKILL)
    # The child holds the other end of this pipe: it is closed when the child has ended, and not before.
    parent.communicate(timeout=30)
