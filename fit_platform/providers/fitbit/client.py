"""The Google Health API v4 over HTTP: walks over data points. Points are cut out of the answers verbatim.

Source: Google Health API reference and its discovery document. Types are kebab-case in paths, snake_case in filters,
camelCase in JSON. A walk ends where no `nextPageToken` comes, even after an empty page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from fit_platform.errors import BadPayload, Transient
from fit_platform.providers.http import Answer, ApiClient, json_of, lines_of, one_line

MAX_PAGE_SIZE = 10_000
SESSION_PAGE_SIZE = 25  # exercise and sleep: default and maximum
DEVICES_PAGE_SIZE = 100
ROLL_UP_DAYS = 90  # longest range of a daily roll-up...
SHORT_ROLL_UP_DAYS = 14  # ... and of total calories, as of three other types
_SMALLEST_PAGE = 500  # below this a 504 is not about the size of the page


class _Page(msgspec.Struct):
    dataPoints: list[msgspec.Raw] | None = None  # noqa: N815  (Google's word)
    nextPageToken: str | None = None  # noqa: N815


class _RollUpPage(msgspec.Struct):
    rollupDataPoints: list[msgspec.Raw] | None = None  # noqa: N815
    nextPageToken: str | None = None  # noqa: N815


class _DevicesPage(msgspec.Struct):
    pairedDevices: list[msgspec.Raw] | None = None  # noqa: N815
    nextPageToken: str | None = None  # noqa: N815


_LIST_OF = {_Page: "dataPoints", _RollUpPage: "rollupDataPoints", _DevicesPage: "pairedDevices"}


def list_points(api: ApiClient, data_type: str, filter_: str, page_size: int) -> list[bytes]:
    """All points of a type that match the filter, from every source, newest first."""
    return _walk(api, f"/users/me/dataTypes/{data_type}/dataPoints", filter_, page_size)


def point(api: ApiClient, data_type: str, point_id: str) -> bytes:
    """One point of a type whose points have ids. NotFound: gone."""
    return _object(api, f"/users/me/dataTypes/{data_type}/dataPoints/{quote(point_id, safe='')}")


def reconciled_points(api: ApiClient, data_type: str, filter_: str, page_size: int) -> list[bytes]:
    """The same as one stream: overlapping sources merged by Google, so that nothing counts twice."""
    return _walk(api, f"/users/me/dataTypes/{data_type}/dataPoints:reconcile", filter_, page_size)


def list_pages(api: ApiClient, data_type: str, filter_: str, page_size: int) -> Iterator[list[bytes]]:
    """What `list_points` returns, page by page. A 504 is raised: a walk under way cannot change its page size."""
    return _pages(api, f"/users/me/dataTypes/{data_type}/dataPoints", filter_, page_size)


def reconciled_pages(api: ApiClient, data_type: str, filter_: str, page_size: int) -> Iterator[list[bytes]]:
    """What `reconciled_points` returns, page by page."""
    return _pages(api, f"/users/me/dataTypes/{data_type}/dataPoints:reconcile", filter_, page_size)


def rolled_up_days(api: ApiClient, data_type: str, first: date, end: date) -> list[bytes]:
    """De-duplicated values of civil days, `end` exclusive, oldest first.

    No `pageSize`: total calories answer 400 to it, and the longest ranges fit on a default page.
    """
    path = f"/users/me/dataTypes/{data_type}/dataPoints:dailyRollUp"
    body: dict[str, Any] = {"range": {"start": _civil(first), "end": _civil(end)}, "windowSizeDays": 1}
    points: list[bytes] = []
    ends = _EndOfWalk(api, f"POST {path}")
    while True:
        page = api.post_json_as(lambda answer: _page(answer, _RollUpPage), path, body)
        points += lines_of(page.rollupDataPoints)
        if ends.at(page.nextPageToken):
            return points
        body = {**body, "pageToken": page.nextPageToken}


def _civil(day: date) -> dict[str, dict[str, int]]:
    return {"date": {"year": day.year, "month": day.month, "day": day.day}}


def paired_devices(api: ApiClient) -> list[bytes]:
    """The trackers and scales of the account as they are now."""
    path = "/users/me/pairedDevices"
    params: dict[str, str | int] = {"pageSize": DEVICES_PAGE_SIZE}
    devices: list[bytes] = []
    ends = _EndOfWalk(api, f"GET {path}")
    while True:
        page = api.get_as(lambda answer: _page(answer, _DevicesPage), path, params)
        devices += lines_of(page.pairedDevices)
        if ends.at(page.nextPageToken):
            return devices
        params = {**params, "pageToken": page.nextPageToken or ""}


def about(api: ApiClient, part: str) -> bytes:
    """`settings`, `profile` or `identity` of the account, as it is now."""
    return _object(api, f"/users/me/{part}")


def _object(api: ApiClient, path: str) -> bytes:
    def decode(answer: Answer) -> bytes:
        json_of(answer, "fitbit", dict[str, msgspec.Raw])
        return one_line(answer.body)

    return api.get_as(decode, path, ok=(200,))


def _walk(api: ApiClient, path: str, filter_: str, page_size: int) -> list[bytes]:
    """Every page. A 504 means that the page is too large to be made in time: again, from the start, with half."""
    while True:
        try:
            return [point for page in _pages(api, path, filter_, page_size) for point in page]
        except Transient as error:
            if error.status != 504 or page_size // 2 < _SMALLEST_PAGE:
                raise
            page_size //= 2


def _pages(api: ApiClient, path: str, filter_: str, page_size: int) -> Iterator[list[bytes]]:
    params: dict[str, str | int] = {"filter": filter_, "pageSize": page_size}
    may_shrink = page_size // 2 >= _SMALLEST_PAGE
    ends = _EndOfWalk(api, f"GET {path}")
    while True:
        page = api.get_as(lambda answer: _page(answer, _Page), path, params, give_up_on=(504,) if may_shrink else ())
        yield lines_of(page.dataPoints)
        if ends.at(page.nextPageToken):
            return
        params = {**params, "pageToken": page.nextPageToken or ""}


class _EndOfWalk:
    """Tells where a walk ends: at the page without a token. A token that comes again would be walked for ever."""

    def __init__(self, api: ApiClient, what: str) -> None:
        self._api = api
        self._what = what
        self._seen: set[str] = set()

    def at(self, token: str | None) -> bool:
        """Is the page with this token for the next one the last?"""
        if not token:
            return True
        if token in self._seen:
            raise BadPayload(self._api.provider, self._what, "the same page token came twice, the list has no end")
        self._seen.add(token)
        return False


_P = TypeVar("_P", _Page, _RollUpPage, _DevicesPage)


def _page(answer: Answer, kind: type[_P]) -> _P:
    """`{}` is an empty page. Any other object without the list is not a page: it must not look like an empty one."""
    page = kind() if answer.is_empty else json_of(answer, "fitbit", kind)
    is_bare = getattr(page, _LIST_OF[kind]) is None and not page.nextPageToken
    if is_bare and not answer.is_empty and json_of(answer, "fitbit") != {}:
        what = f"{answer.request.get('method', 'GET')} {answer.request.get('path')}"
        raise BadPayload("fitbit", what, f"an object without `{_LIST_OF[kind]}`", answer.status, body=answer.body)
    return page
