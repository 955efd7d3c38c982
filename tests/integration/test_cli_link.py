"""`link`, `unlink` and `simulate` on the command line, against the simulated providers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date

import pytest
import requests
from typer.testing import CliRunner

from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.connections import ConnectionStore
from fit_platform.accounts.tokens import FileTokenStore
from fit_platform.cli import app
from fit_platform.commands.demo import consenting
from fit_platform.settings import load_settings
from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running


@pytest.fixture(scope="module")
def base_url():
    with running(SimulatorConfig(world=WorldConfig(days=2, end=date(2026, 3, 2)))) as url:
        yield url


@pytest.fixture
def home(base_url, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in environment(base_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("fit_platform.commands.linking._show_address", consenting("ada"))
    return load_settings().home_dir


def run(*arguments):
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_link_by_consent_stores_connection_token_and_profile_and_unlink_ends_it(home, provider):
    retention = ["--strava-retention", "7"] if provider == "strava" else []
    result = run("link", provider, "ada", "--no-browser", "--timezone", "Europe/Berlin", *retention)
    assert result.exit_code == 0, result.output
    connection = ConnectionStore(home).get(provider, "ada")
    assert connection is not None
    assert connection.acquired == "oauth"
    assert connection.retention == (7 if retention else None)
    athlete = AthleteStore(home).get("ada")
    assert athlete is not None
    assert athlete.timezone == "Europe/Berlin"
    assert run("unlink", provider, "ada").exit_code == 0
    assert ConnectionStore(home).get(provider, "ada") is None
    assert FileTokenStore(home).load(provider, "ada") is None


def test_a_token_file_links_without_a_browser(home, tmp_path):
    run("link", "fitbit", "ada", "--no-browser")
    token = FileTokenStore(home).load("fitbit", "ada")
    assert token is not None
    file = tmp_path / "token.json"
    file.write_text(json.dumps({"access_token": token.access_token, "refresh_token": token.refresh_token}))
    result = run("link", "fitbit", "eve", "--token-file", str(file))
    assert result.exit_code == 0, result.output
    connection = ConnectionStore(home).get("fitbit", "eve")
    assert connection is not None
    assert connection.provider_user_id == ConnectionStore(home).get("fitbit", "ada").provider_user_id
    assert "ada is linked to the same fitbit account" in result.stderr


def test_a_token_file_that_is_not_there_is_one_line(home):
    result = run("link", "polar", "ada", "--token-file", "nowhere.json")
    assert result.exit_code == 1
    assert "nowhere.json" in result.stderr
    assert result.stderr.count("\n") == 1


def test_simulate_prints_settings_that_work_and_stops_when_told(tmp_path):
    command = [sys.executable, "-m", "fit_platform", "simulate", "--port", "0", "--days", "2", "--end", "2026-03-02"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    while "FIT_FITBIT_REVOKE_URL" not in lines[-1]:
        assert lines[-1], "it ended early"
        lines.append(process.stdout.readline())
    settings = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines if line.startswith("export "))
    answer = requests.get(f"{settings['FIT_STRAVA_API_URL']}/athlete", timeout=10)
    assert answer.status_code == 401, "up, and asking for a token"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert err == "stopped\n"


def test_simulate_says_when_its_port_is_taken(base_url):
    port = base_url.rsplit(":", 1)[1]
    result = run("simulate", "--port", port)
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: port {port} of 127.0.0.1 is taken; stop what uses it, or choose another with --port\n"
    )
