"""An HTTP proxy on loopback that fails some requests before it passes them on: a cloud's bad minute.

It can also hold one: carry a request out and never answer, so that a test may kill who waits for it, right there.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_UPSTREAM_SECONDS = 120.0  # an emulator at work on a busy machine
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class FlakyProxy(ThreadingHTTPServer):
    """Answers the next requests with the statuses in `faults` (None: passes it on), then passes everything on."""

    daemon_threads = True
    block_on_close = False  # who was killed never comes back for what is held

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream)
        self.faults: list[int | str | None] = []
        self.seen: list[str] = []
        self.holds: Callable[[str, bytes], bool] = lambda request, body: False
        """Says of a request ("POST /path") and its body whether it is the one to be held."""
        self.held = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FlakyProxy
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            self.server.seen.append(f"{self.command} {self.path}")
            fault = self.server.faults.pop(0) if self.server.faults else None
            is_held = not self.server.held.is_set() and self.server.holds(f"{self.command} {self.path}", body)
        if fault is not None and fault != "lost answer":
            self._answer(int(fault), {}, b'{"error": {"message": "try again later"}}')
            return
        upstream = http.client.HTTPConnection(self.server.upstream.netloc, timeout=_UPSTREAM_SECONDS)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        if is_held:
            self.server.held.set()
            while self.rfile.read(1):  # until the one who asked is gone
                pass
            self.close_connection = True
            return
        if fault == "lost answer":  # carried out, but the caller never hears of it
            self.close_connection = True
            return
        self._answer(answer.status, dict(answer.getheaders()), content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 the names that http.server looks for

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def flaky_proxy(upstream: str) -> Iterator[FlakyProxy]:
    """A proxy in front of `upstream`, for the length of the block."""
    proxy = FlakyProxy(upstream)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
