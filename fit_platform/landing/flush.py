"""Flushing a folder to disk for several threads at once: one flush serves everybody who came before it began."""

from __future__ import annotations

import os
import threading
from pathlib import Path


class SharedFlush:
    """Group commit of one folder's names. A flush takes milliseconds, whether for one new file or for a hundred."""

    def __init__(self, folder: Path) -> None:
        """`folder` must exist when it is flushed."""
        self._folder = folder
        self._changed = threading.Condition()
        self._begun = self._ended = 0
        self._is_running = False

    def flush(self) -> None:
        """Return once a flush that began after this call has ended. OSError for the thread whose flush failed."""
        with self._changed:
            wanted = self._begun + 1
            while self._ended < wanted:
                if self._is_running:
                    self._changed.wait()
                else:
                    self._lead()

    def _lead(self) -> None:
        """Flush for all who wait. The lock is held on entry and on return, not in between."""
        self._is_running = True
        self._begun = number = self._begun + 1
        self._changed.release()
        try:
            flush_folder(self._folder)
        except BaseException:
            number = 0
            raise
        finally:
            self._changed.acquire()
            self._is_running = False
            self._ended = max(self._ended, number)
            self._changed.notify_all()


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
