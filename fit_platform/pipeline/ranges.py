"""Days that may lie far apart, as a few short windows: what comes late must not cost all the days in between.

Only arithmetic on days; who loads or builds them is elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import pairwise

from fit_platform.providers.base import Window

NEAR_DAYS = 14  # the models read and replace up to two weeks around a range, so ranges nearer than that are one
MOST_WINDOWS = 40  # each is a predicate of every day-ranged model


def windows_of(days: Iterable[date], *, near_days: int = NEAR_DAYS, most: int = MOST_WINDOWS) -> list[Window]:
    """Windows that hold all these days, oldest first: a new one begins after more than `near_days` without any.

    Where that makes too many, those with the least between them become one.
    """
    wanted = sorted(set(days))
    windows: list[Window] = []
    for day in wanted:
        if windows and (day - windows[-1].last).days <= near_days:
            windows[-1] = Window(windows[-1].first, day)
        else:
            windows.append(Window(day, day))
    if len(windows) <= most:
        return windows
    gaps = sorted((after.first - before.last).days for before, after in pairwise(windows))
    return windows_of(wanted, near_days=gaps[len(windows) - most - 1], most=most)


def outside(days: Iterable[date], windows: Iterable[Window]) -> list[date]:
    """Those days that no window holds, sorted."""
    held = list(windows)
    return sorted({day for day in days if not any(day in window for window in held)})
