"""The quota ledger: one small SQLite file in which every process writes down its calls before it makes them.

A call is reserved before it is made and refused *before* the limit; the provider's own count, read from the answer's
headers, corrects ours. Backfills are refused a little earlier than work that a webhook asked for, so that news gets
through while years are being pulled. Nothing here sleeps: a refusal says until when, and the caller decides.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fit_platform.errors import QuotaExhausted
from fit_platform.quota.budgets import (
    BUDGETS,
    MINUTE_S,
    Budget,
    Hint,
    Purpose,
    kept_for_webhooks,
    read_headers,
    retry_after_s,
)

_BUSY_TIMEOUT_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS windows (
    provider TEXT NOT NULL,
    budget TEXT NOT NULL,
    scope TEXT NOT NULL,            -- the athlete, for budgets per athlete; else empty
    call_limit INTEGER NOT NULL,
    starts REAL NOT NULL,           -- epoch seconds; all zero until the first call
    ends REAL NOT NULL,
    used INTEGER NOT NULL,          -- calls that count against the limit: what reserve looks at
    in_flight INTEGER NOT NULL,     -- of these, reserved and not yet answered
    told INTEGER NOT NULL,          -- the most that the provider said to have counted in this window
    blocked_until REAL NOT NULL,    -- after a 429
    PRIMARY KEY (provider, budget, scope)
) WITHOUT ROWID
"""
_COLUMNS = "budget, scope, call_limit, starts, ends, used, in_flight, told, blocked_until"


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of one budget. `resets_at` is None while its window has not begun.

    `kept_for_webhooks`: so many of the calls that are left are not for backfills.
    """

    budget: str
    athlete_id: str | None
    limit: int
    used: int
    resets_at: datetime | None
    kept_for_webhooks: int = 0

    @property
    def left(self) -> int:
        """Calls that may still be made."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class _Window:
    budget: str
    scope: str
    limit: int
    starts: float = 0.0
    ends: float = 0.0
    used: int = 0
    in_flight: int = 0
    told: int = 0
    blocked_until: float = 0.0

    def at(self, now: float, budget: Budget) -> _Window:
        """This window if it is current, else the one that begins now, with what was learned."""
        # A far end can only come from a clock that was set back; it must not block for ever.
        if now < self.ends <= now + budget.window_s + MINUTE_S:
            return self
        starts = now - now % budget.window_s if budget.aligned else now
        fresh = _Window(self.budget, self.scope, self.limit, starts, starts + budget.window_s)
        return replace(fresh, blocked_until=self.blocked_until if now < self.blocked_until <= fresh.ends else 0.0)

    def allowed_at(self, calls: int, now: float, purpose: Purpose) -> float:
        """When `calls` more calls fit: `now`, or a later instant."""
        limit = self.limit - (kept_for_webhooks(self.limit) if purpose == "backfill" else 0)
        full_until = self.ends if self.used + calls > limit else now
        return max(now, full_until, self.blocked_until)


@dataclass(frozen=True, slots=True)
class _Outstanding:
    at: float = 0.0
    calls: int = 0


