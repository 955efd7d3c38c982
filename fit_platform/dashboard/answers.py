"""What the dashboard sends: the page's files, read once, and JSON answers kept in memory; both with ETags, zipped."""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fit_platform.errors import ConfigError

STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
_TYPES |= {".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}
_ASSET_SECONDS = 31_536_000  # their names change with their contents


@dataclass(frozen=True)
class File:
    """One of the page's files, plain and zipped."""

    name: str
    body: bytes
    zipped: bytes
    etag: str


def page_files() -> dict[str, File]:
    """The page's files, read once: no path of a request ever reaches the disk."""
    if not (STATIC / "index.html").is_file():
        raise ConfigError(f"{STATIC} has no page; run: make dashboard-bundle")
    bodies = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.suffix in _TYPES}
    page = bodies["index.html"].decode()
    for name, body in bodies.items():  # a new build is a new address, so that browsers may keep the files for ever
        page = page.replace(f'/assets/{name}"', f'/assets/{name}?v={digest(body)}"')
    bodies["index.html"] = page.encode()
    return {
        name: File(name, body, gzip.compress(body, 9, mtime=0), f'"{digest(body)}"') for name, body in bodies.items()
    }


def digest(content: bytes) -> str:
    """A short name for this content."""
    return hashlib.sha256(content).hexdigest()[:20]


def file_endpoint(file: File, *, is_page: bool) -> Callable[[Request], Any]:
    """The endpoint of a file: the page is asked for anew each time, what it loads is kept for ever."""
    caching = "no-cache" if is_page else f"public, max-age={_ASSET_SECONDS}, immutable"

    async def answer(request: Request) -> Response:
        return answer_with(request, file.body, file.zipped, file.etag, _TYPES[Path(file.name).suffix], caching)

    return answer


def answer_with(request: Request, body: bytes, zipped: bytes, etag: str, media_type: str, caching: str) -> Response:
    """The body, zipped where the browser takes that, or 304 where it has it already."""
    headers = {"etag": etag, "cache-control": caching, "vary": "accept-encoding, cookie"}
    if etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(zipped, headers={**headers, "content-encoding": "gzip"}, media_type=media_type)
    return Response(body, headers=headers, media_type=media_type)


class Kept:
    """Answers, newest last, up to so many bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = Lock()
        self._entries: OrderedDict[str, tuple[bytes, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> tuple[bytes, bytes] | None:
        """The answer, plain and zipped, if it is kept."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: str, entry: tuple[bytes, bytes]) -> None:
        """Keep an answer; the longest unused ones make room."""
        with self._lock:
            if key in self._entries:
                return
            self._entries[key] = entry
            self._bytes += len(entry[0]) + len(entry[1])
            while self._bytes > self._limit and len(self._entries) > 1:
                _, (body, zipped) = self._entries.popitem(last=False)
                self._bytes -= len(body) + len(zipped)
