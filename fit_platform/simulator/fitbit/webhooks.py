"""Google Health's subscribers: an address that proves its authorization, signed notifications about data."""

from __future__ import annotations

import re
import uuid
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fit_platform.simulator import callbacks
from fit_platform.simulator.fitbit.gate import FitbitGate
from fit_platform.simulator.fitbit.jsontext import civil
from fit_platform.simulator.fitbit.keyset import Keyset
from fit_platform.simulator.gate import json_response
from fit_platform.simulator.outbox import Notification
from fit_platform.simulator.simulation import Simulation
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import iso_z
from fit_platform.simulator.world.draw import digest
from fit_platform.simulator.world.happenings import Happening

KEYSET_PATH = "/googlehealthapi/webhooks/webhooks_public_keyset.json"
_DENSE = ("heart-rate", "steps", "distance", "floors", "active-zone-minutes", "total-calories")
_DAILY = ("daily-resting-heart-rate", "daily-heart-rate-variability", "daily-oxygen-saturation",
          "daily-respiratory-rate", "daily-heart-rate-zones")  # fmt: skip
_NIGHTLY = ("sleep", "heart-rate-variability")
_SUBSCRIBER_ID = re.compile(r"[a-z][a-z0-9-]{2,34}[a-z0-9]")
_VERIFICATION = b'{"type":"verification"}'
# Kept for seven days; the pauses are not documented.
_RETRY_AFTER_S = (10, 60, 300, 1800, 3600, *([6 * 3600] * 27))


class _Secret(msgspec.Struct):
    secret: str


class _Config(msgspec.Struct):
    dataTypes: list[str]  # noqa: N815
    subscriptionCreatePolicy: Literal["AUTOMATIC", "MANUAL"] = "AUTOMATIC"  # noqa: N815


class _Wanted(msgspec.Struct):
    endpointUri: str | None = None  # noqa: N815
    subscriberConfigs: list[_Config] | None = None  # noqa: N815
    endpointAuthorization: _Secret | None = None  # noqa: N815


class _Subscriber(msgspec.Struct):
    name: str
    endpoint_uri: str
    secret: str
    configs: list[_Config]
    created_at: str
    users: dict[str, list[str]]  # healthUserId -> data types, of MANUAL subscriptions

    def shown(self) -> dict[str, Any]:
        """As the API tells it: the secret never again."""
        return {
            "name": self.name,
            "endpointUri": self.endpoint_uri,
            "subscriberConfigs": self.configs,
            "endpointAuthorization": {"secretSet": True},
            "state": "ACTIVE",
            "createTime": self.created_at,
        }

    def wants(self, data_type: str, health_user_id: str) -> bool:
        """AUTOMATIC follows the consent; MANUAL needs a subscription of the user."""
        for config in self.configs:
            if data_type in config.dataTypes:
                is_automatic = config.subscriptionCreatePolicy == "AUTOMATIC"
                return is_automatic or data_type in self.users.get(health_user_id, [])
        return False


