"""The matcher on labelled records: its bars, and what must hold whatever the records are."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fit_platform.accounts import tables as accounts
from fit_platform.accounts.overrides import Override, OverrideStore
from fit_platform.providers.fitbit import tables as fitbit
from fit_platform.providers.polar import tables as polar
from fit_platform.providers.strava import tables as strava
from tests.bench.matching import (
    JUDGING_SEEDS,
    MODELS,
    PRECISION_BAR,
    RECALL_BAR,
    TESTED_SEED,
    TUNING_SEEDS,
    Run,
    all_scenes,
    judged,
    run,
)  # fmt: skip
from tests.bench.matching_score import Key, b_cubed, pair_counts, score
from tests.bench.matching_strata import STRATA, TRAPS, UNDECIDABLE
from tests.integration.dbt_warehouse import FETCHED_AT, Warehouse

PER_STRATUM = 2
WORLD_DAYS = 30
EDGE_CASE_RECALL_BAR = 0.85  # a stratum has few pairs
SMALL_DOUBLE_COUNT_BAR = 0.01  # the benchmark's bar is half of it; here one session of some hundreds weighs as much


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two scenes of every stratum and a month of the simulator's world, from a seed that nothing was tuned on."""
    return run(tmp_path_factory.mktemp("matching"), all_scenes((TESTED_SEED,), PER_STRATUM, WORLD_DAYS))


