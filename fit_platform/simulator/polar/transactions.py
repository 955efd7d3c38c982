"""Polar's old transactions, still served: exercises are offered again until their transaction is committed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fit_platform.simulator.gate import Call, basic_credentials, json_response
from fit_platform.simulator.polar.exercises import exercise
from fit_platform.simulator.polar.gate import PolarGate
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import DAY

_MOST_ITEMS = 50
_WINDOW_DAYS = 30
_API = "https://www.polaraccesslink.com/v3"


@dataclass
class _Ledger:
    """What an athlete's transactions hold, and what was committed before."""

    opened: dict[int, list[str]] = field(default_factory=dict)
    committed: set[str] = field(default_factory=set)


def transaction_routes(sim: Simulation, gate: PolarGate) -> list[Route]:
    """Exercise transactions, and the pull notifications that point to them."""
    server = _Transactions(sim, gate)
    start = "/users/{user_id:int}/exercise-transactions"
    one = f"{start}/{{transaction_id:int}}"
    own = server.of_own_user
    return [
        Route("/notifications", server.notifications, methods=["GET"]),
        gate.route(start, own(server.create), method="POST"),
        gate.route(one, own(server.list_items)),
        gate.route(one, own(server.commit), method="PUT"),
        gate.route(f"{one}/exercises/{{exercise_id:str}}", own(server.item)),
    ]


class _Transactions:
    def __init__(self, sim: Simulation, gate: PolarGate) -> None:
        self.sim = sim
        self.gate = gate
        self._ledgers: dict[str, _Ledger] = {}
        self._last_id = 2_000

    def of_own_user(self, handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
        """Only about the user of the token."""

        def guarded(call: Call) -> Response:
            if call.path["user_id"] != call.person.athlete.polar_user_id:
                return self.gate.error(403, "forbidden", "Not this user")
            return handler(call)

        return guarded

    async def notifications(self, request: Request) -> Response:
        """Users with something new, by client credentials; 204 when there is nothing."""
        own = self.sim.config.polar
        if basic_credentials(request) != (own.client_id, own.client_secret):
            return self.gate.unauthorized()
        found = [
            {
                "user-id": person.athlete.polar_user_id,
                "data-type": "EXERCISE",
                "url": f"{_API}/users/{person.athlete.polar_user_id}/exercise-transactions",
            }
            for name, person in self.sim.world.people.items()
            if self.sim.grants.is_registered(name) and self._new(person)
        ]
        return json_response({"available-user-data": found}) if found else Response(status_code=204)

    def create(self, call: Call) -> Response:
        """201 with at most 50 items, 204 when nothing is new."""
        items = self._new(call.person)[:_MOST_ITEMS]
        if not items:
            return Response(status_code=204)
        self._last_id += 1
        self._ledger(call.person).opened[self._last_id] = items
        return json_response({"transaction-id": self._last_id, "resource-uri": self._uri(call, self._last_id)}, 201)

    def list_items(self, call: Call) -> Response:
        """Where the items are."""
        number = int(call.path["transaction_id"])
        items = self._ledger(call.person).opened.get(number)
        if items is None:
            return self.gate.live_error(404, "not_found", "Transaction not found")
        return json_response({"exercises": [f"{self._uri(call, number)}/exercises/{item}" for item in items]})

    def item(self, call: Call) -> Response:
        """One exercise of an open transaction, in the hyphens of the old resources."""
        items = self._ledger(call.person).opened.get(int(call.path["transaction_id"]), [])
        wanted = str(call.path["exercise_id"])
        pair = next((p for p in call.person.records("polar") if p[1].provider_activity_id == wanted), None)
        if wanted not in items or pair is None:
            return Response(status_code=204)
        content = exercise(call.person, *pair, samples=False, zones=False, route=False)
        return json_response({name.replace("_", "-"): value for name, value in content.items()})

    def commit(self, call: Call) -> Response:
        """The items are not offered again."""
        ledger = self._ledger(call.person)
        items = ledger.opened.pop(int(call.path["transaction_id"]), None)
        if items is None:
            return self.gate.live_error(404, "not_found", "Transaction not found")
        ledger.committed.update(items)
        return Response(status_code=200)

    def _new(self, person: Person) -> list[str]:
        oldest = person.config.now_epoch - _WINDOW_DAYS * DAY
        committed = self._ledger(person).committed
        ids = [r.provider_activity_id for _, r in person.records("polar") if r.uploaded_at >= oldest]
        return [number for number in ids if number not in committed]

    def _ledger(self, person: Person) -> _Ledger:
        return self._ledgers.setdefault(person.athlete.athlete_id, _Ledger())

    def _uri(self, call: Call, number: int) -> str:
        return f"{_API}/users/{call.person.athlete.polar_user_id}/exercise-transactions/{number}"
