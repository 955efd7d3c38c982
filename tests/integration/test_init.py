"""`init`: asks little, asks the providers (simulated, over HTTP) about every answer, and writes one private file."""

from __future__ import annotations

import json
import socket
import stat
from datetime import date

import pytest
from typer.testing import CliRunner

from fit_platform.cli import app
from fit_platform.settings import load_settings
from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running

PROVIDERS = ("polar", "strava", "fitbit")


@pytest.fixture(scope="module")
def simulation():
    """The settings that point at the simulated providers."""
    with running(SimulatorConfig(world=WorldConfig(days=2, end=date(2026, 3, 2)))) as url:
        yield environment(url)


@pytest.fixture
def folder(simulation, monkeypatch, tmp_path):
    """A folder without a `.env`; the environment knows where the providers are, not who we are there."""
    monkeypatch.chdir(tmp_path)
    for name, value in simulation.items():
        if "_CLIENT_" not in name:
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("FIT_HOME")
    return tmp_path


def client(simulation, provider):
    return [simulation[f"FIT_{provider.upper()}_CLIENT_{part}"] for part in ("ID", "SECRET")]


def run(*arguments, input=None):  # noqa: A002 what the runner calls it
    return CliRunner().invoke(app, ["init", *arguments], input=input)


def at_a_terminal(monkeypatch):
    monkeypatch.setattr("fit_platform.commands.init._is_somebody_there", lambda: True)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_right_client_is_accepted_written_privately_and_linked_next(folder, simulation, provider, monkeypatch):
    identity, secret = client(simulation, provider)
    monkeypatch.setenv(f"FIT_{provider.upper()}_CLIENT_SECRET", secret)
    result = run(provider, "--yes", "--set", f"FIT_{provider.upper()}_CLIENT_ID={identity}", "--set", "FIT_HOME=data")
    assert result.exit_code == 0, result.output
    assert f"{provider}: accepted: the provider knows this client id and secret" in result.stderr
    assert f"fit-platform link {provider} ATHLETE" in result.stdout
    assert secret not in result.output
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    monkeypatch.delenv(f"FIT_{provider.upper()}_CLIENT_SECRET")
    assert load_settings().provider(provider).credentials(provider) == (identity, secret)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("wrong", ["id", "secret"])
def test_a_wrong_id_or_secret_is_told_with_what_to_check(folder, simulation, provider, wrong):
    identity, secret = client(simulation, provider)
    values = {"id": identity, "secret": secret, wrong: "12345"}
    upper = provider.upper()
    options = [
        "--set",
        f"FIT_{upper}_CLIENT_ID={values['id']}",
        "--set",
        f"FIT_{upper}_CLIENT_SECRET={values['secret']}",
    ]
    result = run(provider, "--yes", *options)
    assert result.exit_code == 1, result.output
    assert f"{provider}: refused: client id or secret refused" in result.stderr
    assert f"check FIT_{upper}_CLIENT_ID and _CLIENT_SECRET" in result.stderr
    assert secret not in result.output


