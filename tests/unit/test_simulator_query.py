"""Google Health's filter language and page tokens, and how each provider counts calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fit_platform.simulator.config import Limits
from fit_platform.simulator.fitbit.query import BadQuestion, Page, TimeKind, parse_filter, parse_page
from fit_platform.simulator.limits import FitbitLimits, PolarLimits, StravaLimits
from fit_platform.simulator.strava.polyline import encode

STEPS: dict[str, TimeKind] = {"steps.interval.start_time": "physical", "steps.interval.civil_start_time": "civil"}
RESTING: dict[str, TimeKind] = {"daily_resting_heart_rate.date": "civil"}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_bounds_are_half_open_and_civil_ones_follow_the_wall_clock() -> None:
    bounds = parse_filter(
        'steps.interval.civil_start_time >= "2026-03-02" AND steps.interval.civil_start_time < "2026-03-03T06:00:00"',
        STEPS,
    )
    assert (bounds.lower, bounds.upper) == (_instant("2026-03-02"), _instant("2026-03-03T06:00"))
    assert bounds.has(_instant("2026-03-01T23:00"), 3600)
    assert not bounds.has(_instant("2026-03-03T05:00"), 3600)


@pytest.mark.parametrize(("text", "reason"), [
    ('steps.interval.start_time = "2026-03-02T00:00:00Z"', "only >= and <"),
    ('steps.interval.start_time <= "2026-03-02T00:00:00Z"', "only >= and <"),
    ('steps.interval.end_time >= "2026-03-02T00:00:00Z"', "not supported"),
    ('steps.interval.start_time >= "2026-03-02T00:00:00"', "RFC 3339"),
    ('steps.interval.civil_start_time >= "2026-03-02T00:00:00Z"', "without a zone"),
    ('steps.interval.start_time >= "yesterday"', "not a time"),
    ('steps.interval.start_time >= "2026-03-02T00:00:00Z" AND steps.interval.civil_start_time < "2026-03-05"', "mix"),
    ('steps.interval.civil_start_time >= "2026-03-02" AND steps.interval.civil_start_time < "2026-03-02"', "empty"),
])  # fmt: skip
def test_a_wrong_filter_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(BadQuestion, match=reason) as refused:
        parse_filter(text, STEPS)
    assert refused.value.reason.startswith("INVALID_DATA_POINT_FILTER")


def test_daily_types_are_filtered_by_plain_dates() -> None:
    assert parse_filter('daily_resting_heart_rate.date >= "2026-03-02"', RESTING).lower == _instant("2026-03-02")
    with pytest.raises(BadQuestion):
        parse_filter('daily_resting_heart_rate.date >= "2026-03-02T00:00:00"', RESTING)


def _page(**query: str) -> Page:
    return parse_page(query, "ada/list/steps", default=1440, largest=10_000)


def test_page_sizes_have_a_default_and_a_cap() -> None:
    assert [_page().size, _page(pageSize="7").size, _page(pageSize="99999").size] == [1440, 7, 10_000]


def test_a_page_token_fits_only_the_request_it_came_from() -> None:
    token = _page(filter="a", pageSize="7").token(42)
    assert _page(filter="a", pageSize="7", pageToken=token).at == 42
    for other in ({"filter": "b", "pageSize": "7"}, {"filter": "a", "pageSize": "8"}, {"filter": "a"}):
        with pytest.raises(BadQuestion, match="another request"):
            _page(**other, pageToken=token)
    with pytest.raises(BadQuestion, match="not one of ours"):
        _page(filter="a", pageSize="7", pageToken="!")


def test_an_empty_page_is_followed_by_a_full_one() -> None:
    page = next(p for at in range(100) if (p := replace(_page(), at=at)).is_empty_by_chance)
    assert page.at is not None
    after = _page(pageToken=page.token(page.at, is_empty=True))
    assert not after.is_empty_by_chance


def test_strava_counts_by_the_clock_and_refused_calls_cost_the_day() -> None:
    limits, counter = Limits(strava_read=(2, 100)), StravaLimits()
    verdicts = [counter.take(limits, NOON + 10) for _ in range(3)]
    assert [v.is_allowed for v in verdicts] == [True, True, False]
    later = counter.take(limits, NOON + 900)
    assert later.is_allowed
    usage = next(value for name, value in later.headers.items() if name.lower() == "x-readratelimit-usage")
    assert usage == "1,4"
    assert {name.split("-")[1] for v in verdicts for name in v.headers} >= {"RateLimit", "Ratelimit"}


def test_polar_windows_begin_with_the_first_request_and_grow_with_users() -> None:
    limits, counter = Limits(polar_short_base=1, polar_short_per_user=1), PolarLimits()
    assert [counter.take(limits, 1, NOON + 500).is_allowed for _ in range(3)] == [True, True, False]
    assert not counter.take(limits, 1, NOON + 1399).is_allowed
    fresh = counter.take(limits, 1, NOON + 1400)
    assert fresh.is_allowed
    assert fresh.headers["RateLimit-Usage"] == "1, 5"
    assert fresh.headers["RateLimit-Limit"] == "2, 5100"
    assert fresh.headers["RateLimit-Reset"] == "900, 85500"


def test_google_counts_each_user_by_the_minute() -> None:
    limits, counter = Limits(fitbit_per_minute=1), FitbitLimits()
    assert [counter.take(limits, who, NOON).is_allowed for who in ("ada", "ada", "ben")] == [True, False, True]
    assert counter.take(limits, "ada", NOON + 60).is_allowed


def test_polylines_are_google_encoded() -> None:
    """The example of Google's own description of the format."""
    assert encode([(38.5, -120.2), (40.7, -120.95), (43.252, -126.453)]) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"
