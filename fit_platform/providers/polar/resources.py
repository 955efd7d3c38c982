"""What can be pulled from Polar, and how a window of days is asked for with as few calls as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import Any

from fit_platform.errors import BadRecord, BadRequest, NotFound
from fit_platform.providers.base import DayOf, DayUnknown, Item, Landed, Parser, Pulled, Resource, Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.polar import client, records, series, tables
from fit_platform.providers.pulling import (
    Absent,
    decoded,
    identity,
    in_ranges,
    nothing_within,
    sorted_into_days,
)

SCOPES = ("accesslink.read_all",)
EXERCISE_WINDOW_DAYS = 30  # by upload
NIGHT_WINDOW_DAYS = 28
HEART_RATE_WINDOW_DAYS = 28  # undocumented for this endpoint; 28 days is what Polar keeps of its other daily data
ACTIVITY_WINDOW_DAYS = 365
RANGE_DAYS = 28  # documented for daily activity; taken for continuous heart rate, where none is documented

DayOfPayload = Callable[[Any], date | None]


def pull_exercises(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for everything Polar still lists; days beyond its 30 days are known only as far as they are shown."""
    absent = nothing_within(EXERCISE_WINDOW_DAYS, api.clock().date())
    request = {"path": "/exercises", "params": client.EXERCISE_PARTS}
    items = _items(api, client.exercises(api), request)
    dated = [(_day_of(item, records.exercise_day), item) for item in items]
    # The list is by upload: of an old day it may show a late upload alone. What has landed there is still true.
    shown = {day for day, _ in dated if day and day in window and isinstance(absent(day), DayUnknown)}
    ids = {_id_of(item, "id") for item in items}
    kept = [(day, old) for day in shown for old in landed("exercises", day) if _id_of(old, "id") not in ids]
    yield from sorted_into_days(window, [*kept, *dated], absent)


def pull_sleep(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for the nights that Polar lists; night by night only if it has no list."""
    absent = nothing_within(NIGHT_WINDOW_DAYS, api.clock().date())
    try:
        nights = client.nights(api)
    except (NotFound, BadRequest):
        ask = partial(client.night, api)
        yield from _day_by_day(api, window, landed, "sleep", ask, "/users/sleep", records.night_day, absent)
        return
    items = _items(api, nights, {"path": "/users/sleep", "params": {}})
    yield from sorted_into_days(window, [(_day_of(item, records.night_day), item) for item in items], absent)


def pull_continuous_heart_rate(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Ranges of 28 days; date by date where a range is refused."""
    yield from _by_range(
        api,
        window,
        landed,
        "continuous_heart_rate",
        client.heart_rates,
        client.heart_rate,
        "/users/continuous-heart-rate",
        records.heart_rate_day,
        nothing_within(HEART_RATE_WINDOW_DAYS, api.clock().date()),
    )


def pull_daily_activity(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Ranges of 28 days; date by date where a range is refused (it may begin too early)."""
    yield from _by_range(
        api,
        window,
        landed,
        "daily_activity",
        client.activities,
        client.activity,
        "/users/activities",
        records.activity_day,
        nothing_within(ACTIVITY_WINDOW_DAYS, api.clock().date()),
    )


def _by_range(
    api: ApiClient,
    window: Window,
    landed: Landed,
    resource: str,
    ask_range: Callable[[ApiClient, Window], list[bytes]],
    ask_day: Callable[[ApiClient, date], list[bytes]],
    path: str,
    day_of: DayOfPayload,
    absent: Absent,
) -> Iterator[Pulled]:
    request = {"path": path, "params": {}}

    def ask(part: Window) -> Iterator[Pulled]:
        try:
            objects = ask_range(api, part)
        except (BadRequest, NotFound):
            yield from _day_by_day(api, part, landed, resource, partial(ask_day, api), path, day_of, absent)
            return
        items = _items(api, objects, request)
        yield from sorted_into_days(part, [(_day_of(item, day_of), item) for item in items], absent)

    yield from in_ranges(api, window, RANGE_DAYS, ask, partial(landed, resource), request)


def _day_by_day(
    api: ApiClient,
    window: Window,
    landed: Landed,
    resource: str,
    ask_day: Callable[[date], list[bytes]],
    path: str,
    day_of: DayOfPayload,
    absent: Absent,
) -> Iterator[Pulled]:
    request = {"path": path, "params": {}}

    def ask(part: Window) -> Iterator[Pulled]:
        day = part.first
        try:
            objects = ask_day(day)
        except NotFound:
            objects = []
        except BadRequest as error:
            yield DayUnknown(day, f"Polar does not serve this day: {error.detail}")
            return
        # Asked for by its date, so it is of that date, whatever it says or lacks.
        yield from sorted_into_days(part, [(day, item) for item in _items(api, objects, request)], absent)

    yield from in_ranges(api, window, 1, ask, partial(landed, resource), request)


def _items(api: ApiClient, objects: list[bytes], request: dict[str, Any]) -> list[Item]:
    now = api.clock()
    return [Item(payload, request, now) for payload in objects]


def _day_of(item: Item, day_of: DayOfPayload) -> date | None:
    try:
        return day_of(decoded(item))
    except BadRecord:
        return None


def _id_of(item: Item, key: str) -> str:
    return identity(decoded(item), key)


RESOURCES = (
    Resource(
        provider="polar",
        name="exercises",
        description="Training sessions with samples, heart-rate zones and GPS route.",
        day_of=DayOf.UTC_START,
        tables=(tables.EXERCISES, tables.EXERCISE_SAMPLES, tables.EXERCISE_ROUTE, tables.EXERCISE_ZONES),
        pull=pull_exercises,
        parse=Parser(records.parse_exercise, series.EXERCISE_SERIES),
        object_id=lambda payload: identity(payload, "id"),
        scopes=SCOPES,
        window_days=EXERCISE_WINDOW_DAYS,
        calls="1 call for all of the last 30 days of uploads",
    ),
    Resource(
        provider="polar",
        name="continuous_heart_rate",
        description="All-day heart rate on the device's wall clock, every 5 minutes or denser; training is not in it.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.CONTINUOUS_HEART_RATE,),
        pull=pull_continuous_heart_rate,
        parse=Parser(columnar=series.CONTINUOUS_HEART_RATE),
        object_id=lambda payload: identity(payload, "date"),
        scopes=SCOPES,
        window_days=HEART_RATE_WINDOW_DAYS,
        max_quiet_days=3,  # watches sync late; and what Polar does not hold after 28 days is lost
        range_days=RANGE_DAYS,
        calls="1 call per 28 days",
    ),
    Resource(
        provider="polar",
        name="sleep",
        description="Nights with stages, dated by the day of waking.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.SLEEP,),
        pull=pull_sleep,
        parse=Parser(records.parse_night),
        object_id=lambda payload: identity(payload, "date"),
        scopes=SCOPES,
        window_days=NIGHT_WINDOW_DAYS,
        calls="1 call for all of the last 28 days",
    ),
    Resource(
        provider="polar",
        name="daily_activity",
        description="Steps, energy and active time of each device-local day.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.DAILY_ACTIVITY,),
        pull=pull_daily_activity,
        parse=Parser(records.parse_activity),
        object_id=lambda payload: identity(payload, "start_time"),
        scopes=SCOPES,
        window_days=ACTIVITY_WINDOW_DAYS,
        range_days=RANGE_DAYS,
        calls="1 call per 28 days",
    ),
)
