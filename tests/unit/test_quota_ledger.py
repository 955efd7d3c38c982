"""The ledger: refused before the limit, corrected by the provider, shared by all processes."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fit_platform.errors import QuotaExhausted
from fit_platform.quota.budgets import Budget
from fit_platform.quota.ledger import QuotaLedger


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 7, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> QuotaLedger:
    return QuotaLedger(tmp_path / "state" / "quota.sqlite", clock)


def left(ledger: QuotaLedger, provider: str, budget: str) -> int:
    return next(entry.left for entry in ledger.remaining(provider) if entry.budget == budget)


def call(ledger: QuotaLedger, provider: str = "strava", headers: dict | None = None, status: int = 200) -> None:
    ledger.reserve(provider, "ada")
    ledger.observe(provider, "ada", headers or {}, status)


def strava_headers(used: int, day: int, limits: str = "100,1000") -> dict[str, str]:
    return {"X-ReadRateLimit-Limit": limits, "X-ReadRateLimit-Usage": f"{used},{day}"}


def test_the_call_beyond_the_limit_is_refused_until_the_quarter_hour(ledger, clock):
    for _ in range(90):
        call(ledger)
    with pytest.raises(QuotaExhausted) as refused:
        ledger.reserve("strava", "ben")
    assert refused.value.until == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
    assert ledger.retry_at("strava", "ada") == refused.value.until
    clock.advance(minutes=8)
    ledger.reserve("strava", "ben")
    assert left(ledger, "strava", "read 15 min") == 99
    assert left(ledger, "strava", "read day") == 909, "the day goes on"


def test_a_refused_reservation_counts_nothing(ledger):
    with pytest.raises(QuotaExhausted):
        ledger.reserve("strava", "ada", calls=101, purpose="webhook")
    ledger.reserve("strava", "ada", calls=100, purpose="webhook")
    assert left(ledger, "strava", "overall 15 min") == 100


def test_a_backfill_leaves_a_tenth_of_every_window_to_webhooks(ledger, clock):
    with pytest.raises(QuotaExhausted):
        ledger.reserve("strava", "ada", calls=91)
    ledger.reserve("strava", "ada", calls=90)
    with pytest.raises(QuotaExhausted, match="read 15 min is used up, but for what is kept for webhooks") as refused:
        ledger.reserve("strava", "ada")
    assert ledger.retry_at("strava", "ada") == refused.value.until == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
    assert ledger.retry_at("strava", "ada", purpose="webhook") is None
    webhooks = ledger.for_webhooks()
    for _ in range(10):
        webhooks.reserve("strava", "ada")
        webhooks.observe("strava", "ada", {}, 200)
    with pytest.raises(QuotaExhausted, match=r"used up\)"):
        webhooks.reserve("strava", "ada")


def test_a_day_of_backfills_leaves_webhooks_their_part_of_the_day(ledger):
    call(ledger, headers=strava_headers(1, 900))
    with pytest.raises(QuotaExhausted, match="read day") as refused:
        ledger.reserve("strava", "ada")
    assert refused.value.until == datetime(2026, 3, 2, tzinfo=UTC)
    ledger.reserve("strava", "ada", calls=99, purpose="webhook")


def test_remaining_tells_what_of_it_is_not_for_backfills(ledger):
    ledger.reserve("strava", "ada", calls=95, purpose="webhook")
    entries = {entry.budget: entry for entry in ledger.remaining("strava")}
    assert (entries["read 15 min"].left, entries["read 15 min"].kept_for_webhooks) == (5, 5)
    assert (entries["read day"].left, entries["read day"].kept_for_webhooks) == (905, 100)


def test_the_used_up_day_is_refused_until_midnight_utc(ledger, clock):
    call(ledger, headers=strava_headers(1, 1000))
    clock.advance(minutes=15)
    with pytest.raises(QuotaExhausted, match="read day") as refused:
        ledger.reserve("strava", "ada")
    assert refused.value.until == datetime(2026, 3, 2, tzinfo=UTC)


def test_limits_are_learned_from_headers_and_outlive_the_window(ledger, clock):
    call(ledger, headers=strava_headers(1, 1, "200,2000"))
    assert left(ledger, "strava", "read 15 min") == 199
    clock.advance(hours=1)
    ledger.reserve("strava", "ada", calls=180)
    with pytest.raises(QuotaExhausted):
        ledger.reserve("strava", "ada")


def test_the_providers_count_wins_over_ours_in_both_directions(ledger):
    call(ledger, headers=strava_headers(60, 600))
    assert left(ledger, "strava", "read 15 min") == 40, "somebody else used the application too"
    for _ in range(10):
        call(ledger)  # streams carry no headers and may not count at all
    assert left(ledger, "strava", "read 15 min") == 30
    call(ledger, headers=strava_headers(61, 601))
    assert left(ledger, "strava", "read 15 min") == 39


def test_calls_under_way_stay_counted_when_the_provider_has_not_seen_them(tmp_path, clock):
    mine, other = (QuotaLedger(tmp_path / "quota.sqlite", clock) for _ in range(2))
    other.reserve("strava", "ben", calls=5)
    call(mine, headers=strava_headers(1, 1))
    assert left(mine, "strava", "read 15 min") == 94


def test_an_answer_that_was_overtaken_does_not_lower_the_count(tmp_path, clock):
    first, second = (QuotaLedger(tmp_path / "quota.sqlite", clock) for _ in range(2))
    first.reserve("strava", "ada")
    second.reserve("strava", "ben")
    second.observe("strava", "ben", strava_headers(42, 42), 200)
    first.observe("strava", "ada", strava_headers(41, 41), 200)
    assert left(first, "strava", "read 15 min") == 58


def test_an_answer_from_the_window_before_does_not_fill_the_new_one(ledger, clock):
    ledger.reserve("strava", "ada")
    clock.advance(minutes=8)
    other = QuotaLedger(ledger._path, clock)
    other.reserve("strava", "ben")
    ledger.observe("strava", "ada", strava_headers(100, 100), 200)
    assert left(ledger, "strava", "read 15 min") == 99


def test_a_call_without_an_answer_stays_counted_but_not_under_way(ledger):
    ledger.reserve("strava", "ada")  # the connection broke: nothing to observe
    call(ledger)
    assert left(ledger, "strava", "read 15 min") == 98
    call(ledger, headers=strava_headers(2, 2))
    assert left(ledger, "strava", "read 15 min") == 98


def test_a_429_without_headers_closes_the_short_window_only(ledger, clock):
    call(ledger, status=429)
    with pytest.raises(QuotaExhausted) as refused:
        ledger.reserve("strava", "ben")
    assert refused.value.until == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
    assert left(ledger, "strava", "read 15 min") == 0
    assert left(ledger, "strava", "read day") == 999
    clock.advance(minutes=8)
    ledger.reserve("strava", "ben")


def test_a_429_closes_the_window_that_the_headers_call_full(ledger):
    call(ledger, headers=strava_headers(40, 1000), status=429)
    assert ledger.retry_at("strava", "ada") == datetime(2026, 3, 2, tzinfo=UTC)


def test_polars_window_starts_with_the_first_call_and_its_reset_is_believed(ledger, clock):
    headers = {"RateLimit-Usage": "520, 600", "RateLimit-Limit": "520, 5100", "RateLimit-Reset": "120, 3600"}
    call(ledger, "polar", headers)
    with pytest.raises(QuotaExhausted) as refused:
        ledger.reserve("polar", "ada")
    assert refused.value.until == clock.now + timedelta(seconds=120)
    clock.advance(seconds=121)
    ledger.reserve("polar", "ada")
    assert left(ledger, "polar", "15 min") == 519
    assert left(ledger, "polar", "24 h") == 4499


def test_polars_429_waits_for_the_reset_of_the_full_window(ledger, clock):
    headers = {"RateLimit-Usage": "10, 5100", "RateLimit-Limit": "520, 5100", "RateLimit-Reset": "120, 3600"}
    call(ledger, "polar", headers, 429)
    assert ledger.retry_at("polar", "ada") == clock.now + timedelta(seconds=3600)


def test_google_counts_each_user_apart_and_a_429_waits_a_minute_or_as_told(ledger, clock):
    ledger.reserve("fitbit", "ada", calls=270)
    with pytest.raises(QuotaExhausted) as refused:
        ledger.reserve("fitbit", "ada")
    assert refused.value.until == clock.now + timedelta(seconds=60)
    ledger.reserve("fitbit", "ben")
    ledger.observe("fitbit", "ben", {}, 429)
    assert ledger.retry_at("fitbit", "ben") == clock.now + timedelta(seconds=60)
    clock.advance(seconds=61)
    ledger.reserve("fitbit", "ben")
    ledger.observe("fitbit", "ben", {"Retry-After": "90"}, 429)
    assert ledger.retry_at("fitbit", "ben") == clock.now + timedelta(seconds=90)
    assert ledger.retry_at("fitbit", "ada") is None


def test_a_clock_that_was_set_back_does_not_block_for_ever(ledger, clock):
    ledger.reserve("strava", "ada", calls=90)
    clock.advance(days=-400)
    ledger.reserve("strava", "ada")


def test_remaining_shows_defaults_before_the_first_call_and_needs_no_athlete(ledger):
    entries = {entry.budget: entry for entry in ledger.remaining("strava")}
    assert entries["read 15 min"].left == 100
    assert entries["read day"].resets_at is None
    assert [entry.budget for entry in ledger.remaining("fitbit")] == ["project minute"]


LIMIT = 50


def _grab(path: Path, barrier, granted) -> None:
    ledger = QuotaLedger(path, budgets={"strava": (Budget("hour", 3600, LIMIT), Budget("day", 86_400, 1000))})
    barrier.wait()
    for _ in range(LIMIT):
        try:
            ledger.reserve("strava", "ada", purpose="webhook")
        except QuotaExhausted:
            return
        ledger.observe("strava", "ada", {}, 200)
        with granted.get_lock():
            granted.value += 1


def test_four_processes_together_get_exactly_the_limit(tmp_path):
    # Not fork: a test runner has threads, and what they hold at the moment of a fork crashed all four children once.
    context = multiprocessing.get_context("spawn")
    barrier, granted = context.Barrier(4), context.Value("i", 0)
    workers = [context.Process(target=_grab, args=(tmp_path / "quota.sqlite", barrier, granted)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert granted.value == LIMIT
