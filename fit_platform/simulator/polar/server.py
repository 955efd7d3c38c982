"""Polar's endpoints: which path answers what, and what an empty or a wrong question gets."""

from __future__ import annotations

import re
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
from fit_platform.simulator.polar import daily, files, wellness
from fit_platform.simulator.polar.auth import auth_routes
from fit_platform.simulator.polar.exercises import exercise, training_load
from fit_platform.simulator.polar.questions import LONGEST_RANGE_DAYS, Refused, date_of, last_days, range_of
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.clock import DAY, iso_z, utc_day

_NEED_NO_REGISTRATION = ("POST /users", "GET /users/{user_id:int}", "DELETE /users/{user_id:int}")


_FILES: dict[str, tuple[Callable[[Person, TrueActivity, Record], bytes | None], str]] = {
    "fit": (files.fit, "application/octet-stream"),
    "tcx": (files.tcx, "application/vnd.garmin.tcx+xml"),
    "gpx": (files.gpx, "application/gpx+xml"),
}


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
                gate.route("/exercises/{exercise_id:str}/{format:str}", api.exercise_file),
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
                gate.route("/users/nightly-recharge", api.recharges),
                gate.route("/users/nightly-recharge/{day:str}", api.recharge),
                gate.route("/users/cardio-load", api.recent_cardio_loads),
                gate.route("/users/cardio-load/date", api.cardio_load_range),
                gate.route("/users/cardio-load/{day:str}", api.cardio_load_day),
                gate.route("/users/sleepwise/{what:str}", api.sleepwise),
                gate.route("/users/sleepwise/{what:str}/date", api.sleepwise_range),
                gate.route("/users/biosensing/{what:str}", api.biosensing),
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
        self._load = lru_cache(maxsize=4096)(training_load)
        # Lists show every night again and again, and a night takes a day of heart rate to tell.
        self._night = lru_cache(maxsize=8192)(_as_text(daily.night))
        self._recharge = lru_cache(maxsize=8192)(_as_text(wellness.recharge))

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

    def exercise_file(self, call: Call) -> Response:
        exercise_id, kind = str(call.path["exercise_id"]), str(call.path["format"])
        pair = next((p for p in call.person.records("polar") if p[1].provider_activity_id == exercise_id), None)
        make, media = _FILES.get(kind, (None, ""))
        content = make(call.person, *pair) if make and pair and exercise_id in self._shown(call.person) else None
        if content is None:
            return self.gate.live_error(404, "not_found", "Exercise not found")
        return Response(content, media_type=media)

    # all-day data

    def heart_rate_range(self, call: Call) -> Response:
        return self._ranged(
            call,
            lambda days: {"heart_rates": [x for day in days if (x := daily.continuous_heart_rate(call.person, day))]},
        )

    def heart_rate_day(self, call: Call) -> Response:
        return self._dated(call, lambda day: daily.continuous_heart_rate(call.person, day), empty=404)

    def nights(self, call: Call) -> Response:
        found = [night for day in self._night_dates(call.person) if (night := self._night(call.person, day))]
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
        return self._dated(call, lambda day: self._night(call.person, day) if day in in_window else None, empty=404)

    def _night_dates(self, person: Person) -> list[date]:
        days = self.sim.polar_window_days
        dates = person.civil_dates()
        return dates if days is None else dates[-min(days, LONGEST_RANGE_DAYS) :]

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

    # results of nights and training

    def recharges(self, call: Call) -> Response:
        found = [x for day in self._night_dates(call.person) if (x := self._recharge(call.person, day))]
        return json_response({"recharges": found}) if found else self._nothing(404)

    def recharge(self, call: Call) -> Response:
        in_window = set(self._night_dates(call.person))
        return self._dated(call, lambda day: self._recharge(call.person, day) if day in in_window else None, empty=404)

    def recent_cardio_loads(self, call: Call) -> Response:
        today = call.person.clock.local_date(call.person.config.now_epoch)
        return json_response(self._cardio_loads(call.person, last_days(today)))

    def cardio_load_range(self, call: Call) -> Response:
        try:
            days = range_of(call, has_default=False)
        except Refused as refused:
            return self.gate.error(400, "bad_request", str(refused))
        return json_response(self._cardio_loads(call.person, days))

    def cardio_load_day(self, call: Call) -> Response:
        try:
            day = date_of(str(call.path["day"]))
        except Refused as refused:
            return self.gate.error(400, "bad_request", str(refused))
        return json_response(self._cardio_loads(call.person, [day]))

    def _cardio_loads(self, person: Person, days: list[date]) -> list[dict[str, Any]]:
        loads: dict[date, float] = {}
        for activity, record in person.records("polar"):
            day = person.clock.local_date(record.started_at)
            if days[0] - timedelta(days=LONGEST_RANGE_DAYS) < day <= days[-1]:
                loads[day] = loads.get(day, 0.0) + self._load(person, activity, record)
        return [wellness.cardio_load(person, day, loads) for day in days]

    def sleepwise(self, call: Call) -> Response:
        return self._results(call, wellness.SLEEPWISE, self._night_dates(call.person))

    def sleepwise_range(self, call: Call) -> Response:
        try:
            return self._results(call, wellness.SLEEPWISE, range_of(call, has_default=False))
        except Refused as refused:
            return self.gate.error(400, "bad_request", str(refused))

    def biosensing(self, call: Call) -> Response:
        try:
            days = range_of(call, has_default=True) if "from" in call.query else self._night_dates(call.person)
        except Refused as refused:
            return self.gate.error(400, "bad_request", str(refused))
        return self._results(call, wellness.BIOSENSING, days)

    def _results(self, call: Call, finders: dict[str, wellness.Finder], days: list[date]) -> Response:
        find = finders.get(str(call.path["what"]))
        if find is None:
            return self._nothing(404)
        found = [x for day in days if (x := find(call.person, day))]
        return json_response(found) if found else self._nothing(204)

    # questions by date

    def _dated(
        self, call: Call, find: Callable[[date], dict[str, Any] | msgspec.Raw | None], *, empty: int
    ) -> Response:
        try:
            day = date_of(str(call.path["day"]))
        except Refused as refused:
            return self.gate.error(400, "bad_request", str(refused))
        found = find(day) if day >= call.person.config.first_day - timedelta(days=1) else None
        return json_response(found) if found else self._nothing(empty)

    def _nothing(self, status: int) -> Response:
        return Response(status_code=204) if status == 204 else self.gate.error(404, "not_found", "No data")

    def _ranged(self, call: Call, find: Callable[[list[date]], Any], *, has_default: bool = False) -> Response:
        try:
            days = range_of(call, has_default=has_default)
        except Refused as refused:
            return self.gate.error(400, "bad_request", str(refused))
        oldest = call.person.config.first_day - timedelta(days=1)
        newest = utc_day(call.person.config.now_epoch + DAY)
        return json_response(find([day for day in days if oldest <= day <= newest]))


def _flags(call: Call) -> tuple[bool, bool, bool]:
    return call.query.get("samples") == "true", call.query.get("zones") == "true", call.query.get("route") == "true"


def _as_text(find: wellness.Finder) -> Callable[[Person, date], msgspec.Raw | None]:
    """The same, rendered: text is what a cache can hold thousands of."""

    def find_text(person: Person, day: date) -> msgspec.Raw | None:
        found = find(person, day)
        return None if found is None else msgspec.Raw(msgspec.json.encode(found))

    return find_text
