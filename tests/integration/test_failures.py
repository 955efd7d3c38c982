"""What goes wrong costs itself only, is said plainly, and never reaches the published marts."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from fit_platform.errors import AuthRevoked
from fit_platform.landing.layout import DayKey
from fit_platform.providers.base import Window
from tests.integration.conftest import House

DAYS = Window(date(2026, 3, 27), date(2026, 3, 28))


def checks_of(result: Any, name: str) -> dict[str, bool]:
    return {check.asset: check.passed for check in result.checks if check.name == name}


@pytest.fixture(scope="module")
def small(linked: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Two days, synced well."""
    house = House(tmp_path_factory.mktemp("small") / "home", linked.base_url)
    shutil.copytree(linked.home, house.home)
    assert house.sync(DAYS).exit_code == 0
    return house


def test_one_athletes_dead_connection_is_reported_and_loses_nobody_else(small: House, copy_of) -> None:
    house = copy_of(small)
    with house.open() as runtime:
        runtime.custody.needs_consent("polar", "ben", "the provider says 401")
    day = Window(DAYS.last + timedelta(days=1), DAYS.last + timedelta(days=1))
    result = house.sync(day)
    assert result.exit_code == 3
    assert any("ben" in line and "fit-platform link polar ben" in line for line in result.problems)
    assert not any(problem.count("fit-platform link") > 1 for problem in result.problems)
    with house.open() as runtime:
        for athlete, has_landed in (("ada", True), ("ben", False)):
            key = DayKey("polar", "continuous_heart_rate", day.first, athlete)
            assert (runtime.zone.lines(key) is not None) is has_landed
    assert not checks_of(result, "every_athlete_pulled")["raw/polar/sleep"]
    assert result.published, "the others' marts are brought up to date"


def test_a_provider_that_is_down_is_said_and_the_others_go_on(small: House, copy_of) -> None:
    house = copy_of(small)
    house.control("scenario", providers=["strava"], status_500=1.0)
    day = Window(DAYS.last + timedelta(days=1), DAYS.last + timedelta(days=1))
    result = house.sync(day)
    assert result.exit_code == 3
    assert all("strava" in line for line in result.problems), result.problems
    assert "fitbit" in {report.resource.provider for report in result.pulls if report.written}


@pytest.mark.parametrize("kind", ["html_200", "malformed_json"])
def test_a_body_that_is_not_what_was_promised_costs_its_day_only_and_is_asked_again(
    small: House, copy_of, kind: str
) -> None:
    house = copy_of(small)
    bad, good = DAYS.last + timedelta(days=1), DAYS.last + timedelta(days=2)
    what = {"provider": "fitbit", "path_contains": "dataTypes/heart-rate/", "athlete": "ada"}
    house.control("scenario", poison=[{**what, "day": str(bad), "kind": kind}])
    result = house.sync(Window(bad, good), providers=["fitbit"])
    assert result.exit_code == 3
    [row] = house.query("SELECT resource, dt, athlete_id, reason FROM ops.quarantine")
    assert (row["resource"], row["dt"], row["athlete_id"]) == ("heart_rate", bad, "ada")
    counted = "SELECT count(*) AS n FROM base.fitbit_heart_rate WHERE athlete_id = ? AND dt = ?"
    assert house.query(counted, "ada", good)[0]["n"] > 1000
    assert house.query(counted, "ben", bad)[0]["n"] > 1000
    house.control("scenario")
    assert house.sync(Window(bad, bad), providers=["fitbit"]).exit_code == 0
    assert house.query("SELECT * FROM ops.quarantine") == []
    assert house.query(counted, "ada", bad)[0]["n"] > 1000


def test_bad_records_are_quarantined_with_a_reason_and_unknown_sports_are_kept(linked: House, copy_of) -> None:
    house = copy_of(linked)
    window = Window(DAYS.first - timedelta(days=7), DAYS.last)
    house.control(
        "scenario",
        poison=[
            {"provider": "strava", "path_contains": "activities", "kind": "missing_key", "key": "start_date"},
            {"provider": "polar", "path_contains": "exercises", "kind": "unknown_sport"},
            {"provider": "fitbit", "path_contains": "resting", "kind": "missing_key",
             "key": "dailyRestingHeartRate.beatsPerMinute"},
            {"provider": "polar", "path_contains": "sleep", "kind": "sentinel", "key": "sleep_score", "value": 0},
            {"provider": "polar", "path_contains": "continuous", "kind": "empty", "athlete": "ben"},
        ],
    )  # fmt: skip
    result = house.sync(window)
    reasons = house.query("SELECT provider, resource, reason FROM ops.quarantine")
    assert {row["provider"] for row in reasons} >= {"strava", "fitbit"}, reasons
    assert all(row["reason"] for row in reasons)
    assert result.published
    assert result.exit_code == 0, result.problems
    scores = house.query("SELECT sleep_score FROM base.polar_sleep")
    assert scores
    assert all(row["sleep_score"] != 0 for row in scores), "Polar's no-data 0 is null"
    assert house.query("SELECT DISTINCT athlete_id FROM base.polar_continuous_heart_rate") == [{"athlete_id": "ada"}]
    kept = house.query("SELECT count(*) AS n FROM base.strava_activities")[0]["n"]
    assert kept > 0, "the other activities of the day loaded"


def test_a_failing_blocking_check_keeps_the_last_good_marts_published(small: House, copy_of) -> None:
    house = copy_of(small)
    current = house.home / "published" / "current"
    before = current.resolve()
    with duckdb.connect(str(house.home / "warehouse" / "fit.duckdb")) as db:
        db.execute("DELETE FROM base.fitbit_sleep")  # rows that the ledger says are loaded
    result = house.sync(Window(DAYS.last + timedelta(days=1), DAYS.last + timedelta(days=1)))
    assert not checks_of(result, "rows_reconcile")["load/fitbit/sleep"]
    assert not result.published
    assert result.exit_code == 1
    assert current.resolve() == before


def test_a_revoked_token_is_a_verdict_and_not_a_retry(small: House, copy_of) -> None:
    house = copy_of(small)
    with house.open() as runtime:
        runtime.custody.needs_consent("strava", "ada", "revoked")
        with pytest.raises(AuthRevoked):
            runtime.custody.access_token("strava", "ada")
