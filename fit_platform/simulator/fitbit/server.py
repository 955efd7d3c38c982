"""Google Health's endpoints: which data type has which operation, how walks end, how questions are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from fit_platform.simulator.fitbit import auth, records, tcx, vitals
from fit_platform.simulator.fitbit.gate import FitbitGate
from fit_platform.simulator.fitbit.query import (
    BadQuestion,
    Bounds,
    Page,
    TimeKind,
    check_family,
    parse_filter,
    parse_page,
)
from fit_platform.simulator.fitbit.rollups import ROLLUP_TYPES, daily_roll_up, roll_up
from fit_platform.simulator.fitbit.samples import Feeds, Rendered
from fit_platform.simulator.fitbit.webhooks import KEYSET_PATH, FitbitWebhooks
from fit_platform.simulator.gate import Call, Handler, json_response
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import DAY, utc_day

Operation = Literal["list", "reconcile", "rollUp", "dailyRollUp", "get"]


@dataclass(frozen=True, slots=True)
class DataType:
    """What can be done with one type. Ids are kebab-case in paths; filters use snake_case."""

    scope: str
    operations: tuple[Operation, ...]
    members: Mapping[str, TimeKind]
    default_page: int = 1440
    largest_page: int = 10_000


def _interval_members(name: str) -> dict[str, TimeKind]:
    return {f"{name}.interval.start_time": "physical", f"{name}.interval.civil_start_time": "civil"}


def _sample_members(name: str) -> dict[str, TimeKind]:
    return {f"{name}.sample_time.physical_time": "physical", f"{name}.sample_time.civil_time": "civil"}


TYPES: dict[str, DataType] = {
    "heart-rate": DataType(
        auth.MEASUREMENTS,
        ("list", "reconcile", "rollUp", "dailyRollUp"),
        _sample_members("heart_rate"),
    ),
    "steps": DataType(auth.ACTIVITY, ("list", "reconcile", "rollUp", "dailyRollUp"), _interval_members("steps")),
    "distance": DataType(auth.ACTIVITY, ("list", "reconcile", "rollUp", "dailyRollUp"), _interval_members("distance")),
    "active-zone-minutes": DataType(
        auth.ACTIVITY, ("list", "reconcile", "rollUp", "dailyRollUp"), _interval_members("active_zone_minutes")
    ),
    "heart-rate-variability": DataType(
        auth.MEASUREMENTS, ("list", "reconcile"), _sample_members("heart_rate_variability")
    ),
    "weight": DataType(
        auth.MEASUREMENTS, ("list", "reconcile", "rollUp", "dailyRollUp", "get"), _sample_members("weight")
    ),
    "floors": DataType(auth.ACTIVITY, ("rollUp", "dailyRollUp"), {}),
    "total-calories": DataType(auth.ACTIVITY, ("rollUp", "dailyRollUp"), {}),
    "exercise": DataType(
        auth.ACTIVITY, ("list", "reconcile", "get"), {"exercise.interval.civil_start_time": "civil"}, 25, 25
    ),
    "sleep": DataType(
        auth.SLEEP,
        ("list", "reconcile", "get"),
        {"sleep.interval.end_time": "physical", "sleep.interval.civil_end_time": "civil"},
        25,
        25,
    ),
    "daily-resting-heart-rate": DataType(
        auth.MEASUREMENTS, ("list", "reconcile"), {"daily_resting_heart_rate.date": "civil"}
    ),
} | {
    name: DataType(
        auth.ACTIVITY if name == "daily-vo2-max" else auth.MEASUREMENTS,
        ("list", "reconcile"),
        {f"{name.replace('-', '_')}.date": "civil"},
    )
    for name in vitals.DAILY
}

_SPARSE: dict[str, Callable[[Person], list[records.DataPoint]]] = {
    "exercise": records.exercises,
    "sleep": records.sleeps,
    "daily-resting-heart-rate": records.resting_heart_rates,
    "weight": vitals.weights,
    **vitals.DAILY,
}


def routes(sim: Simulation) -> list[BaseRoute]:
    """Everything under `/fitbit`."""
    gate = FitbitGate(sim)
    api = _Endpoints(sim, gate)
    hooks = FitbitWebhooks(sim, gate)
    user, points = "/users/{user:str}", "/users/{user:str}/dataTypes/{type:str}/dataPoints"

    async def unknown(_: Request) -> Response:
        return HTMLResponse("<!DOCTYPE html><title>Error 404 (Not Found)!!1</title><p>404. That's an error.", 404)

    async def gone(_: Request) -> Response:
        return json_response({"errors": [{"errorType": "gone", "message": "The Fitbit Web API was turned off."}]}, 410)

    return [
        *auth.auth_routes(sim),
        Route(KEYSET_PATH, hooks.published_keys),
        Route("/1/{rest:path}", gone),
        Route("/1.2/{rest:path}", gone),
        Mount(
            "/v4",
            routes=[
                *hooks.routes(),
                gate.route(f"{user}/identity", _about(records.identity)),
                gate.route(f"{user}/profile", _about(records.profile), scope=auth.PROFILE),
                gate.route(f"{user}/settings", _about(records.settings), scope=auth.SETTINGS),
                gate.route(f"{user}/pairedDevices", _about(records.paired_devices), scope=auth.SETTINGS),
                gate.route(points, api.list_points),
                gate.route(f"{points}:reconcile", api.reconcile),
                gate.route(f"{points}:rollUp", api.roll_up, method="POST"),
                gate.route(f"{points}:dailyRollUp", api.daily_roll_up, method="POST"),
                gate.route(f"{points}/{{point:str}}:exportExerciseTcx", lambda call: tcx.export(gate, call)),
                gate.route(f"{points}/{{point:str}}", api.get_point),
                Route("/{rest:path}", unknown),
            ],
        ),
    ]


def _about(find: Callable[[Person], dict[str, Any]]) -> Handler:
    return lambda call: json_response(find(call.person))


class _Endpoints:
    def __init__(self, sim: Simulation, gate: FitbitGate) -> None:
        self.sim = sim
        self.gate = gate
        self._points = lru_cache(maxsize=64)(self._sparse_points)
        self._world = sim.world
        self._feeds = {name: Feeds(person) for name, person in sim.world.people.items()}

    def list_points(self, call: Call) -> Response:
        return self._guarded(call, "list", lambda kind: self._walk(call, kind, is_reconciled=False))

    def reconcile(self, call: Call) -> Response:
        return self._guarded(call, "reconcile", lambda kind: self._walk(call, kind, is_reconciled=True))

    def roll_up(self, call: Call) -> Response:
        return self._guarded(
            call, "rollUp", lambda _: json_response(roll_up(call.person, call.path["type"], call.body))
        )

    def daily_roll_up(self, call: Call) -> Response:
        is_inclusive = self.sim.scenario.fitbit.has_inclusive_days

        def answer(_: DataType) -> Response:
            return json_response(daily_roll_up(call.person, call.path["type"], call.body, is_inclusive=is_inclusive))

        return self._guarded(call, "dailyRollUp", answer)

    def get_point(self, call: Call) -> Response:
        def find(_: DataType) -> Response:
            ending = f"/{call.path['point']}"
            points = self._points(call.person.athlete.athlete_id, call.path["type"], self._has_mirrors, False)
            found = next((p.content for p in points if p.content["name"].endswith(ending)), None)
            return json_response(found) if found else self.gate.error(404, "NOT_FOUND", "Data point not found")

        return self._guarded(call, "get", find)

    def _guarded(self, call: Call, operation: Operation, answer: Callable[[DataType], Response]) -> Response:
        if self._world is not self.sim.world:  # time has passed in it, or it was changed
            self._world = self.sim.world
            self._feeds = {name: Feeds(person) for name, person in self._world.people.items()}
            self._points.cache_clear()
        name = call.path["type"]
        kind = TYPES.get(name)
        if kind is None:
            return self.gate.error(400, "INVALID_ARGUMENT", f"Unknown data type {name}", "INVALID_DATA_TYPE")
        if operation not in kind.operations or (operation.endswith("ollUp") and name not in ROLLUP_TYPES):
            verb = operation[0].upper() + operation[1:]
            return self.gate.error(400, "INVALID_ARGUMENT", f"{verb} is not supported for data type {name}")
        if kind.scope not in call.claims.scopes or name in self.sim.scenario.fitbit.without_consent:
            return self.gate.forbidden(kind.scope)
        try:
            return answer(kind)
        except BadQuestion as bad:
            return self.gate.error(400, "INVALID_ARGUMENT", str(bad), bad.reason)

    @property
    def _has_mirrors(self) -> bool:
        return self.sim.scenario.fitbit.has_mirrors

    def _sparse_points(
        self, athlete: str, data_type: str, has_mirrors: bool, is_reconciled: bool
    ) -> list[records.DataPoint]:
        if has_mirrors and data_type == "exercise":
            return records.with_mirrors(self.sim.world.people[athlete], is_reconciled=is_reconciled)
        return _SPARSE[data_type](self.sim.world.people[athlete])

    def _walk(self, call: Call, kind: DataType, *, is_reconciled: bool) -> Response:
        name, athlete = call.path["type"], call.person.athlete.athlete_id
        check_family(call.query, is_refused=name == "sleep" and not is_reconciled)
        bounds = parse_filter(call.query.get("filter", ""), kind.members)
        page = parse_page(
            call.query, f"{athlete}/{call.template}/{name}", default=kind.default_page, largest=kind.largest_page
        )
        slow = self.sim.scenario.fitbit.slow_page_size
        if slow is not None and page.size > slow:
            return self.gate.error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")
        if page.at is not None and page.is_empty_by_chance:
            return json_response({"nextPageToken": page.token(page.at, is_empty=True)})
        if name in _SPARSE:
            texts, following = self._sparse_page(call.person, name, bounds, page, is_reconciled=is_reconciled)
        else:
            render = self._feeds[athlete].by_type[name]
            texts, following = _dense_page(call.person, lambda day: render(day, is_reconciled), bounds, page)
        members = [f'"dataPoints":[{",".join(texts)}]'] if texts else []
        if following is not None:
            members.append(f'"nextPageToken":"{page.token(following)}"')
        return json_response(("{" + ",".join(members) + "}").encode())

    def _sparse_page(
        self, person: Person, name: str, bounds: Bounds, page: Page, *, is_reconciled: bool
    ) -> tuple[list[str], int | None]:
        """Newest first; the position is the number of points already shown."""
        found = self._points(person.athlete.athlete_id, name, self._has_mirrors, is_reconciled)
        points = [p for p in reversed(found) if p.is_in(bounds)]
        first = page.at or 0
        shown = points[first : first + page.size]
        following = first + page.size if first + page.size < len(points) else None
        contents = [_reconciled(p.content) if is_reconciled else p.content for p in shown]
        return [msgspec.json.encode(content).decode() for content in contents], following


def _dense_page(
    person: Person, render: Callable[[date], Rendered], bounds: Bounds, page: Page
) -> tuple[list[str], int | None]:
    """Newest first, day by day; the position is the instant of the last point shown."""
    config = person.config
    slack = DAY if bounds.kind == "civil" else 0  # a civil bound is an instant up to a day away
    upper = min(config.now_epoch, page.at if page.at is not None else config.now_epoch)
    if bounds.upper is not None:
        upper = min(upper, bounds.upper + slack)
    lower = max(config.begin, bounds.lower - slack if bounds.lower is not None else config.begin)
    found: list[tuple[int, str]] = []
    for midnight in range((upper - 1) // DAY * DAY, lower // DAY * DAY - 1, -DAY):
        found += render(utc_day(midnight)).newest_first(bounds, page.at)
        if len(found) > page.size:
            break
    if len(found) <= page.size:
        return [text for _, text in found], None
    # Points of the same instant (band and phone) stay on one page, so a page may be a little short.
    cut = page.size
    while cut > 1 and found[cut][0] == found[cut - 1][0]:
        cut -= 1
    return [text for _, text in found[:cut]], found[cut - 1][0]


def _reconciled(content: dict[str, Any]) -> dict[str, Any]:
    """A reconciled point names no source, and calls its name dataPointName."""
    rest = {key: value for key, value in content.items() if key not in ("name", "dataSource")}
    return {"dataPointName": content["name"], **rest} if "name" in content else rest
