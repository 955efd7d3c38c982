"""What can be pulled from Google Health (Fitbit data), and how a window is asked for with as few calls as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from fit_platform.errors import BadRecord
from fit_platform.providers.base import DayOf, Landed, Parser, Pull, Pulled, Resource, Window
from fit_platform.providers.fitbit import client, daily, measures, records, samples, tables, tcx, walks
from fit_platform.providers.fitbit.points import interval_of, part_of, sample_time, time_of
from fit_platform.providers.fitbit.pulls import (
    ACTIVITY_SCOPES,
    LIST_LOOK_BACK_DAYS,
    LOCATION_SCOPES,
    METRICS_SCOPES,
    SESSION_LOOK_BACK_DAYS,
    SLEEP_SCOPES,
    between,
    camel,
    kebab,
    objects,
    range_samples,
    sample_day,
    where_granted,
    where_offered,
)
from fit_platform.providers.http import ApiClient
from fit_platform.providers.pulling import identity

# Short windows of samples, and what is left of a long walk that broke, are read whole, range by range: heart rate comes
# every 5 seconds (17,000 points a day, 30 MB for these days), steps every minute at most (10 MB).
HEART_RATE_RANGE_DAYS = 7
STEPS_RANGE_DAYS = 28
VARIABILITY_RANGE_DAYS = 60

_ONE_DAY = timedelta(days=1)


def pull_exercise(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Exercises by UTC day of the start. Only civil days can be asked for, so one more on either side."""

    def ask(part: Window) -> list[bytes]:
        wider = Window(part.first - _ONE_DAY, part.last + _ONE_DAY)
        filter_ = between("exercise.interval.civil_start_time", wider)
        return client.list_points(api, "exercise", filter_, client.SESSION_PAGE_SIZE)

    yield from objects(api, window, landed, "exercise", ask, records.exercise_day)


