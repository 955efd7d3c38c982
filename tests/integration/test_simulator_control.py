"""Control endpoints, faults over HTTP, and the simulator as a program of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import requests

from fit_platform.settings import load_settings
from fit_platform.simulator import Poison, Scenario, SimulatorConfig, WorldConfig, environment, running
from tests.integration.simulator_login import Client

WORLD = WorldConfig(end=date(2026, 3, 31), days=10)
HEART_RATE = "/users/me/dataTypes/heart-rate/dataPoints"
NAME = "heart_rate.sample_time.physical_time"


@pytest.fixture
def base_url() -> Iterator[str]:
    with running(SimulatorConfig(world=WORLD)) as url:
        yield url


def _play(base_url: str, scenario: Scenario) -> None:
    answer = requests.post(f"{base_url}/_sim/scenario", data=scenario.model_dump_json(), timeout=10)
    assert answer.status_code == 200, answer.text


def _day(day: int) -> str:
    return f'{NAME} >= "2026-03-{day:02}T00:00:00Z" AND {NAME} < "2026-03-{day + 1:02}T00:00:00Z"'


def test_a_poisoned_day_costs_the_requests_for_it_and_no_other(base_url: str) -> None:
    poison = Poison(provider="fitbit", path_contains="heart-rate", day=date(2026, 3, 28), kind="html_200")
    _play(base_url, Scenario(poison=(poison,)))
    client = Client(base_url, "fitbit").login()
    spoilt = client.get(HEART_RATE, filter=_day(28))
    assert (spoilt.status_code, spoilt.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert client.json(HEART_RATE, filter=_day(27))["dataPoints"]
    assert client.json(HEART_RATE, filter=_day(29))["dataPoints"]
    assert "pairedDevices" in client.json("/users/me/pairedDevices")


@pytest.mark.parametrize(("kind", "status"), [("status_500", 500), ("status_429", 429)])
@pytest.mark.parametrize(("provider", "path"), [
    ("polar", "/exercises"), ("strava", "/athlete"), ("fitbit", "/users/me/identity"),
])  # fmt: skip
def test_faults_with_a_status_pass_when_they_are_spent(
    base_url: str, provider: str, path: str, kind: str, status: int
) -> None:
    client = Client(base_url, provider).login()
    _play(base_url, Scenario.model_validate({"poison": [{"provider": provider, "kind": kind, "times": 2}]}))
    assert [client.get(path).status_code for _ in range(3)] == [status, status, 200]


def test_one_record_loses_a_member_and_the_others_stay(base_url: str) -> None:
    client = Client(base_url, "polar").login()
    whole = client.json("/exercises")
    _play(base_url, Scenario(poison=(Poison(provider="polar", path_contains="/exercises", kind="missing_key"),)))
    spoilt = client.json("/exercises")
    assert "start_time" not in spoilt[0]
    assert spoilt[1:] == whole[1:]


def test_random_faults_never_touch_the_login(base_url: str) -> None:
    _play(base_url, Scenario(status_500=1.0))
    client = Client(base_url, "strava").login()
    assert client.get("/athlete").status_code == 500


def test_a_wrong_scenario_or_clock_is_refused_with_the_reason(base_url: str) -> None:
    wrong = requests.post(f"{base_url}/_sim/scenario", json={"status_500": 2}, timeout=10)
    assert wrong.status_code == 400
    assert "status_500" in wrong.json()["error"]
    assert requests.post(f"{base_url}/_sim/clock", json={}, timeout=10).status_code == 400
    assert requests.get(f"{base_url}/_sim/truth", params={"first": "soon"}, timeout=10).status_code == 400


def test_calls_are_counted_by_template_and_can_be_reset(base_url: str) -> None:
    client = Client(base_url, "polar").login()
    requests.post(f"{base_url}/_sim/reset-calls", timeout=10)
    for day in ("2026-03-28", "2026-03-29"):
        client.get(f"/users/sleep/{day}")
    assert requests.get(f"{base_url}/_sim/calls", timeout=10).json() == {"polar": {"GET /users/sleep/{day:str}": 2}}


def test_health_and_a_slice_of_the_truth(base_url: str) -> None:
    health = requests.get(f"{base_url}/_sim/health", timeout=10).json()
    assert health == {"status": "ok", "athletes": ["ada", "ben"], "first_day": "2026-03-22", "last_day": "2026-03-31"}
    query = {"first": "2026-03-29", "last": "2026-03-29", "athlete": "ada"}
    truth = requests.get(f"{base_url}/_sim/truth", params=query, timeout=10).json()
    assert [athlete["id"] for athlete in truth["athletes"]] == ["ada"]
    assert {hour[:10] for hour, _ in truth["hourly_max_bpm"]["ada"]} == {"2026-03-29"}


def test_the_environment_points_every_setting_at_the_simulation(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(base_url).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    for provider in ("polar", "strava", "fitbit"):
        own = settings.provider(provider)
        assert own.credentials(provider) == (f"demo-{provider}", f"demo-{provider}-secret")
        assert own.api_url.startswith(f"{base_url}/{provider}/v") or own.api_url == f"{base_url}/strava/api/v3"
        assert own.token_url.startswith(base_url)
        assert own.authorize_url.startswith(base_url)


def test_as_a_program_it_says_where_it_is_in_one_line(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("poison:\n- {provider: strava, kind: status_500, times: 1}\n")
    arguments = ["--port", "0", "--days", "3", "--end", "2026-03-31", "--athletes", "1", "--scenario", str(scenario)]
    command = [sys.executable, "-m", "fit_platform.simulator", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            assert told["environment"] == environment(told["base_url"])
            client = Client(told["base_url"], "strava").login()
            assert [client.get("/athlete").status_code for _ in range(2)] == [500, 200]
        finally:
            process.terminate()


def test_a_wrong_command_line_is_one_clear_line(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("status_5000: 1\n")
    command = [sys.executable, "-m", "fit_platform.simulator", "--scenario", str(scenario)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "status_5000" in ended.stderr
    assert "Traceback" not in ended.stderr
