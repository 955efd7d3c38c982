"""The world as one object: its people, each with clock, plans, body and devices, and everything that is visible now."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from fit_platform.simulator.config import Provider, WorldConfig
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.athletes import ROSTER, Athlete
from fit_platform.simulator.world.body import Body
from fit_platform.simulator.world.clock import LocalClock, Stay, utc_day
from fit_platform.simulator.world.devices import Devices
from fit_platform.simulator.world.plan import Planner
from fit_platform.simulator.world.truth import truth_of

_TRIP_ZONE = "America/New_York"
_LANDING_HOUR = 14
_SHORTEST_WINDOW_WITH_A_TRIP = 9


class Person:
    """One athlete's part of the world."""

    def __init__(self, config: WorldConfig, athlete: Athlete) -> None:
        """Cheap: nothing is generated before it is asked for."""
        self.config = config
        self.athlete = athlete
        trip = _trip(config) if athlete.index == 0 else None
        self.travel_days = frozenset(trip or ())
        self.clock = LocalClock(_stays(athlete.timezone, trip))
        self.planner = Planner(config.seed, athlete, self.clock, self.travel_days)
        self.body = Body(config.seed, athlete, self.clock, self.planner)
        self.devices = Devices(
            config.seed, athlete, self.clock, self.planner, self.body, config.begin, config.now_epoch
        )

    @cached_property
    def activities(self) -> tuple[TrueActivity, ...]:
        """Every true activity that somebody has uploaded by now, oldest first."""
        first = self.config.first_day - timedelta(days=self.config.first_day.weekday() + 7)
        last = utc_day(self.config.now_epoch) + timedelta(days=1)
        mondays = [first + timedelta(days=7 * n) for n in range((last - first).days // 7 + 1)]
        return tuple(
            activity
            for monday in mondays
            for activity in self.planner.week(monday)
            if any(self.is_visible(record) for record in activity.records)
        )

    def is_visible(self, record: Record) -> bool:
        """Has this record been uploaded by now, and does it lie in the world at all?"""
        return self.config.begin <= record.started_at and record.uploaded_at <= self.config.now_epoch

    def records(self, provider: Provider) -> list[tuple[TrueActivity, Record]]:
        """One provider's visible records, oldest start first."""
        found = [
            (activity, record)
            for activity in self.activities
            for record in activity.records
            if record.provider == provider and self.is_visible(record)
        ]
        return sorted(found, key=lambda pair: pair[1].started_at)

    def civil_dates(self) -> list[date]:
        """Every civil date that has begun, from the first day of the world on."""
        last = self.clock.local_date(self.config.now_epoch - 1)
        return [self.config.first_day + timedelta(days=n) for n in range((last - self.config.first_day).days + 1)]


class World:
    """All of it. `truth()` is what the providers' answers must add up to."""

    def __init__(self, config: WorldConfig) -> None:
        """The same config makes the same world."""
        self.config = config
        self.people: dict[str, Person] = {a.athlete_id: Person(config, a) for a in ROSTER[: config.athletes]}

    def truth(self, first: date | None = None, last: date | None = None, athlete: str | None = None) -> dict[str, Any]:
        """The truth about UTC days `first`..`last` (default: all), see `truth.py`. About 10 ms per athlete and day."""
        people = [person for name, person in self.people.items() if athlete in (None, name)]
        return truth_of(
            self.config,
            people,
            max(first or self.config.first_day, self.config.first_day),
            min(last or date.max, utc_day(self.config.now_epoch - 1)),
        )


def _trip(config: WorldConfig) -> tuple[date, date] | None:
    """The landing dates of the one trip: in the middle of the window, eight days at most."""
    if config.days < _SHORTEST_WINDOW_WITH_A_TRIP:
        return None
    length = min(8, config.days // 3)
    there = config.first_day + timedelta(days=(config.days - length) // 2)
    return there, there + timedelta(days=length)


def _stays(home: str, trip: tuple[date, date] | None) -> list[Stay]:
    zone = ZoneInfo(home)
    stays = [Stay(0, zone)]
    if trip is not None:
        landings = [int(datetime(d.year, d.month, d.day, _LANDING_HOUR, tzinfo=zone).timestamp()) for d in trip]
        stays += [Stay(landings[0], ZoneInfo(_TRIP_ZONE)), Stay(landings[1], zone)]
    return stays
