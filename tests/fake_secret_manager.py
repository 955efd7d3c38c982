"""Secret Manager over REST on loopback, as strict as its documentation: etags, version states, reads that lag behind.

Only a version asked for by its number is what it is; the secret, `latest` and listings show the past for `lag_s`.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

Json = dict[str, Any]
_PATH = re.compile(r"/v1/(?P<secret>projects/[^/]+/secrets/[^/:]+)(/versions/(?P<version>[^/:]+))?(:(?P<verb>\w+))?")
_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Refused(Exception):
    """An error answer: HTTP status, and the status by name."""


@dataclass
class Secret:
    """One secret: its resource, its versions, and what readers were shown of the resource and of `latest` when."""

    resource: Json
    versions: list[Json] = field(default_factory=list)
    past: list[tuple[float, Json, int]] = field(default_factory=list)


class FakeSecretManager:
    """`url` says where. `lag_s`: how long weakly consistent reads show the past. `on_added` runs inside addVersion,
    when the version is stored and before it is answered."""

    def __init__(self) -> None:
        self.url = ""
        self.lag_s = 0.0
        self.on_added: Callable[[], object] = lambda: None
        self.failures: list[tuple[str, int]] = []  # (verb, status): answers that are lost, the call was carried out
        self.calls: Counter[str] = Counter()
        self.secrets: dict[str, Secret] = {}
        self.withheld: set[str] = set()  # permissions that the caller lacks
        self._etags = 0
        self._verb = ""
        self._lock = threading.Lock()

    def answer(self, method: str, target: str, body: Json) -> tuple[int, Json]:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            with self._lock:
                answer = self._route(method, unquote(parts.path), query, body)
                failure = next((lost for lost in self.failures if lost[0] == self._verb), None)
                if failure:
                    self.failures.remove(failure)
        except Refused as refused:
            return _error(*refused.args)
        if parts.path.endswith(":addVersion"):
            self.on_added()
        return _error(failure[1], "LOST") if failure else (200, answer)

    def payloads(self) -> list[bytes]:
        """Everything that is stored and not destroyed."""
        return [v["data"] for secret in self.secrets.values() for v in secret.versions if v["data"] is not None]

    def _route(self, method: str, path: str, query: dict[str, str], body: Json) -> Json:
        if method == "POST" and path.endswith("/secrets"):
            return self._create(f"{path.removeprefix('/v1/')}/{query['secretId']}", query["secretId"], body)
        matched = _PATH.fullmatch(path)
        if path.endswith("/versions") and method == "GET":
            return self._list(path.removeprefix("/v1/").removesuffix("/versions"), query.get("filter", ""))
        if not matched:
            raise Refused(404, "NOT_FOUND")
        name, version, verb = matched["secret"], matched["version"], matched["verb"]
        what = self._count(verb or {"GET": "get", "PATCH": "update", "DELETE": "delete"}[method])
        secret = self.secrets.get(name)
        if secret is None:
            raise Refused(404, "NOT_FOUND")
        match what:
            case "get":
                return self._seen(secret)[1]
            case "update":
                return self._update(secret, query, body)
            case "delete":
                self._check(secret.resource, query.get("etag"))
                del self.secrets[name]
                return {}
            case "addVersion":
                return self._add(name, secret, body)
            case "access":
                return self._access(secret, version)
            case "destroy":
                return self._destroy(secret, version)
            case "testIamPermissions":
                return {"permissions": [one for one in body.get("permissions", []) if one not in self.withheld]}
        raise Refused(404, "NOT_FOUND")

    def _count(self, verb: str) -> str:
        self._verb = verb
        self.calls[verb] += 1
        return verb

    def _create(self, name: str, secret_id: str, body: Json) -> Json:
        self._count("create")
        if name in self.secrets:
            raise Refused(409, "ALREADY_EXISTS")
        if not _SECRET_ID.fullmatch(secret_id) or "replication" not in body:
            raise Refused(400, "INVALID_ARGUMENT")
        self.secrets[name] = secret = Secret({**body, "name": name})
        return self._changed(secret)

    def _update(self, secret: Secret, query: dict[str, str], body: Json) -> Json:
        self._check(secret.resource, body.get("etag"))
        if query.get("updateMask") != "annotations":
            raise Refused(400, "INVALID_ARGUMENT")
        annotations = body.get("annotations", {})
        if sum(len(k) + len(v) for k, v in annotations.items()) > 16 * 1024:
            raise Refused(400, "INVALID_ARGUMENT")
        secret.resource["annotations"] = annotations
        return self._changed(secret)

    def _add(self, name: str, secret: Secret, body: Json) -> Json:
        data = base64.b64decode(body["payload"]["data"])
        checksum = body["payload"].get("dataCrc32c")
        if len(data) > 65_536 or (checksum and int(checksum) != google_crc32c.value(data)):
            raise Refused(400, "INVALID_ARGUMENT")
        number = len(secret.versions) + 1
        version = {"name": f"{name}/versions/{number}", "state": "ENABLED", "data": data}
        secret.versions.append(version)
        self._remember(secret)
        return _shown(version)

    def _access(self, secret: Secret, version: str) -> Json:
        number = self._seen(secret)[2] if version == "latest" else int(version)
        if not 1 <= number <= len(secret.versions):
            raise Refused(404, "NOT_FOUND")
        found = secret.versions[number - 1]
        if found["state"] != "ENABLED":
            raise Refused(400, "FAILED_PRECONDITION")
        data = base64.b64encode(found["data"]).decode()
        return {"name": found["name"], "payload": {"data": data, "dataCrc32c": str(google_crc32c.value(found["data"]))}}

    def _destroy(self, secret: Secret, version: str) -> Json:
        found = secret.versions[int(version) - 1]
        if found["state"] == "DESTROYED":
            raise Refused(400, "FAILED_PRECONDITION")
        # With a delay set the version is disabled first and destroyed a day later.
        found["state"] = "DISABLED" if secret.resource.get("versionDestroyTtl") else "DESTROYED"
        if found["state"] == "DESTROYED":
            found["data"] = None
        return _shown(found)

    def _list(self, name: str, wanted: str) -> Json:
        self._count("list")
        secret = self.secrets.get(name)
        if secret is None:
            raise Refused(404, "NOT_FOUND")
        visible = secret.versions[: self._seen(secret)[2]]
        state = wanted.removeprefix("state:")
        return {"versions": [_shown(v) for v in reversed(visible) if not state or v["state"] == state]}

    def _check(self, resource: Json, etag: str | None) -> None:
        if etag and etag != resource["etag"]:
            raise Refused(400, "FAILED_PRECONDITION")

    def _changed(self, secret: Secret) -> Json:
        self._etags += 1
        secret.resource["etag"] = f'"{self._etags}"'
        self._remember(secret)
        return deepcopy(secret.resource)

    def _remember(self, secret: Secret) -> None:
        secret.past.append((time.monotonic(), deepcopy(secret.resource), len(secret.versions)))

    def _seen(self, secret: Secret) -> tuple[float, Json, int]:
        """What a weakly consistent read shows."""
        horizon = time.monotonic() - self.lag_s
        known = [entry for entry in secret.past if entry[0] <= horizon]
        if not known:
            raise Refused(404, "NOT_FOUND")
        secret.past = secret.past[len(known) - 1 :]
        return known[-1]


def _shown(version: Json) -> Json:
    return {name: value for name, value in version.items() if name != "data"}


def _error(code: int, status: str) -> tuple[int, Json]:
    return code, {"error": {"code": code, "message": status.lower(), "status": status}}


@contextmanager
def fake_secret_manager() -> Iterator[FakeSecretManager]:
    """Served on loopback, to any process."""
    state = FakeSecretManager()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            status, answer = state.answer(self.command, self.path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 the names that http.server calls

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
