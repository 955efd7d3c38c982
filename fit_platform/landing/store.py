"""Object stores: bytes under names, written whole or not at all. Here the folder; a bucket takes the same calls."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from fit_platform.errors import ConfigError


class ObjectStore(Protocol):
    """What the landing zone needs of a store. Names are relative, with forward slashes."""

    def read(self, name: str) -> bytes | None:
        """The whole object, or None where there is none."""

    def head(self, name: str, length: int) -> bytes | None:
        """The first bytes of an object, or None where there is none."""

    def write(self, name: str, body: bytes) -> None:
        """Write an object; a reader sees the old or the new one, never a part."""

    def move(self, name: str, to: str) -> None:
        """Keep an object under another name (the history of a folder)."""

    def names(self, prefix: str) -> Iterator[str]:
        """Names under a prefix, sorted."""

    def local_path(self, name: str) -> Path:
        """A path on this machine that holds the object's bytes."""


class FolderStore:
    """Objects as files of one folder."""

    def __init__(self, root: Path) -> None:
        """Use `root`, which need not exist yet."""
        self.root = root

    def read(self, name: str) -> bytes | None:
        """The whole object, or None."""
        try:
            return self.local_path(name).read_bytes()
        except FileNotFoundError:
            return None

    def head(self, name: str, length: int) -> bytes | None:
        """The first `length` bytes, or None."""
        try:
            with self.local_path(name).open("rb") as file:
                return file.read(length)
        except FileNotFoundError:
            return None

    def write(self, name: str, body: bytes) -> None:
        """Write to a temporary file beside the target, flush it to disk, then rename."""
        target = self.local_path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def move(self, name: str, to: str) -> None:
        """Link the object under its second name; the first stays until it is overwritten, so it is never missing."""
        target = self.local_path(to)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(self.local_path(name), target)

    def names(self, prefix: str) -> Iterator[str]:
        """Names under a prefix, sorted; unfinished temporary files are not objects."""
        base = self.root / prefix
        if not base.is_dir():
            return
        for folder, folders, files in os.walk(base):
            folders.sort()
            for file in sorted(files):
                if not file.startswith("."):
                    yield (Path(folder) / file).relative_to(self.root).as_posix()

    def local_path(self, name: str) -> Path:
        """The file itself."""
        return self.root / name


def open_store(url: str) -> ObjectStore:
    """The store that a landing URL names."""
    if url.startswith("gs://"):
        raise ConfigError("FIT_LANDING_URL: gs:// needs the Google Cloud target, which is not built yet; give a folder")
    return FolderStore(Path(url).expanduser().absolute())
