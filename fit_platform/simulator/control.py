"""Endpoints under `/_sim`: what tests and the demo may ask of, and do to, a running simulation."""

from __future__ import annotations

from datetime import date

import msgspec
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fit_platform.simulator.config import Scenario
from fit_platform.simulator.gate import json_response
from fit_platform.simulator.simulation import Simulation


def control_routes(sim: Simulation) -> list[Route]:
    """health, truth, calls, reset-calls, clock, scenario."""

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
            sim.clock.advance(float(msgspec.json.decode(await request.body())["advance_seconds"]))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            return json_response({"error": 'expected {"advance_seconds": number}'}, 400)
        return json_response({"now": sim.clock.now()})

    async def scenario(request: Request) -> Response:
        try:
            sim.play(Scenario.model_validate_json(await request.body()))
        except ValidationError as error:
            return json_response({"error": str(error)}, 400)
        return json_response(sim.scenario.model_dump(mode="json"))

    return [
        Route("/health", health),
        Route("/truth", truth),
        Route("/calls", calls),
        Route("/reset-calls", reset_calls, methods=["POST"]),
        Route("/clock", clock, methods=["POST"]),
        Route("/scenario", scenario, methods=["POST"]),
    ]
