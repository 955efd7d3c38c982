"""`fit-platform update` as somebody without a daemon runs it: from the news to the published marts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fit_platform.accounts.athletes import AthleteStore
from fit_platform.cli import app
from fit_platform.commands.demo_home import environment_with
from fit_platform.landing.inbox import ChangeEvent
from tests.integration.conftest import WINDOW, House
from tests.integration.test_feed import EVENING, at


@pytest.fixture
def house(synced: House, copy_of: Callable[[House], House]) -> House:
    return copy_of(synced)


def update(house: House, *arguments: str, moment: datetime = EVENING) -> Result:
    with at(house, moment), environment_with({"FIT_START_DATE": str(WINDOW.first)}):
        return CliRunner().invoke(app, ["update", *arguments])


def facts(house: House, *arguments: str) -> dict[str, Any]:
    result = update(house, *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_news_in_the_inbox_and_edits_of_athletes_reach_the_marts_and_then_nothing_is_left(house: House) -> None:
    (activity,) = house.query(
        "SELECT athlete_id, activity_id, dt FROM base.strava_activities ORDER BY dt DESC, activity_id LIMIT 1"
    )
    house.control(
        "world",
        ops=[{"op": "edit", "provider": "strava", "athlete": activity["athlete_id"],
              "record": str(activity["activity_id"]), "title": "Renamed"}],
    )  # fmt: skip
    with at(house) as runtime:
        runtime.inbox.put(
            ChangeEvent(
                provider="strava",
                athlete_id=activity["athlete_id"],
                origin="webhook",
                seen_at=EVENING,
                resources=("activities", "streams"),
                object_id=str(activity["activity_id"]),
            )
        )
        AthleteStore(runtime.settings.home_dir).upsert(activity["athlete_id"], {"max_hr_bpm": 201})
    before = house.hashes()
    assert facts(house, "--mode", "inbox")["looks"] == []
    after = house.hashes()
    assert {name for name in before if before[name] != after[name]} >= {"activities", "athletes"}
    assert house.query("SELECT title FROM base.strava_activities WHERE title = 'Renamed'")
    assert house.query("SELECT athlete_id FROM marts.athletes WHERE max_hr_bpm = 201")
    quiet = update(house, "--mode", "inbox")
    assert (quiet.exit_code, quiet.stdout.strip()) == (0, "up to date")


def test_days_that_a_provider_could_not_answer_wait_in_the_inbox_and_are_pulled_by_the_next_update(
    house: House,
) -> None:
    (night,) = house.query("SELECT athlete_id, dt FROM base.fitbit_steps ORDER BY dt DESC, athlete_id LIMIT 1")
    with at(house) as runtime:
        runtime.inbox.put(
            ChangeEvent(
                provider="fitbit",
                athlete_id=night["athlete_id"],
                origin="webhook",
                seen_at=EVENING,
                resources=("steps",),
                days=(night["dt"],),
            )
        )
    house.control("scenario", providers=["fitbit"], status_500=1.0)
    assert update(house, "--mode", "inbox", "--provider", "fitbit").exit_code != 0
    with at(house) as runtime:
        (waiting,) = [runtime.inbox.read(name) for name in runtime.inbox.names("fitbit")]
    assert waiting is not None
    assert (waiting.athlete_id, waiting.resources, waiting.days) == (night["athlete_id"], ("steps",), (night["dt"],))
    house.control("scenario")
    later = EVENING + timedelta(minutes=5)
    assert update(house, "--mode", "inbox", "--provider", "fitbit", moment=later).exit_code == 0
    with at(house, later) as runtime:
        assert list(runtime.inbox.names("fitbit")) == []


def test_a_provider_that_cannot_be_looked_at_is_told_with_exit_code_3(house: House) -> None:
    house.control("scenario", providers=["polar"], status_500=1.0)
    result = update(house, "--provider", "polar")
    assert result.exit_code == 3, result.output
    assert "error: polar ada" in result.stderr


def test_somebody_who_is_not_linked_is_told_what_to_do(house: House) -> None:
    result = update(house, "--athlete", "nobody")
    assert result.exit_code == 2
    assert "fit-platform link" in result.stderr
