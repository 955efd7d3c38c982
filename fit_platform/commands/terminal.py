"""Live progress of a sync on stderr: bars where a person watches, plain lines everywhere else. Never silence.

The watcher keeps the counts; the two views only show them. What a sync came to is printed by `summary`.
"""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from fit_platform.pipeline.load import LoadReport
from fit_platform.pipeline.observe import Observer
from fit_platform.pipeline.pull import PullProgress, PullReport
from fit_platform.providers.base import Resource

HEARTBEAT_SECONDS = 2.0  # a person who reads a log wonders after a few seconds whether anything still happens
_HINT_SECONDS = 1.0  # between two looks at clock and quota ledger: a bar moves a hundred times a second
_ESTIMATE_AFTER_SECONDS = 5.0  # before that a guess would jump about
_KEPT_DBT_ERRORS = 20
_BUILDING = "checking and building"
# dbt's own lines: "10:20:30  3 of 40 OK created sql view model ... " and "10:20:30  3 of 40 START test ..."
_DBT_STEP = re.compile(r"\b(\d+) of (\d+) (OK|PASS|WARN|ERROR|FAIL|SKIP|START)")


@dataclass
class Pulling:
    """How far one resource is, in athlete-days. `settled` counts the days that were answered, or cannot be."""

    asked: int
    settled: int = 0
    written: int = 0
    at: str = ""
    problems: list[str] = field(default_factory=list)


class View(Protocol):
    """Shows what the watcher knows. `step` is called on every change."""

    def step(self, event: Event) -> None:
        """Something happened."""

    def open(self) -> None:
        """Begin."""

    def close(self) -> None:
        """End; the terminal is left clean."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change: what it is about, how far it is, and whether a whole piece of work just ended."""

    name: str
    done: int
    total: int
    note: str = ""
    ended: bool = False
    hint: str = ""


def time_left(settled: int, asked: int, seconds: float) -> str:
    """About how long the rest takes, if it goes on as until now; empty while that cannot be told."""
    if seconds < _ESTIMATE_AFTER_SECONDS or not 0 < settled < asked:
        return ""
    left = seconds * (asked - settled) / settled
    if left < 90:
        return f"about {max(5, round(left / 5) * 5)} s left"
    return f"about {round(left / 60)} min left" if left < 5400 else f"about {left / 3600:.1f} h left"


