"""Three years of three athletes through broken answers and used-up windows: complete, nothing lost, nothing twice.

To fit into a minute, the feeds that are slow to invent are cut: streams to four months, steps to a season, heart rate
to ten days. Polar's own limits end at a year. At full size, with every resource: `make test-backfill`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fit_platform.commands.simulate import SimulatedWorld
from fit_platform.landing.layout import DayKey
from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone, Written
from fit_platform.providers.base import DayAnswer, Item, Resource, Window
from fit_platform.providers.registry import resource
from tests.integration.long_pull import (
    CountingLedger,
    Landed,
    Puller,
    Simulation,
    landed_objects,
    last_days,
    simulation,
)

ATHLETES = ("ada", "ben", "chitra")
YEARS, YEAR, MONTHS, SEASON, DAYS = 3 * 365, 365, 120, 90, 10
WORLD = SimulatedWorld(seed=7, days=YEARS, athletes=len(ATHLETES), end=date(2026, 11, 15))
PLAN: list[tuple[Resource, Window]] = [
    (resource(provider, name), last_days(WORLD, days))
    for provider, name, days in (
        ("strava", "activities", YEARS),
        ("strava", "streams", MONTHS),
        ("polar", "exercises", YEAR),
        ("polar", "sleep", YEAR),
        ("polar", "daily_activity", YEAR),
        ("fitbit", "exercise", YEARS),
        ("fitbit", "sleep", YEARS),
        ("fitbit", "daily_resting_heart_rate", YEARS),
        ("fitbit", "steps", SEASON),
        ("fitbit", "heart_rate", DAYS),
    )
]
# Half of a new Strava application's short limits, so that four months of streams fill several quarter hours.
CALM = {"polar_window_days": 60, "limits": {"strava_overall": [100, 2000], "strava_read": [50, 1000]}}
STORMY = {**CALM, "seed": 5, "status_500": 0.03, "malformed_json": 0.01, "html_200": 0.01, "status_429": 0.005}


class Memory(LandingZone):
    """Takes days as they come, for the answers that nothing went wrong with."""

    def __init__(self) -> None:
        self.days: dict[DayKey, list[Item]] = {}

    def write_day(self, resource: Resource, athlete_id: str, answer: DayAnswer, now: datetime, **_: object) -> Written:
        key = DayKey(resource.provider, resource.name, answer.day, athlete_id)
        assert key not in self.days
        self.days[key] = [item for item in answer.items if isinstance(item, Item)]
        assert len(self.days[key]) == len(answer.items)
        return Written(True, "", len(answer.items), 0, 0)

    def items(self, key: DayKey) -> list[Item]:
        return self.days.get(key, [])

    def objects(self) -> Landed:
        return {
            (key.provider, key.resource, key.athlete_id, key.dt): Counter(item.payload for item in items)
            for key, items in self.days.items()
            if items
        }


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    with simulation(WORLD, tmp_path_factory.mktemp("backfill") / "home", ATHLETES) as running:
        yield running


def backfill(providers: Simulation, ledger_file: Path, zone: LandingZone, scenario: dict[str, Any]) -> Puller:
    providers.control("scenario", **scenario)
    puller = Puller(providers, zone, CountingLedger(ledger_file, providers.now))
    for wanted, window in PLAN:
        for athlete in ATHLETES:
            puller.to_the_end(wanted, window, athlete)
    return puller


def test_a_backfill_through_faults_and_used_up_windows_lands_every_object_once(
    providers: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # this test does not cut the power
    started = providers.now()
    memory = Memory()
    calm = backfill(providers, tmp_path / "calm.sqlite", memory, CALM)
    assert calm.ledger.answers[429] == 0, "the ledger stops before the provider has to"
    assert calm.waits["quota"] >= 4, "Strava's streams alone fill as many quarter hours"
    zone = LandingZone(FolderStore(tmp_path / "landing"))
    stormy = backfill(providers, tmp_path / "stormy.sqlite", zone, STORMY)
    assert stormy.ledger.answers[500] > 10
    assert stormy.ledger.answers[429] > 0
    assert stormy.waits["quota"] > calm.waits["quota"]
    assert providers.now() - started > timedelta(hours=2), "on the simulated clock"

    wanted = memory.objects()
    found, no_objects = landed_objects(zone, [resource for resource, _ in PLAN])
    assert {key for key in wanted if key not in found} == set(), "lost"
    assert {key for key in found if key not in wanted} == set(), "out of nowhere"
    assert {key for key in wanted if found[key] != wanted[key]} == set(), "not the same objects, each once"
    assert no_objects == 0, "no tombstone, no rejected body is left"
    assert {key[:2] for key in wanted} == {resource.key for resource, _ in PLAN}
