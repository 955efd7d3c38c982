"""Whatever order the days come in, the marts end as if all had been there from the start."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.overrides import Override, OverrideStore
from fit_platform.commands.demo_home import environment_with
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings
from fit_platform.sync import SyncResult, rebuild, update
from tests.bench.growth_fixture import ATHLETE, POLAR_EVERY, Session, polar_id, session_of, strava_id, write_days

TODAY = date(2026, 11, 16)
HISTORY_DAYS = 520
Marts = dict[str, list[tuple[object, ...]]]


@contextmanager
def opened(home: Path) -> Iterator[Runtime]:
    offset = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC) - datetime.now(UTC)
    with environment_with({"FIT_HOME": str(home), "FIT_CLOCK_OFFSET_S": str(offset.total_seconds())}):
        yield Runtime(load_settings())


def marts(runtime: Runtime) -> Marts:
    """Every mart's rows, sorted, and the day-ranged tables that they are made of."""
    with runtime.duckdb.connect(read_only=True) as db:
        names = db.execute(
            "select table_schema, table_name from information_schema.tables where table_schema = 'marts' "
            "or table_name in ('int_heart_rate_intervals', 'int_activity_pair_heart_rate')"
        ).fetchall()
        return {name: db.execute(f'select * from {schema}."{name}" order by all').fetchall() for schema, name in names}


def is_good(result: SyncResult) -> bool:
    return not result.problems and result.published


def relayed_session(days: list[date]) -> Session:
    """One that the watch recorded and Strava got from it: Strava's samples repeat the watch's."""
    return next(s for day in days if (s := session_of(day)) and s.number % POLAR_EVERY == 0)


def differing(one: Marts, other: Marts) -> dict[str, list[tuple[object, ...]]]:
    """Up to three rows of each table that only one has."""
    return {
        name: sorted(set(one[name]) ^ set(other[name]), key=repr)[:3] for name in one if one[name] != other.get(name)
    }


def test_days_in_pieces_and_a_late_decision_equal_a_rebuild(tmp_path: Path) -> None:
    """Today, a scattered past, an upload 16 months late, an edit; then a person parts two records of long ago."""
    lot = random.Random(4)
    AthleteStore(tmp_path).upsert(
        ATHLETE, {"timezone": "Pacific/Auckland", "sex": "female", "max_hr_bpm": 190, "resting_hr_bpm": 50}
    )
    past = [TODAY - timedelta(days=back) for back in range(1, HISTORY_DAYS)]
    relayed = relayed_session(past[60:])
    old = relayed.started_at.date()
    days = sorted({TODAY, old, old - timedelta(days=1), old + timedelta(days=1), *past[:4], *lot.sample(past, 6)})
    lot.shuffle(days)
    first, second = days[:5], days[5:]
    with opened(tmp_path) as runtime:
        write_days(runtime.zone, first)
        assert is_good(update(runtime, providers=())[0])
        write_days(runtime.zone, second)
        write_days(runtime.zone, [first[0]], edit="Edited")
        assert is_good(update(runtime, providers=())[0])
        before = marts(runtime)

        apart = Override(ATHLETE, "polar", polar_id(relayed), "strava", strava_id(relayed), "force_different")
        assert OverrideStore(tmp_path).add(apart)
        assert is_good(update(runtime, providers=())[0])
        in_pieces = marts(runtime)
        changed = {row[1] for row in set(before["heart_rate_hourly"]) ^ set(in_pieces["heart_rate_hourly"])}
        assert len(in_pieces["activities"]) == len(before["activities"]) + 1
        assert changed, "both records count now, also in the hours of their heart rate"
        assert {moment.date() for moment in changed} == {old}

        assert is_good(rebuild(runtime))
        assert differing(in_pieces, marts(runtime)) == {}
