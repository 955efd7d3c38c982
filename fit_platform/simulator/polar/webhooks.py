"""Polar's webhook: one per client, pinged before it exists, signed with a secret that is told once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fit_platform.simulator import callbacks
from fit_platform.simulator.gate import basic_credentials, json_response
from fit_platform.simulator.outbox import Notification
from fit_platform.simulator.polar.gate import PolarGate
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world.clock import DAY
from fit_platform.simulator.world.draw import digest
from fit_platform.simulator.world.happenings import Happening

EVENTS = (
    "EXERCISE",
    "SLEEP",
    "CONTINUOUS_HEART_RATE",
    "SLEEP_WISE_CIRCADIAN_BEDTIME",
    "SLEEP_WISE_ALERTNESS",
    "ACTIVITY_SUMMARY",
    "PHYSICAL_INFORMATION",
)
_API = "https://www.polaraccesslink.com/v3"
_TIMEOUT_S = 10.0  # not documented, nor are retries: there are none here
_SILENT_S = 7 * DAY


class _Wanted(msgspec.Struct):
    events: list[str] | None = None
    url: str | None = None


class PolarWebhooks:
    """The client's one webhook."""

    def __init__(self, sim: Simulation, gate: PolarGate) -> None:
        """Listens to the world from now on."""
        self.sim = sim
        self.gate = gate
        self.webhook: dict[str, Any] | None = None
        self._secret = ""
        self._last_success = 0.0
        sim.listeners.append(self.notify)

    def routes(self) -> list[Route]:
        """Create, view, change, delete, activate, deactivate."""
        return [
            Route("/webhooks", self.create, methods=["POST"]),
            Route("/webhooks", self.view, methods=["GET"]),
            Route("/webhooks/activate", self.activate, methods=["POST"]),
            Route("/webhooks/deactivate", self.deactivate, methods=["POST"]),
            Route("/webhooks/{webhook_id:str}", self.change, methods=["PATCH"]),
            Route("/webhooks/{webhook_id:str}", self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """A webhook, if its address answers the ping with 200. The secret is in this answer and nowhere else."""
        if (refused := self._refuse(request)) is not None:
            return refused
        wanted = _decode(await request.body())
        if wanted is None or not wanted.events or not wanted.url or not callbacks.is_callable(wanted.url):
            return self.gate.error(400, "bad_request", "events and an https url are required")
        if not set(wanted.events) <= set(EVENTS):
            return self.gate.error(400, "bad_request", f"events are {', '.join(EVENTS)}")
        if self.webhook is not None:
            return self.gate.error(409, "conflict", "Webhook already exists")
        if not await self._ping(wanted.url, secret=None):
            return self._ping_failed()
        self._secret = str(uuid.uuid4())
        self._last_success = self.sim.clock.now()
        own = {"id": secrets.token_hex(3), "events": wanted.events, "url": wanted.url}
        self.webhook = {**own, "active": True}
        return json_response({"data": {**own, "signature_secret_key": self._secret}}, 201)

    async def view(self, request: Request) -> Response:
        """A list of one or none, under `data`."""
        return self._refuse(request) or json_response({"data": [self.webhook] if self.webhook else []})

    async def change(self, request: Request) -> Response:
        """Other events or another address, which is pinged."""
        if (refused := self._refuse(request)) is not None:
            return refused
        if self.webhook is None or self.webhook["id"] != request.path_params["webhook_id"]:
            return self.gate.error(404, "not_found", "Webhook not found")
        wanted = _decode(await request.body())
        if wanted is None or not set(wanted.events or ()) <= set(EVENTS):
            return self.gate.error(400, "bad_request", f"events are {', '.join(EVENTS)}")
        if wanted.url is not None:
            if not callbacks.is_callable(wanted.url):
                return self.gate.error(400, "bad_request", "url must be https")
            if not await self._ping(wanted.url, secret=self._secret):
                return self._ping_failed()
        self.webhook |= {"events": wanted.events or self.webhook["events"], "url": wanted.url or self.webhook["url"]}
        return json_response({"data": [self.webhook]})

    async def delete(self, request: Request) -> Response:
        """204; the secret is gone with it."""
        if (refused := self._refuse(request)) is not None:
            return refused
        if self.webhook is None or self.webhook["id"] != request.path_params["webhook_id"]:
            return self.gate.error(404, "not_found", "Webhook not found")
        self.webhook = None
        return Response(status_code=204)

    async def activate(self, request: Request) -> Response:
        """Pings, and goes on sending; 204 when there is no webhook."""
        if (refused := self._refuse(request)) is not None:
            return refused
        if self.webhook is None:
            return Response(status_code=204)
        if not await self._ping(self.webhook["url"], secret=self._secret):
            return self._ping_failed()
        self.webhook["active"] = True
        self._last_success = self.sim.clock.now()
        return Response(status_code=200)

    async def deactivate(self, request: Request) -> Response:
        """Sends nothing from now on; 204 when there is no webhook."""
        if (refused := self._refuse(request)) is not None:
            return refused
        if self.webhook is None:
            return Response(status_code=204)
        self.webhook["active"] = False
        return Response(status_code=200)

    def notify(self, happening: Happening) -> None:
        """The events of a happening, if the athlete is registered. Edits and deletes of exercises are not told."""
        if happening.provider != "polar" or not self.sim.grants.is_registered(happening.athlete):
            return
        person = self.sim.world.people[happening.athlete]
        for event, more in self._events(happening):
            if self.webhook is None or not self.webhook["active"] or event not in self.webhook["events"]:
                continue
            now = datetime.fromtimestamp(happening.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            content = {"event": event, "user_id": person.athlete.polar_user_id, **more, "timestamp": now}
            content["url"] = self._host(happening, event) + content["url"]
            self._send(self.webhook["url"], event, msgspec.json.encode(content))

    def _events(self, happening: Happening) -> list[tuple[str, dict[str, Any]]]:
        """Event names with the members of their own; `url` still without its host."""
        if happening.what == "profile":
            return [("PHYSICAL_INFORMATION", {"url": "/users/physical-info"})]
        if happening.what == "activity" and happening.action == "create":
            exercise_id = happening.record_id
            return [("EXERCISE", {"entity_id": exercise_id, "url": f"/exercises/{exercise_id}"})]
        day = happening.day
        if day is None:
            return []
        dated = {"date": str(day)}
        if happening.what == "day":
            found = [("ACTIVITY_SUMMARY", {**dated, "url": f"/users/activities/{day}"})]
            if self.sim.scenario.webhooks.polar_heart_rate_events:
                found.append(("CONTINUOUS_HEART_RATE", {**dated, "url": f"/users/continuous-heart-rate/{day}"}))
            return found
        span = {"from": str(day - timedelta(days=1)), "to": str(day)}
        query = f"from={span['from']}&to={span['to']}"
        return [
            ("SLEEP", {**dated, "url": f"/users/sleep/{day}"}),
            ("SLEEP_WISE_ALERTNESS", {**span, "url": f"/users/sleepwise/alertness/date?{query}"}),
            ("SLEEP_WISE_CIRCADIAN_BEDTIME", {**span, "url": f"/users/sleepwise/circadian-bedtime/date?{query}"}),
        ]

    def _host(self, happening: Happening, event: str) -> str:
        """Polar's own host; of some events, if the scenario says so, one that nobody should call."""
        lot = digest(self.sim.scenario.seed, happening.at, happening.record_id, happening.day, event, "host")
        is_foreign = lot % 10_000 < self.sim.scenario.webhooks.polar_foreign_host * 10_000
        return "https://polaraccesslink.example/v3" if is_foreign else _API

    def _send(self, url: str, event: str, body: bytes) -> None:
        def headers(is_wrong: bool) -> dict[str, str]:
            secret = str(uuid.uuid4()) if is_wrong else self._secret
            return {"Polar-Webhook-Event": event, "Polar-Webhook-Signature": signature(secret, body)}

        self.sim.outbox.send(
            Notification("polar", url, body, headers, frozenset({200}), _TIMEOUT_S, on_answer=self._answered)
        )

    def _answered(self, is_acknowledged: bool) -> None:
        """Seven days without success, and the webhook is switched off."""
        now = self.sim.clock.now()
        if is_acknowledged:
            self._last_success = now
        elif self.webhook is not None and now - self._last_success >= _SILENT_S:
            self.webhook["active"] = False

    async def _ping(self, url: str, *, secret: str | None) -> bool:
        now = datetime.fromtimestamp(self.sim.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = msgspec.json.encode({"timestamp": now, "event": "PING"})
        headers = {"Polar-Webhook-Event": "PING"}
        if secret is not None and self.sim.scenario.webhooks.polar_signs_ping:
            headers["Polar-Webhook-Signature"] = signature(secret, body)
        status, _ = await callbacks.call("POST", url, body=body, headers=headers, timeout_s=_TIMEOUT_S)
        return status == 200

    def _ping_failed(self) -> Response:
        return self.gate.error(400, "WebhookPingFailedException", "The url did not answer the ping with 200")

    def _refuse(self, request: Request) -> Response | None:
        own = self.sim.config.polar
        is_ours = basic_credentials(request) == (own.client_id, own.client_secret)
        return None if is_ours else self.gate.unauthorized()


def signature(secret: str, body: bytes) -> str:
    """`Polar-Webhook-Signature`: lowercase hex HMAC-SHA256 over the raw body, the secret as text, dashes and all."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _decode(body: bytes) -> _Wanted | None:
    try:
        return msgspec.json.decode(body, type=_Wanted)
    except msgspec.DecodeError:
        return None
