"""One flush of a folder serves everybody who came before it began, and nobody who came after."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fit_platform.landing import flush as flush_module
from fit_platform.landing.flush import SharedFlush


class Disk:
    """Counts flushes; each waits until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.flushes = 0
        self.fails_next = False

    def flush(self, folder: Path) -> None:
        self.flushes += 1
        fails, self.fails_next = self.fails_next, False
        self.begun.release()
        assert self.go_on.acquire(timeout=10)
        if fails:
            raise OSError(5, "Input/output error")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(flush_module, "flush_folder", disk.flush)
    return disk


def test_those_who_come_during_a_flush_share_the_next_one(disk: Disk, tmp_path: Path) -> None:
    shared = SharedFlush(tmp_path)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(shared.flush)
        assert disk.begun.acquire(timeout=10)
        others = [threads.submit(shared.flush) for _ in range(8)]
        while len(shared._changed._waiters) < 8:  # type: ignore[attr-defined]
            pass
        disk.go_on.release()
        first.result(10)
        assert disk.begun.acquire(timeout=10)
        assert not any(other.done() for other in others), "the flush under way had begun before they came"
        disk.go_on.release()
        for other in others:
            other.result(10)
    assert disk.flushes == 2


def test_a_failed_flush_is_told_to_one_and_tried_again_by_the_next(disk: Disk, tmp_path: Path) -> None:
    shared = SharedFlush(tmp_path)
    disk.fails_next = True
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(shared.flush)
        assert disk.begun.acquire(timeout=10)
        second = threads.submit(shared.flush)
        disk.go_on.release(2)
        with pytest.raises(OSError, match="Input/output"):
            first.result(10)
        second.result(10)
    assert disk.flushes == 2


def test_a_real_folder_is_flushed(tmp_path: Path) -> None:
    SharedFlush(tmp_path).flush()
    with pytest.raises(FileNotFoundError):
        SharedFlush(tmp_path / "missing").flush()
