"""What the devices on the athlete's wrists caught of the true signals: when they were worn, which samples they kept.

Every sample is the true heart rate of its own second, so all providers agree wherever they overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fit_platform.simulator.scenario import Provider
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.athletes import Athlete
from fit_platform.simulator.world.body import Body
from fit_platform.simulator.world.clock import DAY, LocalClock, day_start
from fit_platform.simulator.world.draw import Purpose, digest, draw
from fit_platform.simulator.world.night import Night, Span
from fit_platform.simulator.world.plan import Planner

WATCH_CADENCE_S = 300
NO_DATA_BPM = 0
ARTEFACT_BPM = 255
_WIDE_S = 600

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Samples:
    """A continuous feed on one UTC day: seconds of the day, ascending, and what the device says of each."""

    second_of_day: npt.NDArray[np.int64]
    bpm: Bytes


class Devices:
    """Band (Fitbit) and watch (Polar) of one athlete."""

    def __init__(
        self,
        seed: int,
        athlete: Athlete,
        clock: LocalClock,
        planner: Planner,
        body: Body,
        begin: int,
        now: int,
        is_synced: Callable[[Provider, date], bool],
        is_split: Callable[[date], bool],
    ) -> None:
        """Nothing is caught before `begin`, and nothing is known from `now` on (epoch seconds) or before a sync."""
        self._seed = seed
        self._athlete = athlete
        self._clock = clock
        self._planner = planner
        self._body = body
        self._begin = begin
        self._now = now
        self._is_synced = is_synced
        self._is_split = is_split
        self._band_on = lru_cache(maxsize=8)(self._band_on_wrist)
        self._watch_on = lru_cache(maxsize=8)(self._watch_on_wrist)
        self.band_worn = lru_cache(maxsize=8)(self._band_worn)
        self.watch_worn = lru_cache(maxsize=8)(self._watch_worn)

    def _rng(self, day: date, purpose: Purpose) -> np.random.Generator:
        return draw(self._seed, self._athlete.index, day.toordinal(), purpose)

    def _worn(self, day: date, gaps: list[Span]) -> Mask:
        start = day_start(day)
        worn = np.zeros(DAY, dtype=np.bool_)
        worn[max(0, self._begin - start) :] = True
        for gap in gaps:
            inside = gap.shrunk_to(start, start + DAY)
            if inside is not None:
                worn[inside.start - start : inside.end - start] = False
        return worn

    def _band_on_wrist(self, day: date) -> Mask:
        return self._worn(day, [gap for near in self._body.nearby(day) for gap in self._planner.wear(near).band_off])

    def _watch_on_wrist(self, day: date) -> Mask:
        return self._worn(day, [gap for near in self._body.nearby(day) for gap in self._planner.wear(near).watch_off])

    def _known(self, on_wrist: Mask, day: date, provider: Provider) -> Mask:
        """Only what has happened, and has been synced."""
        known = on_wrist.copy()
        known[max(0, self._now - day_start(day)) if self._is_synced(provider, day) else 0 :] = False
        return known

    def _band_worn(self, day: date) -> Mask:
        """Whether the band sat on the wrist, as far as is known, for each second of a UTC day."""
        return self._known(self._band_on(day), day, "fitbit")

    def _watch_worn(self, day: date) -> Mask:
        """Whether the watch sat on the wrist, as far as is known, for each second of a UTC day."""
        return self._known(self._watch_on(day), day, "polar")

    def band_samples(self, day: date) -> Samples:
        """The band's feed: about every 15 seconds while worn, and at once when put on or when the clock jumps.

        Its last sample comes some 22 seconds before it is off: while it slides down the wrist it finds no pulse.
        """
        rng = self._rng(day, Purpose.BAND_CADENCE)
        worn = self._band_on(day)
        ticks = int(rng.integers(0, 8)) + np.cumsum(rng.integers(13, 18, size=DAY // 14)) - 13
        put_on = np.flatnonzero(worn[1:] & ~worn[:-1]) + 1
        off = np.flatnonzero(worn[:-1] & ~worn[1:]) + 1
        last = off - rng.integers(20, 25, size=len(off))
        start = day_start(day)
        jumps = [change - start for change in self._clock.changes(start, start + DAY)]
        seconds = np.unique(
            np.concatenate([ticks[ticks < DAY], put_on, last[last >= 0], np.array(jumps, dtype=np.int64)])
        )
        steady = worn.copy()
        for final, removal in zip(last.tolist(), off.tolist(), strict=True):
            steady[max(0, final + 1) : removal] = False
        seconds = seconds[steady[seconds]]
        bpm = self._body.heart_rate(day)[seconds]
        if len(bpm) and rng.random() < 0.1:
            bpm[int(rng.integers(0, len(bpm)))] = ARTEFACT_BPM
        known = self.band_worn(day)[seconds]
        return Samples(seconds[known], bpm[known])

    def watch_samples(self, day: date) -> Samples:
        """The watch's all-day feed: every 5 minutes, now and then a 1-second burst or a 0; nothing during training."""
        rng = self._rng(day, Purpose.WATCH_CADENCE)
        phase = digest(self._seed, self._athlete.index, "watch") % WATCH_CADENCE_S
        ticks = np.arange(phase, DAY, WATCH_CADENCE_S)
        burst_start, burst_length = int(rng.integers(0, DAY - 200)), int(rng.integers(45, 110))
        has_burst = rng.random() < 0.25
        band = self._band_on(day)
        burst = np.arange(burst_start, burst_start + burst_length)
        seconds = np.union1d(ticks, burst) if has_burst and band[burst].all() else ticks
        available = self._watch_on(day).copy()
        start = day_start(day)
        for near in self._body.nearby(day):
            for activity in self._planner.activities_on(near):
                record = activity.record_of("polar")
                if record is not None:
                    available[max(0, record.started_at - start) : max(0, record.ended_at - start)] = False
        seconds = seconds[available[seconds]]
        bpm = self._body.heart_rate(day)[seconds]
        # Only where the band sees the minutes around it: a lost sample of the watch must not shorten what was worn.
        unseen = np.concatenate([[0], np.cumsum(~band)])
        around = unseen[np.clip(seconds + _WIDE_S, 0, DAY)] - unseen[np.clip(seconds - _WIDE_S, 0, DAY)]
        # The neighbouring day is out of sight, so nothing is lost next to midnight UTC.
        is_seen = (around == 0) & (seconds >= _WIDE_S) & (seconds < DAY - _WIDE_S)
        bpm[(rng.random(DAY)[seconds] < 0.02) & is_seen] = NO_DATA_BPM
        known = self.watch_worn(day)[seconds]
        return Samples(seconds[known], bpm[known])

    def recorded_heart_rate(self, activity: TrueActivity, record: Record) -> Bytes:
        """The 1 Hz heart rate in a provider's record; 0 where the sensor had not found the pulse yet.

        Polar's series are up to 3 seconds shorter than the session, and a relay has the very same samples.
        """
        if record.kind in ("watch", "relay"):
            lot = digest(record.polar_exercise_id or record.provider_activity_id, "lead-in")
            bpm = self._body.heart_rate_between(record.started_at, record.ended_at - lot % 4)
            if lot % 10 < 3:
                bpm[: 2 + lot % 5] = NO_DATA_BPM
            return bpm
        return self._body.heart_rate_between(record.started_at, record.ended_at)

    def band_night(self, wake_date: date) -> Night | None:
        """The night as the band saw it: exactly, unless it lay on the charger."""
        return None if self._was_off(wake_date, "band") else self._planner.night(wake_date)

    def band_nights(self, wake_date: date) -> tuple[Night, ...]:
        """The night as the band wrote it down: whole, none, or two sleeps around the longest time awake."""
        night = self.band_night(wake_date)
        awake = [part for part in night.stages[1:-1] if part.stage == "awake"] if night else []
        if night is None or not awake or not self._is_split(wake_date):
            return (night,) if night else ()
        gap = max(awake, key=lambda part: part.end - part.start)
        first = tuple(part for part in night.stages if part.end <= gap.start)
        second = tuple(part for part in night.stages if part.start >= gap.end)
        return Night(wake_date, night.start, gap.start, first), Night(wake_date, gap.end, night.end, second)

    def watch_night(self, wake_date: date) -> tuple[float, float] | None:
        """Sleep start and end (epoch, with fractions) as the watch saw them: a few minutes off."""
        if self._was_off(wake_date, "watch"):
            return None
        night = self._planner.night(wake_date)
        lot = digest(self._seed, self._athlete.index, wake_date, "watch-night")
        return night.start + lot % 240 + 0.675, night.end - lot // 240 % 120 + 0.25

    def _was_off(self, wake_date: date, device: str) -> bool:
        wear = self._planner.wear(wake_date)
        night = self._planner.night(wake_date)
        gaps = wear.band_off if device == "band" else wear.watch_off
        provider: Provider = "fitbit" if device == "band" else "polar"
        if night.end > self._now or not self._is_synced(provider, wake_date):
            return True
        return any(gap.touches(night.span) for gap in gaps)