class QuotaLedger:
    """The shared budget of all providers. Each thread and each forked process gets a connection of its own."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], datetime] | None = None,
        budgets: Mapping[str, tuple[Budget, ...]] = BUDGETS,
    ) -> None:
        """`path` is `state/quota.sqlite` under FIT_HOME; `clock` gives the time in UTC."""
        self._path = path
        self._clock = clock or (lambda: datetime.now(UTC))
        self._budgets = budgets
        self._local = threading.local()

    @classmethod
    def of(cls, home: Path, clock: Callable[[], datetime] | None = None) -> QuotaLedger:
        """The ledger of the installation at `home` (FIT_HOME)."""
        return cls(home / "state" / "quota.sqlite", clock)

    def reserve(self, provider: str, athlete_id: str, calls: int = 1, purpose: Purpose = "backfill") -> None:
        """Count `calls` calls that are about to be made; QuotaExhausted, and nothing counted, if they do not fit.

        A `backfill` is refused before it takes what is kept for webhooks; a `webhook` may use the whole window.
        """
        now = self._now()
        with self._transaction() as db:
            windows = self._windows(db, provider, athlete_id)
            current = [window.at(now, budget) for budget, window in windows]
            allowed_at = max((window.allowed_at(calls, now, purpose) for window in current), default=now)
            if allowed_at > now:
                full = [window for window in current if window.allowed_at(calls, now, purpose) > now]
                names = " and ".join(window.budget for window in full)
                kept = any(window.allowed_at(calls, now, "webhook") <= now for window in full)
                reason = f"the budget per {names} is used up{', but for what is kept for webhooks' if kept else ''}"
                raise QuotaExhausted(provider, "reserve", reason, None, _utc(allowed_at))
            abandoned = self._swap_outstanding(provider, athlete_id, _Outstanding(now, calls))
            for window in current:
                in_flight = window.in_flight - (abandoned.calls if window.starts <= abandoned.at else 0)
                fresh = replace(window, used=window.used + calls, in_flight=max(0, in_flight) + calls)
                _write(db, provider, fresh)

    def observe(self, provider: str, athlete_id: str, headers: Mapping[str, str], status: int) -> None:
        """Correct the books by one answer: its headers' limits and counts, and a 429.

        The provider's count is the truth for what it has seen; calls that are still under way come on top. An answer
        to a call of an earlier window tells nothing about this one.
        """
        now = self._now()
        hints = read_headers(provider, headers)
        outstanding = self._swap_outstanding(provider, athlete_id, None)
        if outstanding.calls > 1:
            self._swap_outstanding(provider, athlete_id, replace(outstanding, calls=outstanding.calls - 1))
        reserved_at = outstanding.at or now
        with self._transaction() as db:
            stored = self._windows(db, provider, athlete_id)
            seen = [
                _corrected(window, hints.get(budget.name, Hint()), budget, reserved_at, now)
                for budget, window in stored
            ]
            if status == 429:
                wait_s = retry_after_s(headers, _utc(now))
                blocked = _exhausted([budget for budget, _ in stored], seen)
                seen = [
                    _blocked(window.at(now, budget), hints.get(budget.name, Hint()), budget, wait_s, now)
                    if budget in blocked
                    else window
                    for (budget, _), window in zip(stored, seen, strict=True)
                ]
            for (_, before), after in zip(stored, seen, strict=True):
                if after != before:
                    _write(db, provider, after)

    def for_webhooks(self) -> WebhookQuota:
        """The same budget for a client that does what a webhook asked for."""
        return WebhookQuota(self)

    def retry_at(self, provider: str, athlete_id: str, purpose: Purpose = "backfill") -> datetime | None:
        """When the next call may be made; None: now."""
        now = self._now()
        with self._transaction() as db:
            windows = [window.at(now, budget) for budget, window in self._windows(db, provider, athlete_id)]
        allowed_at = max((window.allowed_at(1, now, purpose) for window in windows), default=now)
        return _utc(allowed_at) if allowed_at > now else None

    def remaining(self, provider: str) -> list[Remaining]:
        """What is left of each budget; one entry per athlete for budgets per athlete."""
        now = self._now()
        with self._transaction() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM windows WHERE provider = ?", (provider,)).fetchall()
        found: list[Remaining] = []
        for budget in self._budgets.get(provider, ()):
            windows = [_Window(*row) for row in rows if row[0] == budget.name]
            if not windows and not budget.per_athlete:
                windows = [_Window(budget.name, "", budget.limit)]
            for window in windows:
                begun = window.ends > now
                used = max(window.used, window.limit if window.blocked_until > now else 0) if begun else 0
                resets_at = _utc(max(window.ends, window.blocked_until)) if begun else None
                kept = min(kept_for_webhooks(window.limit), max(0, window.limit - used))
                found.append(Remaining(budget.name, window.scope or None, window.limit, used, resets_at, kept))
        return found

    def _now(self) -> float:
        return self._clock().timestamp()

    def _windows(self, db: sqlite3.Connection, provider: str, athlete_id: str) -> list[tuple[Budget, _Window]]:
        """The provider's budgets, each with its window as it stands in the file."""
        rows = db.execute(
            f"SELECT {_COLUMNS} FROM windows WHERE provider = ? AND scope IN ('', ?)",
            (provider, athlete_id),
        )
        stored = {row[0]: _Window(*row) for row in rows}
        scopes = {True: athlete_id, False: ""}
        return [
            (budget, stored.get(budget.name) or _Window(budget.name, scopes[budget.per_athlete], budget.limit))
            for budget in self._budgets.get(provider, ())
        ]

    def _swap_outstanding(self, provider: str, athlete_id: str, new: _Outstanding | None) -> _Outstanding:
        """Replace what this thread has reserved and not yet observed; what it was.

        A thread makes one call after the other. So what is outstanding when it reserves again got no answer (a broken
        connection): it stays counted, as the provider may have counted it, but is no longer under way.
        """
        mine: dict[tuple[str, str], _Outstanding] = self._local.__dict__.setdefault("outstanding", {})
        before = mine.pop((provider, athlete_id), _Outstanding())
        if new:
            mine[provider, athlete_id] = new
        return before

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction from its first statement on: two processes can never both read "99 used"."""
        db = self._connection()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; a forked child must not use its parent's."""
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.db = _open(self._path)
            self._local.outstanding = {}
            self._local.pid = os.getpid()
        db: sqlite3.Connection = self._local.db
        return db


