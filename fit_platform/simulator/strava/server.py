"""Strava's endpoints: which path answers what, how pages end, which scope shows which rows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from fit_platform.simulator.config import Provider
from fit_platform.simulator.gate import Call, Gate, json_response
from fit_platform.simulator.grants import Claims
from fit_platform.simulator.limits import Verdict
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.strava import profile, views
from fit_platform.simulator.strava.auth import auth_routes, fault
from fit_platform.simulator.strava.webhooks import StravaWebhooks
from fit_platform.simulator.world.activity import Record, TrueActivity

_LARGEST_PAGE = 200
_READ = ("activity:read_all", "activity:read")


class StravaGate(Gate):
    """Strava's refusals and its two aligned windows."""

    provider: Provider = "strava"

    def unauthorized(self) -> Response:
        """401 in this provider's words."""
        return fault(401, "Authorization Error", ("Athlete", "access_token", "invalid"))

    def forbidden(self, scope: str) -> Response:
        """401 as well: Strava has no 403 for scopes."""
        field = "activity:read_permission" if scope in _READ else f"{scope}_permission"
        return fault(401, "Authorization Error", ("AccessToken", field, "missing"))

    def too_many(self) -> Response:
        """429 in this provider's words."""
        return fault(429, "Rate Limit Exceeded", ("Application", "rate limit", "exceeded"))

    def broken(self) -> Response:
        """Strava's 500 has no `errors`."""
        return json_response({"message": "error"}, 500)

    def take(self, claims: Claims) -> Verdict:
        """Count for the application."""
        verdict = self.sim.strava_limits.take(self.sim.limits, self.sim.clock.now())
        if not self.sim.scenario.strava.has_blank_usage:
            return verdict
        blank = {name: "," if name.endswith("-Usage") else value for name, value in verdict.headers.items()}
        return Verdict(verdict.is_allowed, blank)

    @property
    def has_all_rate_headers(self) -> bool:
        """Streams had them until about August 2025."""
        return self.sim.scenario.strava.has_stream_rate_headers

    def polished(self, response: Response) -> Response:
        """Some error bodies lack their message."""
        if response.status_code < 400 or not self.sim.scenario.strava.has_errors_without_message:
            return response
        error = msgspec.json.decode(bytes(response.body))
        return json_response({name: value for name, value in error.items() if name != "message"}, response.status_code)

    def refuse_person(self, call: Call) -> Response | None:
        """Not about the person at Strava: the application was switched off, or the activity is damaged."""
        quirks = self.sim.scenario.strava
        if quirks.is_inactive:
            return fault(403, "Forbidden", ("Application", "Status", "Inactive"))
        return self.broken() if call.path.get("activity_id") in quirks.broken_activities else None


def routes(sim: Simulation) -> list[BaseRoute]:
    """Everything under `/strava`."""
    gate = StravaGate(sim)
    api = _Endpoints(sim)
    hooks = StravaWebhooks(sim)
    return [
        *auth_routes(sim, ""),
        Mount(
            "/api/v3",
            routes=[
                *auth_routes(sim, ""),
                *hooks.routes(),
                gate.route("/athlete", api.athlete, any_of=("profile:read_all", "read", "read_all")),
                gate.route("/athlete/zones", api.zones, scope="profile:read_all"),
                gate.route("/gear/{gear_id:str}", api.gear, any_of=("profile:read_all", "read", "read_all")),
                gate.route("/athlete/activities", api.activities, any_of=_READ),
                gate.route("/activities/{activity_id:int}", api.activity, any_of=_READ),
                # Rate headers have been missing here since about August 2025 (rStrava #109).
                gate.route("/activities/{activity_id:int}/streams", api.streams, any_of=_READ, has_rate_headers=False),
                gate.route("/activities/{activity_id:int}/laps", api.laps, any_of=_READ),
            ],
        ),
    ]


def _not_found() -> Response:
    return fault(404, "Resource Not Found")


