"""The simulated providers as a process of their own: for the demo, for `simulate`, for `dev` on a demo home."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import typer

from fit_platform.commands.children import child
from fit_platform.errors import ConfigError, FitError
from fit_platform.providers.base import Window

_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SimulatedWorld:
    """What a simulated world is made of. The same values give the same data."""

    seed: int
    days: int
    athletes: int
    end: date  # last full day
    port: int = 0  # 0: any free one

    @property
    def window(self) -> Window:
        """All its days."""
        return Window(self.end - timedelta(days=self.days - 1), self.end)


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """Simulated providers that answer at `base_url`. `environment`: the settings that point at them."""

    base_url: str
    environment: dict[str, str]
    process: subprocess.Popen[str]


@contextmanager
def simulator(
    world: SimulatedWorld, *, scenario: Path | None = None, state_file: Path | None = None
) -> Iterator[RunningSimulator]:
    """Run the simulated providers while the block runs."""
    arguments = [
        "fit_platform.simulator", "--port", str(world.port), "--seed", str(world.seed), "--days", str(world.days),
        "--end", world.end.isoformat(), "--athletes", str(world.athletes),
        *(["--scenario", str(scenario)] if scenario else []),
        *(["--state-file", str(state_file)] if state_file else []),
    ]  # fmt: skip
    with child(arguments, read_output=True) as process:
        assert process.stdout is not None
        ready = _first_line(process.stdout.fileno())
        yield RunningSimulator(str(ready["base_url"]), dict(ready["environment"]), process)


def run_simulators(world: SimulatedWorld, scenario: Path | None) -> None:
    """Run them until interrupted; print the settings that point at them."""
    if not is_free(world.port):
        raise ConfigError(f"port {world.port} of 127.0.0.1 is taken; stop what uses it, or choose another with --port")
    if scenario is not None and not scenario.is_file():
        raise ConfigError(f"there is no scenario file {scenario}")
    with simulator(world, scenario=scenario) as running:
        typer.echo(f"# the simulated providers, at {running.base_url}; their consent pages know the invented athletes")
        for name, value in running.environment.items():
            typer.echo(f"export {name}={value}")
        code = running.process.wait()
    raise FitError(f"the simulated providers ended by themselves (exit code {code})")


def is_free(port: int) -> bool:
    """Can we listen on this port of 127.0.0.1?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _first_line(output: int) -> dict[str, Any]:
    """The simulator's first line: JSON, printed when it is ready."""
    deadline = time.monotonic() + _READY_SECONDS
    line = b""
    while not line.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
        if not select.select([output], [], [], left)[0]:
            break
        piece = os.read(output, 4096)
        if not piece:
            break
        line += piece
    try:
        ready: dict[str, Any] = json.loads(line)
    except ValueError:
        raise FitError("the simulated providers did not start; their own words above say why") from None
    return ready
