"""Live progress: never silence, a line for each finished piece, and dbt's chatter turned into counts."""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime

import pytest

from fit_platform.commands.syncing import quota_words
from fit_platform.commands.terminal import Bars, Event, Watcher, time_left, watching
from fit_platform.pipeline.load import LoadReport
from fit_platform.pipeline.pull import AthleteFailure, PullProgress, PullReport
from fit_platform.providers.registry import PROVIDERS
from fit_platform.quota.ledger import QuotaLedger
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings

RESOURCE = PROVIDERS["polar"][0]
NAME = f"{RESOURCE.provider} {RESOURCE.name}"


class Recorder:
    """A view that only remembers."""

    def __init__(self):
        self.events: list[Event] = []

    def step(self, event):
        self.events.append(event)

    def open(self):
        pass

    def close(self):
        pass


def landed(day, *, written=True):
    return PullProgress(RESOURCE.provider, RESOURCE.name, "ada", date(2026, 3, day), written, 1)


def test_landed_days_are_counted_against_what_was_asked():
    view = Recorder()
    watcher = Watcher({RESOURCE.key: 4}, view)
    watcher.on_progress(landed(1))
    watcher.on_progress(landed(2, written=False))
    report = PullReport(RESOURCE, unknown={("ada", date(2026, 3, 3)): "too old"})
    report.failures.append(AthleteFailure("ben", "needs re-consent", "…"))
    watcher.on_pull(report)
    last = view.events[-1]
    assert (last.name, last.done, last.total, last.ended) == (NAME, 3, 4, True)
    assert "ben: needs re-consent" in last.note


def test_dbt_lines_become_counts_and_its_errors_are_kept():
    view = Recorder()
    watcher = Watcher({}, view)
    watcher.on_dbt_line("10:20:29  Running with dbt=1.11.16")
    watcher.on_dbt_line("10:20:30  1 of 40 START sql table model marts.athletes .... [RUN]")
    watcher.on_dbt_line("10:20:30  1 of 40 OK created sql table model marts.athletes [OK in 0.1s]")
    watcher.on_dbt_line("10:20:31  2 of 40 ERROR creating sql table model marts.sleep [ERROR in 0.1s]")
    assert [(event.done, event.total) for event in view.events] == [(1, 40), (2, 40)]
    assert list(watcher.dbt_errors) == ["2 of 40 ERROR creating sql table model marts.sleep [ERROR in 0.1s]"]


def test_without_a_terminal_each_finished_resource_is_one_line_on_stderr(capsys):
    with watching({RESOURCE.key: 1}, 1) as watcher:
        watcher.on_progress(landed(1))
        watcher.on_pull(PullReport(RESOURCE))
        watcher.on_load(RESOURCE, LoadReport((), 1))
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split("s  ", 1)[1] for line in err.splitlines()] == [f"{NAME} 1/1  1 written"]


def test_without_a_terminal_there_is_a_heartbeat_while_nothing_else_happens(capsys, monkeypatch):
    monkeypatch.setattr("fit_platform.commands.terminal.HEARTBEAT_SECONDS", 0.02)
    err = ""
    with watching({RESOURCE.key: 100}, 1) as watcher:
        watcher.on_progress(landed(1))
        deadline = time.monotonic() + 10
        while err.count("1/100") < 2 and time.monotonic() < deadline:
            err += capsys.readouterr().err
    assert err.count(f"{NAME} 1/100  1 written, at ada 2026-03-01") >= 2


def test_what_dbt_prints_does_not_reach_stdout_and_stdout_comes_back(capsys):
    def interrupted():
        with watching({}, 1):
            sys.stdout.write("10:20:30  Found 40 models\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    sys.stdout.write("the result\n")
    assert capsys.readouterr().out == "the result\n"


def test_on_a_terminal_every_resource_has_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    bars = Bars([NAME])
    bars.open()
    bars.step(Event(NAME, 3, 4, "3 written [draft]"))
    bars.step(Event("building", 0, 0))
    bars.close()
    err = capsys.readouterr().err
    assert NAME in err
    assert "3/4" in err
    assert "[draft]" in err


@pytest.mark.parametrize(
    ("settled", "asked", "seconds", "words"),
    [
        (1, 100, 1.0, ""),  # too early to tell
        (0, 100, 60.0, ""),
        (100, 100, 60.0, ""),
        (50, 100, 20.0, "about 20 s left"),
        (10, 100, 60.0, "about 9 min left"),
        (10, 1000, 600.0, "about 16.5 h left"),
    ],
)
def test_the_time_left_is_told_roughly_once_it_can_be(settled, asked, seconds, words):
    assert time_left(settled, asked, seconds) == words


def test_a_backfill_says_how_long_it_takes_and_what_is_left_of_the_quota():
    now = [0.0]
    view = Recorder()
    watcher = Watcher({RESOURCE.key: 20}, view, lambda provider: f"{provider}: 40 of 100 calls left", lambda: now[0])
    for day in range(1, 11):
        now[0] += 30 if day > 1 else 3
        watcher.on_progress(landed(day))
    assert view.events[0].hint == "polar: 40 of 100 calls left"
    assert view.events[-1].hint == "about 5 min left; polar: 40 of 100 calls left"


def test_the_quota_that_is_nearest_to_its_end_is_told_without_what_is_kept_for_webhooks(tmp_path, monkeypatch):
    runtime = Runtime(load_settings())
    assert quota_words(runtime, "strava") == ""
    runtime.quota = QuotaLedger(tmp_path / "quota.sqlite", lambda: datetime(2026, 3, 1, 12, 5, tzinfo=UTC))
    runtime.quota.reserve("strava", "ada", 60)
    assert quota_words(runtime, "strava") == "strava read 15 min: 30 of 100 calls left, all again 01 Mar 12:15 UTC"
