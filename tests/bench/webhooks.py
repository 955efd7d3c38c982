"""Webhooks under load: 20,000 signed deliveries over 200 connections, the receiver killed -9 three times meanwhile.

The sender behaves as a provider: what is not acknowledged is sent again. At the end every acknowledged event must wait
in the inbox exactly once. Loopback only; sender and receiver share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fit_platform.feed.receiver import Request
from fit_platform.landing.inbox import Inbox
from fit_platform.landing.store import FolderStore
from tests.webhook_senders import (
    GoogleKeys,
    google_event,
    google_request,
    keep_secrets,
    link_owners,
    polar_event,
    polar_request,
    strava_event,
    strava_request,
)

KILLS = 3
P99_BAR_MS, RSS_BAR_MIB = 500.0, 150.0
ANSWER_SECONDS = 10.0
_RETRY_SECONDS = 0.2


def deliveries(count: int, keys: GoogleKeys) -> list[tuple[str, bytes]]:
    """(event's own mark, the request as bytes on the wire); the three providers in turn. The mark is its object id."""
    made = []
    for n in range(count):
        mark = str(10_000_000 + n)
        request = (
            polar_request(polar_event(entity_id=mark)),
            strava_request(strava_event(object_id=int(mark))),
            google_request([google_event("exercise", recordId=mark)], keys),
        )[n % 3]
        made.append((mark, wire(request)))
    return made


def wire(request: Request) -> bytes:
    """HTTP/1.1, kept alive."""
    headers = {"host": "127.0.0.1", "content-type": "application/json", **request.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = f"{request.method} {request.path} HTTP/1.1\r\n{head}content-length: {len(request.body)}\r\n\r\n"
    return start.encode() + request.body


@dataclass
class Tally:
    """What the sender saw."""

    latencies_ms: list[float] = field(default_factory=list)  # of the attempt that was acknowledged
    acknowledged: list[str] = field(default_factory=list)
    broken: int = 0
    refused: Counter[int] = field(default_factory=Counter)


async def send_all(port: int, todo: list[tuple[str, bytes]], connections: int, tally: Tally) -> None:
    """Send everything over so many connections; each sends the next as soon as the last one is acknowledged."""
    waiting = iter(todo)
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_connection(port, waiting, tally))


async def _connection(port: int, waiting: Iterator[tuple[str, bytes]], tally: Tally) -> None:
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for mark, request in waiting:
        while True:
            try:
                if streams is None:
                    streams = await asyncio.open_connection("127.0.0.1", port)
                started = time.perf_counter()
                async with asyncio.timeout(ANSWER_SECONDS):
                    streams[1].write(request)
                    status = await _status(streams[0])
            except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError):
                tally.broken += 1
                if streams:
                    streams[1].close()
                streams = None
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if status in (200, 204):
                tally.latencies_ms.append((time.perf_counter() - started) * 1000)
                tally.acknowledged.append(mark)
                break
            tally.refused[status] += 1
            await asyncio.sleep(_RETRY_SECONDS)
    if streams:
        streams[1].close()


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
    await reader.readexactly(length)
    return int(head.split(" ", 2)[1])


