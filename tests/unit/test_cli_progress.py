"""Live progress: never silence, a line for each finished piece, and dbt's chatter turned into counts."""

from __future__ import annotations

import sys
import time
from datetime import date

import pytest

from fit_platform.commands.terminal import Bars, Event, Watcher, watching
from fit_platform.pipeline.load import LoadReport
from fit_platform.pipeline.pull import AthleteFailure, PullProgress, PullReport
from fit_platform.providers.registry import PROVIDERS

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
