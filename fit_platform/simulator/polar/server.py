"""Polar's endpoints: which path answers what, and what an empty or a wrong question gets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from fit_platform.simulator.config import Provider
from fit_platform.simulator.gate import Call, Gate, json_response
from fit_platform.simulator.grants import Claims
from fit_platform.simulator.limits import Verdict
from fit_platform.simulator.polar import daily
from fit_platform.simulator.polar.auth import auth_routes
from fit_platform.simulator.polar.exercises import exercise
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import DAY, iso_z, utc_day

_LONGEST_RANGE_DAYS = 28
_OLDEST_ACTIVITY_DAYS = 365
_NEED_NO_REGISTRATION = ("POST /users", "GET /users/{user_id:int}", "DELETE /users/{user_id:int}")


class _Refused(Exception):
    """A question that the endpoint does not answer; the message goes into the 400."""


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
        """403 before the user has been registered."""
        if call.template in _NEED_NO_REGISTRATION or self.sim.grants.registration(call.claims) is not None:
            return None
        return self.error(403, "forbidden", "User has not been registered")


def routes(sim: Simulation) -> list[BaseRoute]:
    """Everything under `/polar`."""
    gate = PolarGate(sim)
    api = _Endpoints(sim, gate)
    return [
        *auth_routes(sim),
        Mount(
            "/v3",
            routes=[
                gate.route("/exercises", api.exercises),
                gate.route("/exercises/{exercise_id:str}", api.exercise),
                gate.route("/users", api.register, method="POST"),
                gate.route("/users/{user_id:int}", api.user),
                gate.route("/users/{user_id:int}", api.delete_user, method="DELETE"),
                gate.route("/users/continuous-heart-rate", api.heart_rate_range),
                gate.route("/users/continuous-heart-rate/{day:str}", api.heart_rate_day),
                gate.route("/users/sleep", api.nights),
                gate.route("/users/sleep/available", api.available_nights),
                gate.route("/users/sleep/{day:str}", api.night),
                gate.route("/users/activities", api.activities),
                gate.route("/users/activities/samples", api.activity_samples_range),
                gate.route("/users/activities/samples/{day:str}", api.activity_samples_day),
                gate.route("/users/activities/{day:str}", api.activity_day),
                gate.route("/users/physical-info", api.physical_info),
            ],
        ),
    ]


class _Registration(msgspec.Struct, rename={"member_id": "member-id"}):
    member_id: str


class _Endpoints:
    def __init__(self, sim: Simulation, gate: PolarGate) -> None:
        self.sim = sim
        self.gate = gate
        self._rendered = lru_cache(maxsize=128)(self._render)

    # registration

    def register(self, call: Call) -> Response:
        try:
            member_id = msgspec.json.decode(call.body, type=_Registration).member_id
        except msgspec.DecodeError:  # includes a missing or wrong member-id
            return self.gate.error(400, "bad_request", "member-id is required")
        at = iso_z(int(self.sim.clock.now())).replace("Z", ".000Z")
        if not self.sim.grants.register(call.claims.athlete, member_id, at):
            return self.gate.error(409, "conflict", "User is already registered, or the member-id is taken")
        return json_response(self._user(call))

    def user(self, call: Call) -> Response:
        if call.path["user_id"] != call.person.athlete.polar_user_id or not self.sim.grants.registration(call.claims):
            return Response(status_code=204)
        return json_response(self._user(call))

    def delete_user(self, call: Call) -> Response:
        if call.path["user_id"] != call.person.athlete.polar_user_id:
            return self.gate.error(403, "forbidden", "Not this user")
        self.sim.grants.deregister(call.claims.athlete)
        self.sim.grants.kill(call.claims.grant)
        return Response(status_code=204)

    def _user(self, call: Call) -> dict[str, Any]:
        athlete = call.person.athlete
        registration = self.sim.grants.registration(call.claims) or {}
        return {
            "polar-user-id": athlete.polar_user_id,
            **registration,
            "first-name": athlete.first_name,
            "last-name": athlete.last_name,
            "birthdate": str(athlete.birth_date),
            "gender": athlete.sex.upper(),
            "weight": athlete.weight_kg,
            "height": athlete.height_cm,
            "extra-info": [],
        }

    # exercises

    def _render(self, athlete: str, exercise_id: str, samples: bool, zones: bool, route: bool) -> bytes:
        person = self.sim.world.people[athlete]
        pair = next(p for p in person.records("polar") if p[1].provider_activity_id == exercise_id)
        return msgspec.json.encode(exercise(person, *pair, samples=samples, zones=zones, route=route))

    def _shown(self, person: Person) -> list[str]:
        days = self.sim.polar_window_days
        oldest = 0 if days is None else person.config.now_epoch - days * DAY
        return [r.provider_activity_id for _, r in person.records("polar") if r.uploaded_at >= oldest]

    def exercises(self, call: Call) -> Response:
        name = call.person.athlete.athlete_id
        parts = [self._rendered(name, shown, *_flags(call)) for shown in self._shown(call.person)]
        return json_response(b"[" + b",".join(parts) + b"]")

    def exercise(self, call: Call) -> Response:
        exercise_id = str(call.path["exercise_id"])
        if exercise_id not in self._shown(call.person):
            return self.gate.live_error(404, "not_found", "Exercise not found")
        return json_response(self._rendered(call.person.athlete.athlete_id, exercise_id, *_flags(call)))

    # all-day data

    def heart_rate_range(self, call: Call) -> Response:
        return self._ranged(
            call,
            lambda days: {"heart_rates": [x for day in days if (x := daily.continuous_heart_rate(call.person, day))]},
        )

    def heart_rate_day(self, call: Call) -> Response:
        return self._dated(call, lambda day: daily.continuous_heart_rate(call.person, day), empty=404)

    def nights(self, call: Call) -> Response:
        found = [night for day in self._night_dates(call.person) if (night := daily.night(call.person, day))]
        return json_response({"nights": found}) if found else self._nothing(404)

    def available_nights(self, call: Call) -> Response:
        found = [night for day in self._night_dates(call.person) if (night := daily.night(call.person, day))]
        return json_response(
            {
                "available": [
                    {"date": n["date"], "start_time": n["sleep_start_time"], "end_time": n["sleep_end_time"]}
                    for n in found
                ]
            }
        )

    def night(self, call: Call) -> Response:
        in_window = set(self._night_dates(call.person))
        return self._dated(call, lambda day: daily.night(call.person, day) if day in in_window else None, empty=404)

    def _night_dates(self, person: Person) -> list[date]:
        days = self.sim.polar_window_days
        dates = person.civil_dates()
        return dates if days is None else dates[-min(days, _LONGEST_RANGE_DAYS) :]

    def activities(self, call: Call) -> Response:
        with_steps = call.query.get("steps") == "true"
        return self._ranged(
            call,
            lambda days: [x for day in days if (x := daily.daily_activity(call.person, day, with_steps=with_steps))],
            has_default=True,
        )

    def activity_day(self, call: Call) -> Response:
        with_steps = call.query.get("steps") == "true"
        return self._dated(call, lambda d: daily.daily_activity(call.person, d, with_steps=with_steps), empty=204)

    def activity_samples_range(self, call: Call) -> Response:
        return self._ranged(
            call, lambda days: [x for day in days if (x := daily.activity_samples(call.person, day))], has_default=True
        )

    def activity_samples_day(self, call: Call) -> Response:
        return self._dated(call, lambda day: daily.activity_samples(call.person, day), empty=204)

    def physical_info(self, call: Call) -> Response:
        return json_response(daily.physical_info(call.person))

    # questions by date

    def _dated(self, call: Call, find: Callable[[date], dict[str, Any] | None], *, empty: int) -> Response:
        try:
            day = _date(str(call.path["day"]))
        except _Refused as refused:
            return self.gate.error(400, "bad_request", str(refused))
        found = find(day) if day >= call.person.config.first_day - timedelta(days=1) else None
        return json_response(found) if found else self._nothing(empty)

    def _nothing(self, status: int) -> Response:
        return Response(status_code=204) if status == 204 else self.gate.error(404, "not_found", "No data")

    def _ranged(self, call: Call, find: Callable[[list[date]], Any], *, has_default: bool = False) -> Response:
        try:
            days = _range(call, has_default=has_default)
        except _Refused as refused:
            return self.gate.error(400, "bad_request", str(refused))
        oldest = call.person.config.first_day - timedelta(days=1)
        newest = utc_day(call.person.config.now_epoch + DAY)
        return json_response(find([day for day in days if oldest <= day <= newest]))


def _flags(call: Call) -> tuple[bool, bool, bool]:
    return call.query.get("samples") == "true", call.query.get("zones") == "true", call.query.get("route") == "true"


def _date(text: str) -> date:
    try:
        if len(text) != len("2026-01-31"):
            raise _Refused(f"'{text}' is not a date")
        return date.fromisoformat(text)
    except ValueError:
        raise _Refused(f"'{text}' is not a date") from None


def _range(call: Call, *, has_default: bool) -> list[date]:
    """The dates of `from`..`to`, both inside. Where there is a default it is the last 28 days."""
    today = utc_day(call.person.config.now_epoch)
    if "from" not in call.query or "to" not in call.query:
        if not has_default or "from" in call.query or "to" in call.query:
            raise _Refused("from and to are both required")
        return [today - timedelta(days=n) for n in reversed(range(_LONGEST_RANGE_DAYS))]
    first, last = _date(call.query["from"]), _date(call.query["to"])
    if last < first:
        raise _Refused("to is before from")
    if (last - first).days >= _LONGEST_RANGE_DAYS:
        raise _Refused(f"the range is longer than {_LONGEST_RANGE_DAYS} days")
    if has_default and first < today - timedelta(days=_OLDEST_ACTIVITY_DAYS):
        raise _Refused("from is more than 365 days ago")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
