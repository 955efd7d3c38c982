"""What can be pulled from Google Health (Fitbit data), and how a window is asked for with as few calls as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from fit_platform.errors import BadRecord
from fit_platform.providers.base import DayAnswer, DayOf, Item, Landed, Parser, Pulled, Resource, Window
from fit_platform.providers.fitbit import client, records, samples, tables
from fit_platform.providers.http import ApiClient
from fit_platform.providers.pulling import decoded, identity, in_ranges, sorted_into_days

_SCOPE = "https://www.googleapis.com/auth/googlehealth.{}.readonly"
ACTIVITY_SCOPES = (_SCOPE.format("activity_and_fitness"),)
METRICS_SCOPES = (_SCOPE.format("health_metrics_and_measurements"),)
SLEEP_SCOPES = (_SCOPE.format("sleep"),)

# Samples are walked in ranges, so that a failure costs a range, and memory holds one: heart rate comes every 5 seconds
# (17,000 points a day, 30 MB for these days), steps every minute at most (10 MB).
HEART_RATE_RANGE_DAYS = 7
STEPS_RANGE_DAYS = 28
OBJECTS_RANGE_DAYS = 366  # exercises, sleeps, daily values: some hundred a year

DayOfPayload = Callable[[Any], date]
_ONE_DAY = timedelta(days=1)


def pull_exercise(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Exercises by UTC day of the start. Only civil days can be asked for, so one more on either side."""

    def ask(part: Window) -> list[bytes]:
        wider = Window(part.first - _ONE_DAY, part.last + _ONE_DAY)
        filter_ = _between("exercise.interval.civil_start_time", wider)
        return client.list_points(api, "exercise", filter_, client.SESSION_PAGE_SIZE)

    yield from _objects(api, window, landed, "exercise", ask, records.exercise_day)


