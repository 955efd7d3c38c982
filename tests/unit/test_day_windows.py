"""Days far apart as a few windows, what to load in which run, and which days a build changed without being asked."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fit_platform.pipeline.consequences import Surroundings, also_changed
from fit_platform.pipeline.ranges import MOST_WINDOWS, NEAR_DAYS, outside, windows_of
from fit_platform.providers.base import Window
from fit_platform.sync import load_runs

TODAY = date(2026, 11, 16)
many_days = st.lists(st.dates(date(2015, 1, 1), TODAY), max_size=400)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def second(day: date, hour: int = 0) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp())


# --- windows ---------------------------------------------------------------------------------------------------------


def test_an_edit_of_long_ago_costs_its_own_days_and_not_those_between() -> None:
    assert windows_of([TODAY, ago(487), ago(30)]) == [Window(d, d) for d in (ago(487), ago(30), TODAY)]


def test_days_that_are_near_each_other_are_one_window() -> None:
    assert windows_of([TODAY, ago(1), ago(1 + NEAR_DAYS)]) == [Window(ago(1 + NEAR_DAYS), TODAY)]
    assert windows_of([]) == []


@given(days=many_days)
def test_windows_hold_every_day_and_are_few_and_in_order(days: list[date]) -> None:
    windows = windows_of(days)
    assert outside(days, windows) == []
    assert len(windows) <= MOST_WINDOWS
    assert all((b.first - a.last).days > NEAR_DAYS for a, b in itertools.pairwise(windows))
    assert {day for window in windows for day in (window.first, window.last)} <= set(days)


# --- loads -----------------------------------------------------------------------------------------------------------

ALL = [("p", name) for name in "abcdefgh"]


def test_a_load_of_one_old_and_one_new_day_is_two_short_runs() -> None:
    unloaded = {key: [] for key in ALL} | {ALL[0]: [ago(30), TODAY]}
    assert list(load_runs(unloaded, TODAY)) == [
        ([ALL[0]], Window(ago(30), ago(30)), False),
        (ALL, Window(TODAY, TODAY), True),
    ]


def test_a_long_range_is_loaded_for_those_resources_alone_that_have_something_in_it() -> None:
    years = [ago(n) for n in range(3650)]
    unloaded = {key: [] for key in ALL} | {ALL[0]: years, ALL[1]: years}
    assert list(load_runs(unloaded, TODAY)) == [
        (ALL[:2], Window(years[-1], TODAY), False),
        (ALL, Window(TODAY, TODAY), True),
    ]
    everywhere = dict.fromkeys(ALL, years)
    assert list(load_runs(everywhere, TODAY)) == [(ALL, Window(years[-1], TODAY), True)]


def test_with_nothing_to_load_every_resource_is_checked_on_one_day() -> None:
    assert list(load_runs({key: [] for key in ALL}, TODAY)) == [(ALL, Window(TODAY, TODAY), True)]


@given(days=st.lists(many_days, min_size=8, max_size=8))
def test_every_day_is_loaded_by_some_run(days: list[list[date]]) -> None:
    unloaded = dict(zip(ALL, days, strict=True))
    runs = list(load_runs(unloaded, TODAY))
    assert [is_last for *_, is_last in runs] == [False] * (len(runs) - 1) + [True]
    for key, wanted in unloaded.items():
        assert outside(wanted, [window for chosen, window, _ in runs if key in chosen]) == []


# --- consequences ----------------------------------------------------------------------------------------------------

BERLIN, NEW_YORK = 3600, -18000
LOADED = tuple(ago(n) for n in reversed(range(400)))
HOME = {"ada": ((0, 10**10, BERLIN),)}


def known(clocks=HOME, pairs=(), repeats=()) -> Surroundings:
    return Surroundings(clocks, frozenset(pairs), frozenset(repeats), LOADED)


def test_without_a_build_before_there_is_nothing_to_build_again() -> None:
    assert also_changed(None, known(), [Window(TODAY, TODAY)]) == []
    assert also_changed(known(), None, [Window(TODAY, TODAY)]) == []


def test_the_same_surroundings_ask_for_nothing() -> None:
    assert also_changed(known(), known(), []) == []


def test_a_stay_abroad_that_is_told_late_changes_its_days_and_no_others() -> None:
    first, end = second(ago(40), 12), second(ago(37), 12)
    abroad = {"ada": ((0, first, BERLIN), (first, end, NEW_YORK), (end, 10**10, BERLIN))}
    told = Window(ago(40), ago(40))
    assert also_changed(known(), known(abroad), [told]) == [ago(n) for n in (41, 39, 38, 37, 36)]
    assert also_changed(known(abroad), known(), [told]) == [ago(n) for n in (41, 39, 38, 37, 36)]


def test_a_segment_that_is_only_cut_changes_nothing() -> None:
    cut = {"ada": ((0, second(ago(9)), BERLIN), (second(ago(9)), 10**10, BERLIN))}
    assert also_changed(known(), known(cut), []) == []


def test_another_home_zone_changes_every_loaded_day() -> None:
    moved = {"ada": ((0, 10**10, NEW_YORK),)}
    assert also_changed(known(), known(moved), [Window(TODAY, TODAY)]) == list(LOADED[:-1])


def test_a_decision_about_an_old_pair_changes_the_pairs_day() -> None:
    pair, repeat = (ago(200), "a", "b", None), (ago(199), "ada", "strava", "7")
    assert also_changed(known(), known(pairs=[pair], repeats=[repeat]), [Window(TODAY, TODAY)]) == [ago(200), ago(199)]
    assert also_changed(known(pairs=[pair]), known(), [Window(TODAY, TODAY)]) == [ago(200)]


def test_pairs_around_a_built_day_were_compared_anyway() -> None:
    pair, repeat = (ago(3), "a", "b", None), (ago(3), "ada", "strava", "7")
    assert also_changed(known(), known(pairs=[pair]), [Window(TODAY, TODAY)]) == []
    assert also_changed(known(), known(repeats=[repeat]), [Window(TODAY, TODAY)]) == [ago(3)]
