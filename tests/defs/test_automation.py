"""What automation asks for after the runs that news set off: what they left undone, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
import pytest

from fit_platform.defs.automation import AFTER_LOADS, AFTER_RAW

DAILY = dg.DailyPartitionsDefinition(start_date="2026-03-01", timezone="UTC", end_offset=1)
DAY, LONG_AGO = "2026-03-20", "2026-03-02"
NOW = datetime(2026, 3, 21, 12, tzinfo=UTC)
RAW, LOAD, RANGED, WHOLE = (dg.AssetKey(name) for name in ("raw", "load", "ranged", "whole"))


@dataclass
class House:
    """A row of assets under the platform's conditions, whose raw content is `content`."""

    instance: dg.DagsterInstance
    content: str = "0"
    fails: set[str] = field(default_factory=set)
    cursor: dg.AssetDaemonCursor | None = None  # type: ignore[name-defined]

    def __post_init__(self) -> None:
        house = self

        def materialized(name: str) -> dg.MaterializeResult:
            if name in house.fails:
                raise dg.Failure(name)
            return dg.MaterializeResult(data_version=dg.DataVersion(house.content))

        @dg.asset(key=RAW, partitions_def=DAILY, group_name="raw_strava")
        def raw() -> dg.MaterializeResult:
            return materialized("raw")

        @dg.asset(key=LOAD, deps=[RAW], partitions_def=DAILY, group_name="load_strava", automation_condition=AFTER_RAW)
        def load() -> dg.MaterializeResult:
            return materialized("load")

        @dg.asset(key=RANGED, deps=[LOAD], partitions_def=DAILY, automation_condition=AFTER_LOADS)
        def ranged() -> dg.MaterializeResult:
            return materialized("ranged")

        @dg.asset(key=WHOLE, deps=[LOAD, RANGED], automation_condition=AFTER_LOADS)
        def whole() -> dg.MaterializeResult:
            return materialized("whole")

        # The conditions name every load group there is.
        others = [dg.AssetSpec(["load", name], group_name=f"load_{name}") for name in ("polar", "fitbit", "accounts")]
        self.definitions = dg.Definitions(assets=[raw, load, ranged, whole, *others])
        self.asked()

    def run(self, *keys: dg.AssetKey, day: str = DAY) -> None:
        job = self.definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(
            instance=self.instance, partition_key=day, raise_on_error=False, asset_selection=list(keys)
        )

    def asked(self) -> dict[str, set[str | None]]:
        """What one tick of automation asks for, by asset."""
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, evaluation_time=NOW, cursor=self.cursor
        )
        self.cursor = result.cursor
        found = {key.to_user_string(): set(result.get_requested_partitions(key)) for key in (LOAD, RANGED, WHOLE)}
        return {name: days for name, days in found.items() if days}


@pytest.fixture
def house() -> Iterator[House]:
    with dg.DagsterInstance.ephemeral() as instance:
        house = House(instance)
        for day in (LONG_AGO, DAY):
            house.run(RAW, LOAD, RANGED, WHOLE, day=day)
        house.asked()
        assert house.asked() == {}
        house.content = "1"
        yield house


@pytest.mark.parametrize("day", [DAY, LONG_AGO])
def test_a_run_that_pulled_loaded_and_built_leaves_nothing_to_ask_for(house: House, day: str) -> None:
    house.run(RAW, LOAD, RANGED, WHOLE, day=day)
    assert [house.asked(), house.asked()] == [{}, {}]


@pytest.mark.parametrize("day", [DAY, LONG_AGO])
def test_what_a_run_pulled_and_loaded_is_built_and_not_loaded_again(house: House, day: str) -> None:
    house.run(RAW, LOAD, day=day)
    asked = house.asked()
    assert asked["ranged"] == {day}
    assert "load" not in asked
    house.run(RANGED, WHOLE, day=day)
    assert [house.asked(), house.asked()] == [{}, {}]


@pytest.mark.parametrize("day", [DAY, LONG_AGO])
def test_what_a_backfill_pulled_is_loaded_and_built(house: House, day: str) -> None:
    house.run(RAW, day=day)
    asked = house.asked()
    assert (asked["load"], asked["ranged"]) == ({day}, {day})


def test_a_load_that_failed_in_its_run_is_asked_for(house: House) -> None:
    house.fails = {"load"}
    house.run(RAW, LOAD, RANGED, WHOLE)
    house.fails = set()
    assert house.asked()["load"] == {DAY}


def test_a_build_that_failed_in_its_run_is_asked_for(house: House) -> None:
    house.fails = {"ranged"}
    house.run(RAW, LOAD, RANGED, WHOLE)
    house.fails = set()
    asked = house.asked()
    assert asked["ranged"] == {DAY}
    assert "load" not in asked


def test_a_day_that_is_pulled_again_after_its_load_is_loaded_again(house: House) -> None:
    house.run(RAW, LOAD, RANGED, WHOLE)
    assert house.asked() == {}
    house.content = "2"
    house.run(RAW)
    assert house.asked()["load"] == {DAY}


@pytest.mark.parametrize("day", [DAY, LONG_AGO])
def test_a_day_that_is_pulled_again_right_after_its_load_is_loaded_again_once(house: House, day: str) -> None:
    house.run(RAW, LOAD, RANGED, WHOLE, day=day)
    house.content = "2"
    house.run(RAW, day=day)  # before automation had a look
    assert house.asked()["load"] == {day}
    house.run(LOAD, day=day)
    assert "load" not in house.asked()
    assert "load" not in house.asked()


def test_a_day_that_is_pulled_again_while_the_load_of_its_last_pull_runs_is_loaded_again_once(house: House) -> None:
    house.run(RAW)
    assert house.asked()["load"] == {DAY}
    house.run(LOAD)
    house.content = "2"
    house.run(RAW)  # before automation had a look
    assert house.asked()["load"] == {DAY}
    house.fails = {"load"}
    house.run(LOAD)
    assert "load" not in house.asked(), "asked for once, like every other change"


def test_a_run_that_found_the_same_sets_nothing_off(house: House) -> None:
    house.content = "0"
    house.run(RAW, LOAD)
    assert house.asked() == {}
