"""Every resource against an HTTP server that speaks the documented APIs: pulled, landed, parsed, and pulled again.

The answers are invented, in the shapes of the providers' documentation. The server is plain `http.server`: it knows
nothing of our clients, and answers recorded lists whatever the filter, as a replay would.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.parse import parse_days
from fit_platform.pipeline.pull import pull
from fit_platform.providers.base import Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.registry import resource, resources
from tests.unit.provider_fakes import NOW, CountingQuota, Tokens
from tests.unit.test_fitbit_parse import POINT, SLEEP
from tests.unit.test_polar_parse import LIVE
from tests.unit.test_strava_parse import BY_TYPE, SUMMARY

BEAT = {
    "dataSource": {
        "recordingMethod": "PASSIVELY_MEASURED",
        "platform": "FITBIT",
        "device": {"displayName": "Charge 6"},
    },
    "heartRate": {"beatsPerMinute": "72", "sampleTime": {"physicalTime": "2026-09-01T10:00:00Z", "utcOffset": "7200s"}},
}
WALK = {"steps": {"interval": {"startTime": "2026-09-01T10:00:00Z", "endTime": "2026-09-01T10:01:00Z"}, "count": "17"}}
RESTING = {"dailyRestingHeartRate": {"date": {"year": 2026, "month": 9, "day": 1}, "beatsPerMinute": "52"}}
EXERCISE = LIVE | {"route": LIVE["route"][:2]}
RUN = SUMMARY | {"start_date": "2026-09-01T08:00:00Z"}
POLAR_DAY = {"date": "2026-09-01", "heart_rate_samples": [{"heart_rate": 0, "sample_time": "00:02:08"}]}
NIGHT = {
    "date": "2026-09-01",
    "sleep_start_time": "2026-08-31T23:10:00+03:00",
    "sleep_end_time": "2026-09-01T07:00:00+03:00",
}
POLAR_ACTIVITY = {"start_time": "2026-09-01T00:00", "steps": 8823, "active_duration": "PT3H11M"}
GOOGLE = "/users/me/dataTypes/{}/dataPoints"
ANSWERS = {
    "/exercises": [EXERCISE],
    "/users/sleep": {"nights": [NIGHT]},
    "/users/continuous-heart-rate": {"heart_rates": [POLAR_DAY]},
    "/users/activities": [POLAR_ACTIVITY],
    "/athlete": {"id": 7, "sex": "F", "weight": 61.5},
    f"/activities/{RUN['id']}/streams": BY_TYPE,
    GOOGLE.format("exercise"): {"dataPoints": [POINT]},
    GOOGLE.format("heart-rate"): {"dataPoints": [BEAT]},
    GOOGLE.format("sleep"): {"dataPoints": [SLEEP]},
    GOOGLE.format("steps") + ":reconcile": {"dataPoints": [WALK]},
    GOOGLE.format("daily-resting-heart-rate"): {"dataPoints": [RESTING]},
}


class _Replay(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/athlete/activities":
            answer = [RUN] if parse_qs(address.query)["page"] == ["1"] else []
        else:
            answer = ANSWERS.get(address.path)
        body = json.dumps(answer, indent=1).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def replay() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Replay)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


ROWS = {
    "polar_exercises": 1,
    "polar_exercise_samples": 5,
    "polar_exercise_route": 2,
    "polar_exercise_zones": 2,
    "polar_continuous_heart_rate": 1,
    "polar_sleep": 1,
    "polar_daily_activity": 1,
    "strava_athletes": 1,
    "strava_activities": 1,
    "strava_stream_samples": 3,
    "fitbit_exercises": 1,
    "fitbit_heart_rate": 1,
    "fitbit_sleep": 1,
    "fitbit_steps": 1,
    "fitbit_daily_resting_heart_rate": 1,
}


@pytest.mark.parametrize("key", [r.key for r in resources()], ids="/".join)
def test_documented_answers_become_rows_without_quarantine_and_a_second_pull_changes_nothing(
    key: tuple[str, str], replay: str, tmp_path: Path
):
    zone = LandingZone(FolderStore(tmp_path / "landing"))
    wanted = resource(*key)
    window = Window(date(2026, 8, 31), date(2026, 9, 2))
    api = ApiClient(key[0], "ada", replay, Tokens(), CountingQuota(), clock=lambda: NOW)
    for name in (*wanted.needs, wanted.name):
        report = pull(resource(key[0], name), window, [api], zone)
        assert report.failures == []
    assert pull(wanted, window, [api], zone).changed_days == 0

    parsed = parse_days(wanted, zone, list(zone.keys(*key)), tmp_path / "parquet")
    assert parsed.quarantine == []
    rows = {
        table.name: sum(pq.read_metadata(file).num_rows for file in files) for table, files in parsed.parquet.items()
    }
    assert rows == {table.name: ROWS[table.name] for table in wanted.tables}
