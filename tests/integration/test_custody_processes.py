"""Custody under parallel processes, against a provider that kills a refresh token the moment it is used."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fit_platform.accounts.connections import ConnectionStore, State
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.tokens import FileTokenStore
from fit_platform.settings import Settings
from tests.rotating_provider import RotatingProvider, linked_home, rotating_provider

FORK = multiprocessing.get_context("fork")
PROCESSES = 4


@pytest.fixture
def provider() -> Iterator[RotatingProvider]:
    with rotating_provider() as state:
        yield state


@pytest.fixture
def settings(tmp_path: Path, provider: RotatingProvider) -> Settings:
    return linked_home(tmp_path, provider)


def _use(settings: Settings, times: int, barrier, results) -> None:
    custody = Custody(settings)
    barrier.wait(timeout=10)
    results.put([custody.access_token("strava", "ada") for _ in range(times)])


def in_parallel(settings: Settings, times: int) -> list[str]:
    barrier, results = FORK.Barrier(PROCESSES), FORK.Queue()
    workers = [FORK.Process(target=_use, args=(settings, times, barrier, results)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    handed_out = [token for _ in workers for token in results.get(timeout=20)]
    for worker in workers:
        worker.join(timeout=10)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    return handed_out


def test_parallel_processes_that_refresh_at_every_use_never_lose_the_connection(settings, provider):
    handed_out = in_parallel(settings, times=15)
    assert provider.refused == 0
    assert provider.refreshes == len(set(handed_out)) == PROCESSES * 15
    stored = FileTokenStore(settings.home_dir, settings.secret_key).load("strava", "ada")
    assert stored.refresh_token == provider.refresh_token
    assert ConnectionStore(settings.home_dir).get("strava", "ada").state(datetime.now(UTC)).state is State.WORKING


def test_parallel_processes_with_one_due_token_refresh_once(settings, provider):
    provider.lifetime_s = 21_600
    handed_out = in_parallel(settings, times=5)
    assert set(handed_out) == {"a1"}
    assert (provider.refreshes, provider.refused) == (1, 0)


def _hold(settings: Settings, holding) -> None:
    with FileTokenStore(settings.home_dir, settings.secret_key).exclusive("strava", "ada"):
        holding.set()
        signal.pause()


def test_a_process_that_was_killed_while_refreshing_does_not_lock_the_others_out(settings, provider):
    holding = FORK.Event()
    victim = FORK.Process(target=_hold, args=(settings, holding))
    victim.start()
    assert holding.wait(timeout=10)
    os.kill(victim.pid, signal.SIGKILL)
    victim.join(timeout=10)
    provider.lifetime_s = 21_600
    assert Custody(settings).access_token("strava", "ada") == "a1"


def _die_at(settings: Settings, step: str) -> None:
    """Refresh, and be killed just before `step` of the write."""
    import fit_platform.accounts.files as files

    def die(*args: object, **kwargs: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if step == "write":
        files.tempfile.mkstemp = die
    elif step == "rename":
        files.Path.replace = die
    else:
        done = files.Path.replace
        files.Path.replace = lambda self, target: (done(self, target), die())
    Custody(settings).access_token("strava", "ada")


@pytest.mark.parametrize("step", ["write", "rename", "use"])
def test_kill_9_at_any_step_of_the_write_leaves_a_whole_token(settings, provider, step):
    """Before the rename it is the old one, which only a provider with a grace period still takes; never a cut one."""
    victim = FORK.Process(target=_die_at, args=(settings, step))
    victim.start()
    victim.join(timeout=10)
    assert victim.exitcode == -signal.SIGKILL
    stored = FileTokenStore(settings.home_dir, settings.secret_key).load("strava", "ada")
    assert stored.refresh_token == ("r1" if step == "use" else "r0")
