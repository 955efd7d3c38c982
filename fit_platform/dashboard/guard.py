"""What stands before every request: known hosts only, no foreign page, and headers that a browser obeys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSRF_HEADER = "x-fit-csrf"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_HSTS = "max-age=31536000"


class Guard:
    """ASGI middleware. A page of another name that resolves to this machine (DNS rebinding) is refused by its Host."""

    def __init__(self, app: ASGIApp, public_url: str | None = None) -> None:
        """`public_url`: the address that people open, where it is not this machine."""
        self._app = app
        self._public = urlsplit(public_url) if public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 to an unknown host, 405 to an unknown method; else go on, and add the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answered[name] = value
                if self._public is not None and self._public.scheme == "https":
                    answered["strict-transport-security"] = _HSTS
                if "cache-control" not in answered:
                    answered["cache-control"] = "no-store"
            await send(message)

        if len(hosts) != 1 or not self._is_known(hosts[0]):
            await PlainTextResponse("unknown host\n", 421)(scope, receive, with_headers)
        elif scope["method"] not in {"GET", "HEAD", "POST"}:
            await PlainTextResponse("method not allowed\n", 405)(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)

    def _is_known(self, host: str) -> bool:
        if self._public is not None:
            return host.lower() == self._public.netloc.lower()
        try:
            parts = urlsplit(f"//{host}")
            _ = parts.port  # a port that is no number
        except ValueError:
            return False
        return parts.hostname in _LOOPBACK and parts.username is None and parts.path == ""


class Csrf:
    """A token that only our own page can read, to be sent back with whatever changes something."""

    def __init__(self, public_url: str | None = None) -> None:
        """The secret lives as long as the process; a page that is older asks for a new token."""
        self._secret = secrets.token_bytes(32)
        self._public = public_url

    def token(self, viewer: str) -> str:
        """The token of a viewer."""
        return hmac.new(self._secret, viewer.encode(), hashlib.sha256).hexdigest()

    def is_ours(self, headers: Mapping[str, str], viewer: str) -> bool:
        """Does the request come from our page?"""
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        origin = headers.get("origin")
        expected = self._public or f"http://{headers.get('host', '')}"
        if origin is not None and origin.rstrip("/").lower() != expected.rstrip("/").lower():
            return False
        content_type = headers.get("content-type", "").split(";")[0].strip().lower()
        told = headers.get(CSRF_HEADER, "")
        return content_type == "application/json" and hmac.compare_digest(told.encode(), self.token(viewer).encode())
