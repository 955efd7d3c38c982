"""What the operator reads when a link does not come about: one line, why, and the way out. Over HTTP, on the command
line, against the simulated providers; and that none of it ever holds a secret."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import dagster as dg
import pytest
import requests
from click.testing import Result
from typer.testing import CliRunner

from fit_platform.accounts.connections import ConnectionStore
from fit_platform.accounts.link import link
from fit_platform.accounts.tokens import FileTokenStore
from fit_platform.cli import app
from fit_platform.defs.raw import build_raw_asset
from fit_platform.defs.resources import Platform
from fit_platform.errors import Permanent
from fit_platform.providers.registry import resource
from fit_platform.settings import Settings, load_settings
from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running

DAY = date(2026, 3, 31)
GOOGLE_SLEEP = "https://www.googleapis.com/auth/googlehealth.sleep.readonly"


@pytest.fixture
def base_url() -> Iterator[str]:
    """New for every test: a consent that somebody gave before would count."""
    with running(SimulatorConfig(world=WorldConfig(end=DAY, days=3, athletes=2))) as url:
        yield url


@pytest.fixture
def settings(base_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Settings]:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(base_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FIT_STRAVA_API_RETENTION_DAYS", "7")
    yield load_settings()
    play(base_url)


def play(base_url: str, **scenario: Any) -> None:
    requests.post(f"{base_url}/_sim/scenario", json=scenario, timeout=10).raise_for_status()


class Athlete:
    """Sits at the browser: says yes as `athlete`, says no, unticks a box, or meddles with the way back."""

    def __init__(self, athlete: str = "ada", decision: str = "allow", without: str = "", **changes: str) -> None:
        self.athlete, self.decision, self.without, self.changes = athlete, decision, without, changes
        self.page: requests.Response | None = None

    def __call__(self, url: str) -> None:
        asked = {**dict(parse_qsl(urlsplit(url).query)), **self.changes}
        url = f"{url.split('?')[0]}?{urlencode(asked)}"
        self.page = requests.get(url, timeout=10)
        scopes = re.findall(r'name="scope"[^>]*value="([^"]+)"', self.page.text)
        form = {"athlete": self.athlete, "decision": self.decision, "shown": "1"}
        ticked = [("scope", scope) for scope in scopes if scope != self.without]
        if self.page.ok:
            self.page = requests.post(url, data=[*form.items(), *ticked], timeout=10)


@pytest.fixture
def at_the_browser(monkeypatch: pytest.MonkeyPatch):
    def sit_down(athlete: Athlete) -> Athlete:
        monkeypatch.setattr("fit_platform.commands.linking._show_address", athlete)
        return athlete

    return sit_down


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def refused(*arguments: str) -> str:
    """The one line of a command that fails."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def connections(settings: Settings) -> list[str]:
    return [connection.provider for connection in ConnectionStore(settings.home_dir).list()]


def pull_in_dagster(provider: str, name: str, settings: Settings) -> str:
    """One raw asset for a day, as a run has it; everything that its events and their metadata say."""
    asset = build_raw_asset(resource(provider, name))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [asset],
            partition_key=str(DAY),
            instance=instance,
            resources={"platform": Platform()},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        return "\n".join(entry.to_json() for entry in instance.all_logs(result.run_id))


@pytest.mark.parametrize(
    ("provider", "scope", "data"),
    [
        ("strava", "activity:read_all", "all activities, private ones and privacy zones included"),
        ("strava", "profile:read_all", "weight, gear and heart-rate zones"),
        ("fitbit", GOOGLE_SLEEP, "sleep"),
    ],
)
def test_an_unticked_box_is_told_with_the_data_it_costs_and_how_to_redo_it(
    settings, at_the_browser, provider, scope, data
):
    at_the_browser(Athlete(without=scope))
    words = refused("link", provider, "ada", "--no-browser")
    assert f"not granted: {scope} ({data})" in words
    assert f"fit-platform link {provider} ada again" in words
    assert "--allow-partial" in words
    assert connections(settings) == []

    result = run("link", provider, "ada", "--no-browser", "--allow-partial")
    assert result.exit_code == 0, result.output
    assert f"these data stay away: {scope} ({data})" in result.stderr
    [connection] = json.loads(run("status", "--json").stdout)["connections"]
    assert connection["missing_scopes"] == [scope]
    assert scope not in connection["scopes"], "what was granted is read back and stored"
    assert f"not granted: {scope}" in run("doctor").stdout


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_an_athlete_who_presses_deny_is_not_linked(settings, at_the_browser, provider):
    browser = at_the_browser(Athlete(decision="deny"))
    words = refused("link", provider, "ada", "--no-browser")
    assert "the athlete did not agree; nothing was linked; to try again, run the same command" in words
    assert "Not connected" in browser.page.text
    assert connections(settings) == []


