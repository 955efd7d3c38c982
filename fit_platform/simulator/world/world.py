"""The world as one object: its people, each with clock, plans, body and devices, and everything that is visible now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from fit_platform.simulator.config import Provider, WorldConfig
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.athletes import ROSTER, Athlete
from fit_platform.simulator.world.body import Body
from fit_platform.simulator.world.clock import LocalClock, Stay, utc_day
from fit_platform.simulator.world.devices import Devices
from fit_platform.simulator.world.history import UNCHANGED, History, Step
from fit_platform.simulator.world.plan import Planner
from fit_platform.simulator.world.truth import truth_of

_TRIP_ZONE = "America/New_York"
_LANDING_HOUR = 14
_SHORTEST_WINDOW_WITH_A_TRIP = 9


class Person:
    """One athlete's part of the world."""

    def __init__(
        self, config: WorldConfig, athlete: Athlete, history: History = UNCHANGED, basis: Person | None = None
    ) -> None:
        """Cheap: nothing is generated before it is asked for. `basis`: the same person at another instant."""
        self.config = config
        self.athlete = athlete
        self.history = history
        if basis is None:
            trip = _trip(config) if athlete.index == 0 else None
            self.travel_days = frozenset(trip or ())
            self.clock = LocalClock(_stays(athlete.timezone, trip))
            self.planner = Planner(config.seed, athlete, self.clock, self.travel_days)
            self.body = Body(config.seed, athlete, self.clock, self.planner)
        else:
            self.travel_days, self.clock = basis.travel_days, basis.clock
            self.planner, self.body = basis.planner, basis.body
        self.devices = Devices(
            config.seed,
            athlete,
            self.clock,
            self.planner,
            self.body,
            config.begin,
            config.now_epoch,
            self.is_synced,
            lambda day: history.is_split(athlete.athlete_id, day),
        )

    def is_synced(self, provider: Provider, day: date, now: int | None = None) -> bool:
        """Has the all-day data of a date reached a provider by now (or by another instant)?"""
        if not self.history.has_day_rules:
            return True
        ends_at = self.clock.date_bounds(day)[1]
        now = self.config.now_epoch if now is None else now
        return self.history.is_synced(provider, self.athlete.athlete_id, day, ends_at, now)

    def planned(self) -> Iterator[TrueActivity]:
        """Every activity of the world up to now as it was first recorded, oldest first, uploaded or not."""
        first = self.config.first_day - timedelta(days=self.config.first_day.weekday() + 7)
        last = utc_day(self.config.now_epoch) + timedelta(days=1)
        for n in range((last - first).days // 7 + 1):
            yield from self.planner.week(first + timedelta(days=7 * n))

    @cached_property
    def activities(self) -> tuple[TrueActivity, ...]:
        """Every true activity with the records that providers show now, oldest first."""
        found = []
        for activity in self.planned():
            shown = tuple(now for record in activity.records if (now := self._shown(record)) is not None)
            if shown:
                found.append(activity if shown == activity.records else replace(activity, records=shown))
        return tuple(found)

    def steps(self, planned: Record) -> list[Step]:
        """What happens to a record; nothing to one from before the world."""
        return self.history.steps(planned, self.athlete.index) if self.config.begin <= planned.started_at else []

    def _shown(self, planned: Record) -> Record | None:
        """The record as its provider shows it now."""
        past = [step for step in self.steps(planned) if step.at <= self.config.now_epoch]
        return past[-1].record if past else None

    def records(self, provider: Provider) -> list[tuple[TrueActivity, Record]]:
        """One provider's visible records, oldest start first."""
        return self._records.get(provider, [])

    @cached_property
    def _records(self) -> dict[Provider, list[tuple[TrueActivity, Record]]]:
        found: dict[Provider, list[tuple[TrueActivity, Record]]] = {}
        for activity in self.activities:
            for record in activity.records:
                found.setdefault(record.provider, []).append((activity, record))
        return {name: sorted(pairs, key=lambda pair: pair[1].started_at) for name, pairs in found.items()}

    @property
    def weight_kg(self) -> float:
        """What the profile says now."""
        return self.history.weight_kg(self.athlete.athlete_id) or self.athlete.weight_kg

    def civil_dates(self) -> list[date]:
        """Every civil date that has begun, from the first day of the world on."""
        last = self.clock.local_date(self.config.now_epoch - 1)
        return [self.config.first_day + timedelta(days=n) for n in range((last - self.config.first_day).days + 1)]


class World:
    """All of it. `truth()` is what the providers' answers must add up to."""

    def __init__(self, config: WorldConfig, history: History = UNCHANGED, basis: World | None = None) -> None:
        """The same config and history make the same world."""
        self.config = config
        self.history = history
        self.people: dict[str, Person] = {
            a.athlete_id: Person(config, a, history, basis.people[a.athlete_id] if basis else None)
            for a in ROSTER[: config.athletes]
        }

    def at(self, now: int, history: History) -> World:
        """The same world at another instant (epoch second), or after changes. Shares everything that does not move."""
        return World(self.config.model_copy(update={"now": datetime.fromtimestamp(now, UTC)}), history, self)

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
