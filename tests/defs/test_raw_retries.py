"""What Dagster is told when a pull fails: wait, give up, or go on with what has landed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from fit_platform import run_tags
from fit_platform.defs.raw import _failure
from fit_platform.landing.zone import Written
from fit_platform.pipeline.pull import AthleteFailure, PullReport
from fit_platform.providers.registry import resource

STREAMS = resource("strava", "streams")
LANDED = {("ada", date(2026, 3, 1)): Written(True, "x", 1, 0, 10)}


def context(*, interactive: bool = False) -> Any:
    return SimpleNamespace(run=SimpleNamespace(tags={run_tags.INTERACTIVE: "true"} if interactive else {}))


def report(verdict: str, *, landed: bool = False, retry_at: datetime | None = None) -> PullReport:
    failure = AthleteFailure("ada", verdict, f"strava: {verdict}", retry_at=retry_at)
    return PullReport(STREAMS, written=dict(LANDED) if landed else {}, failures=[failure])


def test_a_pull_without_failures_goes_on() -> None:
    assert _failure(context(), PullReport(STREAMS), athletes=0) is None


def test_an_athlete_who_failed_halfway_is_a_check_not_a_failed_step() -> None:
    assert _failure(context(), report("transient", landed=True), athletes=1) is None
    assert _failure(context(), report("needs re-consent"), athletes=2) is None, "the other athlete was pulled"


def test_a_used_up_quota_waits_for_its_window_even_when_some_days_have_landed() -> None:
    retry_at = datetime.now(UTC) + timedelta(minutes=10)
    told = _failure(context(), report("quota", landed=True, retry_at=retry_at), athletes=1)
    assert isinstance(told, dg.RetryRequested)
    assert 590 < told.seconds_to_wait <= 600


@pytest.mark.parametrize(("verdict", "tries"), [("no network", 30), ("transient", 3), ("bad payload", 3)])
def test_what_may_pass_is_tried_again_every_two_minutes(verdict: str, tries: int) -> None:
    told = _failure(context(), report(verdict), athletes=1)
    assert isinstance(told, dg.RetryRequested)
    assert (told.max_retries, told.seconds_to_wait) == (tries, 120)


@pytest.mark.parametrize("verdict", ["needs re-consent", "forbidden", "not found", "bad request", "permanent"])
def test_what_cannot_pass_is_not_tried_again(verdict: str) -> None:
    told = _failure(context(), report(verdict), athletes=1)
    assert isinstance(told, dg.Failure)
    assert told.allow_retries is False


@pytest.mark.parametrize("verdict", ["quota", "transient", "no network", "bad payload"])
def test_a_run_for_news_holds_nothing_up_for_what_will_pass(verdict: str) -> None:
    news: Any = SimpleNamespace(run=SimpleNamespace(tags={run_tags.NEWS: "true"}))
    opens = datetime.now(UTC) + timedelta(hours=5)
    assert _failure(news, report(verdict, retry_at=opens), athletes=1) is None
    assert isinstance(_failure(news, report("needs re-consent"), athletes=1), dg.Failure)


def test_a_person_who_waits_at_a_terminal_is_told_instead() -> None:
    assert isinstance(_failure(context(interactive=True), report("transient"), athletes=1), dg.Failure)
    assert _failure(context(interactive=True), report("quota", landed=True), athletes=1) is None
