"""The roles of the image as processes of this machine: `infra/entrypoint.sh` on our environment, on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENTRYPOINT = ROOT / "infra" / "entrypoint.sh"
_STOP_SECONDS = 40


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def role(name: str, environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A role that runs while the block does; its output goes to a file of its name."""
    temporary = folder / f"tmp-{name}"  # as each container has a /tmp of its own
    temporary.mkdir(exist_ok=True)
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(ENTRYPOINT), name],
            env={**environment, "TMPDIR": str(temporary)},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def listens(port: str) -> bool:
    """Does somebody take connections there? Asked first: the health checks of Dagster's own tools take seconds."""
    with socket.socket() as asking:
        asking.settimeout(2)
        return asking.connect_ex(("127.0.0.1", int(port))) == 0


def is_well(name: str, environment: dict[str, str], folder: Path) -> bool:
    """The image's own health check of a role."""
    done = subprocess.run(
        [str(ENTRYPOINT), "healthcheck"],
        env={**environment, "TMPDIR": str(folder / f"tmp-{name}")},
        cwd=folder,
        capture_output=True,
        timeout=90,
        check=False,
    )
    return done.returncode == 0


def wait_until(what: str, condition: Callable[[], bool], seconds: float, log: Path | None = None) -> None:
    """Ask again and again; AssertionError with the end of the log when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            told = log.read_text(errors="replace")[-3000:] if log and log.exists() else ""
            raise AssertionError(f"not within {seconds:.0f} s: {what}\n{told}")
        time.sleep(1.0)
