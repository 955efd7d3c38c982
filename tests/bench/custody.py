"""Processes that refresh one rotating token at every use, for half a minute: how often is a refresh token lost?

Beside custody, in the same run, what most clients do: read, refresh, write, each atomic, without a lock.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from fit_platform.accounts.custody import Custody
from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.errors import FitError
from fit_platform.settings import Settings
from tests.rotating_provider import linked_home, rotating_provider

FORK = multiprocessing.get_context("fork")
PROCESSES = 6
Use = Callable[[Settings], None]


def with_custody(settings: Settings) -> None:
    Custody(settings).access_token("strava", "ada")


def without_a_lock(settings: Settings) -> None:
    store = FileTokenStore(settings.home_dir, settings.secret_key)
    token = store.load("strava", "ada")
    assert token is not None
    form = {"grant_type": "refresh_token", "refresh_token": token.refresh_token}
    answer = requests.post(settings.strava_token_url, data=form, timeout=10)
    if answer.status_code != 200:
        raise FitError("invalid_grant")
    new = answer.json()
    store.save("strava", "ada", Token(new["access_token"], new["refresh_token"], token.expires_at))


def _work(use: Use, settings: Settings, until: float, results: Any) -> None:
    gets = failures = 0
    while time.monotonic() < until:
        gets += 1
        try:
            use(settings)
        except FitError:
            failures += 1
            time.sleep(0.01)  # a refused client comes back; without a pause it would only measure its own loop
    results.put((gets, failures))


def run(use: Use, seconds: float) -> tuple[int, int, int, int]:
    """(uses, refreshes, refused by the provider, failed uses)."""
    with tempfile.TemporaryDirectory() as home, rotating_provider() as provider:
        settings = linked_home(Path(home), provider)
        results = FORK.Queue()
        until = time.monotonic() + seconds
        workers = [FORK.Process(target=_work, args=(use, settings, until, results)) for _ in range(PROCESSES)]
        for worker in workers:
            worker.start()
        counts = [results.get(timeout=seconds + 30) for _ in workers]
        for worker in workers:
            worker.join()
        return sum(g for g, _ in counts), provider.refreshes, provider.refused, sum(f for _, f in counts)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    table = Table(title=f"one rotating refresh token, {PROCESSES} processes, {seconds:.0f} s each")
    for column in ("", "uses", "refreshes", "refused", "failed uses"):
        table.add_column(column, justify="right" if column else "left")
    for name, use in {"custody (lock, re-read, persist first)": with_custody, "no lock": without_a_lock}.items():
        table.add_row(name, *(f"{number:,}" for number in run(use, seconds)))
    Console().print(table)


if __name__ == "__main__":
    main()
