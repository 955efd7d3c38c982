"""The receiver as an ASGI application: reads a request within limits of size and time, and hands it to the core.

Verification and disk happen in a few threads: several events are flushed to disk at once, and the loop stays free.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as WebRequest
from starlette.responses import Response as WebResponse
from starlette.types import Receive, Scope, Send

from fit_platform.feed.receiver import MAX_BODY_BYTES, Receiver, Request

MAX_SECONDS = 10.0  # to send a body: providers send a kilobyte in one piece
# A disk answers within a millisecond, most of it our own work: threads beyond a few only keep the loop from reading
# what comes in (p99 of an acknowledgement, 200 connections: 4 threads 260 ms, 8 450, 32 620). A bucket takes its time.
DISK_THREADS, BUCKET_THREADS = 4, 32


class _TooLarge(Exception):
    pass


def build_app(receiver: Receiver, max_seconds: float = MAX_SECONDS, threads: int = DISK_THREADS) -> Starlette:
    """The application around a receiver. A request whose body takes longer than `max_seconds` is answered 408."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="webhook")

    async def answer(web: WebRequest) -> WebResponse:
        try:
            async with asyncio.timeout(max_seconds):
                body = await _body(web)
        except _TooLarge:
            return WebResponse(status_code=413, headers={"connection": "close"})
        except TimeoutError:
            return WebResponse(status_code=408, headers={"connection": "close"})
        except ClientDisconnect:
            return WebResponse(status_code=400)
        request = Request(web.method, web.scope["path"], dict(web.query_params), dict(web.headers), body)
        response = await asyncio.get_running_loop().run_in_executor(pool, receiver.handle, request)
        headers = dict(response.headers)
        if response.body:
            headers["content-type"] = "application/json"
        return WebResponse(response.body, response.status, headers)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await asyncio.get_running_loop().run_in_executor(pool, receiver.prepare)
        yield
        pool.shutdown(wait=True)

    async def everything(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(WebRequest(scope, receive))
        await response(scope, receive, send)

    app = Starlette(lifespan=lifespan)
    app.router.default = everything  # the core knows the paths; a pattern here would miss those with a line break
    return app


async def _body(web: WebRequest) -> bytes:
    announced = web.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:12]) > MAX_BODY_BYTES:
        raise _TooLarge
    body = bytearray()
    async for part in web.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise _TooLarge
    return bytes(body)