class FitbitWebhooks:
    """The subscribers of all projects, and the keys that sign."""

    def __init__(self, sim: Simulation, gate: FitbitGate) -> None:
        """Listens to the world from now on."""
        self.sim = sim
        self.gate = gate
        self.keyset = Keyset(sim.config.world.seed)
        self.subscribers: dict[str, _Subscriber] = {}
        sim.listeners.append(self.notify)
        sim.rotate_keys = self.keyset.rotate

    def routes(self) -> list[Route]:
        """Subscribers, and the subscriptions of MANUAL ones."""
        all_of, one = "/projects/{project:str}/subscribers", "/projects/{project:str}/subscribers/{subscriber:str}"
        return [
            Route(all_of, self.create, methods=["POST"]),
            Route(all_of, self.view, methods=["GET"]),
            Route(one, self.change, methods=["PATCH"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(f"{one}/subscriptions", self.subscribe, methods=["POST"]),
        ]

    async def published_keys(self, _: Request) -> Response:
        """The keyset, without a login."""
        return json_response(self.keyset.published())

    async def create(self, request: Request) -> Response:
        """A subscriber, if its address answers 201 with the secret and 401 or 403 without."""
        if (refused := self._refuse(request)) is not None:
            return refused
        wanted = _decode(await request.body())
        if wanted is None or not wanted.endpointUri or not wanted.endpointAuthorization or not wanted.subscriberConfigs:
            return self._invalid("endpointUri, subscriberConfigs and endpointAuthorization.secret are required")
        subscriber_id = request.query_params.get("subscriberId") or str(uuid.uuid4())
        if not _SUBSCRIBER_ID.fullmatch(subscriber_id) and "subscriberId" in request.query_params:
            return self._invalid("subscriberId has 4-36 characters of [a-z0-9-]")
        name = f"projects/{request.path_params['project']}/subscribers/{subscriber_id}"
        if name in self.subscribers:
            return self.gate.error(409, "ALREADY_EXISTS", f"{name} already exists")
        secret = wanted.endpointAuthorization.secret
        if (refused := await self._verify(wanted.endpointUri, secret)) is not None:
            return refused
        now = iso_z(int(self.sim.clock.now()))
        fresh = _Subscriber(name, wanted.endpointUri, secret, wanted.subscriberConfigs, now, {})
        self.subscribers[name] = fresh
        return _done(fresh)

    async def view(self, request: Request) -> Response:
        """All subscribers of the project."""
        if (refused := self._refuse(request)) is not None:
            return refused
        prefix = f"projects/{request.path_params['project']}/"
        found = [s.shown() for name, s in self.subscribers.items() if name.startswith(prefix)]
        return json_response({"subscribers": found, "totalSize": len(found)} if found else {})

    async def change(self, request: Request) -> Response:
        """Replaces what the mask names; a new address or secret is verified again."""
        found = self._found(request)
        if isinstance(found, Response):
            return found
        wanted = _decode(await request.body())
        if wanted is None:
            return self._invalid("not a subscriber")
        masked = request.query_params.get("updateMask", "").replace("_", "").lower().split(",")
        mask = {name for name in masked if name} or {"endpointuri", "subscriberconfigs", "endpointauthorization"}
        uri = wanted.endpointUri if "endpointuri" in mask and wanted.endpointUri else found.endpoint_uri
        fresh = wanted.endpointAuthorization if "endpointauthorization" in mask else None
        secret = fresh.secret if fresh else found.secret
        is_moved = (uri, secret) != (found.endpoint_uri, found.secret)
        if is_moved and (refused := await self._verify(uri, secret)) is not None:
            return refused
        found.endpoint_uri, found.secret = uri, secret
        if "subscriberconfigs" in mask and wanted.subscriberConfigs:
            found.configs = wanted.subscriberConfigs
        return _done(found)

    async def delete(self, request: Request) -> Response:
        """Gone, and its subscriptions with it if `force` says so."""
        found = self._found(request)
        if isinstance(found, Response):
            return found
        if found.users and request.query_params.get("force") != "true":
            return self.gate.error(400, "FAILED_PRECONDITION", "The subscriber has subscriptions")
        del self.subscribers[found.name]
        return json_response({"name": f"operations/{uuid.uuid4()}", "done": True, "response": {}})

    async def subscribe(self, request: Request) -> Response:
        """One user at a MANUAL subscriber."""
        found = self._found(request)
        if isinstance(found, Response):
            return found
        try:
            body = msgspec.json.decode(await request.body(), type=dict[str, Any])
            user = str(body["user"]).removeprefix("users/")
            types = [str(name).rpartition("/")[2] for name in body.get("dataTypes", [])]
        except (msgspec.DecodeError, KeyError):
            return self._invalid("user is required")
        known = {t for c in found.configs for t in c.dataTypes if c.subscriptionCreatePolicy == "MANUAL"}
        found.users[user] = [name for name in types or sorted(known) if name in known]
        return json_response(
            {"name": f"{found.name}/subscriptions/{uuid.uuid4()}", "user": f"users/{user}", "dataTypes": types}
        )

    def _refuse(self, request: Request) -> Response | None:
        """A service token of the project: any bearer that is not an athlete's."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return self.gate.unauthorized()
        if self.sim.grants.read(token.strip(), "fitbit", "access") is not None:
            return self.gate.forbidden("https://www.googleapis.com/auth/cloud-platform")
        return None

    def _found(self, request: Request) -> _Subscriber | Response:
        if (refused := self._refuse(request)) is not None:
            return refused
        path = request.path_params
        found = self.subscribers.get(f"projects/{path['project']}/subscribers/{path['subscriber']}")
        return found or self.gate.error(404, "NOT_FOUND", "Subscriber not found")

    def _invalid(self, message: str) -> Response:
        return self.gate.error(400, "INVALID_ARGUMENT", message)

    async def _verify(self, uri: str, secret: str) -> Response | None:
        """Both requests of the handshake must get the right answer."""
        if not callbacks.is_callable(uri):
            return self._invalid("endpointUri must be https")
        with_secret, _ = await callbacks.call("POST", uri, body=_VERIFICATION, headers={"Authorization": secret})
        without, _ = await callbacks.call("POST", uri, body=_VERIFICATION)
        if with_secret in (200, 201) and without in (401, 403):
            return None
        text = f"Endpoint verification failed: {with_secret} with authorization, {without} without"
        return self.gate.error(400, "FAILED_PRECONDITION", text)

    def notify(self, happening: Happening) -> None:
        """One delivery per subscriber, with a notification for each of its data types that has changed."""
        if happening.provider != "fitbit" or happening.athlete not in self.sim.grants.granted("fitbit"):
            return
        person = self.sim.world.people[happening.athlete]
        user = person.athlete.fitbit_user_id
        for subscriber in list(self.subscribers.values()):
            content = [
                self._notification(person, happening, data_type)
                for data_type in _types(happening, subscriber)
                if subscriber.wants(data_type, user)
            ]
            if content:
                self._send(subscriber, happening, content)

    def _notification(self, person: Person, happening: Happening, data_type: str) -> dict[str, Any]:
        play = self.sim.scenario.webhooks
        lot = digest(self.sim.scenario.seed, happening.at, happening.athlete, data_type)
        data: dict[str, Any] = {
            "version": "1",
            "clientProvidedSubscriptionName": "",
            "healthUserId": person.athlete.fitbit_user_id,
            "operation": "DELETE" if happening.action == "delete" else "UPSERT",
            "dataType": data_type,
        }
        if happening.what != "consent" and lot % 10_000 >= play.google_without_intervals * 10_000:
            data["intervals"] = [_interval(person, happening, lot // 10_000)]
        if happening.record_id is not None:
            data["recordId"] = happening.record_id
        return {"data": data}

    def _send(self, subscriber: _Subscriber, happening: Happening, content: list[dict[str, Any]]) -> None:
        play = self.sim.scenario.webhooks
        lot = digest(self.sim.scenario.seed, happening.at, happening.athlete, happening.what, "body")
        is_array = play.google_body == "array" or (play.google_body == "mixed" and lot % 2 == 0)
        is_bare = lot // 2 % 10_000 < play.google_without_authorization * 10_000
        for part in [content] if is_array else content:
            body = msgspec.json.encode(part)

            def headers(is_wrong: bool, body: bytes = body) -> dict[str, str]:
                authorization = {} if is_bare else {"Authorization": subscriber.secret}
                return {**authorization, play.google_signature_header: self.keyset.signature(body, is_wrong=is_wrong)}

            self.sim.outbox.send(
                Notification("fitbit", subscriber.endpoint_uri, body, headers, frozenset({204}), 10.0, _RETRY_AFTER_S)
            )


def _types(happening: Happening, subscriber: _Subscriber) -> tuple[str, ...]:
    """Data types that a happening touches. Taking back the consent touches all that are subscribed to."""
    if happening.what == "activity":
        return ("exercise",)
    if happening.what == "night":
        return _NIGHTLY if happening.action == "create" else ("sleep",)
    if happening.what == "day":
        return (*_DENSE, *_DAILY) if happening.is_complete else _DENSE
    if happening.what == "consent":
        return tuple(name for config in subscriber.configs for name in config.dataTypes)
    return ()


def _interval(person: Person, happening: Happening, lot: int) -> dict[str, Any]:
    """The interval in some of its three forms; any of them may be missing, never all."""
    start, end = happening.start, happening.end
    local_start, local_end = (at + person.clock.offset_at(at) for at in (start, end))
    forms: tuple[dict[str, Any], ...] = (
        {"physicalTimeInterval": {"startTime": iso_z(start), "endTime": iso_z(end)}},
        {
            "civilDateTimeInterval": {
                "startDateTime": msgspec.Raw(civil(local_start).encode()),
                "endDateTime": msgspec.Raw(civil(local_end).encode()),
            }
        },
        {
            "civilIso8601TimeInterval": {
                "startTime": iso_z(local_start).rstrip("Z"),
                "endTime": iso_z(local_end).rstrip("Z"),
            }
        },
    )
    shown = 1 + lot % 7  # a bit for each form
    return {name: value for n, form in enumerate(forms) if shown >> n & 1 for name, value in form.items()}


def _done(subscriber: _Subscriber) -> Response:
    """A finished long-running operation."""
    return json_response({"name": f"operations/{uuid.uuid4()}", "done": True, "response": subscriber.shown()})


def _decode(body: bytes) -> _Wanted | None:
    try:
        return msgspec.json.decode(body, type=_Wanted)
    except msgspec.DecodeError:
        return None
