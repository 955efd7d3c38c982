"""How Google Health's kinds of data are pulled: objects, samples, daily values, roll-ups, snapshots of the account."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

from fit_platform.errors import BadRecord, ProviderError
from fit_platform.providers.base import DayAnswer, DayUnknown, Item, Landed, Pull, Pulled, Window
from fit_platform.providers.fitbit import client
from fit_platform.providers.fitbit.points import daily_date, rolled_up_date
from fit_platform.providers.http import ApiClient
from fit_platform.providers.pulling import decoded, in_ranges, sorted_into_days

_SCOPE = "https://www.googleapis.com/auth/googlehealth.{}.readonly"
ACTIVITY_SCOPES = (_SCOPE.format("activity_and_fitness"),)
METRICS_SCOPES = (_SCOPE.format("health_metrics_and_measurements"),)
SLEEP_SCOPES = (_SCOPE.format("sleep"),)
LOCATION_SCOPES = (_SCOPE.format("location"),)
PROFILE_SCOPES = (_SCOPE.format("profile"),)
SETTINGS_SCOPES = (_SCOPE.format("settings"),)

DayOfPayload = Callable[[Any], date]
_ONE_DAY = timedelta(days=1)
_OBJECTS_RANGE_DAYS = 366  # exercises, sleeps, daily values: some hundred a year
LIST_LOOK_BACK_DAYS = 27  # one page of small objects, as long as three days would be
SESSION_LOOK_BACK_DAYS = 14  # one page of 25 exercises or nights, of most people
_OPERATIONS = {
    "steps": ":reconcile",
    "distance": ":reconcile",
    "active_zone_minutes": ":reconcile",
    "floors": ":dailyRollUp",
    "total_calories": ":dailyRollUp",
}
# Not found, gone, method not allowed, not implemented: the server does not have this type of data.
_NOT_OFFERED = frozenset({404, 405, 410, 501})
_FORBIDDEN = frozenset({403})


def kebab(resource: str) -> str:
    """A data type as in paths: `daily-vo2-max`."""
    return resource.replace("_", "-")


def camel(resource: str) -> str:
    """A data type as the key of its JSON member: `dailyVo2Max`."""
    first, *rest = resource.split("_")
    return first + "".join(word.title() for word in rest)


def where_offered(pull: Pull) -> Pull:
    """A pull of a type that a server may lack: its days are then unknown, which is neither empty nor a failure."""
    return _unless(pull, _NOT_OFFERED, "the server does not offer this type of data")


def where_granted(pull: Pull) -> Pull:
    """A pull of something beside the data, whose scope an athlete may leave out: not granted, its days are unknown."""
    return _unless(pull, _FORBIDDEN, "not granted; link again to grant it")


def _unless(pull: Pull, statuses: Collection[int], reason: str) -> Pull:
    def asked(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
        answered: set[date] = set()
        try:
            for pulled in pull(api, window, landed):
                answered.add(pulled.day)
                yield pulled
        except ProviderError as error:
            if error.status not in statuses:
                raise
            for day in window.days():
                if day not in answered:
                    yield DayUnknown(day, f"{reason} ({error.status})")

    return asked


def daily_values(resource: str) -> Pull:
    """The values that Google makes of a civil day, by that day; they appear after it has ended."""
    kind = camel(resource)

    def pull(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
        def ask(part: Window) -> list[bytes]:
            return client.list_points(api, kebab(resource), between(f"{resource}.date", part), client.MAX_PAGE_SIZE)

        yield from objects(api, window, landed, resource, ask, lambda payload: daily_date(payload, kind))

    return where_offered(pull)


def roll_ups(resource: str, range_days: int) -> Pull:
    """Sums of civil days, each known by its own `civilStartTime`: servers differ in whether the range's end belongs."""

    def pull(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
        def ask(part: Window) -> list[bytes]:
            return client.rolled_up_days(api, kebab(resource), part.first, part.last + _ONE_DAY)

        yield from objects(api, window, landed, resource, ask, rolled_up_date, range_days)

    return where_offered(pull)


def snapshot(path: str, ask: Callable[[ApiClient], list[bytes]]) -> Pull:
    """Something as it is now, filed under the last day of the window."""

    def pull(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
        payloads = ask(api)
        for day in window.days()[:-1]:
            yield DayUnknown(day, "a snapshot, filed under the last day that was asked for")
        now = api.clock()
        yield DayAnswer(window.last, tuple(Item(payload, {"path": path, "params": {}}, now) for payload in payloads))

    return where_offered(pull)


def request_of(resource: str) -> dict[str, Any]:
    """What was asked, without the bounds of the walk and its page tokens: they say nothing about an object."""
    return {"path": f"/users/me/dataTypes/{kebab(resource)}/dataPoints{_OPERATIONS.get(resource, '')}", "params": {}}


def between(field: str, window: Window) -> str:
    """A filter for civil days, end exclusive: Google allows `>=` and `<` only."""
    return f'{field} >= "{window.first}" AND {field} < "{window.last + _ONE_DAY}"'


def objects(
    api: ApiClient,
    window: Window,
    landed: Landed,
    resource: str,
    ask: Callable[[Window], list[bytes]],
    day_of: DayOfPayload,
    range_days: int = _OBJECTS_RANGE_DAYS,
) -> Iterator[Pulled]:
    """Points with an identity: one item each."""
    request = request_of(resource)

    def by_day(part: Window) -> Iterator[Pulled]:
        now = api.clock()
        items = [Item(point, request, now) for point in ask(part)]
        yield from sorted_into_days(part, [(_day(day_of, item), item) for item in items])

    yield from in_ranges(api, window, range_days, by_day, partial(landed, resource), request)


def _day(day_of: DayOfPayload, item: Item) -> date | None:
    try:
        return day_of(decoded(item))
    except BadRecord:
        return None


def range_samples(
    api: ApiClient,
    window: Window,
    landed: Landed,
    resource: str,
    range_days: int,
    ask: Callable[[Window], list[bytes]],
    day_of: Callable[[bytes], date | None],
) -> Iterator[Pulled]:
    """Points without an identity: one item a day that holds its points in the order received."""
    request = request_of(resource)

    def by_day(part: Window) -> Iterator[Pulled]:
        points: dict[date, list[bytes]] = {}
        for point in ask(part):
            # A point without a readable time is kept with the last day, where the parser says what is wrong with it.
            points.setdefault(day_of(point) or part.last, []).append(point)
        for day in part.days():
            yield sample_day(api, resource, day, points.get(day, []))

    yield from in_ranges(api, window, range_days, by_day, partial(landed, resource), request)


def sample_day(api: ApiClient, resource: str, day: date, points: list[bytes]) -> Pulled:
    """One item that holds the points of a day."""
    payload = b'{"dataPoints":[' + b",".join(points) + b"]}"
    return DayAnswer(day, (Item(payload, request_of(resource), api.clock()),) if points else ())
