"""Strava API v3 over HTTP: what can be asked. Objects are cut out of the answers verbatim.

Sources: Strava API reference and swagger (developers.strava.com), its rate-limit and webhook pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from fit_platform.providers.http import ApiClient, json_of, lines_of, one_line

PAGE_SIZE = 200  # the largest that Strava serves
STREAM_KEYS = "time,distance,latlng,altitude,velocity_smooth,heartrate,cadence,watts,temp,moving,grade_smooth"
# A server that ignores `page` would be walked for ever. Two pages in a row without a new activity are the end; one may
# happen on short pages, when late uploads push known activities onto the next page.
_STALE_PAGES = 2


class _Id(msgspec.Struct):
    id: int | str | None = None


def athlete(api: ApiClient) -> bytes:
    """The athlete's profile."""
    return _object(api, "/athlete")


def zones(api: ApiClient) -> bytes:
    """The athlete's heart-rate and power zones."""
    return _object(api, "/athlete/zones")


def gear(api: ApiClient, gear_id: str) -> bytes:
    """A bike or a pair of shoes. NotFound: deleted."""
    return _object(api, f"/gear/{gear_id}")


def activity(api: ApiClient, activity_id: str) -> bytes:
    """An activity in full, laps included. NotFound: gone, or not visible."""
    return _object(api, f"/activities/{activity_id}")


def _object(api: ApiClient, path: str) -> bytes:
    def decode(answer: Any) -> bytes:
        json_of(answer, "strava", dict[str, msgspec.Raw])
        return one_line(answer.body)

    return api.get_as(decode, path, ok=(200,))


def activities(api: ApiClient, after: datetime, before: datetime) -> Iterator[bytes]:
    """Activity summaries that start after `after` and before `before`, each id once, in the order Strava gives them.

    Pages until an empty page: a short page may be followed by more. `before` pins the walk, so that an activity
    uploaded meanwhile shifts no page.
    """
    bounds = {"after": int(after.timestamp()), "before": int(before.timestamp()), "per_page": PAGE_SIZE}
    seen: set[str] = set()
    stale_pages = 0
    page = 0
    while stale_pages < _STALE_PAGES:
        page += 1
        found = _page(api, {**bounds, "page": page})
        if not found:
            return
        stale_pages += 1
        for payload in found:
            identity = _identity(payload)
            if identity not in seen:
                seen.add(identity)
                stale_pages = 0
                yield payload


def first_page(api: ApiClient, after: datetime) -> list[bytes]:
    """The first page of the activities that start after `after`, oldest first: one call."""
    return _page(api, {"after": int(after.timestamp()), "per_page": PAGE_SIZE, "page": 1})


def _page(api: ApiClient, params: dict[str, int]) -> list[bytes]:
    def decode(answer: Any) -> list[bytes]:
        return [] if answer.is_empty else lines_of(json_of(answer, "strava", list[msgspec.Raw]))

    return api.get_as(decode, "/athlete/activities", params)


def _identity(payload: bytes) -> str:
    try:
        identity = msgspec.json.decode(payload, type=_Id).id
    except msgspec.DecodeError:
        identity = None
    return payload.decode() if identity is None else str(identity)


def streams(api: ApiClient, activity_id: str) -> bytes:
    """All streams of an activity: an object by type, or a list of `{type, data}`. NotFound: it has none."""

    def decode(answer: Any) -> bytes:
        json_of(answer, "strava", dict[str, msgspec.Raw] | list[msgspec.Raw])
        return one_line(answer.body)

    path = f"/activities/{activity_id}/streams"
    return api.get_as(decode, path, {"keys": STREAM_KEYS, "key_by_type": "true"}, ok=(200,))
