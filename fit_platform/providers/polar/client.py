"""Polar AccessLink v3 over HTTP: what can be asked, and the shapes an answer may have. Objects are cut out verbatim.

Source: Polar AccessLink v3 docs and OpenAPI description (www.polar.com/accesslink-api). Spec and live answers differ in
wrapping, so both are read.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from fit_platform.errors import BadPayload
from fit_platform.providers.base import Window
from fit_platform.providers.http import Answer, ApiClient, json_of, lines_of, one_line

EXERCISE_PARTS = {"samples": "true", "zones": "true", "route": "true"}
ACTIVITY_PARTS = {"steps": "true"}


def exercises(api: ApiClient) -> list[bytes]:
    """Every exercise that Polar still lists, with samples, zones and route, in one call. There is no paging."""
    return api.get_as(lambda answer: _objects(answer, "exercises"), "/exercises", EXERCISE_PARTS)


def nights(api: ApiClient) -> list[bytes]:
    """Every night that Polar still lists."""
    return api.get_as(lambda answer: _objects(answer, "nights"), "/users/sleep")


def night(api: ApiClient, day: date) -> list[bytes]:
    """The night of one wake day: one object or none. 404 raises NotFound: none."""
    return api.get_as(_single, f"/users/sleep/{day}")


def heart_rates(api: ApiClient, window: Window) -> list[bytes]:
    """Continuous heart rate, one object per date. Live answers wrap the list; the spec shows a bare object."""
    return api.get_as(
        lambda answer: _objects(answer, "heart_rates", bare="heart_rate_samples"),
        "/users/continuous-heart-rate",
        {"from": str(window.first), "to": str(window.last)},
    )


def heart_rate(api: ApiClient, day: date) -> list[bytes]:
    """Continuous heart rate of one date: one object or none. 404 raises NotFound: none."""
    return api.get_as(_single, f"/users/continuous-heart-rate/{day}")


def activities(api: ApiClient, window: Window) -> list[bytes]:
    """Daily activity with step samples, one object per device-local day."""
    return api.get_as(
        lambda answer: _objects(answer, "activities", bare="start_time"),
        "/users/activities",
        {"from": str(window.first), "to": str(window.last), **ACTIVITY_PARTS},
    )


def activity(api: ApiClient, day: date) -> list[bytes]:
    """Daily activity of one date, with step samples: one object, or none (204)."""
    return api.get_as(_single, f"/users/activities/{day}", ACTIVITY_PARTS)


def recharges(api: ApiClient) -> list[bytes]:
    """Nightly recharge of every night that Polar still lists."""
    return api.get_as(lambda answer: _objects(answer, "recharges", bare="date"), "/users/nightly-recharge")


def recharge(api: ApiClient, day: date) -> list[bytes]:
    """Nightly recharge of one wake day: one object or none. 404 raises NotFound: none."""
    return api.get_as(_single, f"/users/nightly-recharge/{day}")


def cardio_loads(api: ApiClient, window: Window) -> list[bytes]:
    """Cardio load, one object per date, also where nothing could be computed."""
    return api.get_as(
        lambda answer: _objects(answer, "cardio_loads", bare="date"),
        "/users/cardio-load/date",
        {"from": str(window.first), "to": str(window.last)},
    )


def recent_cardio_loads(api: ApiClient) -> list[bytes]:
    """Cardio load of the last 28 days."""
    return api.get_as(lambda answer: _objects(answer, "cardio_loads", bare="date"), "/users/cardio-load")


def physical_info(api: ApiClient) -> list[bytes]:
    """The body as Polar knows it now: one object or none. 404 raises NotFound: none."""
    return api.get_as(_single, "/users/physical-info")


def sleepwise(api: ApiClient, what: str) -> list[bytes]:
    """SleepWise periods of the last 28 days: `alertness` or `circadian-bedtime`. 204: none."""
    return api.get_as(lambda answer: _objects(answer, what, bare="period_start_time"), f"/users/sleepwise/{what}")


def biosensing(api: ApiClient, what: str, bare: str) -> list[bytes]:
    """Measurements of the last 28 days: `bodytemperature`, `skintemperature` or `spo2`. 204: none."""
    return api.get_as(lambda answer: _objects(answer, what, bare=bare), f"/users/biosensing/{what}")


def _objects(answer: Answer, wrapper: str, bare: str | None = None) -> list[bytes]:
    """The objects of a list answer: a bare list, a list under `wrapper`, or one object that has the key `bare`."""
    if answer.is_empty:
        return []
    content: Any = json_of(answer, "polar", list[msgspec.Raw] | dict[str, msgspec.Raw] | None)
    if not isinstance(content, dict):
        return lines_of(content)
    by_key = {key.replace("-", "_"): raw for key, raw in content.items()}
    if bare in by_key:
        return [one_line(answer.body)]
    try:
        listed = msgspec.json.decode(by_key.get(wrapper, b"null"), type=list[msgspec.Raw] | None)
    except msgspec.DecodeError:
        listed = None
    if listed is None and content:
        what = f"GET {answer.request.get('path')}"
        raise BadPayload("polar", what, f"an object without a list of `{wrapper}`", answer.status, body=answer.body)
    return lines_of(listed)


def _single(answer: Answer) -> list[bytes]:
    if answer.is_empty:
        return []
    return [one_line(answer.body)] if json_of(answer, "polar", dict[str, msgspec.Raw] | None) else []