class Watcher(Observer):
    """Hears of every landed day and every load, reads dbt's output line by line, and keeps count."""

    def __init__(
        self,
        asked: Mapping[tuple[str, str], int],
        view: View,
        quota_words: Callable[[str], str] = lambda _: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`asked`: how many athlete-days of each (provider, resource) will be pulled.

        `quota_words`: what is left of a provider's quota, in words. `clock`: seconds.
        """
        self._quota_words, self._clock = quota_words, clock
        self._started = clock()
        self._hint, self._hinted_at = "", float("-inf")
        self.pulling = {key: Pulling(days) for key, days in asked.items()}
        self.view = view
        self.loaded = 0
        self.resources = 0
        self.dbt_errors: deque[str] = deque(maxlen=_KEPT_DBT_ERRORS)

    def on_progress(self, progress: PullProgress) -> None:
        """A day of an athlete was landed."""
        state = self.pulling.setdefault((progress.provider, progress.resource), Pulling(0))
        state.settled += 1
        state.written += progress.written
        state.at = f"{progress.athlete_id} {progress.day}"
        self.view.step(self._pull_event(progress.provider, progress.resource))

    def on_pull(self, report: PullReport) -> None:
        """A resource was pulled for all its athletes, for one piece of the window."""
        state = self.pulling.setdefault(report.resource.key, Pulling(0))
        state.settled += len(report.unknown)
        state.problems += [f"{failure.athlete_id}: {failure.verdict}" for failure in report.failures]
        self.view.step(self._pull_event(*report.resource.key, ended=True))

    def on_load(self, resource: Resource, report: LoadReport) -> None:
        """A resource was loaded."""
        self.loaded += 1
        note = f"{resource.provider} {resource.name}: {report.rows:,} rows in {len(report.loaded)} days"
        self.view.step(Event("loading", self.loaded, max(self.loaded, self.resources), note, ended=bool(report.loaded)))
        if self.loaded == self.resources:
            self.view.step(Event(_BUILDING, 0, 0))

    def on_dbt_line(self, line: str) -> None:
        """Take a line of what dbt says."""
        found = _DBT_STEP.search(line)
        if found is None:
            return
        done, total, word = int(found[1]), int(found[2]), found[3]
        if word in {"ERROR", "FAIL"}:
            self.dbt_errors.append(line[found.start() :].strip())
        if word != "START":
            self.view.step(Event(_BUILDING, done, total, ended=done == total))

    def _pull_event(self, provider: str, resource: str, *, ended: bool = False) -> Event:
        state = self.pulling[provider, resource]
        note = "; ".join(dict.fromkeys(state.problems)) or f"{state.written} written"
        if not ended and state.at:
            note = f"{note}, at {state.at}"
        total = max(state.asked, state.settled)
        return Event(f"{provider} {resource}", state.settled, total, note, ended, self._hint_on(provider))

    def _hint_on(self, provider: str) -> str:
        """About how long the pulls still take, and what is left of the quota: worked out once a second."""
        now = self._clock()
        if now - self._hinted_at >= _HINT_SECONDS:
            asked = sum(max(state.asked, state.settled) for state in self.pulling.values())
            settled = sum(state.settled for state in self.pulling.values())
            left = time_left(settled, asked, now - self._started)
            self._hint = "; ".join(part for part in (left, self._quota_words(provider)) if part)
            self._hinted_at = now
        return self._hint


class PlainLines:
    """A line for each finished piece of work, and a heartbeat when nothing else was said for two seconds."""

    def __init__(self) -> None:
        """Writes to stderr."""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._started = self._spoken = time.monotonic()
        self._latest = Event("starting", 0, 0)
        self._thread = threading.Thread(target=self._beat, name="progress", daemon=True)

    def open(self) -> None:
        """Start the heartbeat."""
        self._thread.start()

    def close(self) -> None:
        """Stop the heartbeat."""
        self._over.set()
        self._thread.join()

    def step(self, event: Event) -> None:
        """Remember the event; say it when it ends something."""
        with self._lock:
            self._latest = event
            if event.ended:
                self._say(event)

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS / 4):
            with self._lock:
                if time.monotonic() - self._spoken >= HEARTBEAT_SECONDS:
                    self._say(self._latest)

    def _say(self, event: Event) -> None:
        self._spoken = time.monotonic()
        count = f" {event.done}/{event.total}" if event.total else ""
        note = "".join(f"  {part}" for part in (event.note, event.hint and f"({event.hint})") if part)
        typer.echo(f"{self._spoken - self._started:6.1f} s  {event.name}{count}{note}", err=True)


class Bars:
    """One bar for each thing that is being done."""

    def __init__(self, names: list[str]) -> None:
        """Bars for `names` stand there from the start, in this order."""
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", table_column=None),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}", markup=True),
            console=Console(stderr=True),
            redirect_stdout=False,
        )
        self._tasks: dict[str, TaskID] = {
            name: self._progress.add_task(name, start=False, total=None, note="") for name in names
        }

    def open(self) -> None:
        """Show the bars."""
        self._progress.start()

    def close(self) -> None:
        """Leave the bars as they stand."""
        self._progress.stop()

    def step(self, event: Event) -> None:
        """Move a bar."""
        if event.name not in self._tasks:
            self._tasks[event.name] = self._progress.add_task(event.name, total=None, note="")
        task = self._tasks[event.name]
        self._progress.start_task(task)
        note = "; ".join(part for part in (event.note, event.hint) if part).replace("[", r"\[")
        self._progress.update(task, completed=event.done, total=event.total or None, note=note)


class _Lines(io.TextIOBase):
    """A stdout that hands on whole lines: what dbt says is progress here, not the command's result."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._watcher.on_dbt_line(line)
        return len(text)


@contextmanager
def watching(
    asked: Mapping[tuple[str, str], int], resources: int, quota_words: Callable[[str], str] = lambda _: ""
) -> Iterator[Watcher]:
    """A watcher that shows progress while the block runs.

    `asked`: athlete-days to be pulled of each (provider, resource); `resources`: how many will be loaded;
    `quota_words`: what is left of a provider's quota.
    """
    names = [f"{provider} {resource}" for provider, resource in asked]
    view: View = Bars(names) if sys.stderr.isatty() else PlainLines()
    watcher = Watcher(asked, view, quota_words)
    watcher.resources = resources
    view.open()
    try:
        with redirect_stdout(_Lines(watcher)):
            yield watcher
    finally:
        view.close()
