"""Sleep: one true night per athlete and wake day, with its stages, and now and then a nap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np

from fit_platform.simulator.world.clock import wall_clock

Stage = Literal["awake", "light", "deep", "rem"]
STAGES: tuple[Stage, ...] = ("awake", "light", "deep", "rem")
_UNIT_S = 30


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open interval of epoch seconds."""

    start: int
    end: int

    def touches(self, other: Span, margin_s: int = 0) -> bool:
        """Do the two overlap, or come closer than the margin?"""
        return self.start - margin_s < other.end and other.start < self.end + margin_s

    def shrunk_to(self, start: int, end: int) -> Span | None:
        """The part inside [start, end), if any."""
        inside = Span(max(self.start, start), min(self.end, end))
        return inside if inside.start < inside.end else None


@dataclass(frozen=True, slots=True)
class StageSpan:
    """One stage of a night."""

    stage: Stage
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Night:
    """One sleep, dated by the civil day of waking."""

    wake_date: date
    start: int
    end: int
    stages: tuple[StageSpan, ...]

    @property
    def span(self) -> Span:
        """From falling asleep to waking."""
        return Span(self.start, self.end)

    def minutes(self, stage: Stage) -> float:
        """Minutes in one stage."""
        return sum(part.end - part.start for part in self.stages if part.stage == stage) / 60


def wake_wall_clock(day: date, is_travel_day: bool, rng: np.random.Generator) -> datetime:
    """When the athlete gets up, by the wall clock. Early on travel days: there is a plane to catch."""
    minutes = 390 if is_travel_day else int(rng.integers(395, 460)) + (55 if day.weekday() >= 5 else 0)
    return wall_clock(day, minutes=minutes, seconds=int(rng.integers(0, 2)) * _UNIT_S)


def sleep_stages(start: int, end: int, rng: np.random.Generator) -> tuple[StageSpan, ...]:
    """Cycles of about 90 minutes: deep sleep early in the night, REM late, a few short awakenings."""
    spans: list[StageSpan] = []
    at = start
    cycle = 0
    while at < end:
        length = float(rng.uniform(85, 105)) * 60
        deep = max(0.04, 0.27 - 0.06 * cycle) * length
        rem = min(0.32, 0.10 + 0.06 * cycle) * length
        light = length - deep - rem
        pieces: list[tuple[Stage, float]] = [("light", light * 0.55), ("deep", deep)]
        pieces += [("light", light * 0.45), ("rem", rem)]
        if rng.random() < 0.7:
            pieces.append(("awake", float(rng.uniform(1, 7)) * 60))
        for stage, seconds in pieces:
            until = min(end, at + max(1, round(seconds / _UNIT_S)) * _UNIT_S)
            if at < until:
                spans.append(StageSpan(stage, at, until))
            at = until
        cycle += 1
    return tuple(spans)


def sleep_length_s(rng: np.random.Generator) -> int:
    """How long a night is, in whole half-minutes."""
    return int(np.clip(rng.normal(455, 35), 340, 560) * 60) // _UNIT_S * _UNIT_S
