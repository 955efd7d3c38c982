"""Processes that refresh one rotating token at every use, for half a minute: how often is a refresh token lost?

Beside custody, in the same run, what most clients do: read, refresh, write, each atomic, without a lock. First with
files, then with a simulated Secret Manager whose weakly consistent reads lag behind by `LAG_S`.
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
from fit_platform.accounts.tokens import Token, TokenStore, open_token_store
from fit_platform.errors import FitError
from fit_platform.settings import Settings
from tests.fake_secret_manager import FakeSecretManager, fake_secret_manager
from tests.rotating_provider import linked_home, rotating_provider

FORK = multiprocessing.get_context("fork")
PROCESSES = 6
LAG_S = 0.02
Client = Callable[[Settings], Callable[[], object]]
"""What a process makes once, and then uses again and again."""


def with_custody(settings: Settings) -> Callable[[], object]:
    return Custody(settings).token_source("strava", "ada").access_token


def without_a_lock(settings: Settings) -> Callable[[], object]:
    store = open_token_store(settings)
    return lambda: _refresh_without_a_lock(settings, store)


def _refresh_without_a_lock(settings: Settings, store: TokenStore) -> None:
    token = store.load("strava", "ada")
    assert token is not None
    form = {"grant_type": "refresh_token", "refresh_token": token.refresh_token}
    answer = requests.post(settings.strava_token_url, data=form, timeout=10)
    if answer.status_code != 200:
        raise FitError("invalid_grant")
    new = answer.json()
    store.save("strava", "ada", Token(new["access_token"], new["refresh_token"], token.expires_at))


def _work(client: Client, settings: Settings, until: float, results: Any) -> None:
    use = client(settings)
    gets = failures = 0
    while time.monotonic() < until:
        gets += 1
        try:
            use()
        except FitError:
            failures += 1
            time.sleep(0.01)  # a refused client comes back; without a pause it would only measure its own loop
    results.put((gets, failures))


def run(client: Client, seconds: float, google: FakeSecretManager | None = None) -> tuple[int, int, int, int]:
    """(uses, refreshes, refused by the provider, failed uses)."""
    with tempfile.TemporaryDirectory() as home, rotating_provider() as provider:
        settings = linked_home(Path(home), provider, google)
        results = FORK.Queue()
        until = time.monotonic() + seconds
        workers = [FORK.Process(target=_work, args=(client, settings, until, results)) for _ in range(PROCESSES)]
        for worker in workers:
            worker.start()
        counts = [results.get(timeout=seconds + 30) for _ in workers]
        for worker in workers:
            worker.join()
        return sum(g for g, _ in counts), provider.refreshes, provider.refused, sum(f for _, f in counts)


def measure(where: str, seconds: float, google: FakeSecretManager | None = None) -> bool:
    """Print the table of one store; whether custody lost nothing there."""
    table = Table(title=f"one rotating refresh token in {where}, {PROCESSES} processes, {seconds:.0f} s each")
    for column in ("", "uses", "refreshes", "refused", "failed uses"):
        table.add_column(column, justify="right" if column else "left")
    kept = run(with_custody, seconds, google)
    if google is not None:
        google.secrets.clear()
    rows = {"custody (lock, re-read, persist first)": kept, "no lock": run(without_a_lock, seconds, google)}
    for name, counts in rows.items():
        table.add_row(name, *(f"{number:,}" for number in counts))
    Console().print(table)
    return kept[2] == kept[3] == 0


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    lost_nothing = measure("a file", seconds)
    with fake_secret_manager() as google:
        google.lag_s = LAG_S
        lost_nothing &= measure(f"Secret Manager (reads {LAG_S * 1000:.0f} ms old)", seconds, google)
    return int(not lost_nothing)


if __name__ == "__main__":
    sys.exit(main())
