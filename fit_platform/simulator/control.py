"""Endpoints under `/_sim`: what tests and the demo may ask of, and do to, a running simulation."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

import msgspec
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fit_platform.simulator.changes import parse_ops
from fit_platform.simulator.gate import json_response
from fit_platform.simulator.scenario import Scenario
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world.clock import iso_z


class _ClockMove(msgspec.Struct, forbid_unknown_fields=True):
    advance_seconds: float | None = None
    world_now: datetime | None = None


class _Flush(msgspec.Struct, forbid_unknown_fields=True):
    all: bool = False


class _Rotation(msgspec.Struct, forbid_unknown_fields=True):
    disables_old: bool = False


def control_routes(sim: Simulation) -> list[Route]:
    """health, truth, calls, reset-calls, clock, scenario, world, changes, webhooks."""

    async def health(_: Request) -> Response:
        return json_response(
            {
                "status": "ok",
                "athletes": list(sim.world.people),
                "first_day": str(sim.config.world.first_day),
                "last_day": str(sim.config.world.end),
            }
        )

    async def truth(request: Request) -> Response:
        query = request.query_params
        try:
            first, last = (date.fromisoformat(query[k]) if k in query else None for k in ("first", "last"))
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        return json_response(sim.world.truth(first, last, query.get("athlete")))

    async def calls(_: Request) -> Response:
        counted: dict[str, dict[str, int]] = {}
        for (provider, template), count in sorted(sim.calls.items()):
            counted.setdefault(provider, {})[template] = count
        return json_response(counted)

    async def reset_calls(_: Request) -> Response:
        sim.calls.clear()
        return json_response({})

    async def clock(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=_ClockMove)
        except msgspec.DecodeError:
            return json_response({"error": 'expected {"advance_seconds": number} or {"world_now": instant}'}, 400)
        if asked.world_now is not None:
            if asked.world_now.tzinfo is None or asked.world_now.timestamp() <= sim.config.world.begin:
                return json_response({"error": "world_now needs a zone, and must lie in the world"}, 400)
            sim.move_to(int(asked.world_now.timestamp()))
        elif asked.advance_seconds is None:
            return json_response({"error": 'expected {"advance_seconds": number} or {"world_now": instant}'}, 400)
        else:
            sim.advance(asked.advance_seconds)
        return json_response({"now": sim.clock.now(), "world_now": iso_z(sim.now)})

    async def scenario(request: Request) -> Response:
        try:
            sim.play(Scenario.model_validate_json(await request.body()))
        except ValidationError as error:
            return json_response({"error": str(error)}, 400)
        return json_response(sim.scenario.model_dump(mode="json"))

    async def world(request: Request) -> Response:
        try:
            ops = parse_ops(await request.body())
            for op in ops:
                sim.apply(op)
        except ValueError as error:  # includes pydantic's; operations before the wrong one hold
            return json_response({"error": str(error)}, 400)
        return json_response({"applied": len(ops), "world_now": iso_z(sim.now)})

    async def changes(request: Request) -> Response:
        try:
            since = int(request.query_params.get("since", "0"))
        except ValueError:
            return json_response({"error": "since is the number of changes that are known already"}, 400)
        found = [happening.described() for happening in sim.changes[since:]]
        return json_response({"changes": found, "count": len(sim.changes)})

    async def webhooks(_: Request) -> Response:
        return json_response(sim.outbox.state())

    async def flush(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body() or b"{}", type=_Flush)
        except msgspec.DecodeError:
            return json_response({"error": 'expected {} or {"all": true}'}, 400)
        made = await asyncio.to_thread(sim.outbox.flush, everything=asked.all)
        return json_response({"requests": made, **sim.outbox.state()})

    async def rotate_keys(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body() or b"{}", type=_Rotation)
        except msgspec.DecodeError:
            return json_response({"error": 'expected {} or {"disables_old": true}'}, 400)
        sim.rotate_keys(disables_old=asked.disables_old)
        return json_response({})

    return [
        Route("/world", world, methods=["POST"]),
        Route("/changes", changes),
        Route("/webhooks", webhooks),
        Route("/webhooks/flush", flush, methods=["POST"]),
        Route("/webhooks/rotate-keys", rotate_keys, methods=["POST"]),
        Route("/health", health),
        Route("/truth", truth),
        Route("/calls", calls),
        Route("/reset-calls", reset_calls, methods=["POST"]),
        Route("/clock", clock, methods=["POST"]),
        Route("/scenario", scenario, methods=["POST"]),
    ]