def pull_sleep(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Sleep sessions by civil date of the end: sleep can be filtered by its end alone."""

    def ask(part: Window) -> list[bytes]:
        filter_ = _between("sleep.interval.civil_end_time", part)
        return client.list_points(api, "sleep", filter_, client.SESSION_PAGE_SIZE)

    yield from _objects(api, window, landed, "sleep", ask, records.sleep_day)


def pull_daily_resting_heart_rate(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """One value per civil date; it appears after the day has ended."""

    def ask(part: Window) -> list[bytes]:
        filter_ = _between("daily_resting_heart_rate.date", part)
        return client.list_points(api, "daily-resting-heart-rate", filter_, client.MAX_PAGE_SIZE)

    yield from _objects(api, window, landed, "daily_resting_heart_rate", ask, records.resting_heart_rate_day)


def pull_heart_rate(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Heart-rate samples by UTC day."""

    def ask(part: Window) -> list[bytes]:
        field = "heart_rate.sample_time.physical_time"
        end = part.last + _ONE_DAY
        filter_ = f'{field} >= "{part.first}T00:00:00Z" AND {field} < "{end}T00:00:00Z"'
        return client.list_points(api, "heart-rate", filter_, client.MAX_PAGE_SIZE)

    yield from _samples(api, window, landed, "heart_rate", HEART_RATE_RANGE_DAYS, ask, _heart_rate_day)


def pull_steps(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Steps by civil date of the start, from the reconciled stream: `list` would count every source."""

    def ask(part: Window) -> list[bytes]:
        filter_ = _between("steps.interval.civil_start_time", part)
        return client.reconciled_points(api, "steps", filter_, client.MAX_PAGE_SIZE)

    yield from _samples(api, window, landed, "steps", STEPS_RANGE_DAYS, ask, _steps_day)


def _between(field: str, window: Window) -> str:
    """A filter for civil days, end exclusive: Google allows `>=` and `<` only."""
    return f'{field} >= "{window.first}" AND {field} < "{window.last + _ONE_DAY}"'


def _objects(
    api: ApiClient,
    window: Window,
    landed: Landed,
    resource: str,
    ask: Callable[[Window], list[bytes]],
    day_of: DayOfPayload,
) -> Iterator[Pulled]:
    """Points with an identity: one item each."""
    request = _request(resource)

    def by_day(part: Window) -> Iterator[Pulled]:
        now = api.clock()
        items = [Item(point, request, now) for point in ask(part)]
        yield from sorted_into_days(part, [(_day(day_of, item), item) for item in items])

    yield from in_ranges(api, window, OBJECTS_RANGE_DAYS, by_day, partial(landed, resource), request)


def _day(day_of: DayOfPayload, item: Item) -> date | None:
    try:
        return day_of(decoded(item))
    except BadRecord:
        return None


def _samples(
    api: ApiClient,
    window: Window,
    landed: Landed,
    resource: str,
    range_days: int,
    ask: Callable[[Window], list[bytes]],
    day_of: Callable[[bytes], date | None],
) -> Iterator[Pulled]:
    """Points without an identity: one item a day that holds its points in the order received."""
    request = _request(resource)

    def by_day(part: Window) -> Iterator[Pulled]:
        points: dict[date, list[bytes]] = {}
        for point in ask(part):
            # A point without a readable time is kept with the last day, where the parser says what is wrong with it.
            points.setdefault(day_of(point) or part.last, []).append(point)
        now = api.clock()
        for day in part.days():
            found = points.get(day, [])
            payload = b'{"dataPoints":[' + b",".join(found) + b"]}"
            yield DayAnswer(day, (Item(payload, request, now),) if found else ())

    yield from in_ranges(api, window, range_days, by_day, partial(landed, resource), request)


def _request(resource: str) -> dict[str, Any]:
    """What was asked, without the bounds of the walk and its page tokens: they say nothing about an object."""
    method = ":reconcile" if resource == "steps" else ""
    return {"path": f"/users/me/dataTypes/{resource.replace('_', '-')}/dataPoints{method}", "params": {}}


# Days of samples are read without building Python objects of whole points: there are ten thousand and more a day.


class _SampleTime(msgspec.Struct):
    physicalTime: str  # noqa: N815  (Google's words)


class _HeartRate(msgspec.Struct):
    sampleTime: _SampleTime  # noqa: N815


class _HeartRatePoint(msgspec.Struct):
    heartRate: _HeartRate  # noqa: N815


_heart_rate_decoder = msgspec.json.Decoder(_HeartRatePoint)


def _heart_rate_day(point: bytes) -> date | None:
    try:
        text = _heart_rate_decoder.decode(point).heartRate.sampleTime.physicalTime
        moment = datetime.fromisoformat(text)
    except (msgspec.DecodeError, ValueError):
        return None
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def _steps_day(point: bytes) -> date | None:
    try:
        return records.steps_day(msgspec.json.decode(point))
    except (msgspec.DecodeError, BadRecord):
        return None


RESOURCES = (
    Resource(
        provider="fitbit",
        name="exercise",
        description="Exercises with their summaries; heart rate is in the heart-rate samples.",
        day_of=DayOf.UTC_START,
        tables=(tables.EXERCISES,),
        pull=pull_exercise,
        parse=Parser(records.parse_exercise),
        object_id=records.exercise_id,
        scopes=ACTIVITY_SCOPES,
        page_size=client.SESSION_PAGE_SIZE,
        calls="1 call per 25 exercises",
    ),
    Resource(
        provider="fitbit",
        name="heart_rate",
        description="Heart-rate samples, every few seconds.",
        day_of=DayOf.UTC_START,
        tables=(tables.HEART_RATE,),
        pull=pull_heart_rate,
        parse=Parser(columnar=samples.HEART_RATE),
        scopes=METRICS_SCOPES,
        max_quiet_days=3,  # a band left on the charger for a weekend is normal, longer is not
        page_size=client.MAX_PAGE_SIZE,
        calls="1 call per 10,000 samples, at least 1 per 7 days",
    ),
    Resource(
        provider="fitbit",
        name="sleep",
        description="Sleep sessions with stages, dated by the day of waking.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.SLEEP,),
        pull=pull_sleep,
        parse=Parser(records.parse_sleep),
        object_id=records.sleep_id,
        scopes=SLEEP_SCOPES,
        page_size=client.SESSION_PAGE_SIZE,
        calls="1 call per 25 sessions",
    ),
    Resource(
        provider="fitbit",
        name="steps",
        description="Steps as one reconciled stream of intervals.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.STEPS,),
        pull=pull_steps,
        parse=Parser(columnar=samples.STEPS),
        scopes=ACTIVITY_SCOPES,
        page_size=client.MAX_PAGE_SIZE,
        calls="1 call per 10,000 intervals, at least 1 per 28 days",
    ),
    Resource(
        provider="fitbit",
        name="daily_resting_heart_rate",
        description="Google's own resting heart rate of each day.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.DAILY_RESTING_HEART_RATE,),
        pull=pull_daily_resting_heart_rate,
        parse=Parser(records.parse_resting_heart_rate),
        object_id=lambda payload: identity(records.resting_heart_rate_key(payload), "date", "source"),
        scopes=METRICS_SCOPES,
        page_size=client.MAX_PAGE_SIZE,
        calls="1 call per 10,000 days",
    ),
)
