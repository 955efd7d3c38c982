"""Roll-ups: de-duplicated values per time window or per civil day, with the ranges that Google allows."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from fit_platform.simulator.fitbit.jsontext import civil
from fit_platform.simulator.fitbit.query import BadQuestion, Page, parse_page
from fit_platform.simulator.fitbit.samples import step_mm, zone_minutes
from fit_platform.simulator.fitbit.vitals import weights
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import DAY, day_start, iso_z, utc_day
from fit_platform.simulator.world.truth import visible_steps

ROLLUP_TYPES = ("heart-rate", "steps", "distance", "floors", "total-calories", "active-zone-minutes", "weight")
_LONGEST = 90
_LONGEST_DAYS = {"heart-rate": 14, "total-calories": 14}
_DEFAULT_WINDOWS, _MOST_WINDOWS = 1440, 10_000  # a page
_T = TypeVar("_T")


class _Range(msgspec.Struct):
    startTime: datetime  # noqa: N815
    endTime: datetime  # noqa: N815


class _RollUp(msgspec.Struct):
    range: _Range
    windowSize: str  # noqa: N815
    pageSize: int | None = None  # noqa: N815
    pageToken: str = ""  # noqa: N815


class _CivilDate(msgspec.Struct):
    year: int
    month: int
    day: int


class _CivilDateTime(msgspec.Struct):
    date: _CivilDate


class _CivilRange(msgspec.Struct):
    start: _CivilDateTime
    end: _CivilDateTime


class _DailyRollUp(msgspec.Struct):
    range: _CivilRange
    windowSizeDays: int = 1  # noqa: N815
    pageSize: int | None = None  # noqa: N815
    pageToken: str = ""  # noqa: N815


def roll_up(person: Person, data_type: str, body: bytes) -> dict[str, Any]:
    """Values per window of instants, oldest first; a window without data is missing, a zero is a true zero."""
    asked = _decode(body, _RollUp)
    if asked.range.startTime.tzinfo is None or asked.range.endTime.tzinfo is None:
        raise BadQuestion("INVALID_TIME_RANGE", "startTime and endTime need a zone")
    start, end = int(asked.range.startTime.timestamp()), int(asked.range.endTime.timestamp())
    try:
        window = int(asked.windowSize.removesuffix("s"))
    except ValueError:
        raise BadQuestion("INVALID_ARGUMENT", f"'{asked.windowSize}' is not a duration in seconds") from None
    if window < 1:
        raise BadQuestion("INVALID_ARGUMENT", "windowSize is below one second")
    _check_range(data_type, start, end)
    page = _page(person, data_type, asked, default=_DEFAULT_WINDOWS, largest=_MOST_WINDOWS)
    points: list[dict[str, Any]] = []
    before_the_world = max(0, person.config.begin - start) // window * window
    first = page.at if page.at is not None else start + before_the_world
    for at in range(first, min(end, person.config.now_epoch), window):
        if len(points) == page.size:
            return {"rollupDataPoints": points, "nextPageToken": page.token(at)}
        value = _value(person, data_type, at, min(at + window, end))
        if value is not None:
            points.append({"startTime": iso_z(at), "endTime": iso_z(min(at + window, end)), **value})
    return {"rollupDataPoints": points} if points else {}


def daily_roll_up(person: Person, data_type: str, body: bytes, *, is_inclusive: bool = False) -> dict[str, Any]:
    """Values per window of civil days, oldest first. The end day is out of it, unless `is_inclusive`."""
    asked = _decode(body, _DailyRollUp)
    if data_type == "total-calories" and asked.pageSize is not None:
        raise BadQuestion("INVALID_ARGUMENT", "pageSize is not supported for total-calories")
    try:
        first, last = (date(d.year, d.month, d.day) for d in (asked.range.start.date, asked.range.end.date))
    except ValueError as error:
        raise BadQuestion("INVALID_TIME_RANGE", str(error)) from None
    if asked.windowSizeDays < 1:
        raise BadQuestion("INVALID_ARGUMENT", "windowSizeDays is below 1")
    _check_range(data_type, day_start(first), day_start(last))
    if is_inclusive:
        last += timedelta(days=1)
    longest = _LONGEST_DAYS.get(data_type, _LONGEST)
    page = _page(person, data_type, asked, default=longest, largest=longest)
    if page.at is not None:
        first = utc_day(page.at)
    points: list[dict[str, Any]] = []
    step = timedelta(days=asked.windowSizeDays)
    while first < last:
        if len(points) == page.size:
            return {"rollupDataPoints": points, "nextPageToken": page.token(day_start(first))}
        until = min(first + step, last)
        value = _value(person, data_type, person.clock.date_bounds(first)[0], person.clock.date_bounds(until)[0])
        if value is not None:
            bounds = {
                name: msgspec.json.decode(civil(day_start(d)))
                for name, d in (("civilStartTime", first), ("civilEndTime", until))
            }
            points.append({**bounds, **value})
        first = until
    return {"rollupDataPoints": points} if points else {}


def _decode(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise BadQuestion("INVALID_ARGUMENT", str(error)) from None


def _page(person: Person, data_type: str, asked: _RollUp | _DailyRollUp, *, default: int, largest: int) -> Page:
    """The page asked for; its token is bound to everything else in the question."""
    others = {name: str(value) for name, value in msgspec.structs.asdict(asked).items()}
    query = {**others, "pageSize": str(asked.pageSize or 0), "pageToken": asked.pageToken}
    kind = type(asked).__name__
    return parse_page(query, f"{person.athlete.athlete_id}/{kind}/{data_type}", default=default, largest=largest)


def _check_range(data_type: str, start: int, end: int) -> None:
    longest = _LONGEST_DAYS.get(data_type, _LONGEST)
    if end <= start:
        raise BadQuestion("INVALID_TIME_RANGE", "The range is empty")
    if end - start > longest * DAY:
        raise BadQuestion("INVALID_TIME_RANGE", f"The range is longer than {longest} days")


def _value(person: Person, data_type: str, start: int, end: int) -> dict[str, Any] | None:
    start, end = max(start, person.config.begin), min(end, person.config.now_epoch)
    if start >= end:
        return None
    if data_type == "heart-rate":
        bpm = _heart_rate(person, start, end)
        if not len(bpm):
            return None
        return {
            "heartRate": {
                "beatsPerMinuteAvg": round(float(bpm.mean()), 2),
                "beatsPerMinuteMin": float(bpm.min()),
                "beatsPerMinuteMax": float(bpm.max()),
            }
        }
    if data_type == "weight":
        grams = [p.content["weight"]["weightGrams"] for p in weights(person) if start <= p.at < end]
        return {"weight": {"weightGramsAvg": round(sum(grams) / len(grams), 1)}} if grams else None
    if data_type == "active-zone-minutes":
        return _zone_sums(person, start, end)
    steps = _steps(person, start, end)
    if data_type == "steps":
        return {"steps": {"countSum": str(steps)}}
    if data_type == "distance":
        return {"distance": {"millimetersSum": str(steps * step_mm(person))}}
    if data_type == "floors":
        return {"floors": {"countSum": str(steps // 1500)}}
    basal = (end - start) / DAY * 24 * person.athlete.weight_kg * 0.95
    return {"totalCalories": {"kcalSum": round(basal + steps * 0.042 * person.athlete.weight_kg / 65, 1)}}


def _zone_sums(person: Person, start: int, end: int) -> dict[str, Any] | None:
    """Minutes earned per zone; a zone without any is left out, and no worn minute at all is no window."""
    sums: Counter[str] = Counter()
    is_worn = False
    for midnight in range(start // DAY * DAY, end, DAY):
        inside = slice(max(0, start - midnight), min(DAY, end - midnight))
        is_worn |= bool(person.devices.band_worn(utc_day(midnight))[inside].any())
        for minute, zone, count in zone_minutes(person, utc_day(midnight)):
            if start <= midnight + minute * 60 < end:
                sums[zone] += count
    members = {"FAT_BURN": "sumInFatBurnHeartZone", "CARDIO": "sumInCardioHeartZone", "PEAK": "sumInPeakHeartZone"}
    found = {member: str(sums[zone]) for zone, member in members.items() if sums[zone]}
    return {"activeZoneMinutes": found} if is_worn else None


def _heart_rate(person: Person, start: int, end: int) -> npt.NDArray[np.uint8]:
    parts = []
    for midnight in range(start // DAY * DAY, end, DAY):
        feed = person.devices.band_samples(utc_day(midnight))
        at = midnight + feed.second_of_day
        parts.append(feed.bpm[(at >= start) & (at < end)])
    return np.concatenate(parts)


def _steps(person: Person, start: int, end: int) -> int:
    total = 0
    for midnight in range(start // DAY * DAY, end, DAY):
        minutes = visible_steps(person, utc_day(midnight), "fitbit")
        total += int(minutes[max(0, (start - midnight) // 60) : max(0, -(-(end - midnight) // 60))].sum())
    return total
