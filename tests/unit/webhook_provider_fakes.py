"""The providers' subscription endpoints as small loopback servers that keep to the documented rules."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fit_platform.feed.receiver import Receiver, Request

CLIENT = ("client-id", "client-secret")
Answer = tuple[int, Any]


@dataclass
class Provider(ABC):
    """What the three fakes share: a receiver to call back, and a list of what they were asked."""

    receiver: Receiver
    asked: list[str] = field(default_factory=list)
    is_reachable: bool = True
    """Does the public address lead to the receiver?"""

    def call_back(
        self, url: str, method: str, body: bytes = b"", query: dict[str, str] | None = None, **headers: str
    ) -> int:
        if not self.is_reachable:
            return 502
        return self.receiver.handle(Request(method, urlsplit(url).path, query or {}, headers, body)).status

    @abstractmethod
    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, auth: str | None) -> Answer:
        """Status and JSON body of what this provider says to one request."""


@dataclass
class Polar(Provider):
    webhook: dict[str, Any] | None = None
    made: int = 0

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, auth: str | None) -> Answer:
        if auth != f"Basic {b64encode(':'.join(CLIENT).encode()).decode()}":
            return 401, {"errorType": "unauthorized"}
        content = json.loads(body) if body else {}
        match method, path.removeprefix("/v3/webhooks").strip("/"):
            case "GET", "":
                return 200, {"data": [self.webhook] if self.webhook else []}
            case "POST", "":
                if self.webhook:
                    return 409, {"errorType": "conflict", "message": "Webhook already exists"}
                if not self._ping(content["url"]):
                    return 400, {"errorType": "WebhookPingFailedException", "message": "ping failed"}
                self.made += 1
                self.webhook = {"id": f"hook{self.made}", **content, "active": True}
                secret = {key: value for key, value in self.webhook.items() if key != "active"}
                return 201, {"data": {**secret, "signature_secret_key": f"signing-secret-{self.made}"}}
            case "POST", "activate":
                if self.webhook is None:
                    return 204, None
                if not self._ping(self.webhook["url"]):
                    return 400, {"errorType": "WebhookPingFailedException", "message": "ping failed"}
                self.webhook["active"] = True
                return 200, None
            case "PATCH", webhook_id if self.webhook and webhook_id == self.webhook["id"]:
                self.webhook |= content
                return 200, {"data": [self.webhook]}
            case "DELETE", webhook_id if self.webhook and webhook_id == self.webhook["id"]:
                self.webhook = None
                return 204, None
        return 404, {"errorType": "not_found"}

    def _ping(self, url: str) -> bool:
        body = json.dumps({"timestamp": "2026-04-01T12:00:00Z", "event": "PING"}).encode()
        return self.call_back(url, "POST", body) == 200


@dataclass
class Strava(Provider):
    subscription: dict[str, Any] | None = None
    made: int = 0

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, auth: str | None) -> Answer:
        form = dict(parse_qsl(body.decode())) if method == "POST" else query
        if (form.get("client_id"), form.get("client_secret")) != CLIENT:
            return 401, {"message": "Authorization Error", "errors": []}
        assert auth is None
        tail = path.removeprefix("/api/v3/push_subscriptions").strip("/")
        if method == "GET" and not tail:
            return 200, [self.subscription] if self.subscription else []
        if method == "DELETE" and self.subscription and tail == str(self.subscription["id"]):
            self.subscription = None
            return 204, None
        if method == "POST" and not tail:
            if self.subscription:
                return 400, _strava_error("already exists")
            challenge = {"hub.mode": "subscribe", "hub.challenge": "c", "hub.verify_token": form["verify_token"]}
            if self.call_back(form["callback_url"], "GET", query=challenge) != 200:
                return 400, _strava_error("GET to callback URL does not return 200")
            self.made += 1
            self.subscription = {"id": 120474 + self.made, "callback_url": form["callback_url"]}
            return 201, {"id": self.subscription["id"]}
        return 404, {"message": "Resource Not Found", "errors": []}


def _strava_error(code: str) -> dict[str, Any]:
    return {
        "message": "Bad Request",
        "errors": [{"resource": "PushSubscription", "field": "callback url", "code": code}],
    }


@dataclass
class Google(Provider):
    subscriber: dict[str, Any] | None = None

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, auth: str | None) -> Answer:
        if path == "/token":
            return 200, {"access_token": "service-token", "expires_in": 3599, "token_type": "Bearer"}
        if auth != "Bearer service-token":
            return 401, {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "no"}}
        tail = path.removeprefix("/v4/projects/4711/subscribers").strip("/")
        content = json.loads(body) if body else {}
        if method == "GET" and not tail:
            if "pageToken" not in query:  # another team's subscriber fills the first page
                other = {"name": "projects/4711/subscribers/somebody-else", "state": "ACTIVE"}
                return 200, {"subscribers": [other], "nextPageToken": "2"}
            return 200, {"subscribers": [self.subscriber]} if self.subscriber else {}
        if (method == "POST" and not tail) or (method == "PATCH" and self.subscriber):
            if not self._shakes_hands(content["endpointUri"], content["endpointAuthorization"]["secret"]):
                return 400, {"error": {"status": "FAILED_PRECONDITION", "message": "verification failed"}}
            name = f"projects/4711/subscribers/{query.get('subscriberId', tail)}"
            self.subscriber = {"name": name, "state": "ACTIVE", **content, "endpointAuthorization": {"secretSet": True}}
            return 200, {"name": "operations/1", "done": True}
        return 404, {"error": {"status": "NOT_FOUND", "message": "none"}}

    def _shakes_hands(self, url: str, secret: str) -> bool:
        body = b'{"type":"verification"}'
        return (self.call_back(url, "POST", body, authorization=secret), self.call_back(url, "POST", body)) == (
            201,
            401,
        )


@contextmanager
def serving(provider: Provider) -> Iterator[str]:
    """The fake on loopback; its base URL without a path."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            provider.asked.append(f"{self.command} {parts.path}")
            auth = self.headers.get("authorization")
            status, content = provider.answer(self.command, parts.path, dict(parse_qsl(parts.query)), body, auth)
            sent = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
