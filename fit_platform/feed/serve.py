"""The receiver as a process, served by uvicorn until it is told to end."""

from __future__ import annotations

import asyncio
import logging

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fit_platform.feed.asgi import build_app
from fit_platform.feed.assemble import build_receiver, secrets_file
from fit_platform.settings import Settings

HEADER_SECONDS = 10.0
_GRACE_SECONDS = 8  # Cloud Run kills ten seconds after SIGTERM
_MAX_CONNECTIONS = 400  # of 256 KiB at most: bounds the memory

log = logging.getLogger(__name__)


class ImpatientProtocol(HttpToolsProtocol):
    """HTTP that does not wait for ever: uvicorn limits the silence between requests, not a request that never ends.

    A connection has `HEADER_SECONDS` for a request's headers; `asgi` limits the time for a body.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        """Start waiting for the first headers."""
        super().connection_made(transport)
        self._patience: asyncio.TimerHandle | None = None
        self._wait_for_headers()

    def on_message_begin(self) -> None:
        """The first byte of a request: start waiting for its headers."""
        super().on_message_begin()
        self._wait_for_headers()

    def on_headers_complete(self) -> None:
        """They are there."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered first. Re-raises the signal at the end."""
    secrets_file(settings).prepared()
    receiver = build_receiver(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        build_app(receiver),
        host=host,
        port=port,
        http=ImpatientProtocol,
        ws="none",
        access_log=False,  # it would show the secret part of the path
        log_config=None,
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    try:
        uvicorn.Server(config).run()
    finally:
        for (provider, outcome), times in sorted(receiver.counts().items()):
            log.info("since the start: %s, %s: %d", provider, outcome, times)
