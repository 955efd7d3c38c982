"""The body's signals: true heart rate at 1 Hz and steps per minute, for one athlete and UTC day.

Heart rate follows what the body does (sleep stage, steps, effort) with a lag of about half a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fit_platform.simulator.world.activity import TrueActivity
from fit_platform.simulator.world.athletes import Athlete
from fit_platform.simulator.world.clock import DAY, LocalClock, day_start
from fit_platform.simulator.world.draw import Purpose, draw
from fit_platform.simulator.world.night import Span, Stage
from fit_platform.simulator.world.plan import Planner
from fit_platform.simulator.world.streams import Streams, streams_of

_GRID_S = 5
_GRID = DAY // _GRID_S
_LAG_S = 32
_TAIL = 40  # grid points of the day before that the lag still feels
_KERNEL = np.exp(-np.arange(_TAIL + 1) * _GRID_S / _LAG_S)
_KERNEL /= _KERNEL.sum()
_STAGE_BPM: dict[Stage, float] = {"awake": 9.0, "light": 1.0, "deep": -3.0, "rem": 4.0}
_BOUTS_BY_HOUR = np.array([0, 0, 0, 0, 0, 0, 1, 3, 4, 3, 2, 2, 4, 4, 2, 2, 3, 5, 4, 3, 3, 2, 1, 0], dtype=np.float64)


class Body:
    """Signals of one athlete, made on demand and kept for a while."""

    def __init__(self, seed: int, athlete: Athlete, clock: LocalClock, planner: Planner) -> None:
        """All four are those of the world."""
        self._seed = seed
        self._athlete = athlete
        self._clock = clock
        self._planner = planner
        self.streams = lru_cache(maxsize=24)(self._streams)
        self.steps = lru_cache(maxsize=256)(self._steps)
        self.heart_rate = lru_cache(maxsize=128)(self._heart_rate)
        self._demand = lru_cache(maxsize=4)(self._demand_of)

    def _streams(self, activity: TrueActivity) -> Streams:
        return streams_of(self._seed, self._athlete, activity)

    def resting_bpm(self, day: date) -> float:
        """Resting heart rate of a date: the set value with a slow wave and daily noise."""
        rng = draw(self._seed, self._athlete.index, day.toordinal(), Purpose.RESTING)
        wave = 1.5 * np.sin(2 * np.pi * day.toordinal() / 28 + self._athlete.index)
        return float(self._athlete.resting_hr_bpm + wave + np.clip(rng.normal(scale=0.9), -2, 2))

    def nearby(self, day: date) -> Iterator[date]:
        """Civil dates whose plans can reach into a UTC day."""
        return (day + timedelta(days=offset) for offset in (-1, 0, 1, 2))

    def _steps(self, day: date) -> npt.NDArray[np.int64]:
        """True steps in each of the 1,440 minutes of a UTC day."""
        start = day_start(day)
        rng = draw(self._seed, self._athlete.index, day.toordinal(), Purpose.STEPS)
        offsets = np.repeat(self._clock.quarter_offsets(day), 15)
        local_hour = (start + np.arange(1440) * 60 + offsets) // 3600 % 24
        bouts = rng.random(1440) < _BOUTS_BY_HOUR[local_hour] / 60
        steps = np.zeros(1440, dtype=np.int64)
        for minute in np.flatnonzero(bouts).tolist():
            length = int(rng.integers(1, 8))
            steps[minute : minute + length] = rng.integers(35, 112, size=min(length, 1440 - minute))
        for near in self.nearby(day):
            nap = self._planner.nap(near)
            for span in [self._planner.night(near).span, *([nap] if nap else [])]:
                steps[_cut(span, start, 60, 1440)] = 0
            for activity in self._planner.activities_on(near):
                inside = _cut(Span(activity.session.started_at, activity.session.ended_at), start, 60, 1440)
                pace = activity.session.sport.steps_per_minute
                length = len(range(*inside.indices(1440)))
                steps[inside] = np.clip(pace + rng.integers(-6, 7, size=length), 0, None) if pace else 0
        return steps

    def _demand_of(self, day: date) -> npt.NDArray[np.float64]:
        """The heart rate that the moment asks for, on a 5-second grid, before the lag."""
        start = day_start(day)
        athlete = self._athlete
        rng = draw(self._seed, athlete.index, day.toordinal(), Purpose.HEART)
        rest = np.linspace(self.resting_bpm(day), self.resting_bpm(day + timedelta(days=1)), _GRID)
        offsets = np.repeat(self._clock.quarter_offsets(day), _GRID // 96)
        local_hours = (start + np.arange(_GRID) * _GRID_S + offsets) / 3600 % 24
        steps = np.repeat(self.steps(day), 60 // _GRID_S)
        demand = rest + 13 + 4 * np.sin(2 * np.pi * (local_hours - 10) / 24) + 0.26 * steps
        for near in self.nearby(day):
            for part in self._planner.night(near).stages:
                inside = _cut(Span(part.start, part.end), start, _GRID_S, _GRID)
                demand[inside] = rest[inside] + _STAGE_BPM[part.stage]
            nap = self._planner.nap(near)
            if nap is not None:
                inside = _cut(nap, start, _GRID_S, _GRID)
                demand[inside] = rest[inside] + 3
            for activity in self._planner.activities_on(near):
                self._work(activity, start, rest, demand)
        noise = np.interp(np.arange(_GRID), np.arange(0, _GRID, 4), rng.normal(scale=3.0, size=_GRID // 4))
        return np.asarray(demand + noise)

    def _work(
        self, activity: TrueActivity, start: int, rest: npt.NDArray[np.float64], demand: npt.NDArray[np.float64]
    ) -> None:
        session = activity.session
        inside = range(*_cut(Span(session.started_at, session.ended_at), start, _GRID_S, _GRID).indices(_GRID))
        if not len(inside):
            return
        seconds = start + np.array(inside) * _GRID_S - session.started_at
        effort = self.streams(activity).effort[np.clip(seconds, 0, session.seconds - 1)]
        demand[inside.start : inside.stop] = rest[inside.start : inside.stop] + effort * (
            self._athlete.max_hr_bpm - rest[inside.start : inside.stop]
        )

    def _heart_rate(self, day: date) -> npt.NDArray[np.uint8]:
        """True heart rate in whole bpm at each of the 86,400 seconds of a UTC day."""
        before = self._demand(day - timedelta(days=1))
        lagged = np.convolve(np.concatenate([before[-_TAIL:], self._demand(day)]), _KERNEL, mode="valid")
        fine = np.interp(np.arange(DAY), np.arange(_GRID) * _GRID_S, lagged)
        return np.clip(np.rint(fine), 34, self._athlete.max_hr_bpm).astype(np.uint8)

    def heart_rate_between(self, start: int, end: int) -> npt.NDArray[np.uint8]:
        """True heart rate at each second of [start, end)."""
        first, last = start // DAY, (end - 1) // DAY
        days = [self.heart_rate(date.fromordinal(date(1970, 1, 1).toordinal() + n)) for n in range(first, last + 1)]
        return np.concatenate(days)[start - first * DAY : end - first * DAY]


def _cut(span: Span, start: int, step_s: int, count: int) -> slice:
    """The grid points of a day that lie in a span."""
    first = -(-(span.start - start) // step_s)
    after = -(-(span.end - start) // step_s)
    return slice(min(max(first, 0), count), min(max(after, 0), count))
