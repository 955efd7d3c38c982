"""What a run tells whoever watches it: each landed day, each finished pull and load. By default nobody watches.

The steps of a run are reached through Dagster, which has no return channel for live progress; a context variable
gives the command line one without the steps knowing of any terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fit_platform.pipeline.load import LoadReport
from fit_platform.pipeline.pull import PullProgress, PullReport
from fit_platform.providers.base import Resource


class Observer:
    """Override what you want to hear of."""

    def on_progress(self, progress: PullProgress) -> None:
        """A day of an athlete was landed."""

    def on_pull(self, report: PullReport) -> None:
        """A resource was pulled for all its athletes."""

    def on_load(self, resource: Resource, report: LoadReport) -> None:
        """A resource was loaded."""


_NOBODY = Observer()
_observer: ContextVar[Observer] = ContextVar("fit_observer")


def observer() -> Observer:
    """Whoever watches this run."""
    return _observer.get(_NOBODY)


@contextmanager
def observing(watcher: Observer) -> Iterator[None]:
    """Let a watcher hear of everything that runs inside the block."""
    token = _observer.set(watcher)
    try:
        yield
    finally:
        _observer.reset(token)
