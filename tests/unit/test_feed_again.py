"""What an event's run did not get goes back into the inbox when the reason will pass, and is done with otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from fit_platform.feed.plan import PlannedRun, ask_again, finish, take
from fit_platform.pipeline.pull import AthleteFailure, PullReport
from fit_platform.providers.base import Window
from fit_platform.providers.registry import resource
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings

DAYS = Window(date(2026, 3, 1), date(2026, 3, 2))
RUN = PlannedRun(DAYS, ("activities", "streams"), ("ada", "ben"))


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIT_HOME", str(tmp_path / "home"))
    return Runtime(load_settings())


def report(name: str, *failures: AthleteFailure) -> PullReport:
    return PullReport(resource("strava", name), failures=list(failures))


def waiting(runtime: Runtime, now: datetime) -> list[tuple[str, tuple[str, ...], tuple[date, ...]]]:
    events = [runtime.inbox.read(name) for name in runtime.inbox.due("strava", now, 10)]
    return [(event.athlete_id, event.resources, event.days) for event in events if event is not None]


@pytest.mark.parametrize("verdict", ["quota", "transient", "no network", "bad payload"])
def test_who_got_nothing_for_a_reason_that_will_pass_is_asked_for_again(runtime: Runtime, verdict: str) -> None:
    failed = report("activities", AthleteFailure("ada", verdict, "not now"))
    assert ask_again(runtime, "strava", RUN, [failed, report("streams")]) == 1
    assert waiting(runtime, datetime.now(UTC)) == [], "not at once"
    assert waiting(runtime, datetime.now(UTC) + timedelta(minutes=2)) == [("ada", ("activities",), tuple(DAYS.days()))]


def test_what_fails_again_and_again_is_asked_for_less_and_less_often_and_never_forgotten(runtime: Runtime) -> None:
    failed = report("streams", AthleteFailure("ada", "no network", "not now"))
    waits = []
    for attempt in (0, 1, 2, 50):
        begin = datetime.now(UTC)
        ask_again(runtime, "strava", replace(RUN, resources=("streams",), attempt=attempt), [failed])
        (name,) = runtime.inbox.names("strava")
        event = runtime.inbox.read(name)
        assert event is not None
        assert event.attempt == attempt + 1
        waits.append(
            next(s for s in range(5000) if runtime.inbox.due("strava", begin + timedelta(seconds=s), 1)),
        )
        runtime.inbox.done(name)
    assert waits == [pytest.approx(wait, abs=2) for wait in (30, 60, 120, 1800)]


def test_a_run_for_news_that_was_put_off_says_how_often(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    link(runtime, monkeypatch)
    ask_again(
        runtime,
        "strava",
        replace(RUN, resources=("streams",), athletes=("ada",), attempt=3),
        [report("streams", AthleteFailure("ada", "transient", "not now"))],
    )
    monkeypatch.setattr(Runtime, "clock", lambda _: datetime.now(UTC) + timedelta(hours=1))
    (run,) = take(runtime, "strava").runs
    assert (run.window, run.athletes, run.attempt) == (DAYS, ("ada",), 4)


def test_a_used_up_quota_is_waited_for(runtime: Runtime) -> None:
    opens = datetime.now(UTC) + timedelta(hours=5)
    ask_again(runtime, "strava", RUN, [report("streams", AthleteFailure("ben", "quota", "used up", retry_at=opens))])
    assert ("ben", ("streams",), tuple(DAYS.days())) not in waiting(runtime, opens - timedelta(minutes=1))
    assert ("ben", ("streams",), tuple(DAYS.days())) in waiting(runtime, opens + timedelta(minutes=1))


@pytest.mark.parametrize("verdict", ["needs re-consent", "forbidden", "not found", "bad request", "permanent"])
def test_what_cannot_be_had_is_not_asked_for_again_nor_what_needs_it(runtime: Runtime, verdict: str) -> None:
    failures = [AthleteFailure(athlete_id, verdict, "no") for athlete_id in RUN.athletes]
    assert ask_again(runtime, "strava", RUN, [report("activities", *failures)]) == 0


def test_a_step_that_died_is_asked_for_again_for_everybody(runtime: Runtime) -> None:
    assert ask_again(runtime, "strava", RUN, [report("activities")]) == 2
    assert [(who, names) for who, names, _ in waiting(runtime, datetime.now(UTC) + timedelta(minutes=2))] == [
        ("ada", ("streams",)),
        ("ben", ("streams",)),
    ]


def test_a_run_that_got_everything_leaves_nothing_behind(runtime: Runtime) -> None:
    assert ask_again(runtime, "strava", RUN, [report("activities"), report("streams")]) == 0


def at(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    monkeypatch.setattr(Runtime, "clock", lambda _: datetime.now(UTC) + timedelta(days=days))


def test_what_kills_every_run_is_put_aside_in_the_end_and_takes_no_other_day_along(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two days in one run the second is poison. After two deaths each has a run of its own."""
    poison = DAYS.last
    link(runtime, monkeypatch)
    ask_again(runtime, "strava", replace(RUN, athletes=("ada",), resources=("activities",)), [])
    pulled, runs = [], []
    for round_ in range(1, 20):
        at(monkeypatch, round_)
        tick = take(runtime, "strava")
        runs.append([run.span for run in tick.runs])
        for run in tick.runs:
            dies = poison in run.window.days()
            reports = [] if dies else [report(name) for name in run.resources]
            ask_again(runtime, "strava", run, reports)
            pulled += [] if dies else [run.span]
        finish(runtime, tick.handled)
        if not tick.runs:
            break
    assert runs == [[str(DAYS)], [str(DAYS.first), str(poison)], *[[str(poison)]] * 7, []]
    assert pulled == [str(DAYS.first)]
    ((name, reason),) = runtime.inbox.rejected()
    assert "10 runs" in reason
    left = runtime.inbox.store.read(name)
    assert left is not None
    assert str(poison).encode() in left


def test_a_suspect_day_is_left_out_of_the_wide_runs_of_very_many_days(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(runtime, monkeypatch)
    days = [DAYS.first + timedelta(days=2 * n) for n in range(30)]
    suspect = days[3]
    for day in days:
        deaths = 1 if day == suspect else -1
        ask_again(runtime, "strava", PlannedRun(Window(day, day), ("activities",), ("ada",), 0, deaths), [])
    at(monkeypatch, 1)
    windows = [run.window for run in take(runtime, "strava").runs]
    assert [window for window in windows if suspect in window.days()] == [Window(suspect, suspect)]
    assert len(windows) < 8
    assert {day for window in windows for day in window.days()} >= set(days)


def link(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runtime, "clients", lambda *_, **__: [SimpleNamespace(athlete_id="ada")])
    known = SimpleNamespace(athlete_id="ada", broken=None, provider="strava")
    monkeypatch.setattr(type(runtime.connections), "get", lambda *_: known)
