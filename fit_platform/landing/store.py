"""Object stores: bytes under names, written whole or not at all. Here the folder; a bucket takes the same calls."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fit_platform.landing.flush import SharedFlush, flush_folder


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it."""

    name: str
    content_hash: str | None  # what the writer gave, where the store keeps it beside the object


class ObjectStore(Protocol):
    """What the landing zone needs of a store. Names are relative, with forward slashes."""

    def read(self, name: str) -> bytes | None:
        """The whole object, or None where there is none."""

    def read_version(self, name: str) -> tuple[bytes, str] | None:
        """The whole object and which version of it this is, or None where there is none."""

    def head(self, name: str, length: int) -> bytes | None:
        """The first bytes of an object, or None where there is none."""

    def write(self, name: str, body: bytes) -> None:
        """Write an object; a reader sees the old or the new one, never a part."""

    def settle(self, name: str) -> None:
        """Return once an object that was written survives a power cut under its name."""

    def write_if(self, name: str, body: bytes, version: str | None, *, content_hash: str, history: str) -> bool:
        """Write an object unless it is no longer `version` (None: there was none); False when it was not written.

        The version that is replaced is kept: under the name `history`, or by the store itself.
        """

    def move(self, name: str, to: str) -> None:
        """Keep an object under another name (the history of a folder)."""

    def delete(self, name: str) -> None:
        """Remove an object; nothing happens where there is none."""

    def forget_versions(self, name: str, history: str) -> int:
        """Remove the superseded versions of an object for good, and say how many.

        `history` is what the names of a folder's versions begin with; a bucket asks for its noncurrent generations.
        """

    def forget_replaced(self, prefix: str) -> int:
        """Remove for good what the store itself keeps of overwritten and deleted objects under a prefix; how many."""

    def names(self, prefix: str, start_offset: str = "") -> Iterator[str]:
        """Names under a prefix, sorted; with an offset, from that name on (itself included)."""

    def listing(self, prefix: str, start_offset: str = "", end_offset: str = "") -> Iterator[Listed]:
        """Objects under a prefix, sorted by name, from one name on and up to another (which is left out)."""

    def local_files(self, names: Iterable[str], folder: Path) -> Iterator[Path]:
        """Files of this machine with the objects' bytes, in the order of the names, each path ending in its name.

        A store that is elsewhere copies them into `folder`, a few at a time ahead of the caller, who may delete them
        there. Raises FileNotFoundError.
        """


def _version(status: os.stat_result) -> str:
    """Tells one writing of a file from the next: each makes a new inode."""
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def _objects_below(folder: str, prefix: str, start_offset: str, end_offset: str) -> Iterator[Listed]:
    """Objects in a folder, then in those below it. `prefix`: what the names of this folder's objects begin with.

    Text, not paths, and one look at each folder: ten years are 20,000 of them, and every load and check asks for some.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:  # removed since its parent was read
        return
    folders = []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
            continue
        name = f"{prefix}{entry.name}"
        if entry.name[0] != "." and name >= start_offset and (not end_offset or name < end_offset):
            yield Listed(name, None)
    for name in folders:
        inside = f"{prefix}{name}/"
        if inside >= start_offset[: len(inside)] and (not end_offset or inside < end_offset):
            yield from _objects_below(f"{folder}/{name}", inside, start_offset, end_offset)


class FolderStore:
    """Objects as files of one folder."""

    def __init__(self, root: Path) -> None:
        """Use `root`, which need not exist yet."""
        self.root = root
        self._lock = threading.Lock()
        self._flushes: dict[Path, SharedFlush] = {}

    def read(self, name: str) -> bytes | None:
        """The whole object, or None."""
        try:
            return self.local_path(name).read_bytes()
        except FileNotFoundError:
            return None

    def read_version(self, name: str) -> tuple[bytes, str] | None:
        """The whole object and its version, or None."""
        try:
            with self.local_path(name).open("rb") as file:
                return file.read(), _version(os.fstat(file.fileno()))
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

    def settle(self, name: str) -> None:
        """Flush the file's folder: its bytes are on disk after `write`, its name need not be.

        The folders above are flushed once, as they are made once.
        """
        folder = self.local_path(name).parent
        with self._lock:
            is_known = folder in self._flushes
            flush = self._flushes.setdefault(folder, SharedFlush(folder))
        flush.flush()
        if not is_known:
            for above in folder.parents:
                flush_folder(above)
                if above == self.root.parent:
                    break

    def write_if(self, name: str, body: bytes, version: str | None, *, content_hash: str, history: str) -> bool:
        """Write unless another process did since `version` was read; the replaced version is linked as `history`."""
        with self._one_writer():
            try:
                found = _version(self.local_path(name).stat())
            except FileNotFoundError:
                found = None
            if found != version:
                return False
            if found is not None:
                self.move(name, history)
            self.write(name, body)
        return True

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def move(self, name: str, to: str) -> None:
        """Link the object under its second name; the first stays until it is overwritten, so it is never missing."""
        target = self.local_path(to)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(self.local_path(name), target)

    def delete(self, name: str) -> None:
        """Unlink the file, if it is there."""
        self.local_path(name).unlink(missing_ok=True)

    def forget_versions(self, name: str, history: str) -> int:
        """Unlink the files whose names begin with `history`."""
        versions = [kept for kept in self.names(history.rpartition("/")[0]) if kept.startswith(history)]
        for kept in versions:
            self.delete(kept)
        return len(versions)

    def forget_replaced(self, prefix: str) -> int:
        """Nothing: what a folder keeps has a name of its own."""
        return 0

    def names(self, prefix: str, start_offset: str = "") -> Iterator[str]:
        """Names under a prefix, sorted; unfinished temporary files are not objects."""
        for listed in self.listing(prefix, start_offset):
            yield listed.name

    def listing(self, prefix: str, start_offset: str = "", end_offset: str = "") -> Iterator[Listed]:
        """Objects under a prefix; folders outside the offsets are not looked into. A folder keeps no hashes."""
        base = self.root / prefix
        if not base.is_dir():
            return
        begin = "" if base == self.root else f"{Path(prefix).as_posix()}/"
        yield from _objects_below(str(base), begin, start_offset, end_offset)

    def local_files(self, names: Iterable[str], folder: Path) -> Iterator[Path]:
        """The files themselves."""
        return map(self.local_path, names)

    def local_path(self, name: str) -> Path:
        """The file itself."""
        return self.root / name