class ReceiverProcess:
    """`fit-platform webhooks serve`, which can be killed and started again, and the most memory it ever held."""

    def __init__(self, home: Path, keys_url: str) -> None:
        self.port = free_port()
        self._environment = {"PATH": "/usr/bin:/bin", "FIT_HOME": str(home), "FIT_FITBIT_WEBHOOK_KEYS_URL": keys_url}
        self._log = (home / "receiver.log").open("ab")
        self.peak_mib = 0.0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "fit_platform", "webhooks", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self._environment, stderr=self._log, stdout=self._log)

    def wait_until_up(self, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("the receiver did not come up; see receiver.log")

    def kill(self) -> None:
        self.look_at_memory()
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.look_at_memory()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def look_at_memory(self) -> None:
        """VmHWM is the peak of the process so far (proc_pid_status(5)), in KiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")), 0)
        self.peak_mib = max(self.peak_mib, peak / 1024)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def served(document: bytes) -> Iterator[str]:
    """Google's keyset, on loopback."""

    class Keyset(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keyset)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/keyset.json"
    finally:
        server.shutdown()
        server.server_close()


def kill_meanwhile(receiver: ReceiverProcess, tally: Tally, count: int, over: threading.Event) -> int:
    """Kill and restart after each further quarter of all events; how often it was done."""
    kills = 0
    while not over.wait(0.01) and kills < KILLS:
        if len(tally.acknowledged) >= count * (kills + 1) // (KILLS + 1):
            receiver.kill()
            kills += 1
            receiver.start()
    return kills


@dataclass
class Outcome:
    """What the benchmark came to."""

    kills: int
    seconds: float
    tally: Tally
    waiting: Counter[str]  # mark -> how often it waits in the inbox
    peak_mib: float
    exit_code: int

    @property
    def lost(self) -> list[str]:
        return [mark for mark in self.tally.acknowledged if not self.waiting[mark]]

    @property
    def twice(self) -> list[str]:
        return [mark for mark, times in self.waiting.items() if times > 1]

    @property
    def p99_ms(self) -> float:
        ordered = sorted(self.tally.latencies_ms)
        return ordered[int(len(ordered) * 0.99)]


def run(home: Path, count: int, connections: int) -> Outcome:
    """The whole benchmark in a home of its own."""
    keys, tally, over = GoogleKeys(), Tally(), threading.Event()
    keep_secrets(home / "state" / "webhooks" / "secrets.json")
    link_owners(home)
    todo = deliveries(count, keys)
    with served(keys.document()) as keys_url:
        receiver = ReceiverProcess(home, keys_url)
        try:
            receiver.wait_until_up()
            kills: list[int] = []
            killer = threading.Thread(target=lambda: kills.append(kill_meanwhile(receiver, tally, count, over)))
            killer.start()
            started = time.monotonic()
            asyncio.run(send_all(receiver.port, todo, connections, tally))
            seconds = time.monotonic() - started
            over.set()
            killer.join()
            exit_code = receiver.end()
        finally:
            receiver.process.kill()
    inbox = Inbox(FolderStore(home / "landing"))
    events = (inbox.read(name) for name in inbox.names())
    waiting = Counter(event.object_id or "" for event in events if event)
    return Outcome(kills[0], seconds, tally, waiting, receiver.peak_mib, exit_code)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), options.count, options.connections)
    tally, ordered = outcome.tally, sorted(outcome.tally.latencies_ms)
    table = Table(title=f"{options.count} webhooks over {options.connections} connections, killed -9 {outcome.kills}×")
    for column in ("", "measured", "bar"):
        table.add_column(column, justify="right" if column else "left")
    rows = [
        ("acknowledged", f"{len(tally.acknowledged)}", f"{options.count}"),
        ("acknowledged, and not in the inbox", f"{len(outcome.lost)}", "0"),
        ("in the inbox more than once", f"{len(outcome.twice)}", "0"),
        ("attempts that failed (killed, not up yet)", f"{tally.broken}", ""),
        ("refused and sent again", json.dumps(tally.refused), ""),
        ("acknowledgement p50 / p99 / max (ms)", f"{ordered[len(ordered) // 2]:.0f} / {outcome.p99_ms:.0f} / "
         f"{ordered[-1]:.0f}", f"p99 {P99_BAR_MS:.0f}"),
        ("events a second, outages included", f"{options.count / outcome.seconds:.0f}", ""),
        ("peak memory (MiB)", f"{outcome.peak_mib:.0f}", f"{RSS_BAR_MIB:.0f}"),
        ("exit code after SIGTERM", f"{outcome.exit_code}", "0"),
    ]  # fmt: skip
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)
    kept = (
        outcome.kills == KILLS
        and len(set(tally.acknowledged)) == options.count
        and not outcome.lost
        and not outcome.twice
        and outcome.p99_ms <= P99_BAR_MS
        and outcome.peak_mib <= RSS_BAR_MIB
        and outcome.exit_code == 0
    )
    Console(width=120).print(f"the bars are {'kept' if kept else 'MISSED'}")
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
