"""Google's OAuth: PKCE, short access tokens, refresh tokens that never rotate and are not handed out twice."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fit_platform.simulator.consent import ConsentScreen
from fit_platform.simulator.gate import basic_credentials, json_response
from fit_platform.simulator.grants import Grant
from fit_platform.simulator.simulation import Simulation

_PREFIX = "https://www.googleapis.com/auth/googlehealth."
ACTIVITY = f"{_PREFIX}activity_and_fitness.readonly"
MEASUREMENTS = f"{_PREFIX}health_metrics_and_measurements.readonly"
SLEEP = f"{_PREFIX}sleep.readonly"
LOCATION = f"{_PREFIX}location.readonly"
PROFILE = f"{_PREFIX}profile.readonly"
SETTINGS = f"{_PREFIX}settings.readonly"
SCOPES = (
    ACTIVITY,
    MEASUREMENTS,
    SLEEP,
    PROFILE,
    SETTINGS,
    *(f"{_PREFIX}{name}.readonly" for name in ("location", "ecg", "irn", "nutrition")),
)
_ACCESS_S = 3599
_TESTING_REFRESH_S = 604_799


def _refuse(field: str) -> Response:
    error = "invalid_client" if field == "client_id" else "invalid_scope" if field == "scope" else "invalid_request"
    return HTMLResponse(f"<h1>Access blocked</h1><p>Error {error}: {field}</p>", 401 if field == "client_id" else 400)


SCREEN = ConsentScreen(
    provider="fitbit",
    title="Google Health",
    colour="#00838f",
    separator=" ",
    default_scopes=(),
    known_scopes=SCOPES,
    refuse=_refuse,
)


def auth_routes(sim: Simulation) -> list[Route]:
    """Authorize, token and revoke."""
    server = _Tokens(sim)

    async def authorize(request: Request) -> Response:
        return await SCREEN.answer(request, sim)

    return [
        Route("/o/oauth2/v2/auth", authorize, methods=["GET", "POST"]),
        Route("/token", server.token, methods=["POST"]),
        Route("/revoke", server.revoke, methods=["POST"]),
    ]


class _Tokens:
    def __init__(self, sim: Simulation) -> None:
        self.sim = sim

    async def token(self, request: Request) -> Response:
        """Client credentials in the form or as HTTP Basic; then the code or the refresh token."""
        form = await request.form()
        own = self.sim.config.fitbit
        given = basic_credentials(request) or (form.get("client_id"), form.get("client_secret"))
        if given != (own.client_id, own.client_secret):
            return _error(401, "invalid_client", "The OAuth client was not found.")
        if form.get("grant_type") == "refresh_token":
            claims = self.sim.grants.read(str(form.get("refresh_token", "")), "fitbit", "refresh")
            if claims is None:
                return _error(400, "invalid_grant", "Token has been expired or revoked.")
            return self._answer(Grant(claims.grant, "fitbit", claims.athlete, claims.scopes), with_refresh=False)
        if form.get("grant_type") != "authorization_code":
            return _error(400, "unsupported_grant_type", "Invalid grant_type")
        verifier = form.get("code_verifier")
        redeemed = self.sim.grants.redeem_code(
            "fitbit", str(form.get("code", "")), str(form.get("redirect_uri", "")), str(verifier) if verifier else None
        )
        if redeemed is None:
            return _error(400, "invalid_grant", "Malformed auth code, or it was used, or it does not fit.")
        return self._answer(redeemed[0], with_refresh=redeemed[1])

    def _answer(self, grant: Grant, *, with_refresh: bool) -> Response:
        answer: dict[str, Any] = {
            "access_token": self.sim.grants.mint(grant, "access", _ACCESS_S),
            "expires_in": _ACCESS_S,
            "scope": " ".join(grant.scopes),
            "token_type": "Bearer",
        }
        if with_refresh:
            is_testing = self.sim.config.fitbit_testing_mode or self.sim.scenario.fitbit.is_testing
            lifetime = _TESTING_REFRESH_S if is_testing else None
            answer["refresh_token"] = self.sim.grants.mint(grant, "refresh", lifetime)
            if is_testing:
                answer["refresh_token_expires_in"] = _TESTING_REFRESH_S
        return json_response(answer)

    async def revoke(self, request: Request) -> Response:
        """Either token kills the grant; an unknown one is an error."""
        token = str((await request.form()).get("token", request.query_params.get("token", "")))
        claims = self.sim.grants.read(token, "fitbit", "access") or self.sim.grants.read(token, "fitbit", "refresh")
        if claims is None:
            return _error(400, "invalid_token", "Token expired or revoked")
        self.sim.grants.kill(claims.grant)
        return json_response({})


def _error(status: int, error: str, description: str) -> Response:
    return json_response({"error": error, "error_description": description}, status)
