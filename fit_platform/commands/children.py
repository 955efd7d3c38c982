"""Programs that live and die with us: a child process in its own group, with its stdin as the lifeline.

`python -m fit_platform.commands.children MODULE ARGS...` is the child's side: it runs the module as a program and,
when stdin ends because the parent is gone (even by kill -9), ends it.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

_PATIENCE_SECONDS = 15.0


@contextmanager
def child(
    arguments: Sequence[str], *, environment: Mapping[str, str] | None = None, read_output: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m MODULE ...` while the block runs; end it afterwards, and kill whatever is left of its group.

    A group of its own keeps the terminal's Ctrl-C away from it: the parent decides when it ends. `read_output` gives
    the parent its stdout.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "fit_platform.commands.children", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if read_output else None,
        env={**os.environ, **(environment or {})},
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Whatever it started is in its group; a group that is gone already is what we want.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Run the named module as a program that ends with its parent."""
    # A shell starts background jobs with SIGINT ignored, which every descendant would inherit.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # until the module sets its own
    threading.Thread(target=_end_with_stdin, name="lifeline", daemon=True).start()
    del sys.argv[0]
    module = sys.argv[0]
    with contextlib.suppress(KeyboardInterrupt):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
