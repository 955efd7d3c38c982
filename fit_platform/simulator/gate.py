"""The way of every data call: count, bearer, rate limit, scope, fault, answer. Providers fill in their own errors."""

from __future__ import annotations

import asyncio
import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fit_platform.simulator.config import Provider
from fit_platform.simulator.faults import spoil
from fit_platform.simulator.grants import Claims
from fit_platform.simulator.limits import Verdict
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world import Person


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated data call."""

    person: Person
    claims: Claims
    template: str  # "GET /activities/{id}": method and path as the server knows them
    path: dict[str, Any]
    query: dict[str, str]
    body: bytes


Handler = Callable[[Call], Response]


def json_response(content: Any, status: int = 200) -> Response:
    """Compact JSON; `bytes` are taken as JSON already rendered."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return Response(body, status, media_type="application/json")


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """Client id and secret of an HTTP Basic header."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return client_id, secret


class Gate(ABC):
    """One provider's door. Subclasses say how it refuses and how it counts."""

    provider: Provider

    def __init__(self, sim: Simulation) -> None:
        """All servers share the one simulation."""
        self.sim = sim

    @abstractmethod
    def unauthorized(self) -> Response:
        """401: no token, or one that is no good."""

    @abstractmethod
    def forbidden(self, scope: str) -> Response:
        """The token lacks a scope."""

    @abstractmethod
    def too_many(self) -> Response:
        """429."""

    @abstractmethod
    def broken(self) -> Response:
        """500."""

    @abstractmethod
    def take(self, claims: Claims) -> Verdict:
        """Count the call against the provider's limits."""

    def refuse_person(self, call: Call) -> Response | None:
        """A refusal that hangs on the person rather than on the token; none by default."""
        return None

    @property
    def has_all_rate_headers(self) -> bool:
        """Do even those endpoints send rate headers that normally do not?"""
        return False

    def polished(self, response: Response) -> Response:
        """The answer as it leaves the house; unchanged by default."""
        return response

    def route(
        self,
        path: str,
        handler: Handler,
        *,
        method: str = "GET",
        scope: str | None = None,
        any_of: tuple[str, ...] = (),
        has_rate_headers: bool = True,
    ) -> Route:
        """A data endpoint: `scope` is needed, or one of `any_of`."""
        template = f"{method} {path}"

        async def endpoint(request: Request) -> Response:
            self.sim.calls[self.provider, template] += 1
            if self.sim.scenario.latency_ms:
                await asyncio.sleep(self.sim.scenario.latency_ms / 1000)
            kind, _, token = request.headers.get("authorization", "").partition(" ")
            claims = self.sim.grants.read(token.strip(), self.provider, "access") if kind.lower() == "bearer" else None
            if claims is None or claims.athlete not in self.sim.world.people:
                return self.unauthorized()
            verdict = self.take(claims)
            headers = verdict.headers if has_rate_headers or self.has_all_rate_headers else {}
            if not verdict.is_allowed:
                response = self.too_many()
            elif (scope and scope not in claims.scopes) or (any_of and not set(any_of) & set(claims.scopes)):
                response = self.forbidden(scope or any_of[0])
            else:
                person = self.sim.world.people[claims.athlete]
                body = await request.body()
                call = Call(person, claims, template, request.path_params, dict(request.query_params), body)
                response = self.refuse_person(call) or self._spoilt(request, call, handler(call))
            response = self.polished(response)
            response.headers.update(headers)
            return response

        return Route(path, endpoint, methods=[method])

    def _spoilt(self, request: Request, call: Call, response: Response) -> Response:
        target = f"{request.url.path}?{request.url.query}"
        body = bytes(response.body)
        fault = self.sim.faults.strike(self.provider, call.person.athlete.athlete_id, target, body)
        if fault is None:
            return response
        if fault.kind == "status_500":
            return self.broken()
        if fault.kind == "status_429":
            return self.too_many()
        media = "text/html" if fault.kind == "html_200" else "application/json"
        return Response(spoil(fault, body), 200 if fault.kind == "html_200" else response.status_code, media_type=media)
