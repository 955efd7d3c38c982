"""Strava's push subscription: one per application, a challenge to its address, and events that are only hints."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fit_platform.simulator import callbacks
from fit_platform.simulator.gate import json_response
from fit_platform.simulator.outbox import Notification
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.strava.auth import fault
from fit_platform.simulator.strava.views import is_private
from fit_platform.simulator.world.clock import iso_z
from fit_platform.simulator.world.happenings import Happening
from fit_platform.simulator.world.sports import SPORTS

_ANSWER_WITHIN_S = 2.0
_RETRY_AFTER_S = (60, 300)  # at most three attempts; the pauses are not documented
_LONGEST_URL = 255
_APPLICATION_ID = 4711
_TOLD = {"title": "title", "sport": "type", "private": "private"}  # other edits are made without a word


class StravaWebhooks:
    """The application's one subscription."""

    def __init__(self, sim: Simulation) -> None:
        """Listens to the world from now on."""
        self.sim = sim
        self.subscription: dict[str, Any] | None = None
        self._last_id = 200_000
        sim.listeners.append(self.notify)

    def routes(self) -> list[Route]:
        """Create, view and delete."""
        return [
            Route("/push_subscriptions", self.create, methods=["POST"]),
            Route("/push_subscriptions", self.view, methods=["GET"]),
            Route("/push_subscriptions/{subscription_id:int}", self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """A subscription, if its address repeats the challenge within two seconds."""
        form = await request.form()
        refused = self._refuse(form.get("client_id"), form.get("client_secret"))
        if refused is not None:
            return refused
        url = str(form.get("callback_url", ""))
        if not 0 < len(url) <= _LONGEST_URL or not callbacks.is_callable(url):
            return fault(400, "Bad Request", ("PushSubscription", "callback url", "invalid"))
        if self.subscription is not None:
            return fault(400, "Bad Request", ("PushSubscription", "", "already exists"))
        challenge = secrets.token_hex(8)
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": str(form.get("verify_token", "")),
        }
        status, answer = await callbacks.call("GET", url, params=query, timeout_s=_ANSWER_WITHIN_S)
        if status != 200:
            return fault(
                400, "Bad Request", ("PushSubscription", "callback url", "GET to callback URL does not return 200")
            )
        if not isinstance(answer, dict) or answer.get("hub.challenge") != challenge:
            return fault(400, "Bad Request", ("PushSubscription", "callback url", "not verifiable"))
        self._last_id += 1
        now = iso_z(int(self.sim.clock.now()))
        self.subscription = {
            "id": self._last_id,
            "resource_state": 2,
            "application_id": _APPLICATION_ID,
            "callback_url": url,
            "created_at": now,
            "updated_at": now,
        }
        return json_response({"id": self._last_id}, 201)

    async def view(self, request: Request) -> Response:
        """A list of one or none."""
        query = request.query_params
        refused = self._refuse(query.get("client_id"), query.get("client_secret"))
        return refused or json_response([self.subscription] if self.subscription else [])

    async def delete(self, request: Request) -> Response:
        """204, and silence from then on."""
        query = request.query_params
        form = await request.form()
        refused = self._refuse(
            query.get("client_id") or form.get("client_id"), query.get("client_secret") or form.get("client_secret")
        )
        if refused is not None:
            return refused
        if self.subscription is None or self.subscription["id"] != request.path_params["subscription_id"]:
            return fault(404, "Resource Not Found", ("PushSubscription", "id", "not found"))
        self.subscription = None
        return Response(status_code=204)

    def _refuse(self, client_id: object, client_secret: object) -> Response | None:
        own = self.sim.config.strava
        if (client_id, client_secret) != (own.client_id, own.client_secret):
            return fault(401, "Authorization Error", ("Application", "", "invalid"))
        return None

    def notify(self, happening: Happening) -> None:
        """One event, if Strava tells of such a thing and the athlete is connected."""
        scopes = self.sim.grants.granted("strava").get(happening.athlete)
        if happening.provider != "strava" or self.subscription is None or scopes is None:
            return
        sees_all = "activity:read_all" in scopes
        owner = self.sim.world.people[happening.athlete].athlete.strava_athlete_id
        event = self._about(happening, owner, sees_all=sees_all)
        if event is None:
            return
        content = {
            **event,
            "owner_id": owner,
            "subscription_id": self.subscription["id"],
            "event_time": happening.at,
        }
        body = msgspec.json.encode(content)
        self.sim.outbox.send(
            Notification(
                "strava",
                self.subscription["callback_url"],
                body,
                lambda is_wrong: self._signed(body, is_wrong=is_wrong),
                frozenset({200}),
                _ANSWER_WITHIN_S,
                _RETRY_AFTER_S,
            )
        )

    def _about(self, happening: Happening, owner: int, *, sees_all: bool) -> dict[str, Any] | None:
        """Object, aspect and updates. Without read_all, Only You looks like a delete, back like a create."""
        if happening.what == "consent":
            updates = {"authorized": "false"}
            return {"object_type": "athlete", "object_id": owner, "aspect_type": "update", "updates": updates}
        record = happening.record
        if happening.what != "activity" or record is None:
            return None
        aspect, updates = happening.action, {}
        if aspect == "update":
            updates = self._updates(happening)
            if "private" in updates and not sees_all:
                aspect, updates = ("delete" if is_private(record) else "create"), {}
            elif not updates or (is_private(record) and not sees_all):
                return None
        elif is_private(record) and not sees_all:
            return None
        number = int(record.provider_activity_id)
        return {"object_type": "activity", "object_id": number, "aspect_type": aspect, "updates": updates}

    def _updates(self, happening: Happening) -> dict[str, str]:
        """Only title, type and privacy are told; values are strings."""
        record = happening.record
        assert record is not None
        values = {
            "title": record.title or "",
            "sport": SPORTS[record.sport_name].strava[0] if record.sport_name else "",
            "private": str(is_private(record)).lower(),
        }
        return {_TOLD[name]: values[name] for name in happening.fields if name in _TOLD}

    def _signed(self, body: bytes, *, is_wrong: bool) -> dict[str, str]:
        """The undocumented header, as the scenario has it."""
        how = self.sim.scenario.webhooks.strava_signature
        if how == "absent":
            return {}
        at = str(int(self.sim.clock.now()))
        key = self.sim.config.strava.client_secret if how == "client_secret" and not is_wrong else secrets.token_hex(8)
        digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Strava-Signature": f"t={at},v1={digest}"}
