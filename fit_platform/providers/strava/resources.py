"""What can be pulled from Strava, and how a window of days is asked for with as few calls as possible."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

from fit_platform.errors import BadRecord, NotFound, Transient
from fit_platform.providers.base import (
    DayAnswer,
    DayOf,
    DayUnknown,
    Item,
    Landed,
    Parser,
    Pulled,
    Rejected,
    Resource,
    Window,
)
from fit_platform.providers.http import ApiClient
from fit_platform.providers.pulling import decoded, fingerprint, identity, in_ranges, sorted_into_days
from fit_platform.providers.strava import client, records, streams, tables

# Strava has no limit; a range of two years, some thousand summaries, keeps memory and the cost of a failure in bounds.
RANGE_DAYS = 731
# Summary fields whose change implies other streams: the recording was replaced, cropped or moved.
_STREAM_FIELDS = ("start_date", "upload_id", "elapsed_time", "moving_time", "distance")
# So many activities in a row whose streams cannot be had are no longer the activities' fault.
_FAILURES_IN_A_ROW = 3


def pull_athlete(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """The profile as it is now, filed under the window's last day."""
    for day in window.days()[:-1]:
        yield DayUnknown(day, "a snapshot, filed under the last day that was asked for")
    payload = client.athlete(api)
    yield DayAnswer(window.last, (Item(payload, {"path": "/athlete", "params": {}}, api.clock()),))


def pull_activities(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Summaries of the window, by UTC day of the start."""
    request = {"path": "/athlete/activities", "params": {}}

    def ask(part: Window) -> Iterator[Pulled]:
        now = api.clock()
        after = part.start_utc - timedelta(seconds=1)
        before = min(part.end_utc, now + timedelta(seconds=1))
        # An `after` in the future is a 400. Nothing can have started there either.
        payloads = client.activities(api, after, before) if after < now else iter(())
        items = [Item(payload, request, now) for payload in payloads]
        yield from sorted_into_days(part, [(_day_of(item), item) for item in items])

    yield from in_ranges(api, window, RANGE_DAYS, ask, partial(landed, "activities"), request)


def _day_of(item: Item) -> date | None:
    try:
        return records.activity_day(decoded(item))
    except BadRecord:
        return None


def pull_streams(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Streams of the activities that have landed. An activity that did not change since is not asked for again."""
    failures = 0
    for day in window.days():
        known = {_about(item)["id"]: item for item in landed("streams", day) if _about(item)}
        items: list[Item | Rejected] = []
        for about in (_activity(item) for item in landed("activities", day)):
            if about is None:
                continue
            old = known.get(about["id"])
            if old is not None and _about(old) == about:
                items.append(old)
                continue
            request = _stream_request(about)
            try:
                items.append(_fetch(api, request))
                failures = 0
            except Transient as error:
                # Strava answers 500 for ever on some damaged activities: that one waits, the others go on.
                failures += 1
                if error.status is None or failures == _FAILURES_IN_A_ROW:
                    raise
                body = getattr(error, "body", b"")
                items += [old] if old is not None else []
                items.append(
                    Rejected(body, f"streams of an activity: {error.status} {error.detail}", request, api.clock())
                )
        yield DayAnswer(day, tuple(items))


def _fetch(api: ApiClient, request: dict[str, Any]) -> Item:
    try:
        payload = client.streams(api, request["activity"]["id"])
    except NotFound as error:
        # The one terminal answer: no streams. Kept, so that it is not asked for again.
        return Item(b"null", {**request, "status": error.status}, api.clock())
    return Item(payload, request, api.clock())


def _stream_request(about: dict[str, Any]) -> dict[str, Any]:
    path = f"/activities/{about['id']}/streams"
    return {"path": path, "params": {"keys": client.STREAM_KEYS, "key_by_type": "true"}, "activity": about}


def _about(item: Item) -> dict[str, Any]:
    return dict(item.request.get("activity") or {})


def _activity(item: Item) -> dict[str, Any] | None:
    """What is noted of an activity beside its streams; None where it has none (typed in by hand) or no id or start."""
    summary = decoded(item)
    if not isinstance(summary, dict) or summary.get("id") is None or not isinstance(summary.get("start_date"), str):
        return None
    if summary.get("manual") is True and summary.get("upload_id") is None:
        return None
    return {
        "id": str(summary["id"]),
        "start_date": summary["start_date"],
        "fingerprint": fingerprint([summary.get(key) for key in _STREAM_FIELDS]),
    }


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
        name="activities",
        description="Activity summaries.",
        day_of=DayOf.UTC_START,
        tables=(tables.ACTIVITIES,),
        pull=pull_activities,
        parse=Parser(records.parse_activity),
        object_id=lambda payload: identity(payload, "id"),
        scopes=("read", "activity:read_all"),
        page_size=client.PAGE_SIZE,
        max_quiet_days=14,  # a fortnight without sport happens; longer is worth a look
        calls="1 call per 200 activities, and one for the empty page that ends the list",
    ),
    Resource(
        provider="strava",
        name="streams",
        description="Samples of each activity: heart rate, speed, GPS, altitude, cadence, power.",
        day_of=DayOf.UTC_START,
        tables=(tables.STREAM_SAMPLES,),
        pull=pull_streams,
        parse=Parser(columnar=streams.STREAMS),
        # Streams carry no id: they are their activity's, which the request names.
        object_id=lambda payload: identity(payload, "id"),
        scopes=("read", "activity:read_all"),
        calls="1 call per new or changed activity",
        needs=("activities",),
    ),
)
