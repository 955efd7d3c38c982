"""On which days something changed, for events that do not say: the provider is asked, once, about exactly that.

A webhook's body is a hint and may be forged; what is pulled afterwards is what the provider then shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from fit_platform.errors import AuthRevoked, BadRecord, BadRequest, NotFound
from fit_platform.feed.look import changed_days, looked_window
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.landing.layout import DayKey
from fit_platform.landing.zone import NOTHING
from fit_platform.providers.base import DayOf, Resource, Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.registry import resources

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

TRIES = 5  # an object that its provider denies for longer than a quarter of an hour is none
_NEAR_DAYS = 3  # an edit moves the start of an activity by hours, not by weeks
_READERS = 8  # under the connection pool of a bucket's client
_READ_AHEAD_DAYS = 64


class NotKnownYet(Exception):
    """The provider does not know the object, and nothing of it has landed: perhaps the news is ahead of the data."""


def days_of(event: ChangeEvent, client: ApiClient, runtime: Runtime) -> tuple[date, ...]:
    """The partition days to pull for an event; none: there is nothing to do. Raises NotKnownYet, FitError."""
    if event.days:
        return event.days
    named = [r for r in resources() if r.provider == event.provider and r.name in event.resources]
    leading = [resource for resource in named if not resource.needs] or named
    single = next((resource for resource in leading if resource.day_by_id is not None), None)
    if event.object_id is not None and single is not None:
        if found := _days_of_object(single, event.object_id, client, runtime):
            return found
        if event.kind != "deleted" and event.attempt < TRIES:
            raise NotKnownYet
        # Deleted before it was ever pulled, never there, or the id of something else: what a look shows counts.
    now = runtime.clock()
    days: set[date] = set()
    for resource in leading:
        window = looked_window(
            resource, client.athlete_id, runtime.zone, "new", now.date(), runtime.settings.start_date
        )
        days.update(changed_days(resource, client, window, runtime.zone, now, "new"))
    return tuple(sorted(days))


def is_revoked(client: ApiClient) -> bool:
    """Has the athlete really withdrawn the consent? Asks for the smallest thing; raises FitError for no answer.

    What a forged event would purge cannot always be had again.
    """
    now = client.clock().date()
    snapshot = next(r for r in resources() if r.provider == client.provider and r.day_of is DayOf.FILING_DAY)
    try:
        list(snapshot.pull(client, Window(now, now), lambda name, day: []))
    except AuthRevoked:
        return True
    return False


def _days_of_object(resource: Resource, object_id: str, client: ApiClient, runtime: Runtime) -> tuple[date, ...]:
    """The day that the provider gives an object now, and the one it has landed on; none: known to nobody."""
    assert resource.day_by_id is not None
    try:
        now_on = resource.day_by_id(client, object_id)
    except (NotFound, BadRequest, BadRecord):
        # Gone. A deletion that was only claimed does not get here: the provider itself has just said 404.
        landed_on = landed_day(resource, object_id, client.athlete_id, runtime)
        return () if landed_on is None else (landed_on,)
    near = [now_on + timedelta(days=n) for n in range(-_NEAR_DAYS, _NEAR_DAYS + 1)]
    landed_on = landed_day(resource, object_id, client.athlete_id, runtime, days=near)
    return tuple(sorted({now_on} | ({landed_on} if landed_on else set())))


def landed_day(
    resource: Resource, object_id: str, athlete_id: str, runtime: Runtime, days: Sequence[date] | None = None
) -> date | None:
    """The day on which an object has landed and is live, newest first; None: nowhere (in these days).

    Of ten years in a bucket every day may have to be read, and a sensor's tick has a minute for that: several at once,
    and none of which the listing shows that it is empty.
    """
    if days is None:
        listed = runtime.zone.listed_days(resource.provider, resource.name, athlete_id)
        days = [day for day, content in reversed(listed.items()) if content != NOTHING]

    def holds_it(day: date) -> bool:
        assert resource.object_id is not None
        items = runtime.zone.items(DayKey(resource.provider, resource.name, day, athlete_id))
        return any(
            object_id.encode() in item.payload and resource.object_id(msgspec.json.decode(item.payload)) == object_id
            for item in items
        )

    with ThreadPoolExecutor(_READERS) as pool:
        for begin in range(0, len(days), _READ_AHEAD_DAYS):
            part = days[begin : begin + _READ_AHEAD_DAYS]
            for day, is_there in zip(part, pool.map(holds_it, part), strict=True):
                if is_there:
                    return day
    return None
