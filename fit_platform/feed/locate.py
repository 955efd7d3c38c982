"""On which days something changed, for events that do not say: the provider is asked, once, about exactly that.

A webhook's body is a hint and may be forged; what is pulled afterwards is what the provider then shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from fit_platform.errors import AuthRevoked, BadRecord, NotFound
from fit_platform.feed.look import changed_days, looked_window
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.landing.layout import DayKey
from fit_platform.providers.base import DayOf, Resource, Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.registry import resources

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

_NEAR_DAYS = 3  # an edit moves the start of an activity by hours, not by weeks


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
        return _days_of_object(single, event, client, runtime)
    now = runtime.clock()
    days: set[date] = set()
    for resource in leading:
        window = looked_window(
            resource, client.athlete_id, runtime.zone, "new", now.date(), runtime.settings.start_date
        )
        days.update(changed_days(resource, client, window, runtime.zone, now, from_beginning=False))
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


def _days_of_object(resource: Resource, event: ChangeEvent, client: ApiClient, runtime: Runtime) -> tuple[date, ...]:
    """The day that the provider gives an object now, and the one it has landed on."""
    assert resource.day_by_id is not None
    assert event.object_id is not None
    try:
        now_on = resource.day_by_id(client, event.object_id)
    except (NotFound, BadRecord):
        # Gone. A deletion that was only claimed does not get here: the provider itself has just said 404.
        landed_on = landed_day(resource, event.object_id, client.athlete_id, runtime)
        if landed_on is None and event.kind != "deleted":
            raise NotKnownYet from None
        return () if landed_on is None else (landed_on,)
    near = [now_on + timedelta(days=n) for n in range(-_NEAR_DAYS, _NEAR_DAYS + 1)]
    landed_on = landed_day(resource, event.object_id, client.athlete_id, runtime, days=near)
    return tuple(sorted({now_on} | ({landed_on} if landed_on else set())))


def landed_day(
    resource: Resource, object_id: str, athlete_id: str, runtime: Runtime, days: Iterable[date] | None = None
) -> date | None:
    """The day on which an object has landed and is live, newest first; None: nowhere (in these days)."""
    if days is None:
        keys = runtime.zone.keys(resource.provider, resource.name)
        days = sorted({key.dt for key in keys if key.athlete_id == athlete_id}, reverse=True)
    assert resource.object_id is not None
    for day in days:
        for item in runtime.zone.items(DayKey(resource.provider, resource.name, day, athlete_id)):
            if (
                object_id.encode() in item.payload
                and resource.object_id(msgspec.json.decode(item.payload)) == object_id
            ):
                return day
    return None
