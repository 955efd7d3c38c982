"""Long walks over samples: every page full, and a day handed on as soon as a page has passed beyond it.

Google lists data points by descending start time (Google Health API reference). A walk of a year so costs one partly
filled page instead of one for every short range, and memory holds the days of about one page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from fit_platform.errors import BadPayload, Transient
from fit_platform.providers.base import Pulled, Window

LONGEST_DAYS = 366
UTC_DAYS = timedelta(hours=1)
CIVIL_DAYS = timedelta(hours=15)  # no civil date begins earlier than 14 hours before its UTC day, and the hour above
"""How much older than a UTC midnight a point must be to prove that the day which begins then is complete."""

_ONE_DAY = timedelta(days=1)

TimeOf = Callable[[bytes], tuple[date, datetime] | None]
"""A point's partition day and its start instant; None where it has no readable time."""


class OutOfOrder(Exception):
    """The points do not come newest first, so no page proves that a day is complete."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How one feed is walked, as a whole and in short ranges."""

    pages: Callable[[Window], Iterable[list[bytes]]]
    time_of: TimeOf
    answer: Callable[[date, list[bytes]], Pulled]
    margin: timedelta
    range_days: int
    in_ranges: Callable[[Window], Iterator[Pulled]]  # each range read whole before its days are handed on


def newest_first(walk: Walk, window: Window) -> Iterator[Pulled]:
    """Every day of the window, the newest first, in walks of up to a year; a window of one range as that range.

    Where a walk breaks on an unreadable page or one that takes too long, what is left of it is asked for in short
    ranges. So is all of it where the order is not as documented: days handed on before that showed come once more.
    """
    for part in reversed(list(window.chunks(LONGEST_DAYS))):
        rest: Window | None = part
        if len(part.days()) > walk.range_days:
            try:
                for day, points in complete_days(walk.pages(part), part, walk.time_of, walk.margin):
                    yield walk.answer(day, points)
                    rest = Window(part.first, day - _ONE_DAY) if day > part.first else None
            except OutOfOrder:
                rest = part
            except BadPayload:
                pass
            except Transient as error:
                if error.status != 504:
                    raise
        if rest is not None:
            yield from walk.in_ranges(rest)


def complete_days(
    pages: Iterable[list[bytes]], part: Window, time_of: TimeOf, margin: timedelta
) -> Iterator[tuple[date, list[bytes]]]:
    """Each day of `part` with its points, as soon as it is complete.

    OutOfOrder: the points do not descend, or one belongs to a day that was handed on already. Points of other days are
    dropped. One without a readable time goes with the newest day that is still open, where its parser says what is
    wrong with it.
    """
    waiting: dict[date, list[bytes]] = {}
    newest_open = part.last
    oldest = datetime.max.replace(tzinfo=UTC)
    for page in pages:
        times: list[datetime] = []
        for point in page:
            day, at = time_of(point) or (newest_open, None)
            if newest_open < day <= part.last:  # handed on already
                raise OutOfOrder
            if at is not None:
                times.append(at)
            waiting.setdefault(day, []).append(point)
        if times and times[-1] > times[0]:
            raise OutOfOrder
        oldest = min([oldest, *times])
        while newest_open > part.first and oldest < _midnight(newest_open) - margin:
            yield newest_open, waiting.pop(newest_open, [])
            newest_open -= _ONE_DAY
    for day in reversed(Window(part.first, newest_open).days()):
        yield day, waiting.get(day, [])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
