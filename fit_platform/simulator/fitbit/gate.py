"""Google's refusals and its limit by user and minute."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from fit_platform.simulator.config import Provider
from fit_platform.simulator.gate import Call, Gate, json_response
from fit_platform.simulator.grants import Claims
from fit_platform.simulator.limits import Verdict


class FitbitGate(Gate):
    """Google's refusals; no rate headers."""

    provider: Provider = "fitbit"

    def error(self, code: int, status: str, message: str, reason: str | None = None) -> Response:
        """Google's error body, with an ErrorInfo when there is a reason."""
        error: dict[str, Any] = {"code": code, "message": message, "status": status}
        if reason is not None:
            error["details"] = [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": reason,
                    "domain": "health.googleapis.com",
                    "metadata": {"detailedReasons": message},
                }
            ]
        return json_response({"error": error}, code)

    def unauthorized(self) -> Response:
        """401 in this provider's words."""
        text = "Request had invalid authentication credentials."
        return self.error(401, "UNAUTHENTICATED", text, "ACCESS_TOKEN_INVALID")

    def forbidden(self, scope: str) -> Response:
        """A missing scope in this provider's words."""
        text = f"Request had insufficient authentication scopes: {scope}"
        return self.error(403, "PERMISSION_DENIED", text, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")

    def too_many(self) -> Response:
        """429 in this provider's words."""
        text = "Quota exceeded for quota metric 'Requests'."
        return self.error(429, "RESOURCE_EXHAUSTED", text, "RATE_LIMIT_EXCEEDED")

    def broken(self) -> Response:
        """500 in this provider's words."""
        return self.error(500, "INTERNAL", "Internal error encountered.")

    def _not_linked(self) -> Response:
        """The athlete never signed in to the Google Health app with this account."""
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCOUNT_NOT_LINKED",
            "domain": "health.googleapis.com",
            "metadata": {"redirect_uri": "https://health.example/link"},
        }
        error = {"code": 400, "message": "Account not linked.", "status": "FAILED_PRECONDITION", "details": [info]}
        return json_response({"error": error}, 400)

    def take(self, claims: Claims) -> Verdict:
        """Count per user and minute."""
        return self.sim.fitbit_limits.take(self.sim.limits, claims.athlete, self.sim.clock.now())

    def refuse_person(self, call: Call) -> Response | None:
        """Only `me` or the own id may be asked about."""
        if call.person.athlete.athlete_id in self.sim.scenario.fitbit.unlinked_athletes:
            return self._not_linked()
        if call.path["user"] in ("me", call.person.athlete.fitbit_user_id):
            return None
        return self.error(403, "PERMISSION_DENIED", "The caller does not have permission")
