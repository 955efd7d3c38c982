"""In which runs a window is pulled: every day once, and no run for a day or two that asks all lists again."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fit_platform.providers.base import Window
from fit_platform.sync import raw_runs

FIRST = date(2020, 1, 1)


def window(days: int) -> Window:
    return Window(FIRST, FIRST + timedelta(days=days - 1))


def lengths(days: int) -> list[int]:
    return [len(run.days()) for run in raw_runs(window(days))]


def test_a_year_is_one_run_and_three_are_three() -> None:
    """The year's last day had a run of its own once: 79 Polar calls where 70 do, 334 of Google's for 314."""
    assert lengths(365) == [365]
    assert lengths(3 * 365) == [392, 392, 311]
    assert lengths(2 * 392 + 3) == [392, 395]
    assert lengths(1) == [1]


@given(st.integers(min_value=1, max_value=5000))
def test_every_day_is_in_one_run_and_cuts_lie_between_ranges(days: int) -> None:
    runs = raw_runs(window(days))
    assert [day for run in runs for day in run.days()] == window(days).days()
    assert all((run.first - FIRST).days % 28 == 0 for run in runs)
    assert len(runs) == 1 or all(len(run.days()) > 84 for run in runs)
