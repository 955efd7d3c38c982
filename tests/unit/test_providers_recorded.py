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
from fit_platform.providers.registry import every_resource, resource
from tests.unit import test_fitbit_measures as fitbit
from tests.unit.provider_fakes import NOW, CountingQuota, Tokens
from tests.unit.test_fitbit_parse import POINT, SLEEP
from tests.unit.test_polar_parse import LIVE
from tests.unit.test_strava_parse import BY_TYPE, DETAIL, SUMMARY, ZONES
from tests.unit.test_tracks import GPX, TCX

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
EXERCISE = LIVE | {"has_route": True, "route": LIVE["route"][:2]}
RUN = SUMMARY | {"start_date": "2026-09-01T08:00:00Z"}
POLAR_DAY = {"date": "2026-09-01", "heart_rate_samples": [{"heart_rate": 0, "sample_time": "00:02:08"}]}
NIGHT = {
    "date": "2026-09-01",
    "sleep_start_time": "2026-08-31T23:10:00+03:00",
    "sleep_end_time": "2026-09-01T07:00:00+03:00",
    "hypnogram": {"23:10": 3, "00:40": 4},
    "heart_rate_samples": {"23:12": 61, "23:17": 0},
}
RECHARGE = {"date": "2026-09-01", "ans_charge": 0.0, "hrv_samples": {"23:59": 41}, "breathing_samples": {"00:01": 13.4}}
NO_LOAD = {"date": "2026-09-01", "cardio_load_status": "LOAD_STATUS_NOT_AVAILABLE", "cardio_load": -1.0}
ALERTNESS = {
    "period_start_time": "2026-09-01T04:00:00",
    "grade": 9.9,
    "hourly_data": [{"start_time": "2026-09-01T04:00:00"}, {"start_time": "2026-09-01T05:00:00"}],
}
BODY_TEMPERATURE = {
    "source_device_id": "1111AAAA",
    "start_time": "2026-09-01T04:00:00",
    "samples": [{"temperature_celsius": 36.5, "recording_time_delta_milliseconds": 123}],
}
STEPS = {"interval_ms": 60_000, "samples": [{"steps": 3, "timestamp": "2026-09-01T00:02"}]}
POLAR_ACTIVITY = {
    "start_time": "2026-09-01T00:00",
    "steps": 8823,
    "active_duration": "PT3H11M",
    "samples": {"steps": STEPS},
}
WITH_GPS = POINT | {"exercise": POINT["exercise"] | {"exerciseMetadata": {"hasGps": True}}}
GOOGLE = "/users/me/dataTypes/{}/dataPoints"
ANSWERS = {
    "/exercises": [EXERCISE],
    f"/exercises/{LIVE['id']}/tcx": TCX,
    f"/exercises/{LIVE['id']}/gpx": GPX,
    "/users/sleep": {"nights": [NIGHT]},
    "/users/continuous-heart-rate": {"heart_rates": [POLAR_DAY]},
    "/users/activities": [POLAR_ACTIVITY],
    "/users/nightly-recharge": {"recharges": [RECHARGE]},
    "/users/cardio-load": [NO_LOAD],
    "/users/physical-info": {"weight": 61.5, "height": 170.0, "gender": "FEMALE", "sleep_goal": "PT8H"},
    "/users/sleepwise/alertness": [ALERTNESS],
    "/users/sleepwise/circadian-bedtime": [{"period_start_time": "2026-09-01T21:18:30"}],
    "/users/biosensing/bodytemperature": [BODY_TEMPERATURE],
    "/users/biosensing/skintemperature": [{"sleep_date": "2026-09-01", "sleep_time_skin_temperature_celsius": 34.1}],
    "/users/biosensing/spo2": [{"test_time": 1788264000, "time_zone_offset": 180, "blood_oxygen_percent": 95}],
    "/athlete": {"id": 7, "sex": "F", "weight": 61.5, "bikes": [{"id": "b12", "distance": 0}], "shoes": []},
    "/athlete/zones": ZONES,
    "/gear/b12": {"id": "b12", "primary": False, "name": "Blue", "distance": 4211000.0, "resource_state": 3},
    f"/activities/{RUN['id']}": RUN | DETAIL,
    f"/activities/{RUN['id']}/streams": BY_TYPE,
    GOOGLE.format("exercise"): {"dataPoints": [WITH_GPS]},
    GOOGLE.format("exercise") + "/66:exportExerciseTcx": {"tcxData": TCX},
    GOOGLE.format("heart-rate"): {"dataPoints": [BEAT]},
    GOOGLE.format("sleep"): {"dataPoints": [SLEEP]},
    GOOGLE.format("steps") + ":reconcile": {"dataPoints": [WALK]},
    GOOGLE.format("daily-resting-heart-rate"): {"dataPoints": [RESTING]},
    **fitbit.ANSWERS,
}


class _Replay(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/athlete/activities":
            answer = [RUN] if parse_qs(address.query)["page"] == ["1"] else []
        else:
            answer = ANSWERS.get(address.path)
        body = (answer if isinstance(answer, str) else json.dumps(answer, indent=1)).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

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
    "polar_exercise_files": 0,  # a 404: this one has none
    "polar_exercise_tracks": 2,
    "polar_exercise_trackpoints": 4,
    "polar_sleep": 1,
    "polar_sleep_stages": 2,
    "polar_sleep_heart_rate": 2,
    "polar_daily_activity": 1,
    "polar_step_samples": 1,
    "polar_nightly_recharge": 1,
    "polar_nightly_recharge_samples": 2,
    "polar_cardio_load": 1,
    "polar_physical_info": 1,
    "polar_alertness": 1,
    "polar_alertness_hours": 2,
    "polar_circadian_bedtime": 1,
    "polar_body_temperature": 1,
    "polar_skin_temperature": 1,
    "polar_spo2": 1,
    "strava_athletes": 1,
    "strava_zones": 5,
    "strava_gear": 1,
    "strava_activity_details": 1,
    "strava_laps": 2,
    "strava_activities": 1,
    "strava_stream_samples": 3,
    "fitbit_exercises": 1,
    "fitbit_exercise_tcx": 1,
    "fitbit_exercise_trackpoints": 2,
    "fitbit_heart_rate": 1,
    "fitbit_sleep": 1,
    "fitbit_steps": 1,
    "fitbit_daily_resting_heart_rate": 1,
    **fitbit.ROWS,
}


@pytest.mark.parametrize("key", [r.key for r in every_resource()], ids="/".join)
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
