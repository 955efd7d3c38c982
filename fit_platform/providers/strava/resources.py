"""What can be pulled from Strava, and how a window of days is asked for with as few calls as possible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import Any

import msgspec

from fit_platform.errors import BadRecord, NotFound
from fit_platform.providers.base import (
    DayAnswer,
    DayOf,
    DayUnknown,
    Item,
    Landed,
    Parser,
    Pulled,
    Resource,
    Window,
)
from fit_platform.providers.http import ApiClient
from fit_platform.providers.per_activity import About, PerActivity
from fit_platform.providers.pulling import decoded, fingerprint, identity, in_ranges, sorted_into_days
from fit_platform.providers.strava import client, records, streams, tables

# Strava has no limit; a range of two years, some thousand summaries, keeps memory and the cost of a failure in bounds.
RANGE_DAYS = 731
# Summary fields whose change means that the recording was replaced, cropped or moved.
_RECORDING = ("start_date", "upload_id", "elapsed_time", "moving_time", "distance")
# Summary fields that show an edit of the rest. Not all of them: counts of kudos change daily, and a field that Strava
# adds to every summary would make every detail be asked for again.
_EDITED = ("name", "sport_type", "gear_id", "total_elevation_gain", "workout_type", "trainer", "commute", "visibility")
_LIST_REQUEST = {"path": "/athlete/activities", "params": {}}
_SNAPSHOT_IS_FRESH = timedelta(hours=6)


def pull_athlete(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """The profile as it is now, filed under the window's last day."""
    yield from _other_days(window)
    known = _just_taken(api, window, landed, "athlete")
    yield DayAnswer(window.last, known or (_item(api, "/athlete", client.athlete(api)),))


