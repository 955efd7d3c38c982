"""The dense feeds: heart-rate samples and minutes of steps, as ready JSON text per UTC day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fit_platform.simulator.fitbit.jsontext import BAND, PHONE, civil, instant, interval
from fit_platform.simulator.fitbit.query import Bounds
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import QUARTER, day_start
from fit_platform.simulator.world.truth import visible_steps


@dataclass(frozen=True, slots=True)
class Rendered:
    """Data points as text, oldest first, with instant and wall clock (epochs) for filters."""

    at: npt.NDArray[np.int64]
    wall: npt.NDArray[np.int64]
    texts: list[str]

    def newest_first(self, bounds: Bounds, before: int | None) -> list[tuple[int, str]]:
        """(instant, text) of the points inside the bounds and before an instant."""
        key = self.wall if bounds.kind == "civil" else self.at
        inside = np.ones(len(key), dtype=np.bool_)
        if bounds.lower is not None:
            inside &= key >= bounds.lower
        if bounds.upper is not None:
            inside &= key < bounds.upper
        if before is not None:
            inside &= self.at < before
        chosen = np.flatnonzero(inside)[::-1]
        return list(zip(self.at[chosen].tolist(), [self.texts[i] for i in chosen.tolist()], strict=True))


class Feeds:
    """Rendered days of one person; the most recent ones are kept, as walks come back page by page."""

    def __init__(self, person: Person) -> None:
        """Nothing is rendered before it is asked for."""
        self.person = person
        self.heart_rate = lru_cache(maxsize=4)(self._heart_rate)
        self.steps = lru_cache(maxsize=64)(self._steps)

    def _heart_rate(self, day: date, is_reconciled: bool) -> Rendered:
        """Samples of a UTC day. Reconciled points name no source."""
        feed = self.person.devices.band_samples(day)
        at = day_start(day) + feed.second_of_day
        offsets = self.person.clock.quarter_offsets(day)[feed.second_of_day // QUARTER]
        wall = at + offsets
        head = "{" if is_reconciled else f'{{"dataSource":{BAND},'
        head += '"heartRate":{"sampleTime":{"physicalTime":"'
        columns = zip(at.tolist(), wall.tolist(), offsets.tolist(), feed.bpm.tolist(), strict=True)
        if self.person.config.fitbit_civil_times:
            texts = [
                f'{head}{instant(a)}","utcOffset":"{o}s","civilTime":{civil(w)}}},"beatsPerMinute":"{b}"}}}}'
                for a, w, o, b in columns
            ]
        else:
            texts = [f'{head}{instant(a)}","utcOffset":"{o}s"}},"beatsPerMinute":"{b}"}}}}' for a, _, o, b in columns]
        return Rendered(at, wall, texts)

    def _steps(self, day: date, is_reconciled: bool) -> Rendered:
        """Minutes of a UTC day: band and phone overlap in a list, the reconciled stream is the truth.

        A minute without `count` is a true zero: worn, no steps. Minutes without a point were not worn.
        """
        steps = visible_steps(self.person, day)
        worn = self.person.devices.band_worn(day)[::60]
        start = day_start(day)
        offsets = np.repeat(self.person.clock.quarter_offsets(day), 15)
        minutes = np.arange(1440)
        shown = np.flatnonzero((steps > 0) | (worn & (minutes % 30 == 0)))
        texts: list[str] = []
        at: list[int] = []
        for minute, count, offset in zip(shown.tolist(), steps[shown].tolist(), offsets[shown].tolist(), strict=True):
            versions: list[tuple[str | None, int]]
            if is_reconciled:
                versions = [(None, count)]
            else:
                versions = [(BAND, round(count * 0.98))] * bool(worn[minute])
                versions += [(PHONE, round(count * 0.9))] * bool(count and minute % 4)
            for source, own_count in versions:
                at.append(start + minute * 60)
                texts.append(_minute(at[-1], offset, own_count, source))
        instants = np.array(at, dtype=np.int64)
        return Rendered(instants, instants + offsets[(instants - start) // 60], texts)


def _minute(at: int, offset: int, count: int, source: str | None) -> str:
    when = interval(at, offset, at + 60, offset, with_civil=True)
    value = f',"count":"{count}"' if count else ""
    head = f'{{"dataSource":{source},' if source else "{"
    return f'{head}"steps":{{"interval":{when}{value}}}}}'