def test_a_google_account_without_the_health_app_is_told_to_sign_in_there(settings, base_url, at_the_browser):
    play(base_url, fitbit={"unlinked_athletes": ["ada"]})
    at_the_browser(Athlete())
    words = refused("link", "fitbit", "ada", "--no-browser")
    assert "ACCOUNT_NOT_LINKED" in words
    assert "sign in to the Google Health app with this Google account, then link again" in words
    assert connections(settings) == []


def test_an_account_that_google_unlinks_later_has_a_state_of_its_own(settings, base_url, at_the_browser):
    at_the_browser(Athlete())
    assert run("link", "fitbit", "ada", "--no-browser").exit_code == 0
    play(base_url, fitbit={"unlinked_athletes": ["ada"]})
    pull_in_dagster("fitbit", "exercise", settings)
    [connection] = json.loads(run("status", "--json").stdout)["connections"]
    assert connection["state"] == "account not linked"
    assert "sign in to the Google Health app" in connection["reason"]
    shown = " ".join(run("status").stdout.split())
    assert "account not linked" in shown
    assert run("doctor").exit_code == 1


def test_a_full_strava_application_says_what_to_do(settings, base_url, at_the_browser):
    play(base_url, strava={"athlete_capacity": 1})
    at_the_browser(Athlete("ada"))
    assert run("link", "strava", "ada", "--no-browser").exit_code == 0
    at_the_browser(Athlete("ben"))
    words = refused("link", "strava", "ben", "--no-browser")
    assert "403 Limit of connected athletes exceeded" in words
    assert "unlink one (fit-platform unlink strava ATHLETE)" in words
    assert "strava.com/settings/api" in words
    assert run("unlink", "strava", "ada").exit_code == 0
    assert run("link", "strava", "ben", "--no-browser").exit_code == 0, "the way out works"


def test_an_inactive_strava_application_says_what_to_do(settings, base_url, at_the_browser):
    at_the_browser(Athlete())
    assert run("link", "strava", "ada", "--no-browser").exit_code == 0
    token = FileTokenStore(settings.home_dir).load("strava", "ada")
    file = Path("token.json")
    file.write_text(json.dumps({"access_token": token.access_token, "refresh_token": token.refresh_token}))
    file.chmod(0o600)
    play(base_url, strava={"is_inactive": True})
    result = run("link", "strava", "eve", "--token-file", str(file))
    assert "its owner needs a subscription, see strava.com/settings/api" in result.stderr
    assert result.stderr.count("\n") <= 2


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_an_answer_for_another_request_is_not_taken(settings, at_the_browser, provider):
    browser = at_the_browser(Athlete(state="forged"))
    words = refused("link", provider, "ada", "--no-browser")
    assert "not for this request (state differs)" in words
    assert "start again" in words
    assert browser.page.status_code == 400
    assert connections(settings) == []


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_a_refused_redirect_address_leaves_us_waiting_and_then_says_what_to_register(settings, provider):
    """The provider shows an error in the browser and never sends it back: it can only be seen as a timeout."""
    browser = Athlete(redirect_uri="https://elsewhere.example/callback")
    with pytest.raises(Permanent, match=r"did not come back within 0 s") as caught:
        link(settings, provider, "ada", open_browser=browser, timeout_s=0.01)
    assert browser.page.status_code in (400, 401)
    assert re.search(r"register http://127\.0\.0\.1:(\d+)/callback .*--redirect-port \1$", str(caught.value))
    assert connections(settings) == []


