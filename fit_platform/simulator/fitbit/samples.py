"""The dense feeds: heart-rate samples and minutes of steps, as ready JSON text per UTC day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fit_platform.simulator.fitbit.jsontext import BAND, PHONE, civil, instant, interval
from fit_platform.simulator.fitbit.query import Bounds
from fit_platform.simulator.fitbit.vitals import rmssd_ms, zone_floors
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import DAY, QUARTER, day_start
from fit_platform.simulator.world.draw import digest
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
        self.by_type: dict[str, Callable[[date, bool], Rendered]] = {
            "heart-rate": self.heart_rate,
            "steps": self.steps,
            "distance": lru_cache(maxsize=64)(self._distance),
            "active-zone-minutes": lru_cache(maxsize=64)(self._zone_minutes),
            "heart-rate-variability": lru_cache(maxsize=64)(self._variability),
        }

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

    def _variability(self, day: date, is_reconciled: bool) -> Rendered:
        """Heart-rate variability of a UTC day: every five minutes of a night that the band saw."""
        person, start = self.person, day_start(day)
        at: list[int] = []
        texts: list[str] = []
        offsets: list[int] = []
        for near in person.body.nearby(day):
            night = person.devices.band_night(near)
            for instant_s in range(night.start + 300, night.end, 300) if night else ():
                if not start <= instant_s < start + DAY or not person.config.begin <= instant_s:
                    continue
                value = rmssd_ms(person, near) * (0.7 + 0.6 * (digest(near, instant_s) % 1000) / 1000)
                offset = person.clock.offset_at(instant_s)
                head = "{" if is_reconciled else f'{{"dataSource":{BAND},'
                texts.append(
                    f'{head}"heartRateVariability":{{"sampleTime":{{"physicalTime":"{instant(instant_s)}",'
                    f'"utcOffset":"{offset}s"}},'
                    f'"rootMeanSquareOfSuccessiveDifferencesMilliseconds":{value:.3f}}}}}'
                )
                at.append(instant_s)
                offsets.append(offset)
        instants = np.array(at, dtype=np.int64)
        return Rendered(instants, instants + np.array(offsets, dtype=np.int64), texts)

    def _zone_minutes(self, day: date, is_reconciled: bool) -> Rendered:
        """Minutes of a UTC day that earned active zone minutes while the band was worn."""
        person, start = self.person, day_start(day)
        found = zone_minutes(person, day)
        offsets = np.repeat(person.clock.quarter_offsets(day), 15)
        source = "" if is_reconciled else f'"dataSource":{BAND},'
        texts = []
        for minute, zone, count in found:
            at, offset = start + minute * 60, int(offsets[minute])
            when = interval(at, offset, at + 60, offset, with_civil=True)
            texts.append(
                f'{{{source}"activeZoneMinutes":{{"interval":{when},"heartRateZone":"{zone}",'
                f'"activeZoneMinutes":"{count}"}}}}'
            )
        minutes = np.array([minute for minute, _, _ in found], dtype=np.int64)
        instants = start + minutes * 60
        return Rendered(instants, instants + offsets[minutes], texts)

    def _distance(self, day: date, is_reconciled: bool) -> Rendered:
        """Distance by the minute: what the steps come to."""
        return self._minutes(day, is_reconciled, "distance", "millimeters", step_mm(self.person))

    def _steps(self, day: date, is_reconciled: bool) -> Rendered:
        """Steps by the minute."""
        return self._minutes(day, is_reconciled, "steps", "count", 1)

    def _minutes(self, day: date, is_reconciled: bool, kind: str, member: str, per_step: int) -> Rendered:
        """Minutes of a UTC day: band and phone overlap in a list, the reconciled stream is the truth.

        A minute without its value is a true zero: worn, no steps. Minutes without a point were not worn.
        """
        steps = visible_steps(self.person, day, "fitbit")
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
                texts.append(_minute(at[-1], offset, own_count * per_step, source, kind, member))
        instants = np.array(at, dtype=np.int64)
        return Rendered(instants, instants + offsets[(instants - start) // 60], texts)


def _minute(at: int, offset: int, amount: int, source: str | None, kind: str, member: str) -> str:
    when = interval(at, offset, at + 60, offset, with_civil=True)
    value = f',"{member}":"{amount}"' if amount else ""
    head = f'{{"dataSource":{source},' if source else "{"
    return f'{head}"{kind}":{{"interval":{when}{value}}}}}'


def step_mm(person: Person) -> int:
    """Length of a step in millimetres."""
    return round(person.athlete.height_cm * 4.15)


def zone_minutes(person: Person, day: date) -> list[tuple[int, str, int]]:
    """(minute of the UTC day, zone, minutes earned) for each minute with the band on and the heart above LIGHT."""
    worn = person.devices.band_worn(day).reshape(1440, 60).all(axis=1)
    bpm = person.body.heart_rate(day).reshape(1440, 60).mean(axis=1)
    floors = dict(zone_floors(person, day))
    earned = np.flatnonzero(worn & (bpm >= floors["MODERATE"])).tolist()
    found = []
    for minute in earned:
        zone = (
            "PEAK" if bpm[minute] >= floors["PEAK"] else "CARDIO" if bpm[minute] >= floors["VIGOROUS"] else "FAT_BURN"
        )
        found.append((minute, zone, 1 if zone == "FAT_BURN" else 2))
    return found
