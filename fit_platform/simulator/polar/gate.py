"""Polar's refusals, its two windows, and who may not ask."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.responses import Response

from fit_platform.simulator.config import Provider
from fit_platform.simulator.gate import Call, Gate, json_response
from fit_platform.simulator.grants import Claims
from fit_platform.simulator.limits import Verdict

_NEED_NO_REGISTRATION = ("POST /users", "GET /users/{user_id:int}", "DELETE /users/{user_id:int}")


def _asked_path(call: Call) -> str:
    """The path of a call, its template filled in."""
    return re.sub(r"{(\w+):\w+}", lambda member: str(call.path[member[1]]), call.template)


class PolarGate(Gate):
    """Polar's refusals and its two windows."""

    provider: Provider = "polar"

    def error(self, status: int, error_type: str, message: str) -> Response:
        """The flat error body of the specification."""
        now = datetime.fromtimestamp(self.sim.clock.now(), UTC).isoformat(timespec="milliseconds")
        body = {
            "timestamp": now.replace("+00:00", "Z"),
            "status": status,
            "errorType": error_type,
            "message": message,
            "corrId": "simulated",
        }
        return json_response(body, status)

    def live_error(self, status: int, error_type: str, message: str) -> Response:
        """The nested error body of live answers."""
        now = datetime.fromtimestamp(self.sim.clock.now(), UTC).isoformat(timespec="milliseconds")
        body = {
            "error": {
                "timestamp": now,
                "status": status,
                "error_type": error_type,
                "message": message,
                "corr_id": "simulated",
            }
        }
        return json_response(body, status)

    def unauthorized(self) -> Response:
        """401 in this provider's words."""
        return self.live_error(401, "unauthorized", "Full authentication is required to access this resource")

    def forbidden(self, scope: str) -> Response:
        """A missing scope in this provider's words."""
        return self.error(403, "forbidden", f"Missing scope {scope}")

    def too_many(self) -> Response:
        """429 in this provider's words."""
        return self.error(429, "too_many_requests", "Rate limit exceeded")

    def broken(self) -> Response:
        """500 in this provider's words."""
        return self.error(500, "internal_error", "Internal server error")

    def take(self, claims: Claims) -> Verdict:
        """Count for the application."""
        users = self.sim.grants.registered_users
        return self.sim.polar_limits.take(self.sim.limits, users, self.sim.clock.now())

    def refuse_person(self, call: Call) -> Response | None:
        """403 before the user has been registered, and for data types without consent."""
        if call.template in _NEED_NO_REGISTRATION:
            return None
        if self.sim.grants.registration(call.claims) is None:
            return self.error(403, "forbidden", "User has not been registered")
        if any(part in _asked_path(call) for part in self.sim.scenario.polar.without_consent):
            return self.live_error(403, "forbidden", "User has not accepted all mandatory consents")
        return None
