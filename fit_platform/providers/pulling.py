"""What all pulls share: objects sorted into days, absent days judged, one spoilt day kept from spoiling a range."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from fit_platform.errors import BadPayload
from fit_platform.providers.base import DayAnswer, DayUnknown, Item, Landed, Pulled, Rejected, Resource, Window
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


def with_what_a_registration_hides(
    resource: Resource, api: ApiClient, landed: Landed, answers: Iterable[Pulled]
) -> Iterator[Pulled]:
    """A provider that registers users shows a new registration nothing that was uploaded before.

    So whoever unlinks and links again would have the last weeks taken for deleted: what landed under an earlier link
    stays where an answer does not show it.
    """
    since = api.registered_at
    for answer in answers:
        if since is None or isinstance(answer, DayUnknown) or answer.day > since.date() + timedelta(days=1):
            yield answer
            continue
        shown = {_object_id(resource, item) for item in answer.items if isinstance(item, Item)}
        hidden = [
            item
            for item in landed(resource.name, answer.day)
            if item.fetched_at < since and _object_id(resource, item) not in shown
        ]
        yield DayAnswer(answer.day, (*hidden, *answer.items)) if hidden else answer


def _object_id(resource: Resource, item: Item) -> str:
    return resource.object_id(decoded(item)) if resource.object_id else fingerprint(decoded(item))


# So many spoilt days in a row are no longer the days' fault: the endpoint is broken, and asking on would burn quota.
_SPOILT_IN_A_ROW = 3


def in_ranges(
    api: ApiClient,
    window: Window,
    range_days: int,
    ask: Callable[[Window], Iterable[Pulled]],
    landed: Callable[[date], list[Item]],
    request: Mapping[str, Any],
) -> Iterator[Pulled]:
    """`ask` for ranges of the window; where an answer stays unreadable, for halves, down to the one day that spoils it.

    That day is answered by what has landed before plus the rejected body, so that nothing is lost and it is asked for
    again next time. Raises the BadPayload when it is not about single days.
    """
    spoilt_in_a_row = 0

    def walk(part: Window) -> Iterator[Pulled]:
        nonlocal spoilt_in_a_row
        try:
            answers = list(ask(part))
        except BadPayload as error:
            if part.first == part.last:
                spoilt_in_a_row += 1
                if spoilt_in_a_row == _SPOILT_IN_A_ROW:
                    raise
                rejected = Rejected(error.body, error.detail, request, api.clock())
                yield DayAnswer(part.first, (*landed(part.first), rejected))
                return
        else:
            spoilt_in_a_row = 0
            yield from answers
            return
        half = part.first + (part.last - part.first) // 2
        yield from walk(Window(part.first, half))
        yield from walk(Window(half + timedelta(days=1), part.last))

    for part in window.chunks(range_days):
        yield from walk(part)


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
