"""Notifications on their way: faults by seed, retries as each provider makes them, a thread that delivers what is due.

Due is by the servers' clock, so a test moves the clock and flushes instead of sleeping.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import requests

from fit_platform.simulator.scenario import Provider, WebhookPlay
from fit_platform.simulator.world.draw import digest

_LOOK_EVERY_S = 0.2
_MOST_OVERTAKEN = 20
_REMEMBERED = 1000


class _Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One request to a receiver. `headers(is_wrong)` signs at the moment of sending, wrongly if told to."""

    provider: Provider
    url: str
    body: bytes
    headers: Callable[[bool], Mapping[str, str]]
    acknowledged_by: frozenset[int]
    timeout_s: float
    retry_after_s: tuple[int, ...] = ()
    on_answer: Callable[[bool], None] = lambda _: None


@dataclass(slots=True)
class _Pending:
    notification: Notification
    order: float
    due: float
    has_wrong_signature: bool
    attempts: int = 0


@dataclass
class Outbox:
    """All notifications of a simulation."""

    clock: _Clock
    play: Callable[[], WebhookPlay]
    seed: int
    counts: Counter[tuple[Provider, str]] = field(default_factory=Counter)
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def __post_init__(self) -> None:
        """No thread before there is something to send."""
        self._pending: list[_Pending] = []
        self._numbers: Counter[Provider] = Counter()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._thread: threading.Thread | None = None
        self._session = requests.Session()
        self._session.trust_env = False

    def send(self, notification: Notification) -> None:
        """Put a notification on its way, or lose it, or send it twice."""
        play, provider = self.play(), notification.provider
        with self._lock:
            self._numbers[provider] += 1
            number = self._numbers[provider]
            if self._strikes(play.lost, provider, number, "lost"):
                self.counts[provider, "lost"] += 1
                return
            copies = 2 if self._strikes(play.duplicated, provider, number, "twice") else 1
            self.counts[provider, "duplicated"] += copies - 1
            order: float = number
            if self._strikes(play.out_of_order, provider, number, "order"):
                self.counts[provider, "out_of_order"] += 1
                order += 1.5 + digest(self.seed, provider, number, "places") % _MOST_OVERTAKEN
            is_delayed = self._strikes(play.delayed, provider, number, "delay")
            due = self.clock.now() + (play.delay_seconds if is_delayed else 0)
            is_wrong = self._strikes(play.wrong_signature, provider, number, "signature")
            self._pending += [_Pending(notification, order, due, is_wrong) for _ in range(copies)]
        if play.is_automatic:
            self._start()

    def flush(self, *, everything: bool = False) -> int:
        """Deliver what is due, in order; with `everything`, also what is delayed, and all retries. Counts requests."""
        requests_made = 0
        with self._sending:
            while batch := self._take(everything=everything):
                for pending in batch:
                    self._deliver(pending)
                    requests_made += 1
        return requests_made

    def state(self) -> dict[str, Any]:
        """Counts by provider, what is pending, the last answers."""
        with self._lock:
            counted: dict[str, dict[str, int]] = {}
            for (provider, name), count in sorted(self.counts.items()):
                counted.setdefault(provider, {})[name] = count
            for pending in self._pending:
                own = counted.setdefault(pending.notification.provider, {})
                own["pending"] = own.get("pending", 0) + 1
            return {"counts": counted, "recent": list(self.recent)}

    def _strikes(self, share: float, provider: Provider, number: int, what: str) -> bool:
        return digest(self.seed, provider, number, what) % 1_000_000 < share * 1_000_000

    def _take(self, *, everything: bool) -> list[_Pending]:
        now = self.clock.now()
        with self._lock:
            due = [p for p in self._pending if everything or p.due <= now]
            self._pending = [p for p in self._pending if p not in due] if due else self._pending
        return sorted(due, key=lambda p: p.order)

    def _deliver(self, pending: _Pending) -> None:
        notification = pending.notification
        pending.attempts += 1
        headers = {"Content-Type": "application/json", **notification.headers(pending.has_wrong_signature)}
        status: int | None = None
        try:
            answer = self._session.post(
                notification.url,
                data=notification.body,
                headers=headers,
                timeout=notification.timeout_s,
                allow_redirects=False,
            )
            status = answer.status_code
        except requests.RequestException:
            status = None  # no answer, or too late
        is_acknowledged = status in notification.acknowledged_by
        notification.on_answer(is_acknowledged)
        retries = notification.retry_after_s
        with self._lock:
            name = notification.provider
            self.counts[name, "delivered"] += 1
            self.recent.append({"provider": name, "status": status, "attempt": pending.attempts})
            if is_acknowledged:
                self.counts[name, "acknowledged"] += 1
            elif pending.attempts > len(retries):
                self.counts[name, "failed"] += 1
            else:
                pending.due = self.clock.now() + retries[pending.attempts - 1]
                self._pending.append(pending)

    def _start(self) -> None:
        """A thread for as long as something is pending."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="simulated webhooks", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            if self.play().is_automatic:
                self.flush()
            with self._lock:
                if not self._pending:
                    self._thread = None
                    return
            time.sleep(_LOOK_EVERY_S)
