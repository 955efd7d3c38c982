"""How a window of days is asked of Polar with as few calls as possible, and what it means that a day is not shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import Any

from fit_platform.errors import BadRecord, BadRequest, NotFound
from fit_platform.providers import fields
from fit_platform.providers.base import DayAnswer, DayUnknown, Item, Landed, Pulled, Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.polar import client, records, wellness
from fit_platform.providers.pulling import (
    Absent,
    decoded,
    identity,
    in_ranges,
    nothing_within,
    sorted_into_days,
)

EXERCISE_WINDOW_DAYS = 30  # by upload
_LATE_UPLOAD_DAYS = 183  # how late an exercise may have come whose deletion is still noticed
NIGHT_WINDOW_DAYS = 28
HEART_RATE_WINDOW_DAYS = 28  # undocumented for this endpoint; 28 days is what Polar keeps of its other daily data
ACTIVITY_WINDOW_DAYS = 365
CARDIO_LOAD_WINDOW_DAYS = 180  # the longest period that Polar offers
RANGE_DAYS = 28  # documented for daily activity; taken for continuous heart rate, where none is documented

DayOfPayload = Callable[[Any], date | None]


def pull_exercises(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for everything Polar still lists; days beyond its 30 days are known only as far as they are shown."""
    yield from _exercises(api, window, landed, late_days=_LATE_UPLOAD_DAYS)