def pull_sleep(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Sleep sessions by civil date of the end: sleep can be filtered by its end alone."""

    def ask(part: Window) -> list[bytes]:
        filter_ = between("sleep.interval.civil_end_time", part)
        return client.list_points(api, "sleep", filter_, client.SESSION_PAGE_SIZE)

    yield from objects(api, window, landed, "sleep", ask, records.sleep_day)


def pull_heart_rate(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Heart-rate samples by UTC day; long windows newest day first."""

    def filter_of(part: Window) -> str:
        return _instants("heart_rate.sample_time.physical_time", part)

    def ask(part: Window) -> list[bytes]:
        return client.list_points(api, "heart-rate", filter_of(part), client.MAX_PAGE_SIZE)

    def in_short_ranges(part: Window) -> Iterator[Pulled]:
        return range_samples(api, part, landed, "heart_rate", HEART_RATE_RANGE_DAYS, ask, _heart_rate_day)

    walk = walks.Walk(
        pages=lambda part: client.list_pages(api, "heart-rate", filter_of(part), client.MAX_PAGE_SIZE),
        time_of=_heart_rate_time,
        answer=lambda day, points: sample_day(api, "heart_rate", day, points),
        margin=walks.UTC_DAYS,
        range_days=HEART_RATE_RANGE_DAYS,
        in_ranges=in_short_ranges,
    )
    yield from walks.newest_first(walk, window)


def _intervals(resource: str) -> Pull:
    """Intervals by civil date of the start, from the reconciled stream: `list` would count every source.

    Long windows newest day first.
    """
    kind = camel(resource)

    def day_of(point: bytes) -> date | None:
        return _interval_day(point, kind)

    def filter_of(part: Window) -> str:
        return between(f"{resource}.interval.civil_start_time", part)

    def pull(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
        def ask(part: Window) -> list[bytes]:
            return client.reconciled_points(api, kebab(resource), filter_of(part), client.MAX_PAGE_SIZE)

        def in_short_ranges(part: Window) -> Iterator[Pulled]:
            return range_samples(api, part, landed, resource, STEPS_RANGE_DAYS, ask, day_of)

        walk = walks.Walk(
            pages=lambda part: client.reconciled_pages(api, kebab(resource), filter_of(part), client.MAX_PAGE_SIZE),
            time_of=lambda point: _interval_time(point, kind),
            answer=lambda day, points: sample_day(api, resource, day, points),
            margin=walks.CIVIL_DAYS,
            range_days=STEPS_RANGE_DAYS,
            in_ranges=in_short_ranges,
        )
        yield from walks.newest_first(walk, window)

    return pull


pull_steps = _intervals("steps")


def pull_heart_rate_variability(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Samples of heart-rate variability by UTC day: some hundred a night."""

    def ask(part: Window) -> list[bytes]:
        filter_ = _instants("heart_rate_variability.sample_time.physical_time", part)
        return client.list_points(api, "heart-rate-variability", filter_, client.MAX_PAGE_SIZE)

    def day_of(point: bytes) -> date | None:
        return _sample_day(point, "heartRateVariability")

    yield from range_samples(api, window, landed, "heart_rate_variability", VARIABILITY_RANGE_DAYS, ask, day_of)


def pull_weight(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Weighings by UTC day."""

    def ask(part: Window) -> list[bytes]:
        filter_ = _instants("weight.sample_time.physical_time", part)
        return client.list_points(api, "weight", filter_, client.MAX_PAGE_SIZE)

    yield from objects(api, window, landed, "weight", ask, _weight_day)


def _weight_day(payload: Any) -> date:
    return sample_time(payload, "weight").date()


def _day_by_id(data_type: str, day_of: Callable[[Any], date]) -> Callable[[ApiClient, str], date]:
    """Asks for the partition day of one point: one call."""
    return lambda api, point_id: day_of(msgspec.json.decode(client.point(api, data_type, point_id)))


def _instants(field: str, window: Window) -> str:
    """A filter for UTC days, end exclusive."""
    return f'{field} >= "{window.first}T00:00:00Z" AND {field} < "{window.last + _ONE_DAY}T00:00:00Z"'


# Days of samples are read without building Python objects of whole points: there are ten thousand and more a day.


class _SampleTime(msgspec.Struct):
    physicalTime: str  # noqa: N815  (Google's words)


class _HeartRate(msgspec.Struct):
    sampleTime: _SampleTime  # noqa: N815


class _HeartRatePoint(msgspec.Struct):
    heartRate: _HeartRate  # noqa: N815


_heart_rate_decoder = msgspec.json.Decoder(_HeartRatePoint)


def _heart_rate_time(point: bytes) -> tuple[date, datetime] | None:
    try:
        text = _heart_rate_decoder.decode(point).heartRate.sampleTime.physicalTime
        moment = datetime.fromisoformat(text)
    except (msgspec.DecodeError, ValueError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.date(), moment


def _heart_rate_day(point: bytes) -> date | None:
    found = _heart_rate_time(point)
    return found and found[0]


def _interval_time(point: bytes, kind: str) -> tuple[date, datetime] | None:
    try:
        payload = msgspec.json.decode(point)
        return records.civil_start_day(payload, kind), time_of(interval_of(part_of(payload, kind)), "startTime")
    except (msgspec.DecodeError, BadRecord):
        return None


def _interval_day(point: bytes, kind: str) -> date | None:
    try:
        return records.civil_start_day(msgspec.json.decode(point), kind)
    except (msgspec.DecodeError, BadRecord):
        return None


def _sample_day(point: bytes, kind: str) -> date | None:
    try:
        return sample_time(msgspec.json.decode(point), kind).date()
    except (msgspec.DecodeError, BadRecord):
        return None


RESOURCES = (
    Resource(
        provider="fitbit",
        name="exercise",
        description="Exercises with their summaries; heart rate is in the heart-rate samples.",
        day_of=DayOf.UTC_START,
        tables=(tables.EXERCISES, tables.EXERCISE_SPLITS),
        pull=pull_exercise,
        parse=Parser(records.parse_exercise),
        object_id=records.exercise_id,
        scopes=ACTIVITY_SCOPES,
        page_size=client.SESSION_PAGE_SIZE,
        day_by_id=_day_by_id("exercise", records.exercise_day),
        look_back_days=SESSION_LOOK_BACK_DAYS,
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
        calls="1 call per 10,000 samples",
        calls_per_day="2, at a sample every 5 seconds",
    ),
    Resource(
        provider="fitbit",
        name="sleep",
        description="Sleep sessions with stages, dated by the day of waking.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.SLEEP, tables.SLEEP_STAGES),
        pull=pull_sleep,
        parse=Parser(records.parse_sleep),
        object_id=records.sleep_id,
        scopes=SLEEP_SCOPES,
        page_size=client.SESSION_PAGE_SIZE,
        day_by_id=_day_by_id("sleep", records.sleep_day),
        look_back_days=SESSION_LOOK_BACK_DAYS,
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
        calls="1 call per 10,000 intervals",
    ),
    Resource(
        provider="fitbit",
        name="distance",
        description="Distance as one reconciled stream of intervals.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.DISTANCE,),
        pull=where_offered(_intervals("distance")),
        parse=Parser(columnar=samples.DISTANCE),
        scopes=ACTIVITY_SCOPES,
        page_size=client.MAX_PAGE_SIZE,
        calls="1 call per 10,000 intervals",
    ),
    Resource(
        provider="fitbit",
        name="active_zone_minutes",
        description="Active zone minutes by heart-rate zone, as one reconciled stream of intervals.",
        day_of=DayOf.CIVIL_DATE,
        tables=(tables.ACTIVE_ZONE_MINUTES,),
        pull=where_offered(_intervals("active_zone_minutes")),
        parse=Parser(columnar=samples.ACTIVE_ZONE_MINUTES),
        scopes=ACTIVITY_SCOPES,
        page_size=client.MAX_PAGE_SIZE,
        calls="1 call per 10,000 intervals",
    ),
    Resource(
        provider="fitbit",
        name="heart_rate_variability",
        description="Samples of heart-rate variability, mostly in sleep.",
        day_of=DayOf.UTC_START,
        tables=(tables.HEART_RATE_VARIABILITY,),
        pull=where_offered(pull_heart_rate_variability),
        parse=Parser(columnar=samples.HEART_RATE_VARIABILITY),
        scopes=METRICS_SCOPES,
        page_size=client.MAX_PAGE_SIZE,
        calls="1 call per 60 days",
    ),
    Resource(
        provider="fitbit",
        name="weight",
        description="Weighings, by hand or by scale.",
        day_of=DayOf.UTC_START,
        tables=(tables.WEIGHT,),
        pull=where_offered(pull_weight),
        parse=Parser(measures.parse_weight),
        object_id=measures.weight_id,
        scopes=METRICS_SCOPES,
        page_size=client.MAX_PAGE_SIZE,
        day_by_id=_day_by_id("weight", _weight_day),
        look_back_days=LIST_LOOK_BACK_DAYS,
        calls="1 call per 10,000 weighings",
    ),
    Resource(
        provider="fitbit",
        name="exercise_tcx",
        description="The track of each exercise with GPS: positions, altitude, distance, heart rate.",
        day_of=DayOf.UTC_START,
        tables=(tables.EXERCISE_TCX, tables.EXERCISE_TRACKPOINTS),
        pull=where_offered(where_granted(tcx.TCX.pull)),
        parse=Parser(tcx.parse_exercise_tcx),
        object_id=lambda payload: identity(payload, "exercise_id"),
        scopes=(*ACTIVITY_SCOPES, *LOCATION_SCOPES),
        calls="1 call per new or changed exercise with GPS",
        calls_per_day="1 per new or changed exercise with GPS",
        needs=("exercise",),
    ),
    *daily.RESOURCES,
)
