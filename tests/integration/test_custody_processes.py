"""Custody in both stores under parallel processes and sudden deaths, against a provider that rotates refresh tokens."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

import fit_platform.accounts.files as files
from fit_platform.accounts.connections import ConnectionStore, State
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.secret_client import SecretClient
from fit_platform.accounts.secret_manager import SecretManagerTokenStore
from fit_platform.accounts.tokens import Token, TokenStore, open_token_store
from fit_platform.errors import AuthRevoked
from fit_platform.settings import Settings
from tests.fake_secret_manager import FakeSecretManager, fake_secret_manager
from tests.rotating_provider import Grace, RotatingProvider, linked_home, rotating_provider

SPAWN = multiprocessing.get_context("spawn")  # a forked child inherits what the servers' threads hold
PROCESSES = 4
SHORT_LEASE_S = 0.4


@pytest.fixture
def provider() -> Iterator[RotatingProvider]:
    with rotating_provider() as state:
        yield state


@pytest.fixture
def google() -> Iterator[FakeSecretManager]:
    with fake_secret_manager() as state:
        state.lag_s = 0.02  # what was written is not what is read, but for versions by their number
        yield state


@pytest.fixture(params=["file", "secret-manager"])
def settings(tmp_path: Path, provider: RotatingProvider, request: pytest.FixtureRequest) -> Settings:
    google = request.getfixturevalue("google") if request.param == "secret-manager" else None
    return linked_home(tmp_path, provider, google)


def store_of(settings: Settings) -> TokenStore:
    """The store of the settings; its leases are short, so that nobody has to wait for the dead."""
    if settings.token_store == "file":
        return open_token_store(settings)
    return SecretManagerTokenStore("p", "fit", settings.secret_key, settings.secret_manager_url, SHORT_LEASE_S)


def newest(settings: Settings) -> Token:
    store = store_of(settings)
    with store.exclusive("strava", "ada"):
        token = store.load("strava", "ada")
    assert token is not None
    return token


def state_of(settings: Settings) -> State:
    return ConnectionStore(settings.home_dir).get("strava", "ada").state(datetime.now(UTC)).state


def _use(settings: Settings, times: int, barrier, results) -> None:
    custody = Custody(settings)
    barrier.wait(timeout=60)
    results.put([custody.access_token("strava", "ada") for _ in range(times)])


def in_parallel(settings: Settings, times: int) -> list[str]:
    barrier, results = SPAWN.Barrier(PROCESSES), SPAWN.Queue()
    workers = [SPAWN.Process(target=_use, args=(settings, times, barrier, results)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    handed_out = [token for _ in workers for token in results.get(timeout=120)]
    for worker in workers:
        worker.join(timeout=60)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    return handed_out


def test_parallel_processes_that_refresh_at_every_use_never_lose_the_connection(settings, provider):
    handed_out = in_parallel(settings, times=15)
    assert provider.refused == 0
    assert provider.refreshes == len(set(handed_out)) == PROCESSES * 15
    assert newest(settings).refresh_token == provider.refresh_token
    assert state_of(settings) is State.WORKING


def test_parallel_processes_with_one_due_token_refresh_once(settings, provider):
    provider.lifetime_s = 21_600
    handed_out = in_parallel(settings, times=5)
    assert set(handed_out) == {"a1"}
    assert (provider.refreshes, provider.refused) == (1, 0)


def _hold(settings: Settings, holding) -> None:
    with store_of(settings).exclusive("strava", "ada"):
        holding.set()
        signal.pause()


def test_a_process_that_was_killed_while_refreshing_does_not_lock_the_others_out(settings, provider):
    holding = SPAWN.Event()
    victim = SPAWN.Process(target=_hold, args=(settings, holding))
    victim.start()
    assert holding.wait(timeout=60)
    kill(victim)
    provider.lifetime_s = 21_600
    assert Custody(settings, store_of(settings)).access_token("strava", "ada") == "a1"


# Death between "the provider has answered" and "the new token is stored", at every step there is.

FILE_STEPS = ["the request is sent", "the answer is here", "the file is written", "the file is renamed"]
SECRET_STEPS = ["the request is sent", "the answer is here", "the version is added", "the lease is given back"]
STEPS = [("file", step) for step in FILE_STEPS] + [("secret-manager", step) for step in SECRET_STEPS]
LOST = {"the request is sent", "the answer is here", "the file is written"}  # the new token went with the process


def kill(victim: BaseProcess) -> None:
    os.kill(victim.pid, signal.SIGKILL)
    victim.join(timeout=60)


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at(settings: Settings, step: str) -> None:
    """Refresh, and be killed at `step`. Runs in a process of its own: what it replaces is gone with it."""
    rename, call = files.Path.replace, SecretClient.call

    def secret_call(self: SecretClient, method: str, **arguments: object) -> object:
        if method == "add_secret_version" and step == "the answer is here":
            die()
        answer = call(self, method, **arguments)
        if method == "update_secret" and step == "the lease is given back" and "fit-lease" not in str(arguments):
            die()
        return answer

    if settings.token_store == "secret-manager":
        SecretClient.call = secret_call
    elif step == "the answer is here":
        files.tempfile.mkstemp = die
    elif step == "the file is written":
        files.Path.replace = die
    elif step == "the file is renamed":
        files.Path.replace = lambda self, target: (rename(self, target), die())
    Custody(settings, store_of(settings)).access_token("strava", "ada")


@pytest.fixture
def killed(settings: Settings, provider: RotatingProvider, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Kill a refreshing process at a step; two of these are steps of the servers, who then kill it."""

    def at(step: str) -> None:
        victim = SPAWN.Process(target=_die_at, args=(settings, step))
        hooks = {"the request is sent": (provider, "on_answer")}
        if settings.token_store == "secret-manager":
            hooks["the version is added"] = (request.getfixturevalue("google"), "on_added")
        if step in hooks:
            server, hook = hooks[step]
            setattr(server, hook, lambda: os.kill(victim.pid, signal.SIGKILL))
        victim.start()
        victim.join(timeout=60)
        if step in hooks:
            setattr(server, hook, lambda: None)
        assert victim.exitcode == -signal.SIGKILL
        assert provider.refreshes == 1, "the provider has answered"

    return at