@dataclass(frozen=True, slots=True)
class WebhookQuota:
    """The ledger as a client sees it that may also use what is kept for webhooks."""

    ledger: QuotaLedger

    def reserve(self, provider: str, athlete_id: str, calls: int = 1) -> None:
        """See `QuotaLedger.reserve`."""
        self.ledger.reserve(provider, athlete_id, calls, purpose="webhook")

    def observe(self, provider: str, athlete_id: str, headers: Mapping[str, str], status: int) -> None:
        """See `QuotaLedger.observe`."""
        self.ledger.observe(provider, athlete_id, headers, status)


def _open(path: Path) -> sqlite3.Connection:
    """Open the ledger, making it if need be. SQLite's busy timeout does not cover the change to WAL: hence the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # no fsync per call; a power cut may forget the last calls
        db.execute(_SCHEMA)
    return db


def _write(db: sqlite3.Connection, provider: str, window: _Window) -> None:
    db.execute(
        f"INSERT OR REPLACE INTO windows (provider, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            provider,
            window.budget,
            window.scope,
            window.limit,
            window.starts,
            window.ends,
            window.used,
            window.in_flight,
            window.told,
            window.blocked_until,
        ),
    )


def _corrected(window: _Window, hint: Hint, budget: Budget, reserved_at: float, now: float) -> _Window:
    """The window after one answer to a call reserved at `reserved_at`."""
    learned = replace(window, limit=hint.limit or window.limit)
    if not window.starts <= reserved_at < window.ends or now >= window.ends:
        return learned
    in_flight = max(0, window.in_flight - 1)
    if hint.used is None:
        return replace(learned, in_flight=in_flight)
    told = max(window.told, hint.used)  # answers overtake each other; within a window the provider only counts up
    ends = window.ends
    if not budget.aligned and hint.resets_in_s is not None and 0 < hint.resets_in_s <= budget.window_s:
        ends = now + hint.resets_in_s
    return replace(learned, in_flight=in_flight, told=told, used=told + in_flight, ends=ends)


def _exhausted(budgets: list[Budget], windows: list[_Window]) -> list[Budget]:
    """The budgets that a 429 is about: those the provider says are used up, else the one that fills first."""
    full = [budget for budget, window in zip(budgets, windows, strict=True) if window.told >= window.limit]
    return full or sorted(budgets, key=lambda budget: budget.window_s)[:1]


def _blocked(window: _Window, hint: Hint, budget: Budget, wait_s: float | None, now: float) -> _Window:
    """The window closed until the provider's own time for it, else to its end, else for a whole window."""
    wait = wait_s if wait_s is not None else hint.resets_in_s
    until = now + wait if wait is not None else window.ends if budget.aligned else now + budget.window_s
    return replace(window, blocked_until=max(window.blocked_until, until))


def _utc(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
