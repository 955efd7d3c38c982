"""How long our servers wait for whoever talks to them: a connection that stands still is closed."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 10.0
READER_SECONDS = 30.0


class ImpatientProtocol(HttpToolsProtocol):
    """HTTP that does not wait for ever: uvicorn limits the silence between requests, not a request that never ends.

    A connection has `HEADER_SECONDS` for a request's headers, and `READER_SECONDS` to take the next part of an answer
    once its buffers are full. The time for a body is the application's to limit.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        """Start waiting for the first headers."""
        super().connection_made(transport)
        self._for_headers: asyncio.TimerHandle | None = None
        self._for_reader: asyncio.TimerHandle | None = None
        self._wait_for_headers()

    def on_message_begin(self) -> None:
        """The first byte of a request: start waiting for its headers."""
        super().on_message_begin()
        self._wait_for_headers()

    def on_headers_complete(self) -> None:
        """They are there."""
        _end(self._for_headers)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The other side takes nothing more: start waiting for it. What it left unread is dropped with it."""
        super().pause_writing()
        _end(self._for_reader)
        self._for_reader = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        _end(self._for_reader)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        _end(self._for_headers)
        _end(self._for_reader)
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        _end(self._for_headers)
        self._for_headers = self.loop.call_later(HEADER_SECONDS, self.transport.close)


def _end(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
