"""The Google Health API v4 over HTTP: walks over data points. Points are cut out of the answers verbatim.

Source: Google Health API reference and its discovery document. Types are kebab-case in paths, snake_case in filters,
camelCase in JSON. A walk ends where no `nextPageToken` comes, even after an empty page.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from fit_platform.errors import BadPayload, Transient
from fit_platform.providers.http import Answer, ApiClient, json_of, lines_of

MAX_PAGE_SIZE = 10_000
SESSION_PAGE_SIZE = 25  # exercise and sleep: default and maximum
_SMALLEST_PAGE = 500  # below this a 504 is not about the size of the page


class _Page(msgspec.Struct):
    dataPoints: list[msgspec.Raw] | None = None  # noqa: N815  (Google's word)
    nextPageToken: str | None = None  # noqa: N815


def list_points(api: ApiClient, data_type: str, filter_: str, page_size: int) -> list[bytes]:
    """All points of a type that match the filter, from every source, newest first."""
    return _walk(api, f"/users/me/dataTypes/{data_type}/dataPoints", filter_, page_size)


def reconciled_points(api: ApiClient, data_type: str, filter_: str, page_size: int) -> list[bytes]:
    """The same as one stream: overlapping sources merged by Google, so that nothing counts twice."""
    return _walk(api, f"/users/me/dataTypes/{data_type}/dataPoints:reconcile", filter_, page_size)


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
    seen: set[str] = set()
    while True:
        page = api.get_as(_page, path, params, give_up_on=(504,) if may_shrink else ())
        yield lines_of(page.dataPoints)
        token = page.nextPageToken
        if not token:
            return
        if token in seen:
            raise BadPayload(api.provider, f"GET {path}", "the same page token came twice, the list has no end")
        seen.add(token)
        params = {**params, "pageToken": token}


def _page(answer: Answer) -> _Page:
    """`{}` is an empty page. Any other object without data points is not a page: it must not look like an empty one."""
    page = _Page() if answer.is_empty else json_of(answer, "fitbit", _Page)
    if page.dataPoints is None and not page.nextPageToken and not answer.is_empty and json_of(answer, "fitbit") != {}:
        what = f"GET {answer.request.get('path')}"
        raise BadPayload("fitbit", what, "an object without `dataPoints`", answer.status, body=answer.body)
    return page