@pytest.fixture(scope="module")
def warehouse(result: Run, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A copy of the judged warehouse, to play with."""
    copy = Warehouse(tmp_path_factory.mktemp("again"))
    copy.path.write_bytes((result.folder / "fit.duckdb").read_bytes())
    return copy


def linked(found: dict[Key, Any]) -> set[frozenset[Key]]:
    """The records of each activity."""
    clusters: dict[object, set[Key]] = {}
    for key, one in found.items():
        clusters.setdefault(one.cluster, set()).add(key)
    return {frozenset(keys) for keys in clusters.values()}


def test_the_bars_hold_on_seeds_that_nothing_was_tuned_on(result: Run) -> None:
    assert not set(TUNING_SEEDS) & set(JUDGING_SEEDS)
    total = score(result.decidable, result.found)
    assert total.pairs > 200
    assert (total.precision >= PRECISION_BAR, total.recall >= RECALL_BAR) == (True, True), total
    assert max(total.minutes_error, total.km_error) < SMALL_DOUBLE_COUNT_BAR, total
    assert score(result.of(*TRAPS), result.found).lost == 0


@pytest.mark.parametrize("stratum", [name for name in STRATA if name not in UNDECIDABLE])
def test_an_edge_case_is_matched(result: Run, stratum: str) -> None:
    """Two scenes each; the benchmark has many. Sensors err, so that one pair in many may be missed, but none is made up
    and no session is lost."""
    figures = score(result.of(stratum), result.found)
    assert (figures.precision, figures.lost) == (1, 0), figures
    assert figures.recall >= EDGE_CASE_RECALL_BAR, figures


def test_a_session_never_has_two_whole_records_of_one_provider(warehouse: Warehouse) -> None:
    assert (
        warehouse.rows(
            "select activity_id, provider from marts.activity_sources where relation != 'part_of' "
            "group by activity_id, provider having count(*) > 1"
        )
        == []
    )


def test_every_decision_has_an_audit_row_with_its_features(warehouse: Warehouse) -> None:
    """Each linked or reviewed record is explained by a compared pair, and nothing stays undecided."""
    unexplained = warehouse.rows(
        "select s.provider_activity_id from marts.activity_sources as s where s.matched_by != 'primary' "
        "and not exists (select 1 from intermediate.int_activity_pairs as p where p.relation != 'different' "
        "and (s.athlete_id || ':' || s.provider || ':' || s.provider_activity_id) in (p.record_id, p.other_record_id))"
    )
    assert unexplained == []
    assert (
        warehouse.rows(
            "select count(*) as n, count(relation) + count(match_score) + count(rule_version) "
            "+ count(overlap_over_union) + count(start_difference_seconds) + count(sport_fit) + count(evidence_at) "
            "as filled from intermediate.int_activity_pairs having filled != 7 * n or n = 0"
        )
        == []
    )


BASE = {table.name: table for table in (polar.EXERCISES, strava.ACTIVITIES, fitbit.EXERCISES)}
EVIDENCE = {table.name: table for table in (polar.EXERCISE_SAMPLES, strava.STREAM_SAMPLES, fitbit.HEART_RATE)}


def rebuilt(warehouse: Warehouse, **variables: object) -> dict[Key, Any]:
    """The marts after another build."""
    warehouse.dbt("run", "--select", *MODELS, *(["--vars", json.dumps(variables)] if variables else []))
    return judged(warehouse)


def test_arrival_order_and_a_second_run_change_nothing(warehouse: Warehouse) -> None:
    before = warehouse.marts()
    with warehouse.connect() as connection:
        for table in {**BASE, **EVIDENCE}:
            connection.execute(
                f'create or replace table base."{table}" as select * from base."{table}" order by random()'
            )
    rebuilt(warehouse)
    assert warehouse.marts() == before


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-05-01 {text}:00+00:00")


def of(provider: str, record: str, start: str, end: str, **row: Any) -> tuple[Any, dict[str, Any]]:
    """A base row of Ida's."""
    common = {"athlete_id": "ida", "dt": at(start).date(), "started_at": at(start), "utc_offset_seconds": 0, **row}
    seconds = (at(end) - at(start)).total_seconds()
    if provider == "polar":
        return polar.EXERCISES, {**common, "exercise_id": record, "duration_seconds": seconds, "sport": "RUNNING"}
    if provider == "strava":
        return strava.ACTIVITIES, {**common, "activity_id": record, "elapsed_seconds": seconds, "sport_type": "Run"}
    return fitbit.EXERCISES, {**common, "exercise_id": record, "ended_at": at(end), "exercise_type": "RUNNING"}


def clusters_of(warehouse: Warehouse) -> dict[str, set[str]]:
    """activity_id -> Ida's records in it."""
    found: dict[str, set[str]] = {}
    for row in warehouse.rows("select * from marts.activity_sources where athlete_id = 'ida'"):
        found.setdefault(row["activity_id"], set()).add(row["provider_activity_id"])
    return found


@pytest.fixture(scope="module")
def ida(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with one athlete, to which records arrive."""
    empty = Warehouse(tmp_path_factory.mktemp("ida"))
    empty.create_base_tables()
    empty.insert(accounts.ATHLETES, [{"athlete_id": "ida", "dt": at("00:00").date(), "display_name": "ida"}])
    empty.dbt("seed")
    return empty


def test_an_activity_keeps_its_id_when_copies_arrive_later(ida: Warehouse) -> None:
    """A run's phone record and the band's of its second half are two; the watch's, a day later, bridges them."""
    for days, table, row in (
        (0, *of("strava", "s1", "08:00", "08:28")),
        (0, *of("fitbit", "f1", "08:31", "09:00")),
        (1, *of("polar", "p1", "08:00", "09:00")),
    ):
        if days:
            rebuilt(ida)
            before = clusters_of(ida)
        seen = FETCHED_AT + timedelta(days=days)
        ida.insert(table, [{**row, "fetched_at": seen, "first_fetched_at": seen}])
    rebuilt(ida)
    (first,) = (name for name, records in before.items() if records == {"s1"})
    assert sorted(map(sorted, before.values())) == [["f1"], ["s1"]]
    assert clusters_of(ida) == {first: {"s1", "f1", "p1"}}


def test_what_a_person_decided_is_obeyed(ida: Warehouse, tmp_path: Path) -> None:
    """Apart though they are copies, through a third record too; one though they never met, through chains and twice at
    one provider."""
    for table, row in (
        of("polar", "p2", "12:00", "13:00"), of("strava", "s2", "12:00", "13:00"), of("fitbit", "f2", "12:00", "13:00"),
        of("polar", "p3", "15:00", "15:20"), of("polar", "p4", "17:00", "17:30"), of("strava", "s3", "19:00", "20:00"),
        of("strava", "s4", "21:00", "21:10"),
    ):  # fmt: skip
        ida.insert(table, [row])
    store = OverrideStore(tmp_path)
    store.add(Override("ida", "strava", "s2", "polar", "p2", "force_different"))
    for a, b in (("p3", "s3"), ("s3", "p4"), ("p4", "s4")):
        kinds = {"p": "polar", "s": "strava"}
        store.add(Override("ida", kinds[a[0]], a, kinds[b[0]], b, "force_same"))
    ida.insert(
        accounts.ACTIVITY_OVERRIDES,
        [{**{name: getattr(o, name) for name in o.__slots__}, "dt": at("00:00").date()} for o in store.list()],
    )
    with ida.connect() as connection:
        connection.execute("delete from base.fitbit_exercises where exercise_id = 'f1'")
    before = clusters_of(ida)
    rebuilt(ida)
    after = clusters_of(ida)
    assert [name for name, records in after.items() if records == {"s1", "p1"}] == list(before), "a copy was deleted"
    found = {frozenset(records) for records in after.values()}
    assert frozenset({"p3", "p4", "s3", "s4"}) in found
    assert {"p2", "s2"} <= {record for records in found for record in records}
    assert not [records for records in found if {"p2", "s2"} <= records]
    whole = ida.rows("select provider, count(*) as n from marts.activity_sources where relation != 'part_of' and "
                     "provider_activity_id in ('p3', 'p4', 's3', 's4') group by provider")  # fmt: skip
    assert {row["n"] for row in whole} == {1}


def test_the_measures_are_those_of_the_worked_example() -> None:
    """Truth {a,b,c},{d}; said {a,b},{c,d}: pairwise P 1/2, R 1/3, F1 0.4; B-cubed P 0.75, R 0.667, F1 0.706."""
    names = [("x", "x", letter) for letter in "abcd"]
    truth: dict[Key, Any] = dict(zip(names, "1112", strict=True))
    said: dict[Key, Any] = dict(zip(names, "1122", strict=True))
    both, claimed, true = pair_counts(truth, said)
    precision, recall = both / claimed, both / true
    assert (precision, recall) == (pytest.approx(0.5), pytest.approx(1 / 3))
    assert 2 * precision * recall / (precision + recall) == pytest.approx(0.4)
    assert b_cubed(truth, said) == (pytest.approx(0.75), pytest.approx(0.667, abs=5e-4), pytest.approx(0.706, abs=5e-4))
