"""Polar's OAuth: codes without refresh tokens. A code that is used twice takes all its tokens with it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fit_platform.simulator.consent import ConsentScreen
from fit_platform.simulator.gate import basic_credentials, json_response
from fit_platform.simulator.simulation import Simulation

SCOPE = "accesslink.read_all"
TOKEN_SECONDS = 31_535_999


def _refuse(field: str) -> Response:
    return HTMLResponse(f"<h1>Polar Flow (simulated)</h1><p>invalid_request: {field}</p>", 400)


SCREEN = ConsentScreen(
    provider="polar",
    title="Polar Flow",
    colour="#d10027",
    separator=" ",
    default_scopes=(SCOPE,),
    known_scopes=(SCOPE,),
    refuse=_refuse,
)


def auth_routes(sim: Simulation) -> list[Route]:
    """Authorize and token endpoints."""

    async def authorize(request: Request) -> Response:
        return await SCREEN.answer(request, sim)

    async def token(request: Request) -> Response:
        own = sim.config.polar
        if basic_credentials(request) != (own.client_id, own.client_secret):
            return json_response({"error": "invalid_client"}, 401)
        form = await request.form()
        if form.get("grant_type") != "authorization_code":
            return json_response({"error": "unsupported_grant_type"}, 400)
        redirect_uri = form.get("redirect_uri")
        redeemed = sim.grants.redeem_code(
            "polar", str(form.get("code", "")), str(redirect_uri) if redirect_uri else None, kill_on_reuse=True
        )
        if redeemed is None:
            return json_response({"error": "invalid_grant"}, 400)
        grant, _ = redeemed
        person = sim.world.people[grant.athlete]
        return json_response(
            {
                "access_token": sim.grants.mint(grant, "access", TOKEN_SECONDS),
                "token_type": "bearer",
                "expires_in": TOKEN_SECONDS,
                "x_user_id": person.athlete.polar_user_id,
            }
        )

    return [
        Route("/oauth2/authorization", authorize, methods=["GET", "POST"]),
        Route("/v2/oauth2/token", token, methods=["POST"]),
    ]