def pull_zones(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """The training zones as they are now, filed under the window's last day. 404: none."""
    yield from _other_days(window)
    items = _just_taken(api, window, landed, "zones")
    with suppress(NotFound):
        items = items or (_item(api, "/athlete/zones", client.zones(api)),)
    yield DayAnswer(window.last, items)


def _other_days(window: Window) -> Iterator[Pulled]:
    for day in window.days()[:-1]:
        yield DayUnknown(day, "a snapshot, filed under the last day that was asked for")


def _item(api: ApiClient, path: str, payload: bytes) -> Item:
    return Item(payload, {"path": path, "params": {}}, api.clock())


def _just_taken(api: ApiClient, window: Window, landed: Landed, name: str) -> tuple[Item, ...]:
    """The snapshot that the window before this one ended with, if it is still fresh.

    A long backfill comes in many windows within minutes; without this, each would pay for the same snapshot.
    """
    day_before = window.first - timedelta(days=1)
    return tuple(item for item in landed(name, day_before) if api.clock() - item.fetched_at < _SNAPSHOT_IS_FRESH)


def pull_activities(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Summaries of the window, by UTC day of the start."""

    def ask(part: Window) -> Iterator[Pulled]:
        now = api.clock()
        after = part.start_utc - timedelta(seconds=1)
        before = min(part.end_utc, now + timedelta(seconds=1))
        # An `after` in the future is a 400. Nothing can have started there either.
        payloads = client.activities(api, after, before) if after < now else iter(())
        items = [Item(payload, _LIST_REQUEST, now) for payload in payloads]
        yield from sorted_into_days(part, [(_day_of(item), item) for item in items])

    yield from in_ranges(api, window, RANGE_DAYS, ask, partial(landed, "activities"), _LIST_REQUEST)


def look_at_activities(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Summaries of the window by one call, where that can be believed; else by the whole walk to the empty page.

    A first page that is not full and shows every activity that has landed is taken for the whole list. One that lacks
    a landed activity may be a deletion, or a page that Strava cut short: only the walk can tell. What a short page
    hides beside that, a full reconciliation finds.
    """
    first_page = client.first_page(api, window.start_utc - timedelta(seconds=1))
    items = [Item(payload, _LIST_REQUEST, api.clock()) for payload in first_page]
    shown = {identity(decoded(item), "id") for item in items}
    known = {identity(decoded(item), "id") for day in window.days() for item in landed("activities", day)}
    if len(items) < client.PAGE_SIZE and known <= shown:
        yield from sorted_into_days(window, [(_day_of(item), item) for item in items])
    else:
        yield from pull_activities(api, window, landed)


def day_of_activity(api: ApiClient, activity_id: str) -> date:
    """The partition day of one activity: one call. NotFound: deleted, or no longer visible."""
    return records.activity_day(msgspec.json.decode(client.activity(api, activity_id)))


def _day_of(item: Item) -> date | None:
    try:
        return records.activity_day(decoded(item))
    except BadRecord:
        return None


def pull_gear(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Each piece of gear that the landed profile lists or a landed activity names. Deleted ones are left out."""
    named = [*landed("athlete", window.last), *(item for day in window.days() for item in landed("activities", day))]
    ids = sorted(set[str]().union(*(records.gear_ids(decoded(item)) for item in named)))
    yield from _other_days(window)
    just_taken = {item.request["path"]: item for item in _just_taken(api, window, landed, "gear")}
    items = []
    for gear_id in ids:
        path = f"/gear/{gear_id}"
        try:
            items.append(just_taken.get(path) or _item(api, path, client.gear(api, gear_id)))
        except NotFound:
            continue
    yield DayAnswer(window.last, tuple(items))


def _about(summary: Any, implied_by: tuple[str, ...]) -> About | None:
    """The note of an activity, by the summary fields whose change implies another answer; None without id or start."""
    if not isinstance(summary, dict) or summary.get("id") is None or not isinstance(summary.get("start_date"), str):
        return None
    return {
        "id": str(summary["id"]),
        "start_date": summary["start_date"],
        "fingerprint": fingerprint([summary.get(key) for key in implied_by]),
    }


def _about_streams(summary: Any) -> About | None:
    about = _about(summary, _RECORDING)
    is_typed_in = about is not None and summary.get("manual") is True and summary.get("upload_id") is None
    return None if is_typed_in else about


STREAMS = PerActivity(
    resource="streams",
    of="activities",
    what="streams",
    about=_about_streams,
    fetch=lambda api, about: client.streams(api, about["id"]),
    path="/activities/{id}/streams",
    params={"keys": client.STREAM_KEYS, "key_by_type": "true"},
)
DETAILS = PerActivity(
    resource="activity_details",
    of="activities",
    what="detail",
    about=lambda summary: _about(summary, (*_RECORDING, *_EDITED)),
    fetch=lambda api, about: client.activity(api, about["id"]),
    path="/activities/{id}",
)

RESOURCES = (
    Resource(
        provider="strava",
        name="athlete",
        description="The athlete's profile: sex, weight, threshold power.",
        day_of=DayOf.FILING_DAY,
        tables=(tables.ATHLETES,),
        pull=pull_athlete,
        parse=Parser(records.parse_athlete),
        object_id=lambda payload: identity(payload, "id"),
        scopes=("read", "profile:read_all"),
        calls="1 call",
    ),
    Resource(
        provider="strava",
        name="zones",
        description="The athlete's heart-rate and power zones as set at Strava.",
        day_of=DayOf.FILING_DAY,
        tables=(tables.ZONES,),
        pull=pull_zones,
        parse=Parser(records.parse_zones),
        object_id=lambda payload: "zones",
        scopes=("profile:read_all",),
        calls="1 call",
    ),
    Resource(
        provider="strava",
        name="activities",
        description="Activity summaries.",
        day_of=DayOf.UTC_START,
        tables=(tables.ACTIVITIES,),
        pull=pull_activities,
        parse=Parser(records.parse_activity),
        object_id=lambda payload: identity(payload, "id"),
        scopes=("read", "activity:read_all"),
        page_size=client.PAGE_SIZE,
        day_by_id=day_of_activity,
        look=look_at_activities,
        look_back_days=14,  # past the seven days for which an API row may be kept by Strava's terms
        max_quiet_days=14,  # a fortnight without sport happens; longer is worth a look
        calls="1 call per 200 activities, and one for the empty page that ends the list",
        calls_per_day="2, or 1 on a day without activity",
    ),
    Resource(
        provider="strava",
        name="streams",
        description="Samples of each activity: heart rate, speed, GPS, altitude, grade, cadence, power.",
        day_of=DayOf.UTC_START,
        tables=(tables.STREAM_SAMPLES,),
        pull=STREAMS.pull,
        parse=Parser(columnar=streams.STREAMS),
        # Streams carry no id: they are their activity's, which the request names.
        object_id=lambda payload: identity(payload, "id"),
        scopes=("read", "activity:read_all"),
        calls="1 call per new or changed activity",
        calls_per_day="1 per new or changed activity",
        needs=("activities",),
    ),
    Resource(
        provider="strava",
        name="gear",
        description="Bikes and shoes: those in the profile, and those that activities of the window were done with.",
        day_of=DayOf.FILING_DAY,
        tables=(tables.GEAR,),
        pull=pull_gear,
        parse=Parser(records.parse_gear),
        object_id=lambda payload: identity(payload, "id"),
        scopes=("read", "profile:read_all"),
        calls="1 call per bike or pair of shoes",
        calls_per_day="1 per bike or pair of shoes",
        needs=("athlete", "activities"),
    ),
    Resource(
        provider="strava",
        name="activity_details",
        description="What the summary of an activity lacks: calories, perceived exertion, laps.",
        day_of=DayOf.UTC_START,
        tables=(tables.ACTIVITY_DETAILS, tables.LAPS),
        pull=DETAILS.pull,
        parse=Parser(records.parse_activity_detail),
        object_id=lambda payload: identity(payload, "id"),
        scopes=("read", "activity:read_all"),
        calls="1 call per new or edited activity: as much again as the streams",
        needs=("activities",),
        calls_per_day="1 per new or edited activity",
        switch="strava_details",
    ),
)