def look_at_exercises(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """The same, without reading half a year of landed days for late uploads of which Polar shows no more."""
    yield from _exercises(api, window, landed, late_days=0)


def _exercises(api: ApiClient, window: Window, landed: Landed, late_days: int) -> Iterator[Pulled]:
    today = api.clock().date()
    absent = nothing_within(EXERCISE_WINDOW_DAYS, today)
    request = {"path": "/exercises", "params": client.EXERCISE_PARTS}
    items = _items(api, client.exercises(api), request)
    dated = [(_day_of(item, records.exercise_day), item) for item in items]
    # The list is by upload: of an old day it may show a late upload alone. What has landed there is still true, unless
    # it came so late itself that it would be listed if it had not been deleted.
    shown = {day for day, _ in dated}
    ids = {_id_of(item, "id") for item in items}
    kept: list[tuple[date, Item]] = []
    known: set[date] = set()
    for day in window.days():
        is_recent = (today - day).days <= EXERCISE_WINDOW_DAYS + late_days
        if not isinstance(absent(day), DayUnknown) or not (is_recent or day in shown):
            continue
        not_listed = [old for old in landed("exercises", day) if _id_of(old, "id") not in ids]
        aged_out = [old for old in not_listed if not _is_still_listed(old, today)]
        if day in shown or len(aged_out) < len(not_listed):
            known.add(day)
            kept += [(day, old) for old in aged_out]
    yield from sorted_into_days(
        window, [*kept, *dated], lambda day: DayAnswer(day, ()) if day in known else absent(day)
    )


def pull_sleep(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for the nights that Polar lists; night by night only if it has no list."""
    absent = nothing_within(NIGHT_WINDOW_DAYS, api.clock().date())
    try:
        nights = client.nights(api)
    except (NotFound, BadRequest):
        ask = partial(client.night, api)
        yield from _day_by_day(api, window, landed, "sleep", ask, "/users/sleep", records.night_day, absent)
        return
    yield from _shown(api, window, nights, "/users/sleep", records.night_day)


def pull_nightly_recharge(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for the nights that Polar lists; if it has no list, night by night as far back as it keeps them."""
    path = "/users/nightly-recharge"
    absent = nothing_within(NIGHT_WINDOW_DAYS, api.clock().date())
    try:
        nights = client.recharges(api)
    except (NotFound, BadRequest):
        ask = partial(client.recharge, api)
        for day in window.days():
            beyond = absent(day)
            if isinstance(beyond, DayUnknown):
                yield beyond
            else:
                part = Window(day, day)
                yield from _day_by_day(api, part, landed, "nightly_recharge", ask, path, wellness.dated_day, absent)
        return
    yield from _shown(api, window, nights, path, wellness.dated_day)


def pull_cardio_load(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Ranges of 28 days; the list of the last 28 days where a range is refused.

    Polar has an object for every day, so a day beyond 28 days that an answer leaves out is unknown.
    """
    path = "/users/cardio-load/date"

    def ask(part: Window) -> Iterator[Pulled]:
        try:
            yield from _shown(api, part, client.cardio_loads(api, part), path, wellness.dated_day)
        except (BadRequest, NotFound):
            recent = partial(client.recent_cardio_loads, api)
            yield from _listed(api, part, recent, "/users/cardio-load", wellness.dated_day)

    yield from in_ranges(api, window, RANGE_DAYS, ask, partial(landed, "cardio_load"), {"path": path, "params": {}})


def pull_physical_info(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """The body as Polar knows it now, filed under the window's last day. 404: Polar knows nothing of it."""
    for day in window.days()[:-1]:
        yield DayUnknown(day, "a snapshot, filed under the last day that was asked for")
    try:
        objects = client.physical_info(api)
    except NotFound:
        objects = []
    yield DayAnswer(window.last, tuple(_items(api, objects, {"path": "/users/physical-info", "params": {}})))


def pull_alertness(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for the last 28 days."""
    ask = partial(client.sleepwise, api, "alertness")
    yield from _listed(api, window, ask, "/users/sleepwise/alertness", wellness.period_day)


def pull_circadian_bedtime(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for the last 28 days."""
    ask = partial(client.sleepwise, api, "circadian-bedtime")
    yield from _listed(api, window, ask, "/users/sleepwise/circadian-bedtime", wellness.period_day)


def pull_body_temperature(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for the last 28 days."""
    ask = partial(client.biosensing, api, "bodytemperature", "start_time")
    yield from _listed(api, window, ask, "/users/biosensing/bodytemperature", wellness.measurement_day)


def pull_skin_temperature(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for the last 28 days."""
    ask = partial(client.biosensing, api, "skintemperature", "sleep_date")
    yield from _listed(api, window, ask, "/users/biosensing/skintemperature", wellness.night_date)


def pull_spo2(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One call for the last 28 days."""
    ask = partial(client.biosensing, api, "spo2", "test_time")
    yield from _listed(api, window, ask, "/users/biosensing/spo2", wellness.spo2_day)


def _shown(api: ApiClient, window: Window, objects: list[bytes], path: str, day_of: DayOfPayload) -> Iterator[Pulled]:
    """The days of a window as a list of the last 28 days shows them."""
    items = _items(api, objects, {"path": path, "params": {}})
    absent = nothing_within(NIGHT_WINDOW_DAYS, api.clock().date())
    yield from sorted_into_days(window, [(_day_of(item, day_of), item) for item in items], absent)


def _listed(
    api: ApiClient, window: Window, ask: Callable[[], list[bytes]], path: str, day_of: DayOfPayload
) -> Iterator[Pulled]:
    """One list for everything; where the server does not have this list, nothing is known of any day.

    These lists say 204 when they are empty, so a 404 is no empty answer: it must not look like days without data.
    """
    try:
        objects = ask()
    except (NotFound, BadRequest) as error:
        for day in window.days():
            yield DayUnknown(day, f"Polar does not serve this here: {error.detail}")
        return
    yield from _shown(api, window, objects, path, day_of)


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
            if refusal := refusal_of(part.last):
                yield from (DayUnknown(day, refusal) for day in part.days())
                return
            yield from _day_by_day(api, part, landed, resource, partial(ask_day, api), path, day_of, absent)
            return
        items = _items(api, objects, request)
        yield from sorted_into_days(part, [(_day_of(item, day_of), item) for item in items], absent)

    def refusal_of(day: date) -> str | None:
        """Why Polar refuses even the newest day of a range that has aged out; then its other days need no asking."""
        if isinstance(absent(day), DayUnknown):
            try:
                ask_day(api, day)
            except BadRequest as error:
                return f"Polar does not serve this day: {error.detail}"
            except NotFound:
                return None
        return None

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


def _is_still_listed(exercise: Item, today: date) -> bool:
    """Would Polar still list it? The oldest day of its window is served in part only."""
    try:
        uploaded_at = fields.instant(decoded(exercise), "upload_time")
    except BadRecord:
        return False
    return uploaded_at is not None and (today - uploaded_at.date()).days < EXERCISE_WINDOW_DAYS


def _id_of(item: Item, key: str) -> str:
    return identity(decoded(item), key)
