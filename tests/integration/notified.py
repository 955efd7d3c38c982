"""A receiver of the simulators' notifications on loopback: keeps what it got, answers as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Got:
    """One request to the receiver."""

    method: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """`answer(request)` gives status and JSON body; None: nothing is answered in time."""

    url: str = ""
    answer: Callable[[Got], tuple[int, Any]] = lambda _: (200, None)
    got: list[Got] = field(default_factory=list)

    def events(self) -> list[Any]:
        """Bodies of all notifications so far."""
        return [request.json for request in self.got if request.method == "POST"]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            got = Got(self.command, query, {k.lower(): v for k, v in self.headers.items()}, body)
            receiver.got.append(got)
            status, content = receiver.answer(got)
            text = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if status != 204:
                self.wfile.write(text)

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
