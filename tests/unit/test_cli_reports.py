"""What `status`, `athletes` and `doctor` tell, as JSON for scripts and in words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.connections import Broken, Connection, ConnectionStore, State
from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.cli import app
from fit_platform.commands.status import print_status, status_facts
from fit_platform.feed.assemble import secrets_file
from fit_platform.providers.registry import PROVIDERS
from fit_platform.quota.ledger import QuotaLedger
from fit_platform.settings import load_settings
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """FIT_HOME, in a folder without a `.env`."""
    monkeypatch.chdir(tmp_path)
    for provider in ("POLAR", "STRAVA", "FITBIT"):
        monkeypatch.setenv(f"FIT_{provider}_CLIENT_ID", "some-client")
        monkeypatch.setenv(f"FIT_{provider}_CLIENT_SECRET", "hush-client")
    return tmp_path / "home"


@pytest.fixture
def ada(home):
    """One athlete, one working connection."""
    AthleteStore(home).upsert("ada", {"display_name": "Ada", "timezone": "Europe/Berlin"})
    FileTokenStore(home).save("polar", "ada", Token("hush-access", "hush-refresh"))
    connection = Connection(provider="polar", athlete_id="ada", linked_at=NOW, acquired="oauth")
    ConnectionStore(home).save(connection)
    return connection


def run(*arguments):
    return CliRunner().invoke(app, arguments)


def test_status_of_a_fresh_home_says_what_to_do_next(home):
    result = run("status")
    assert result.exit_code == 0
    assert "fit-platform link" in result.stdout


def test_status_shows_a_broken_connection_with_its_way_out_and_no_secret(home, ada):
    broken = Broken(state=State.NEEDS_CONSENT, reason="invalid_grant", since=NOW)
    ConnectionStore(home).mark_broken("polar", "ada", broken)
    result = run("status")
    assert "needs re-consent" in result.stdout
    assert "fit-platform link polar ada" in result.stdout
    everything = result.stdout + run("status", "--json").stdout
    assert "hush" not in everything


def test_status_as_json_has_state_quota_and_build(home, ada):
    facts = json.loads(run("status", "--json").stdout)
    assert [(c["athlete_id"], c["provider"], c["state"]) for c in facts["connections"]] == [("ada", "polar", "working")]
    assert {entry["provider"] for entry in facts["quota"]} >= {"polar", "strava"}
    assert facts["last_build_at"] is None
    assert facts["is_demo"] is False


def test_status_tells_what_of_the_quota_is_kept_for_webhooks(home, capsys):
    """92 of 100 calls left and a backfill refused would be a riddle, were the 10 that it must leave not told."""
    QuotaLedger.of(home, clock=lambda: NOW).reserve("strava", "ada", calls=8)
    print_status(status_facts(load_settings(), NOW))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["quota", "of", "left", "for", "backfills", "limit", "resets", "(UTC)"] in lines
    (quarter,) = (line for line in lines if line[:4] == ["strava", "read", "15", "min"])
    assert quarter[4:8] == ["all", "92", "82", "100"]


def test_status_tells_the_newest_day_that_has_data(home, ada):
    table = PROVIDERS["polar"][0].tables[0]
    warehouse = DuckDBWarehouse(load_settings().warehouse_path)
    warehouse.prepare([table])
    row = {column.name: _value(column.duckdb_type) for column in table.all_columns if not column.nullable}
    row |= {"athlete_id": "ada", "dt": date(2026, 3, 9)}
    names, values = ", ".join(row), ", ".join("?" for _ in row)
    with warehouse.connect() as db:
        db.execute(f"INSERT INTO base.{table.name} ({names}) VALUES ({values})", list(row.values()))
    facts = status_facts(load_settings(), NOW)
    assert facts["connections"][0]["newest_day"] == {PROVIDERS["polar"][0].name: "2026-03-09"}
    assert facts["quarantined_records"] == 0


def _value(duckdb_type):
    return {"VARCHAR": "x", "DATE": NOW.date(), "BOOLEAN": True}.get(duckdb_type, NOW if "TIME" in duckdb_type else 1)


def test_status_does_not_wait_for_a_sync_that_holds_the_warehouse(home, ada, monkeypatch):
    monkeypatch.setattr("fit_platform.commands.status._PATIENCE_SECONDS", 0.05)
    warehouse = DuckDBWarehouse(load_settings().warehouse_path)
    warehouse.prepare([])
    with warehouse.exclusive():
        result = run("status")
    assert result.exit_code == 0
    assert "in use by process" in result.stdout


def test_athletes_can_be_listed_and_described(home, ada):
    assert run("athletes", "ada", "--max-hr", "188", "--sex", "female").exit_code == 0
    (fact,) = json.loads(run("athletes", "--json").stdout)
    assert fact["max_hr_bpm"] == 188
    assert fact["timezone"] == "Europe/Berlin", "what was not named stays"
    assert fact["providers"] == ["polar"]


def test_a_healthy_home_has_nothing_for_the_doctor(home, ada):
    AthleteStore(home).upsert(
        "ada", {"sex": "female", "birth_date": date(1990, 5, 4), "max_hr_bpm": 188, "resting_hr_bpm": 50}
    )
    result = run("doctor", "--json")
    assert {finding["level"] for finding in json.loads(result.stdout)} == {"ok"}
    assert result.exit_code == 0


def test_the_doctor_names_each_problem_with_its_fix(home, ada, monkeypatch):
    (home / "tokens" / "polar" / "ada.json").chmod(0o644)
    ConnectionStore(home).save(ada.model_copy(update={"provider": "strava"}))
    monkeypatch.delenv("FIT_STRAVA_CLIENT_SECRET")
    result = run("doctor")
    assert result.exit_code == 1
    assert "chmod 600" in result.stdout
    assert "set FIT_STRAVA_CLIENT_ID and FIT_STRAVA_CLIENT_SECRET" in result.stdout
    assert "fit-platform link strava ada" in result.stdout, "its token is gone"


def test_the_doctor_says_what_is_missing_for_webhooks_and_shows_no_secret(home, ada):
    assert "looked at on schedule" in run("doctor").stdout
    secrets = secrets_file(load_settings())
    secrets.prepared()
    secrets.keep("strava", url="https://fit.example.org", verify_token="hush-token")
    found = {finding["about"]: finding for finding in json.loads(run("doctor", "--json").stdout)}
    strava = found["webhooks of strava"]
    assert (strava["level"], "without subscription id" in strava["detail"]) == ("problem", True)
    assert strava["fix"] == "fit-platform webhooks subscribe strava --url https://fit.example.org"
    assert found["webhooks of polar"]["level"] == "note", "linked, but not subscribed"
    assert "webhooks of fitbit" not in found, "neither linked nor subscribed"

    secrets.keep("strava", subscription_id="120475")
    secrets.keep("fitbit", url="https://fit.example.org", subscriber="fit-platform")
    secrets.path.chmod(0o644)
    result = run("doctor")
    assert result.exit_code == 1
    assert f"chmod 600 '{secrets.path}'" in result.stdout
    assert "set FIT_FITBIT_WEBHOOK_PROJECT" in result.stdout
    assert "subscription id" not in result.stdout
    assert secrets.read().path_secret not in result.stdout
    assert "hush-token" not in result.stdout


def test_the_doctor_sees_a_damaged_file_of_webhook_secrets(home, ada):
    path = secrets_file(load_settings()).path
    path.parent.mkdir(parents=True)
    path.write_text("{broken")
    path.chmod(0o600)
    result = run("doctor")
    assert result.exit_code == 1
    assert "fit-platform webhooks subscribe" in result.stdout


def test_the_doctor_asks_for_a_missing_time_zone_without_failing(home):
    AthleteStore(home).upsert("ben")
    result = run("doctor")
    assert result.exit_code == 0
    assert "fit-platform athletes ben --timezone" in result.stdout


def test_the_doctor_sees_a_damaged_warehouse(home):
    path = load_settings().warehouse_path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database" * 1000)
    result = run("doctor")
    assert result.exit_code == 1
    assert "fit-platform rebuild" in result.stdout
