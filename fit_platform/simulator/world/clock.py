"""Local time for one athlete: the home zone, trips to another zone, and the offset in force at any instant.

All devices of an athlete switch at the same instant: at a DST change, or on landing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

DAY = 86_400
QUARTER = 900
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def day_start(day: date) -> int:
    """Epoch second of midnight UTC."""
    return (day.toordinal() - _EPOCH_DAY) * DAY


def utc_day(epoch: int) -> date:
    """UTC date of an epoch second."""
    return date.fromordinal(_EPOCH_DAY + epoch // DAY)


def wall_clock(day: date, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
    """A time of day as a clock on the wall shows it: naive on purpose, the zone is where the athlete is."""
    return datetime.combine(day, time()) + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def iso_z(epoch: int) -> str:
    """`2026-03-02T10:00:05Z`."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Stay:
    """From this instant on, the athlete lives by this zone."""

    since: int
    zone: ZoneInfo


class LocalClock:
    """The wall clock of one athlete."""

    def __init__(self, stays: list[Stay]) -> None:
        """`stays` in time order; the first one reaches back for ever."""
        self.stays = stays
        self.quarter_offsets = lru_cache(maxsize=512)(self._quarter_offsets)

    def zone_at(self, epoch: int) -> ZoneInfo:
        """Zone by which the athlete lives at an instant."""
        zone = self.stays[0].zone
        for stay in self.stays[1:]:
            if stay.since <= epoch:
                zone = stay.zone
        return zone

    def offset_at(self, epoch: int) -> int:
        """Seconds east of UTC at an instant."""
        offset = datetime.fromtimestamp(epoch, self.zone_at(epoch)).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0

    def local(self, epoch: int) -> datetime:
        """Wall-clock time at an instant, naive."""
        return wall_clock(date(1970, 1, 1), seconds=epoch + self.offset_at(epoch))

    def local_date(self, epoch: int) -> date:
        """Civil date at an instant."""
        return date.fromordinal(_EPOCH_DAY + (epoch + self.offset_at(epoch)) // DAY)

    def epoch(self, wall: datetime) -> int:
        """First instant at which the athlete's wall clock shows this; a skipped time falls on the next stay's start."""
        for number, stay in enumerate(self.stays):
            instant = int(wall.replace(tzinfo=stay.zone).timestamp())
            until = self.stays[number + 1].since if number + 1 < len(self.stays) else None
            if until is None or instant < until:
                return max(instant, stay.since) if number else instant
        raise AssertionError("the last stay has no end")

    def date_bounds(self, day: date) -> tuple[int, int]:
        """First instant of a civil date, and first instant of the next one."""
        return self.epoch(wall_clock(day)), self.epoch(wall_clock(day + timedelta(days=1)))

    def _quarter_offsets(self, day: date) -> npt.NDArray[np.int64]:
        """The offset at each quarter-hour of a UTC day (96 values); all changes fall on quarter-hours."""
        start = day_start(day)
        first, last = self.offset_at(start), self.offset_at(start + DAY - 1)
        if first == last:
            return np.full(96, first, dtype=np.int64)
        return np.array([self.offset_at(start + i * QUARTER) for i in range(96)], dtype=np.int64)

    def changes(self, first: int, last: int) -> list[int]:
        """Instants in [first, last) at which the offset changes."""
        found = []
        previous = self.offset_at(first - 1)
        day = utc_day(first)
        while day_start(day) < last:
            for quarter, offset in enumerate(self.quarter_offsets(day).tolist()):
                instant = day_start(day) + quarter * QUARTER
                if instant < first or instant >= last:
                    continue
                if offset != previous:
                    found.append(instant)
                previous = offset
            day += timedelta(days=1)
        return found
