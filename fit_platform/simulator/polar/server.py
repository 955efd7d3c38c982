"""Polar's endpoints: which path answers what, and what an empty or a wrong question gets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from fit_platform.simulator.gate import Call, json_response
from fit_platform.simulator.polar import daily, files, wellness
from fit_platform.simulator.polar.auth import auth_routes
from fit_platform.simulator.polar.exercises import exercise, training_load
from fit_platform.simulator.polar.gate import PolarGate
from fit_platform.simulator.polar.questions import LONGEST_RANGE_DAYS, Refused, date_of, last_days, range_of
from fit_platform.simulator.polar.transactions import transaction_routes
from fit_platform.simulator.polar.webhooks import PolarWebhooks
from fit_platform.simulator.scenario import PolarQuirks
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.clock import DAY, iso_z, utc_day

_FILES: dict[str, tuple[Callable[[Person, TrueActivity, Record], bytes | None], str]] = {
    "fit": (files.fit, "application/octet-stream"),
    "tcx": (files.tcx, "application/vnd.garmin.tcx+xml"),
    "gpx": (files.gpx, "application/gpx+xml"),
}


def routes(sim: Simulation) -> list[BaseRoute]:
    """Everything under `/polar`."""
    gate = PolarGate(sim)
    api = _Endpoints(sim, gate)
    hooks = PolarWebhooks(sim, gate)
    return [
        *auth_routes(sim),
        Mount(
            "/v3",
            routes=[
                *hooks.routes(),
                *transaction_routes(sim, gate),
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
        self._night = self._as_text(daily.night)
        self._recharge = self._as_text(wellness.recharge)

    # registration

    def register(self, call: Call) -> Response:
        try:
            member_id = msgspec.json.decode(call.body, type=_Registration).member_id
        except msgspec.DecodeError:  # includes a missing or wrong member-id
            return self.gate.error(400, "bad_request", "member-id is required")
        at = iso_z(int(self.sim.clock.now())).replace("Z", ".000Z")
        if not self.sim.grants.register(call.claims.athlete, member_id, at, self.sim.now):
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

    def _render(
        self, athlete: str, record: Record, samples: bool, zones: bool, route: bool, quirks: PolarQuirks
    ) -> bytes:
        person = self.sim.world.people[athlete]
        pair = next(p for p in person.records("polar") if p[1] == record)
        return msgspec.json.encode(exercise(person, *pair, samples=samples, zones=zones, route=route, quirks=quirks))

    def _shown(self, person: Person) -> dict[str, tuple[TrueActivity, Record]]:
        """By id: what was uploaded within the window and, if the scenario is strict, after the registration."""
        days = self.sim.polar_window_days
        oldest = 0 if days is None else person.config.now_epoch - days * DAY
        if self.sim.scenario.polar.hides_old_uploads:
            oldest = max(oldest, self.sim.grants.registered_in_world(person.athlete.athlete_id) or 0)
        return {r.provider_activity_id: (a, r) for a, r in person.records("polar") if r.uploaded_at >= oldest}

    def _exercise_text(self, call: Call, record: Record) -> bytes:
        return self._rendered(call.person.athlete.athlete_id, record, *_flags(call), self.sim.scenario.polar)

    def exercises(self, call: Call) -> Response:
        parts = [self._exercise_text(call, record) for _, record in self._shown(call.person).values()]
        return json_response(b"[" + b",".join(parts) + b"]")

    def exercise(self, call: Call) -> Response:
        pair = self._shown(call.person).get(str(call.path["exercise_id"]))
        if pair is None:
            return self.gate.live_error(404, "not_found", "Exercise not found")
        return json_response(self._exercise_text(call, pair[1]))

    def exercise_file(self, call: Call) -> Response:
        pair = self._shown(call.person).get(str(call.path["exercise_id"]))
        make, media = _FILES.get(str(call.path["format"]), (None, ""))
        content = make(call.person, *pair) if make and pair else None
        if content is None:
            return self.gate.live_error(404, "not_found", "Exercise not found")
        return Response(content, media_type=media)

    # all-day data

    def heart_rate_range(self, call: Call) -> Response:
        def find(days: list[date]) -> Any:
            found = [x for day in days if (x := daily.continuous_heart_rate(call.person, day))]
            if self.sim.scenario.polar.has_bare_heart_rates:  # the specification knows one object only
                return found[0] if len(found) == 1 else found
            return {"heart_rates": found}

        return self._ranged(call, find)

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

    def _as_text(self, find: wellness.Finder) -> Callable[[Person, date], msgspec.Raw | None]:
        """The same, rendered and kept: a night's text follows from what the watch saw of it, whenever it is asked."""

        @lru_cache(maxsize=8192)
        def text_of(athlete: str, day: date, _seen: tuple[float, float] | None) -> msgspec.Raw | None:
            found = find(self.sim.world.people[athlete], day)
            return None if found is None else msgspec.Raw(msgspec.json.encode(found))

        return lambda person, day: text_of(person.athlete.athlete_id, day, person.devices.watch_night(day))

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
