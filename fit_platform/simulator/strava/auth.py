"""Strava's OAuth: six-hour access tokens, and refresh tokens that are sometimes replaced, the old one then dead."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fit_platform.simulator.consent import ConsentScreen
from fit_platform.simulator.gate import basic_credentials, json_response
from fit_platform.simulator.grants import Grant
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.strava.profile import athlete

SCOPES = (
    "read",
    "read_all",
    "profile:read_all",
    "profile:write",
    "activity:read",
    "activity:read_all",
    "activity:write",
)
_SAME_TOKEN_WHILE_LEFT_S = 3600


def fault(status: int, message: str, *errors: tuple[str, str, str]) -> Response:
    """Strava's error body: a message, and errors of resource, field and code."""
    listed = [{"resource": resource, "field": field, "code": code} for resource, field, code in errors]
    return json_response({"message": message, "errors": listed}, status)


def _refuse(field: str) -> Response:
    return fault(400, "Bad Request", ("Application", field, "invalid"))


SCREEN = ConsentScreen(
    provider="strava",
    title="Strava",
    colour="#fc4c02",
    separator=",",
    default_scopes=("read",),
    known_scopes=SCOPES,
    refuse=_refuse,
)


def auth_routes(sim: Simulation, prefix: str) -> list[Route]:
    """Authorize, token and revoke; Strava serves them in two places."""
    server = _Tokens(sim)

    async def authorize(request: Request) -> Response:
        return await SCREEN.answer(request, sim)

    return [
        Route(f"{prefix}/oauth/authorize", authorize, methods=["GET", "POST"]),
        Route(f"{prefix}/oauth/token", server.token, methods=["POST"]),
        Route(f"{prefix}/oauth/revoke", server.revoke, methods=["POST"]),
    ]


class _Tokens:
    def __init__(self, sim: Simulation) -> None:
        self.sim = sim

    async def token(self, request: Request) -> Response:
        """Both grants of the token endpoint. The form's own client credentials are checked first."""
        form = await request.form()
        own = self.sim.config.strava
        if form.get("client_id") != own.client_id:
            return fault(400, "Bad Request", ("Application", "client_id", "invalid"))
        if form.get("client_secret") != own.client_secret:
            return fault(401, "Authorization Error", ("Application", "", "invalid"))
        if form.get("grant_type") == "refresh_token":
            return self._refresh(str(form.get("refresh_token", "")))
        if form.get("grant_type") != "authorization_code":
            return fault(400, "Bad Request", ("Application", "grant_type", "invalid"))
        # Strava does not ask for the redirect_uri again: the one from the authorization request counts.
        redeemed = self.sim.grants.redeem_code("strava", str(form.get("code", "")), None, any_redirect=True)
        if redeemed is None:
            return fault(400, "Bad Request", ("RequestToken", "code", "invalid"))
        grant, _ = redeemed
        capacity = self.sim.scenario.strava.athlete_capacity
        if capacity is not None and len(self.sim.grants.granted("strava").keys() | {grant.athlete}) > capacity:
            return fault(403, "Limit of connected athletes exceeded")
        access = self._new_access(grant)
        refresh = self.sim.grants.mint(grant, "refresh", None)
        self.sim.grants.remember(grant.grant_id, access, 0)
        person = self.sim.world.people[grant.athlete]
        return self._answer(grant, access, refresh, {"athlete": athlete(person, is_detailed=False)})

    def _new_access(self, grant: Grant) -> str:
        return self.sim.grants.mint(grant, "access", self.sim.config.strava_token_seconds)

    def _refresh(self, refresh: str) -> Response:
        grants = self.sim.grants
        claims = grants.read(refresh, "strava", "refresh")
        if claims is None or not grants.is_latest_refresh(claims):
            return fault(400, "Bad Request", ("RefreshToken", "refresh_token", "invalid"))
        grant = Grant(claims.grant, "strava", claims.athlete, claims.scopes)
        current = grants.current_access(claims.grant)
        alive = grants.read(current, "strava", "access") if current else None
        if current and alive and (alive.expires_at or 0) - grants.clock.now() > _SAME_TOKEN_WHILE_LEFT_S:
            return self._answer(grant, current, refresh, {})
        access, number = self._new_access(grant), claims.number
        if grants.access_count(claims.grant) % 2 == 0:  # every other time, so that a client meets both
            number += 1
            refresh = grants.mint(grant, "refresh", None, number)
        grants.remember(claims.grant, access, number)
        return self._answer(grant, access, refresh, {})

    def _answer(self, grant: Grant, access: str, refresh: str, more: dict[str, Any]) -> Response:
        claims = self.sim.grants.read(access, "strava", "access")
        expires_at = (claims.expires_at if claims else None) or 0
        return json_response(
            {
                "token_type": "Bearer",
                "access_token": access,
                "expires_at": expires_at,
                "expires_in": max(0, expires_at - int(self.sim.clock.now())),
                "refresh_token": refresh,
                "scope": " ".join(grant.scopes),
                **more,
            }
        )

    async def revoke(self, request: Request) -> Response:
        """RFC 7009 with HTTP Basic; an unknown token is no error."""
        own = self.sim.config.strava
        if basic_credentials(request) != (own.client_id, own.client_secret):
            return fault(401, "Authorization Error", ("Application", "", "invalid"))
        token = str((await request.form()).get("token", ""))
        claims = self.sim.grants.read(token, "strava", "access") or self.sim.grants.read(token, "strava", "refresh")
        if claims is not None:
            self.sim.grants.kill(claims.grant)
        return json_response({})
