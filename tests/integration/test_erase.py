"""Erasing an athlete: nothing but the receipt can be found afterwards, and the other athlete's numbers stay."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from fit_platform.commands.erase import run_erase
from fit_platform.errors import BusyError, ConfigError
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.retention.receipts import receipts_folder
from fit_platform.runtime import Runtime
from fit_platform.sync import one_at_a_time
from tests.integration.conftest import House

ADA, BEN = "ada", "ben"
_DEADLINE_SECONDS = 300


def ids_of(house: House, athlete_id: str, provider: str | None = None) -> set[str]:
    """The athlete's name, the providers' ids of the person and of everything recorded."""
    with house.open() as runtime:
        connections = runtime.connections.list(provider, athlete_id)
    users = {connection.provider_user_id for connection in connections if connection.provider_user_id}
    rows = house.query(
        "SELECT provider_activity_id AS id FROM marts.activity_sources WHERE athlete_id = ? AND provider LIKE ?",
        athlete_id,
        provider or "%",
    )
    return users | {row["id"] for row in rows} | (set() if provider else {athlete_id})


def texts(path: Path) -> list[str]:
    """All that a file says, whatever it is: written for this test, apart from the search of the product."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        return [gzip.decompress(data).decode("utf-8", "replace")]
    if data.startswith(b"SQLite format 3"):
        with sqlite3.connect(path) as db:
            return list(db.iterdump())
    if data[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as db:
            tables = db.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
            return [
                row[0]
                for s, t in tables
                for row in db.execute(f'SELECT DISTINCT to_json(t)::VARCHAR FROM "{s}"."{t}" t').fetchall()
            ]
    if data[:4] == b"PAR1":
        return [row[0] for row in duckdb.sql(f"SELECT to_json(t)::VARCHAR FROM read_parquet('{path}') t").fetchall()]
    return [data.decode("utf-8", "replace")]


def found_in(home: Path, ids: set[str]) -> list[str]:
    """Files, relative to the home, with an id in their name or contents; long ids also in the bytes as they lie."""
    pattern = re.compile(r"(?<![A-Za-z0-9_-])(?:" + "|".join(map(re.escape, sorted(ids))) + r")(?![A-Za-z0-9_-])")
    long = [one.encode() for one in ids if len(one) >= 8]
    found = []
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if pattern.search(name):
            found.append(name)
        elif path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if any(one in data for one in long) or any(pattern.search(text) for text in texts(path)):
                found.append(name)
    return found


def marts_of(house: House, athlete_id: str) -> dict[str, str]:
    tables = house.query(
        "SELECT table_name AS t FROM duckdb_columns() WHERE schema_name = 'marts' AND column_name = 'athlete_id'"
    )
    return {
        row["t"]: house.query(
            f"SELECT coalesce(md5(string_agg(h, '' ORDER BY h)), '') || count(*) AS h "
            f"FROM (SELECT md5(to_json(t)::VARCHAR) AS h FROM marts.{row['t']} t WHERE athlete_id = ?)",
            athlete_id,
        )[0]["h"]
        for row in tables
    }


def scatter_mentions(house: House) -> None:
    """What the synced home does not have yet: events, edits by hand, notes of other parts, logs of steps."""
    with house.open() as runtime:
        now = datetime.now(UTC)
        for athlete in (ADA, BEN):
            runtime.inbox.put(
                ChangeEvent(provider="polar", athlete_id=athlete, origin="poll", seen_at=now, days=(date(2026, 3, 25),))
            )
            name = runtime.inbox.put(ChangeEvent(provider="strava", athlete_id=athlete, origin="webhook", seen_at=now))
            runtime.inbox.done(name)
            name = runtime.inbox.put(ChangeEvent(provider="fitbit", athlete_id=athlete, origin="replay", seen_at=now))
            runtime.inbox.reject(name, f"nothing known of {athlete}")
        runtime.quota.reserve("fitbit", ADA)
        runtime.quota.reserve("fitbit", BEN)
        key = next(
            key
            for key in runtime.zone.keys("strava", "activities")
            if key.athlete_id == ADA and runtime.zone.items(key)
        )
        body = runtime.zone.store.read(key.path) or b""
        runtime.zone.store.write(
            f"_history/{key.path.removesuffix('.ndjson.gz')}.20260401T000000000000.ndjson.gz", body
        )
    (house.home / "overrides.csv").write_text(
        "# decided by hand\n"
        "athlete_id,provider_a,provider_activity_id_a,provider_b,provider_activity_id_b,decision\n"
        "ada,polar,never-was-1,strava,never-was-2,force_different\n"
        "ben,polar,never-was-3,strava,never-was-4,force_different\n"
    )
    (house.home / "state" / "look.json").write_text(json.dumps({"seen": {"ada": 1, "ben": 2}}))
    log = house.home / "dagster" / "storage" / "run" / "compute_logs" / "step.err"
    log.parent.mkdir(parents=True)
    log.write_text("pulling polar of ada\n")


@pytest.fixture
def house(synced: House, copy_of: Callable[[House], House]) -> House:
    house = copy_of(synced)
    scatter_mentions(house)
    return house


def assert_gone(house: House, ids: set[str], before: dict[str, str], others: set[str]) -> None:
    (receipt,) = receipts_folder(house.home).glob("*.json")
    assert found_in(house.home, ids) == [receipt.relative_to(house.home).as_posix()]
    text = receipt.read_text()
    assert not [one for one in ids - {ADA} if one in text]
    assert json.loads(text)["removed"]["landing_objects"] > 50
    assert marts_of(house, BEN) == before, "the other athlete's numbers are what they were"
    assert set(marts_of(house, ADA).values()) == {"0"}
    assert found_in(house.home / "tokens", {BEN})
    by_hand = (house.home / "overrides.csv").read_text()
    assert by_hand.startswith("# decided by hand\nathlete_id,")
    assert "\nben,polar" in by_hand
    assert len(found_in(house.home / "landing" / "inbox", {BEN})) >= 3
    assert found_in(house.home / "landing", others)


def test_after_an_erasure_a_search_of_every_byte_finds_only_the_receipt(house: House) -> None:
    ids, others, before = ids_of(house, ADA), ids_of(house, BEN), marts_of(house, BEN)
    assert len(ids) > 15
    found = found_in(house.home, ids)
    for kind in (
        "landing/raw",
        "landing/_history",
        "landing/inbox",
        "tokens",
        "dagster/",
        "published",
        "warehouse",
        "state/",
    ):
        assert any(name.startswith(kind) for name in found), (
            f"{kind} mentions the athlete before, or this proves nothing"
        )
    with house.open() as runtime:
        erased = run_erase(runtime.settings, ADA, None, lambda _: None)
    assert erased.left == []
    assert (erased.exit_code, erased.left, erased.problems, erased.notes) == (0, [], [], ())
    assert_gone(house, ids, before, others)
    with house.open() as runtime, pytest.raises(ConfigError, match="there is no athlete 'ada'"):
        run_erase(runtime.settings, ADA, None, lambda _: None)
    result = house.sync(providers=["strava"], athletes=[BEN])
    assert result.exit_code == 0, "the home works as before, its Dagster history included"


def test_an_erasure_that_is_killed_is_finished_by_running_it_again(house: House) -> None:
    ids, others, before = ids_of(house, ADA), ids_of(house, BEN), marts_of(house, BEN)
    points: list[Callable[[], bool]] = [
        lambda: (house.home / "state" / "erasing" / "ada.all.json").exists(),
        lambda: not (house.home / "tokens" / "polar" / "ada.json").exists(),
        lambda: not list((house.home / "landing" / "raw" / "provider=polar").rglob("athlete=ada/part.ndjson.gz")),
        lambda: not (house.home / "warehouse" / "fit.duckdb").exists(),
        lambda: (house.home / "dbt").exists(),
    ]
    command = [sys.executable, "-m", "fit_platform", "erase", ADA, "--yes"]
    for point in points:
        process = subprocess.Popen(
            command,
            env={**os.environ, **house.environment},
            cwd=house.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while process.poll() is None and not point():
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    with house.open() as runtime:
        assert run_erase(runtime.settings, ADA, None, lambda _: None).exit_code == 0
    assert_gone(house, ids, before, others)


def test_one_provider_of_an_athlete_can_be_erased_alone(house: House) -> None:
    ids, before = ids_of(house, ADA, "strava"), marts_of(house, BEN)
    with house.open() as runtime:
        erased = run_erase(runtime.settings, ADA, "strava", lambda _: None)
        assert erased.exit_code == 0
        assert [c.provider for c in runtime.connections.list(athlete_id=ADA)] == ["fitbit", "polar"]
        assert runtime.athletes.get(ADA) is not None
    assert found_in(house.home, ids) == []
    assert marts_of(house, BEN) == before
    providers = house.query("SELECT DISTINCT provider FROM marts.activity_sources WHERE athlete_id = ? ORDER BY 1", ADA)
    assert [row["provider"] for row in providers] == ["fitbit", "polar"]


def test_an_erasure_waits_for_nobody_and_refuses_while_a_sync_runs(house: House) -> None:
    with house.open() as runtime, one_at_a_time(Runtime(runtime.settings)):
        with pytest.raises(BusyError, match="another sync is running"):
            run_erase(runtime.settings, ADA, None, lambda _: None)
        assert runtime.connections.get("polar", ADA) is not None, "nothing was touched"
