"""JSON pieces of Google Health as text, joined by hand: a day has thousands of points, a page must take milliseconds.

Zero members are left out (midnight is `"time":{}`), as protocol buffers do.
"""

from __future__ import annotations

from functools import lru_cache

from fit_platform.simulator.world.clock import DAY, utc_day

BAND = (
    '{"recordingMethod":"PASSIVELY_MEASURED","device":{"formFactor":"FITNESS_BAND","manufacturer":"Fitbit",'
    '"displayName":"Charge 6"},"platform":"FITBIT"}'
)
PHONE = (
    '{"recordingMethod":"DERIVED","device":{"formFactor":"PHONE","manufacturer":"Acme","displayName":"Acme Phone 3"},'
    '"application":{"packageName":"com.example.stepcounter"},"platform":"HEALTH_CONNECT"}'
)

_TWO = [f"{n:02}" for n in range(60)]
_HOURS = [f'"hours":{n}' if n else "" for n in range(24)]
_REST = [
    ",".join([f'"minutes":{n // 60}'] * bool(n // 60) + [f'"seconds":{n % 60}'] * bool(n % 60)) for n in range(3600)
]


@lru_cache(maxsize=64)
def civil_date(day_epoch: int) -> str:
    """`{"year":2026,"month":3,"day":2}` for a midnight."""
    day = utc_day(day_epoch)
    return f'{{"year":{day.year},"month":{day.month},"day":{day.day}}}'


@lru_cache(maxsize=64)
def iso_date(day_epoch: int) -> str:
    """`2026-03-02` for a midnight."""
    return str(utc_day(day_epoch))


def instant(epoch: int) -> str:
    """`2026-03-02T10:00:05Z`."""
    second = epoch % DAY
    return f"{iso_date(epoch - second)}T{_TWO[second // 3600]}:{_TWO[second // 60 % 60]}:{_TWO[second % 60]}Z"


def civil(wall: int) -> str:
    """A CivilDateTime for a wall-clock epoch."""
    second = wall % DAY
    hours, rest = _HOURS[second // 3600], _REST[second % 3600]
    comma = "," if hours and rest else ""
    return f'{{"date":{civil_date(wall - second)},"time":{{{hours}{comma}{rest}}}}}'


def interval(start: int, start_offset: int, end: int, end_offset: int, *, with_civil: bool) -> str:
    """An interval; live answers leave the civil times out for exercise and sleep."""
    text = (
        f'{{"startTime":"{instant(start)}","startUtcOffset":"{start_offset}s",'
        f'"endTime":"{instant(end)}","endUtcOffset":"{end_offset}s"'
    )
    if with_civil:
        text += f',"civilStartTime":{civil(start + start_offset)},"civilEndTime":{civil(end + end_offset)}'
    return text + "}"
