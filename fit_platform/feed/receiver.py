"""The webhook receiver without any web framework: a request in, a response out, events in the inbox in between.

`asgi` runs it as a server, `cloud_function` as a function. Every event is durably in the inbox before the answer says
so: whoever is killed before it answers is asked again, and an event that waits already is not written twice. A delivery
that is replayed after its event was done sets off one more pull, which finds nothing changed.

What is logged: provider, outcome, status, counts. Never a path, a header, an id or a body.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from fit_platform.errors import ConfigError
from fit_platform.feed.owners import Owners
from fit_platform.feed.secrets import SecretsFile
from fit_platform.landing.inbox import ChangeEvent, Inbox
from fit_platform.providers.webhook_base import Delivery, Receive, Reply, same

MAX_BODY_BYTES = 256 * 1024
HEALTH_PATHS = ("/healthz", "/health")
"""The second is for Cloud Run, which keeps paths that end in z to itself."""
_WEBHOOK = re.compile(r"/webhooks/(?P<provider>[a-z]{1,20})/(?P<secret>[A-Za-z0-9_-]{1,100})")
_NO_CONTENT = 204
_UNHEALTHY_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request. `headers` may have any case; `body` is raw."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What to send. A body is JSON."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hook:
    """One provider's side: what may be asked, and who judges it."""

    methods: tuple[str, ...]
    receive: Receive


class Receiver:
    """Judges requests and fills the inbox. Safe for threads."""

    def __init__(
        self,
        hooks: Mapping[str, Hook],
        secrets: SecretsFile,
        owners: Owners,
        inbox: Inbox,
        clock: Callable[[], datetime],
        signing_keys: Mapping[str, str] | None = None,
    ) -> None:
        """`signing_keys`: keys that the operator was given by a provider, beside what `secrets` holds."""
        self._hooks = hooks
        self._secrets = secrets
        self._owners = owners
        self._inbox = inbox
        self._clock = clock
        self._signing_keys = signing_keys or {}
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._failed_at = float("-inf")

    def prepare(self) -> None:
        """Do what only the first request would wait for. What fails here fails, and is answered, there."""
        for provider in self._hooks:
            try:
                self._inbox.look(provider)
            except Exception as error:  # noqa: BLE001  (a bucket that is away may be back at the first request)
                log.warning("%s: the inbox could not be looked through yet (%s)", provider, type(error).__name__)

    def handle(self, request: Request) -> Response:
        """Answer one request. Blocks until what it says is durable."""
        if request.path in HEALTH_PATHS:
            return self._health(request.method)
        found = _WEBHOOK.fullmatch(request.path)
        provider = found["provider"] if found else ""
        hook = self._hooks.get(provider)
        if found is None or hook is None:
            return self._answered("unknown", Reply(404, "no such path"))
        try:
            secrets = self._secrets.read()
        except ConfigError as error:
            log.error("%s", error)  # noqa: TRY400  (a line with the way out, not a traceback)
            return self._answered(provider, Reply(503, "no secrets to check with"))
        if not same(secrets.path_secret, found["secret"]):
            return self._answered("unknown", Reply(404, "no such path"))
        if request.method not in hook.methods:
            response = self._answered(provider, Reply(405, "method not allowed"))
            return Response(response.status, headers={"allow": ", ".join(hook.methods)})
        if len(request.body) > MAX_BODY_BYTES:
            return self._answered(provider, Reply(413, "too large"))
        headers = {name.lower(): value for name, value in request.headers.items()}
        own = dict(secrets.of(provider))
        if provider in self._signing_keys:
            own["signing_key"] = self._signing_keys[provider]
        now = self._clock()
        reply = hook.receive(Delivery(request.method, request.query, headers, request.body), own, now)
        return self._answered(provider, self._kept(provider, reply, now))

    def counts(self) -> dict[tuple[str, str], int]:
        """How often each (provider, outcome) was seen since the start; events, strangers and ignored parts counted."""
        with self._lock:
            return dict(self._counts)

    def _kept(self, provider: str, reply: Reply, now: datetime) -> Reply:
        """Put the notices into the inbox; 503 if that fails, so that the provider sends them again."""
        self._count(provider, "ignored", reply.ignored)
        try:
            for notice in reply.notices:
                athletes = self._owners.athletes(provider, notice.user_id)
                self._count(provider, "unknown owner", not athletes)
                for athlete_id in athletes:
                    self._inbox.put(
                        ChangeEvent(
                            provider=provider,
                            athlete_id=athlete_id,
                            kind=notice.kind,
                            origin="webhook",
                            seen_at=now,
                            resources=notice.resources,
                            days=notice.days,
                            object_id=notice.object_id,
                            version=notice.version,
                            detail=notice.detail,
                        )
                    )
                    self._count(provider, "kept", 1)
        except Exception as error:  # noqa: BLE001  (whatever fails in a disk or a bucket: not kept, so not acknowledged)
            self._failed_at = time.monotonic()
            log.error("%s: an event could not be kept (%s)", provider, type(error).__name__)  # noqa: TRY400
            return Reply(503, "not kept")
        return reply

    def _answered(self, provider: str, reply: Reply) -> Response:
        self._count(provider, reply.outcome, 1)
        log.info("%s: %s, answered %d", provider, reply.outcome, reply.status)
        if reply.body or reply.status == _NO_CONTENT:
            return Response(reply.status, reply.body)
        return Response(reply.status, _json("ok" if reply.status < 400 else reply.outcome))

    def _health(self, method: str) -> Response:
        if method != "GET":
            return Response(405, headers={"allow": "GET"})
        # Not for ever: whoever sends no traffic to the unhealthy would never learn that the disk has room again.
        if time.monotonic() - self._failed_at < _UNHEALTHY_S:
            return Response(503, _json("the inbox cannot be written"))
        return Response(200, _json("ok"))

    def _count(self, provider: str, outcome: str, times: int) -> None:
        if times:
            with self._lock:
                self._counts[provider, outcome] += times


def _json(status: str) -> bytes:
    return msgspec.json.encode({"status": status})