def test_a_code_that_the_provider_refuses_says_why_that_may_be(settings, at_the_browser):
    class Impatient(Athlete):
        """Its browser opens the way back with a code of its own making."""

        def __call__(self, url: str) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
            back = {"state": asked["state"], "code": "made-up"}
            requests.get(f"{asked['redirect_uri']}?{urlencode(back)}", timeout=10)

    for provider in ("polar", "strava", "fitbit"):
        at_the_browser(Impatient())
        words = refused("link", provider, "ada", "--no-browser")
        assert "older than ten minutes or was used, or http://127.0.0.1:" in words
        assert "made-up" not in words


def test_a_busy_port_says_how_to_choose_another(settings):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        words = refused("link", "polar", "ada", "--no-browser", "--redirect-port", str(port))
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in words
    assert "--redirect-port" in words


def test_strava_does_not_choose_how_long_data_are_kept_for_somebody_who_cannot_be_asked(settings, monkeypatch):
    monkeypatch.delenv("FIT_STRAVA_API_RETENTION_DAYS")
    words = refused("link", "strava", "ada", "--no-browser")
    assert "how long may Strava data be kept?" in words
    assert "FIT_STRAVA_API_RETENTION_DAYS" in words
    assert "`keep` keeps everything" in words


def test_polar_registers_the_athlete_and_does_not_mind_if_that_was_done(settings, at_the_browser):
    for _ in range(2):
        at_the_browser(Athlete())
        assert run("link", "polar", "ada", "--no-browser").exit_code == 0
    assert connections(settings) == ["polar"]


def test_unlinking_without_the_provider_says_what_to_do(settings, at_the_browser, monkeypatch):
    at_the_browser(Athlete())
    assert run("link", "strava", "ada", "--no-browser").exit_code == 0
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("FIT_STRAVA_REVOKE_URL", f"http://127.0.0.1:{port}/oauth/revoke")
    words = refused("unlink", "strava", "ada")
    assert "nothing was changed: try again later, or forget it here only" in words
    assert "fit-platform unlink strava ada --force" in words
    assert connections(settings) == ["strava"]
    forced = run("unlink", "strava", "ada", "--force")
    assert forced.exit_code == 0
    assert "strava was not told" in forced.stderr
    assert "remove this app at strava.com/settings/apps" in forced.stderr
    assert connections(settings) == []


def test_nothing_that_is_printed_logged_or_listed_holds_a_secret(settings, base_url, at_the_browser, caplog):
    """Every command about connections, in good times and in bad ones."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    secrets: set[str] = {settings.provider(name).credentials(name)[1] for name in ("polar", "strava", "fitbit")}

    def note_tokens() -> None:
        store = FileTokenStore(settings.home_dir)
        for connection in ConnectionStore(settings.home_dir).list():
            token = store.load(connection.provider, connection.athlete_id)
            secrets.update(part for part in (token.access_token, token.refresh_token) if part)

    def say(*arguments: str) -> None:
        result = run(*arguments)
        said.append(result.output)
        said.append(repr(result.exception))
        note_tokens()

    at_the_browser(Athlete())
    for provider in ("polar", "strava", "fitbit"):
        say("link", provider, "ada", "--no-browser")
    file = Path("token.json")
    token = FileTokenStore(settings.home_dir).load("strava", "ada")
    file.write_text(json.dumps({"access_token": token.access_token, "refresh_token": token.refresh_token}))
    say("link", "strava", "eve", "--token-file", str(file))
    file.write_text(f'{{"access_token": "{token.access_token}", "expires_at": "never"}}')
    say("link", "strava", "eve", "--token-file", str(file))
    for command in (["status"], ["status", "--json"], ["athletes", "--json"], ["doctor"], ["doctor", "--json"]):
        say(*command)
    play(base_url, strava={"is_inactive": True}, fitbit={"unlinked_athletes": ["ada"]}, status_500=0.2)
    for provider, name in (("polar", "exercises"), ("strava", "activities"), ("fitbit", "exercise")):
        said.append(pull_in_dagster(provider, name, settings))
    for command in (["status"], ["status", "--json"], ["doctor"]):
        say(*command)
    for provider in ("polar", "strava", "fitbit"):
        say("unlink", provider, "ada", "--force")
    stored = [path.read_text() for path in (settings.home_dir / "tokens").rglob("*.connection.json")]
    everything = "\n".join([*said, *stored, caplog.text])
    assert len(secrets) >= 8
    assert "ACCOUNT_NOT_LINKED" in everything, "the runs' events are among it"
    assert [secret[:6] for secret in secrets if secret in everything] == []
