"""Small state files that several processes share: an exclusive lock, and writes that are whole or not there."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fit_platform.errors import ConfigError

_SLUG = re.compile(r"[a-z0-9_-]{1,40}")


def slug(kind: str, value: str) -> str:
    """`value` if it is a name that is safe in paths and keys, else a ConfigError."""
    if not _SLUG.fullmatch(value):
        raise ConfigError(f"{kind} {value!r}: use 1 to 40 of the characters a-z, 0-9, _ and -")
    return value


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)  # mkdir leaves the mode of an existing folder alone
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that belongs to `path`, against other processes and threads. Not re-entrant.

    The lock is on a sibling file that is never deleted: `path` itself is replaced on every write, and a lock on a
    replaced file guards nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # releases the lock


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, readable by its owner only; after a crash it holds the old bytes or the new ones."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp: mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # the rename itself must survive a power cut
    finally:
        os.close(folder)