@pytest.mark.parametrize(("settings", "step"), STEPS, indirect=["settings"])
@pytest.mark.parametrize("grace", [Grace.UNTIL_USED, Grace.NO_ROTATION])
def test_kill_9_at_any_step_leaves_the_old_or_the_new_token_usable(settings, provider, killed, step, grace):
    provider.grace = grace
    killed(step)
    provider.lifetime_s = 21_600
    token = Custody(settings, store_of(settings)).access_token("strava", "ada")
    assert token in {"a1", "a2"}
    assert provider.refused == 0
    assert newest(settings).access_token == token
    assert state_of(settings) is State.WORKING


@pytest.mark.parametrize(("settings", "step"), STEPS, indirect=["settings"])
def test_kill_9_where_the_old_token_dies_at_once_loses_only_what_never_reached_the_store(
    settings, provider, killed, step
):
    """Strava's letter: no client can close the gap between its answer and our disk. It is then told as it is."""
    killed(step)
    custody = Custody(settings, store_of(settings))
    if step not in LOST:
        assert newest(settings).refresh_token == "r1"
        assert custody.access_token("strava", "ada") == "a2", "the lifetime is a second: it was due again"
        assert state_of(settings) is State.WORKING
        return
    assert newest(settings).refresh_token == "r0", "whole, not cut"
    with pytest.raises(AuthRevoked):
        custody.access_token("strava", "ada")
    assert state_of(settings) is State.NEEDS_CONSENT
    with suppress(AuthRevoked):
        custody.access_token("strava", "ada")
    assert provider.refused == 1, "asked once, not for ever"
