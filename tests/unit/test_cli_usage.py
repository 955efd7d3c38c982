"""What the command line says when it is used wrongly: one line, the way out, exit code 2."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from fit_platform.accounts.connections import Connection, ConnectionStore
from fit_platform.cli import app
from fit_platform.commands.usage import Ended
from fit_platform.errors import FitError

LINKED_AT = "2026-03-01T08:00:00Z"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """FIT_HOME, in a folder without a `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def run(*arguments):
    return CliRunner().invoke(app, arguments)


def linked(home, provider="polar", athlete_id="ada"):
    ConnectionStore(home).save(
        Connection(provider=provider, athlete_id=athlete_id, linked_at=LINKED_AT, acquired="token-file")
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sync", "--provider", "garmin"], "unknown provider 'garmin': use one of polar, strava, fitbit"),
        (["sync", "--athlete", "bob"], "unknown athlete 'bob': there is ada"),
        (["sync", "--from", "2026-13-01"], "--from '2026-13-01' is not a day"),
        (["sync", "--from", "2026-03-05", "--to", "2026-03-01"], "--from 2026-03-05 is after --to 2026-03-01"),
        (["sync", "--from", "2014-12-31", "--to", "2015-01-02"], "set FIT_START_DATE=2014-12-31"),
        (["sync", "--to", "2999-01-01"], "has not begun"),
        (["sync", "--provider", "strava"], "fit-platform link"),
        (["sync", "--sideways"], "see `fit-platform sync --help`"),
        (["link", "garmin", "ada"], "use one of polar, strava, fitbit"),
        (["link", "polar", "ada", "--sex", "unknown"], "give male or female"),
        (["link", "polar", "ada", "--birth-date", "1.2.1990"], "give YYYY-MM-DD"),
        (["link", "polar", "ada", "--strava-retention", "keep"], "says nothing about polar"),
        (["link", "strava", "ada", "--strava-retention", "forever"], "`keep` or a whole number of days"),
        (["athletes", "--max-hr", "190"], "which athlete?"),
        (["athletes", "bob"], "unknown athlete 'bob'"),
        (["simulate", "--end", "someday"], "--end 'someday' is not a day"),
        (["demo", "--days", "0"], "see `fit-platform demo --help`"),
        (["nonsense"], "see `fit-platform --help`"),
    ],
)
def test_wrong_usage_is_one_line_with_the_way_out_and_exit_code_2(home, arguments, says):
    linked(home)
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, "more than one line"
    assert not result.stdout


def test_a_bad_setting_is_one_line_that_names_the_variable(home, monkeypatch):
    monkeypatch.setenv("FIT_START_DATE", "last spring")
    result = run("status")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: FIT_START_DATE: ")
    assert result.stderr.count("\n") == 1


def test_linking_strava_without_the_retention_choice_is_refused_and_explains_it(home):
    result = run("link", "strava", "ada")
    assert result.exit_code == 1
    assert "FIT_STRAVA_API_RETENTION_DAYS" in result.stderr
    assert not list(home.glob("tokens/strava/*"))


def test_the_traceback_is_shown_only_when_asked_for(home, monkeypatch):
    monkeypatch.setattr("fit_platform.settings.load_settings", _fail)
    assert "Traceback" not in run("status").stderr
    assert "Traceback" in run("--debug", "status").stderr


def _fail():
    raise FitError("no")


@pytest.mark.parametrize(("interrupt", "code"), [(KeyboardInterrupt, 130), (Ended, 143)])
def test_an_interrupted_command_says_that_it_resumes(home, monkeypatch, interrupt, code):
    def stop():
        raise interrupt

    monkeypatch.setattr("fit_platform.settings.load_settings", stop)
    result = run("status")
    assert result.exit_code == code
    assert result.stderr == "stopped; run the same command again, it resumes\n"


def test_every_command_has_help():
    for command in ("demo", "simulate", "link", "unlink", "athletes", "status", "sync", "rebuild", "doctor", "dev"):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) > 3, command


def test_help_does_not_load_the_heavy_libraries():
    code = (
        "import sys; from fit_platform.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'dagster', 'duckdb', 'pyarrow', 'dbt', 'requests', 'pydantic', 'numpy'} & set(sys.modules)))"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "[]"
    assert time.monotonic() - started < 10  # a machine under load is slow; the point is the list above