def test_a_provider_that_cannot_be_reached_is_not_checked_and_says_so(folder, simulation, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("FIT_POLAR_TOKEN_URL", f"http://127.0.0.1:{port}/token")
    result = run("polar", "--yes", "--set", "FIT_POLAR_CLIENT_ID=a", "--set", "FIT_POLAR_CLIENT_SECRET=b")
    assert result.exit_code == 0, "not being able to ask is no fault of the answer"
    assert "polar: not checked: the provider could not be asked: " in result.stderr


def test_a_person_is_asked_the_folder_and_the_clients_and_asked_again_when_an_answer_is_refused(
    folder, simulation, monkeypatch
):
    at_a_terminal(monkeypatch)
    (folder / "file").write_text("no folder")
    identity, secret = client(simulation, "strava")
    answers = ["file/inside", "data", "n", "y", identity, "wrong", "", secret, "", "for ever", "7", "n"]
    result = run(input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    assert "that will not do: " in result.output
    assert "Subscribe to Strava" in result.output, "what it demands is told before it is asked for"
    assert "strava: refused" in result.output
    assert "strava: accepted" in result.output
    assert "that will not do: 'for ever'; give `keep` or a whole number of days" in result.output
    assert "fit-platform link strava ATHLETE --timezone" in result.output, "the retention is decided"
    settings = load_settings()
    assert settings.home_dir == folder / "data"
    assert settings.strava_api_retention_days == 7
    assert settings.provider("strava").credentials("strava") == (identity, secret)


def test_the_folder_of_the_demo_is_not_proposed_and_not_taken_for_real_data(folder, monkeypatch):
    for name in ("POLAR", "STRAVA", "FITBIT"):
        monkeypatch.delenv(f"FIT_{name}_API_URL")  # who names other providers has decided
    (folder / ".fit" / "demo").mkdir(parents=True)
    world = {"seed": 7, "days": 90, "athletes": 2, "end": "2026-11-01", "port": 0}
    (folder / ".fit" / "demo" / "demo.json").write_text(json.dumps(world))
    refused = run("--yes", "--set", "FIT_HOME=.fit")
    assert "holds the demo's invented data; link real accounts in another folder" in refused.stderr
    at_a_terminal(monkeypatch)
    asked = run(input=".fit\n\nn\nn\nn\n")
    assert "[fit-data]" in asked.stdout
    assert "that will not do: " in asked.stderr
    assert "FIT_HOME=fit-data" in (folder / ".env").read_text()


def test_what_the_file_holds_is_kept_and_replaced_only_on_demand(folder, monkeypatch):
    before = "# mine\nFIT_HOME=old\nOTHER='a b'  # kept\n\nexport FIT_START_DATE=2020-01-01\n"
    (folder / ".env").write_text(before)
    result = run("--yes", "--set", "FIT_HOME=new")
    assert "kept: FIT_HOME as it stands in .env (--overwrite replaces it)" in result.stdout
    assert (folder / ".env").read_text() == before
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600, "it is to hold secrets"

    at_a_terminal(monkeypatch)
    result = run("--set", "FIT_HOME=new", input="n\nn\nn\ny\n")
    assert ".env has another FIT_HOME; replace it?" in result.stdout
    assert (folder / ".env").read_text() == before.replace("FIT_HOME=old", "FIT_HOME=new")


def test_a_value_from_a_file_never_stands_on_the_command_line(folder, simulation):
    identity, secret = client(simulation, "polar")
    (folder / "secret").write_text(secret + "\n")
    result = run(
        "polar", "--yes", "--set", f"FIT_POLAR_CLIENT_ID={identity}", "--set", "FIT_POLAR_CLIENT_SECRET=@secret"
    )
    assert result.exit_code == 0, result.output
    assert load_settings().provider("polar").credentials("polar") == (identity, secret)


def test_a_setting_that_the_environment_overrides_is_pointed_out(folder, monkeypatch):
    monkeypatch.setenv("FIT_HOME", "elsewhere")
    result = run("--yes", "--set", "FIT_HOME=data")
    assert "note: FIT_HOME is also set in the environment, which wins over .env" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "there is nobody to ask here: give --yes"),
        (["garmin", "--yes"], 2, "use one of polar, strava, fitbit"),
        (["--yes", "--set", "FIT_HOME"], 2, "--set wants NAME=VALUE"),
        (["--yes", "--set", "FIT_HOEM=x"], 2, "--set FIT_HOEM: there is no such setting"),
        (["polar", "--yes"], 2, "polar: give --set FIT_POLAR_CLIENT_ID=…, or set it in the environment"),
        (["--yes", "--set", "FIT_START_DATE=soon"], 1, "FIT_START_DATE: "),
        (["--yes", "--set", "FIT_HOME=/etc/hostname/here"], 1, "choose another one for FIT_HOME"),
        (["--yes", "--set", "FIT_SECRET_KEY=@missing"], 1, "missing"),
    ],
)
def test_a_wrong_answer_is_one_line_and_writes_nothing(folder, arguments, code, says):
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert says in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert not (folder / ".env").exists()


@pytest.mark.parametrize(
    ("provider", "demand"),
    [("polar", "admin.polaraccesslink.com"), ("strava", "Subscribe to Strava"), ("fitbit", "test user")],
)
def test_init_link_and_doctor_say_where_credentials_come_from_and_what_the_provider_demands(folder, provider, demand):
    shown = run(provider, "--show")
    assert demand in shown.stdout
    retention = ["--strava-retention", "7"] if provider == "strava" else []
    linking = CliRunner().invoke(app, ["link", provider, "ada", *retention])
    assert linking.exit_code == 1
    assert demand in linking.stderr
    assert f"run `fit-platform init {provider}`" in linking.stderr.splitlines()[-1]
    assert demand in CliRunner().invoke(app, ["doctor"]).stdout


def test_the_doctor_asks_the_providers_when_told_to(folder, simulation, monkeypatch):
    for provider in ("polar", "strava"):
        identity, secret = client(simulation, provider)
        monkeypatch.setenv(f"FIT_{provider.upper()}_CLIENT_ID", identity)
        monkeypatch.setenv(f"FIT_{provider.upper()}_CLIENT_SECRET", secret if provider == "polar" else "wrong")
    result = CliRunner().invoke(app, ["doctor", "--ask"])
    assert result.exit_code == 1
    assert "polar client the provider knows this client id and secret" in " ".join(result.stdout.split())
    assert "problem: strava client: client id or secret refused" in result.stdout
