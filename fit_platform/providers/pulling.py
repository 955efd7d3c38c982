"""What all pulls share: objects sorted into days, absent days judged, one spoilt day kept from spoiling a range."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from fit_platform.errors import BadPayload
from fit_platform.providers.base import DayAnswer, DayUnknown, Item, Pulled, Rejected, Window
from fit_platform.providers.http import ApiClient

Absent = Callable[[date], Pulled]
"""What it means that an answer shows nothing for a day."""


def nothing_there(day: date) -> Pulled:
    """The provider was asked about this day and has nothing."""
    return DayAnswer(day, ())


def nothing_within(window_days: int, today: date) -> Absent:
    """Nothing there if the provider still serves that day in full; else unknown: it may just have aged out.

    The oldest day of the provider's window is only served in part, so it counts as aged out.
    """

    def judge(day: date) -> Pulled:
        if day > today - timedelta(days=window_days):
            return DayAnswer(day, ())
        return DayUnknown(day, f"older than the {window_days} days that the provider serves, and not in its answer")

    return judge


def sorted_into_days(
    window: Window, dated: Iterable[tuple[date | None, Item]], absent: Absent = nothing_there
) -> Iterator[Pulled]:
    """Each day of the window once, oldest first. Items of other days are dropped: those days are not being pulled.

    An item that has no readable day is filed under the last one, where its parser says what is wrong with it.
    """
    days: dict[date, list[Item]] = {}
    for day, item in dated:
        days.setdefault(window.last if day is None else day, []).append(item)
    for day in window.days():
        yield DayAnswer(day, tuple(days[day])) if day in days else absent(day)


def in_ever_smaller_ranges(
    api: ApiClient,
    window: Window,
    ask: Callable[[Window], Iterable[Pulled]],
    landed: Callable[[date], list[Item]],
    request: Mapping[str, Any],
) -> Iterator[Pulled]:
    """`ask` for the window; if the answer stays unreadable, for its halves, down to the one day that spoils it.

    That day is answered by what has landed before plus the rejected body, so that nothing is lost and it is asked for
    again next time.
    """
    try:
        answers = list(ask(window))
    except BadPayload as error:
        if window.first == window.last:
            rejected = Rejected(error.body, error.detail, request, api.clock())
            yield DayAnswer(window.first, (*landed(window.first), rejected))
            return
        half = window.first + (window.last - window.first) // 2
        yield from in_ever_smaller_ranges(api, Window(window.first, half), ask, landed, request)
        yield from in_ever_smaller_ranges(api, Window(half + timedelta(days=1), window.last), ask, landed, request)
        return
    yield from answers


def decoded(item: Item) -> Any:
    """The item's payload as Python values; None where it cannot be decoded (the parser then says why)."""
    try:
        return msgspec.json.decode(item.payload)
    except (msgspec.DecodeError, RecursionError):
        return None


def identity(payload: Any, *keys: str) -> str:
    """The object's id: its values under `keys`. An object without them is known by a hash of its content.

    Never raises: a broken object needs an identity, too, to be kept and quarantined.
    """
    values = [payload.get(key) for key in keys] if isinstance(payload, dict) else []
    if values and all(isinstance(v, (str, int)) and v != "" for v in values):
        return "|".join(str(v) for v in values)
    return f"unidentified-{fingerprint(payload)}"


def fingerprint(value: Any) -> str:
    """A short, stable hash of a JSON value."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]
