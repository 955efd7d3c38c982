"""What an athlete does on each civil day: the night, the sessions, and when which device was not worn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from fit_platform.simulator.world.activity import Session, TrueActivity, record_session
from fit_platform.simulator.world.athletes import Athlete
from fit_platform.simulator.world.clock import LocalClock, wall_clock
from fit_platform.simulator.world.draw import Purpose, draw
from fit_platform.simulator.world.night import Night, Span, sleep_length_s, sleep_stages, wake_wall_clock
from fit_platform.simulator.world.sports import EVERYDAY, RARE, SPORTS

_MINUTE = 60
_NEAR_A_CLOCK_CHANGE = 9 * 3600
"""Devices stay on this long around a DST change or a landing, as no wall-clock feed could be told apart otherwise."""


@dataclass(frozen=True, slots=True)
class Wear:
    """When a device was off, on one civil day. The last sample lies before `start`, the next one at `end`."""

    band_off: tuple[Span, ...]
    watch_off: tuple[Span, ...]


class Planner:
    """The plans of one athlete. Everything is drawn by day or by week, so any window gives the same days."""

    def __init__(self, seed: int, athlete: Athlete, clock: LocalClock, travel_days: frozenset[date]) -> None:
        """`travel_days`: civil dates of a landing; no sport on these."""
        self._seed = seed
        self._athlete = athlete
        self._clock = clock
        self._travel_days = travel_days
        self.night = lru_cache(maxsize=512)(self._night)
        self.nap = lru_cache(maxsize=512)(self._nap)
        self.week = lru_cache(maxsize=256)(self._week)
        self.wear = lru_cache(maxsize=512)(self._wear)

    def _rng(self, number: int, purpose: Purpose) -> np.random.Generator:
        return draw(self._seed, self._athlete.index, number, purpose)

    def _night(self, wake_date: date) -> Night:
        rng = self._rng(wake_date.toordinal(), Purpose.NIGHT)
        end = self._clock.epoch(wake_wall_clock(wake_date, wake_date in self._travel_days, rng))
        start = end - sleep_length_s(rng)
        return Night(wake_date, start, end, sleep_stages(start, end, rng))

    def _nap(self, day: date) -> Span | None:
        rng = self._rng(day.toordinal(), Purpose.NAP)
        if rng.random() > 0.07 or day in self._travel_days:
            return None
        start = self._clock.epoch(wall_clock(day, 13, int(rng.integers(10, 50))))
        nap = Span(start, start + int(rng.integers(25, 70)) * _MINUTE)
        return None if any(nap.touches(a.span, 45 * _MINUTE) for a in self.activities_on(day)) else nap

    def activities_on(self, day: date) -> tuple[TrueActivity, ...]:
        """Sessions that start on a civil day, in time order."""
        monday = day - timedelta(days=day.weekday())
        return tuple(a for a in self.week(monday) if self._clock.local_date(a.session.started_at) == day)

    def _week(self, monday: date) -> tuple[TrueActivity, ...]:
        """About five sessions, three or four of them on Strava: an athlete's quarter fits the API's daily budget."""
        number = monday.toordinal() // 7
        rng = self._rng(number, Purpose.WEEK)
        days = sorted(rng.choice(7, size=int(rng.integers(4, 6)), replace=False).tolist())
        dates = [day for offset in days if (day := monday + timedelta(days=offset)) not in self._travel_days]
        sessions = self._sessions(dates, rng)
        on_strava = set(rng.permutation(len(sessions))[: 4 if number % 3 == 0 else 3].tolist())
        typed = next((i for i in sorted(on_strava) if sessions[i].seconds >= 1800 and not sessions[i].is_trap), None)
        return tuple(
            record_session(
                session,
                self._athlete.index,
                self._seed,
                on_strava=index in on_strava,
                by_hand=index == typed and number % 3 == 1,
                rng=rng,
            )
            for index, session in enumerate(sessions)
        )

    def _sessions(self, dates: Iterable[date], rng: np.random.Generator) -> list[Session]:
        sessions: list[Session] = []
        for day in dates:
            chance = rng.random()
            if chance < 0.07:
                sessions += self._warm_up_and_strength(day, rng)
            elif chance < 0.13:
                sessions += [
                    self._session(day, "walk", (12, 15), rng, 35, is_trap=True),
                    self._session(day, "walk", (18, 10), rng, 35, is_trap=True),
                ]
            else:
                rare = rng.random() < 0.04
                names = RARE if rare else EVERYDAY + self._athlete.favourites * 2
                name = str(rng.choice(names))
                sessions.append(self._session(day, name, self._time_of_day(day, rng), rng))
        return sessions

    def _time_of_day(self, day: date, rng: np.random.Generator) -> tuple[int, int]:
        if day.weekday() >= 5:
            return int(rng.integers(9, 11)), int(rng.integers(0, 60))
        chance = rng.random()
        if chance < 0.15:
            wake = self._clock.local(self.night(day).end) + timedelta(minutes=40)
            return wake.hour, wake.minute
        return (12, int(rng.integers(0, 40))) if chance < 0.3 else (int(rng.integers(17, 19)), int(rng.integers(5, 60)))

    def _session(
        self,
        day: date,
        name: str,
        at: tuple[int, int],
        rng: np.random.Generator,
        minutes: int | None = None,
        *,
        is_trap: bool = False,
    ) -> Session:
        sport = SPORTS[name]
        shortest, longest = sport.minutes
        if day.weekday() < 5:
            longest = min(longest, max(80, shortest))
        length = (minutes or int(rng.integers(shortest, longest + 1))) * _MINUTE + int(rng.integers(0, 60))
        start = self._clock.epoch(wall_clock(day, *at)) + int(rng.integers(0, 60))
        return Session(f"{day}T{at[0]:02}{at[1]:02}", sport, start, start + length, is_trap)

    def _warm_up_and_strength(self, day: date, rng: np.random.Generator) -> list[Session]:
        warm_up = self._session(day, "treadmill_run", (18, 0), rng, 11, is_trap=True)
        start = warm_up.ended_at + int(rng.integers(60, 200))
        strength = Session(f"{day}T1815", SPORTS["strength"], start, start + int(rng.integers(30, 55)) * _MINUTE, True)
        return [warm_up, strength]

    def _wear(self, day: date) -> Wear:
        """Gaps of both devices.

        Where the band is off, the watch is on with a wide margin or off with a wide margin. So the edges of what
        was worn are always edges of the dense feed, and worn time can be measured to its cadence.
        """
        rng = self._rng(day.toordinal(), Purpose.WEAR)
        night, bed = self.night(day), self.night(day + timedelta(days=1)).start
        busy = [a.span for a in self.activities_on(day)]
        nap = self.nap(day)
        if nap is not None:
            busy.append(nap)
        changes = self._clock.changes(night.start - 2 * _NEAR_A_CLOCK_CHANGE, bed + 2 * _NEAR_A_CLOCK_CHANGE)
        calm = [Span(change - _NEAR_A_CLOCK_CHANGE, change + _NEAR_A_CLOCK_CHANGE) for change in changes]
        band_off: list[Span] = []
        watch_off: list[Span] = []
        at_night = rng.random()
        if not any(night.span.touches(span) for span in calm):
            if at_night < 0.04:
                band_off.append(Span(night.start - 15 * _MINUTE, night.end + 15 * _MINUTE))
            elif at_night < 0.12:
                watch_off.append(Span(night.start - 20 * _MINUTE, night.end + 20 * _MINUTE))
        awake = Span(night.end + 45 * _MINUTE, bed - 90 * _MINUTE)
        for _ in range(int(rng.integers(1, 4))):
            gap = _somewhere(awake, int(rng.integers(20, 90)) * _MINUTE + int(rng.integers(0, 60)), rng)
            is_watch_off_too = rng.random() < 0.5
            if any(gap.touches(s, 40 * _MINUTE) for s in busy + band_off) or any(gap.touches(s) for s in calm):
                continue
            band_off.append(gap)
            if is_watch_off_too:
                watch_off.append(Span(gap.start - 15 * _MINUTE, gap.end + 15 * _MINUTE))
        if rng.random() < 0.35:
            gap = _somewhere(awake, int(rng.integers(60, 180)) * _MINUTE, rng)
            if not any(gap.touches(s, 20 * _MINUTE) for s in busy + band_off) and not any(gap.touches(s) for s in calm):
                watch_off.append(gap)
        return Wear(tuple(sorted(band_off, key=_start)), tuple(sorted(watch_off, key=_start)))


def _somewhere(inside: Span, seconds: int, rng: np.random.Generator) -> Span:
    start = inside.start + int(rng.integers(0, max(1, inside.end - inside.start - seconds)))
    return Span(start, start + seconds)


def _start(span: Span) -> int:
    return span.start
