"""The end of the consent's way back: a web server on 127.0.0.1 that takes one redirect and shows a friendly page."""

from __future__ import annotations

import hmac
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fit_platform.errors import ConfigError, Permanent

PATH = "/callback"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 18px/1.5 system-ui, sans-serif; max-width: 32em; margin: 20vh auto; padding: 0 1em; color: #222 }}
</style></head><body><h1>{title}</h1><p>{text}</p></body></html>
"""


Query = dict[str, str]
"""What the provider appended to the redirect address."""


class Loopback:
    """Waits for the provider's redirect. Use `loopback()` to get one that listens."""

    def __init__(self, provider: str, state: str, port: int) -> None:
        """Listen on `port`, 0 for any free one."""
        self._provider = provider
        self._arrived: queue.Queue[Query] = queue.Queue(maxsize=1)
        try:
            self.server = ThreadingHTTPServer(("127.0.0.1", port), _handler(provider, state, self._arrived))
        except OSError as error:
            way_out = "stop what uses it, or choose another with --redirect-port (0: any free one)"
            raise ConfigError(f"cannot listen on 127.0.0.1:{port} ({error.strerror}); {way_out}") from None
        self.server.daemon_threads = True

    @property
    def redirect_uri(self) -> str:
        """Where the provider shall send the browser back to."""
        return f"http://127.0.0.1:{self.server.server_address[1]}{PATH}"

    def wait(self, timeout_s: float) -> Query:
        """The query of the redirect; Permanent when it does not come in time."""
        try:
            return self._arrived.get(timeout=timeout_s)
        except queue.Empty:
            detail = (
                f"the browser did not come back within {timeout_s:.0f} s; run the command again when you are at it. If"
                f" the page there refused the redirect address, register {self.redirect_uri} for your client at the"
                f" provider and add --redirect-port {self.server.server_address[1]}"
            )
            raise Permanent(self._provider, "consent", detail) from None


@contextmanager
def loopback(provider: str, state: str, port: int = 0) -> Iterator[Loopback]:
    """A `Loopback` that listens until the block ends."""
    waiting = Loopback(provider, state, port)
    thread = threading.Thread(target=waiting.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield waiting
    finally:
        waiting.server.shutdown()
        waiting.server.server_close()


def _handler(provider: str, state: str, arrived: queue.Queue[Query]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers the redirect; everything else (a favicon, a stranger) is not found."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path != PATH:
                self._show(404, "Nothing here", "This address only takes the provider's answer.")
                return
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
                self._show(400, "Not for this request", "Go back to the terminal and start again from there.")
            elif "error" in query:
                self._show(200, "Not connected", f"{provider.title()} says: {query['error']}. You can close this page.")
            else:
                self._show(200, "Thank you", "Your consent has arrived. Go back to the terminal to see the result.")
            with suppress(queue.Full):  # a reloaded page: the first redirect is the one that counts
                arrived.put_nowait(query)

        def _show(self, status: int, title: str, text: str) -> None:
            page = _PAGE.format(title=escape(title), text=escape(text)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Log nothing: the request line holds the authorization code."""

    return Handler
