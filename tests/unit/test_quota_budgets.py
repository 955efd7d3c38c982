"""Reading limits and counts from the headers of provider answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fit_platform.quota.budgets import BUDGETS, Hint, kept_for_webhooks, read_headers, retry_after_s

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_stravas_two_pairs_are_read_whatever_the_case_of_the_names():
    headers = {
        "X-Ratelimit-Limit": "200,2000",
        "x-ratelimit-usage": "12,345",
        "X-ReadRateLimit-Limit": "100,1000",
        "X-READRATELIMIT-USAGE": "10,300",
    }
    assert read_headers("strava", headers) == {
        "read 15 min": Hint(100, 10),
        "read day": Hint(1000, 300),
        "overall 15 min": Hint(200, 12),
        "overall day": Hint(2000, 345),
    }


@pytest.mark.parametrize("usage", [",", "", " , ", "x,y", "-1,-2"])
def test_a_usage_header_without_numbers_tells_nothing(usage):
    hints = read_headers("strava", {"X-ReadRateLimit-Usage": usage, "X-RateLimit-Usage": ",7"})
    assert hints["read 15 min"].used is None
    assert hints["read day"].used is None
    assert hints["overall day"].used == 7


def test_polars_headers_have_spaces_and_a_reset_in_seconds():
    headers = {"RateLimit-Usage": "10, 210", "RateLimit-Limit": "540, 5200", "RateLimit-Reset": "55, 70000"}
    assert read_headers("polar", headers) == {"15 min": Hint(540, 10, 55), "24 h": Hint(5200, 210, 70000)}


def test_no_headers_and_unknown_providers_tell_nothing():
    assert read_headers("fitbit", {"Date": "x"}) == {}
    assert set(read_headers("strava", {}).values()) == {Hint()}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert retry_after_s({"retry-after": value}, NOW) == seconds


def test_every_header_hint_belongs_to_a_budget():
    for provider, budgets in BUDGETS.items():
        assert set(read_headers(provider, {})) <= {budget.name for budget in budgets}


@pytest.mark.parametrize(("limit", "kept"), [(1000, 100), (101, 11), (60, 10), (12, 6), (1, 0), (0, 0)])
def test_webhooks_keep_a_tenth_at_least_ten_and_never_more_than_half(limit, kept):
    assert kept_for_webhooks(limit) == kept