class _Endpoints:
    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self._row = lru_cache(maxsize=2048)(self._render_row)
        self._asked: set[str] = set()  # activities whose detail or streams were asked for before

    def _render_row(self, athlete: str, record: Record, view: views.View) -> bytes:
        person = self.sim.world.people[athlete]
        pair = next(p for p in person.records("strava") if p[1] == record)
        return msgspec.json.encode(views.summary(person, *pair, view))

    def _visible(self, call: Call) -> list[tuple[TrueActivity, Record]]:
        """What this token may see: Only-You rows need activity:read_all, and are silently missing without."""
        pairs = call.person.records("strava")
        if "activity:read_all" in call.claims.scopes:
            return pairs
        return [pair for pair in pairs if not views.is_private(pair[1])]

    def _view(self, call: Call) -> views.View:
        """Privacy zones are cut out for tokens without activity:read_all."""
        quirks = self.sim.scenario.strava
        sees_all = "activity:read_all" in call.claims.scopes
        return views.View(
            0 if sees_all else quirks.privacy_zone_m,
            quirks.hides_start_times,
            quirks.abbreviates_zones,
            quirks.moving_longer,
        )

    def _find(self, call: Call) -> tuple[TrueActivity, Record] | None:
        wanted = str(call.path["activity_id"])
        if self.sim.scenario.strava.first_detail_is_404 and wanted not in self._asked:
            self._asked.add(wanted)
            return None
        return next((pair for pair in self._visible(call) if pair[1].provider_activity_id == wanted), None)

    def athlete(self, call: Call) -> Response:
        return json_response(profile.athlete(call.person, is_detailed="profile:read_all" in call.claims.scopes))

    def zones(self, call: Call) -> Response:
        return json_response(profile.zones(call.person))

    def gear(self, call: Call) -> Response:
        found = next((piece for piece in profile.gear(call.person) if piece["id"] == call.path["gear_id"]), None)
        return json_response(found) if found else _not_found()

    def activities(self, call: Call) -> Response:
        """Pages are always a row short of what was asked, and only an empty one is the end."""
        try:
            before, after = (int(call.query[k]) if k in call.query else None for k in ("before", "after"))
            page, per_page = int(call.query.get("page", "1")), int(call.query.get("per_page", "30"))
        except ValueError:
            return fault(400, "Bad Request", ("Application", "parameter", "invalid"))
        if page < 1 or per_page < 1:
            return fault(400, "Bad Request", ("Application", "page", "invalid"))
        if after is not None and after > max(self.sim.clock.now(), call.person.config.now_epoch):
            return fault(400, "Bad Request", ("Application", "after", "future"))
        found = [
            record
            for _, record in self._visible(call)
            if (after is None or record.started_at > after) and (before is None or record.started_at < before)
        ]
        if after is None or before is not None:
            found.reverse()  # newest first, except when only `after` is given
        size = min(per_page, _LARGEST_PAGE)
        step = size - 1 if size >= 10 else size
        shown = found[(page - 1) * step : page * step]
        name, view = call.person.athlete.athlete_id, self._view(call)
        return json_response(b"[" + b",".join(self._row(name, record, view) for record in shown) + b"]")

    def activity(self, call: Call) -> Response:
        pair = self._find(call)
        return json_response(views.detail(call.person, *pair, self._view(call))) if pair else _not_found()

    def laps(self, call: Call) -> Response:
        pair = self._find(call)
        return json_response(views.laps(call.person, *pair, self._view(call))) if pair else _not_found()

    def streams(self, call: Call) -> Response:
        keys = [key for key in call.query.get("keys", "").split(",") if key]
        if not keys or any(key not in views.STREAM_KEYS for key in keys):
            return fault(400, "Bad Request", ("Stream", "keys", "invalid"))
        pair = self._find(call)
        if pair is None or pair[1].kind == "manual":
            return _not_found()
        found = views.stream_set(call.person, *pair, keys, self._view(call))
        if found and not any(found.values()):
            return _not_found()  # the whole way lies within privacy zones
        base = "distance" if "distance" in found else "time"
        described: dict[str, dict[str, Any]] = {
            key: {"data": data, "series_type": base, "original_size": len(data), "resolution": "high"}
            for key, data in found.items()
        }
        if call.query.get("key_by_type", "").lower() == "true":  # clients written in Python send True
            return json_response(described)
        return json_response([{"type": key, **stream} for key, stream in described.items()])
