"""Polar's all-day views: continuous heart rate, sleep, daily activity, physical information. All on the wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np

from fit_platform.simulator.polar.exercises import user_url
from fit_platform.simulator.polar.wellness import by_clock
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import DAY, QUARTER, day_start, iso_z, utc_day
from fit_platform.simulator.world.draw import digest
from fit_platform.simulator.world.night import Span, Stage
from fit_platform.simulator.world.truth import visible_steps

_HYPNOGRAM: dict[Stage, int] = {"awake": 0, "rem": 1, "light": 3, "deep": 4}


def continuous_heart_rate(person: Person, day: date) -> dict[str, Any] | None:
    """The samples whose wall clock shows this date, in the order they happened. A repeated hour stands there twice."""
    samples: list[dict[str, Any]] = []
    for near in (day - timedelta(days=1), day, day + timedelta(days=1)):
        feed = person.devices.watch_samples(near)
        wall = day_start(near) + feed.second_of_day + person.clock.quarter_offsets(near)[feed.second_of_day // QUARTER]
        inside = wall // DAY == day_start(day) // DAY
        for second, bpm in zip((wall[inside] % DAY).tolist(), feed.bpm[inside].tolist(), strict=True):
            samples.append({"heart_rate": bpm, "sample_time": _clock_time(second)})
    return {"polar_user": user_url(person), "date": str(day), "heart_rate_samples": samples} if samples else None


def night(person: Person, wake_date: date) -> dict[str, Any] | None:
    """One night, with hypnogram keys in order across midnight; None if the watch did not see it."""
    seen = person.devices.watch_night(wake_date)
    if seen is None or wake_date < person.config.first_day:
        return None
    true = person.planner.night(wake_date)
    start, end = seen
    within = Span(round(start), round(end))
    cut = ((p.stage, Span(p.start, p.end).shrunk_to(within.start, within.end)) for p in true.stages)
    parts = [(stage, inside) for stage, inside in cut if inside is not None]
    seconds = {stage: sum(s.end - s.start for name, s in parts if name == stage) for stage in _HYPNOGRAM}
    short = sum(s.end - s.start for name, s in parts if name == "awake" and s.end - s.start < 90)
    lot = digest(person.config.seed, person.athlete.index, wake_date, "polar-night")
    bpm = person.body.heart_rate_between(within.start, within.end)
    return {
        "polar_user": user_url(person),
        "date": str(wake_date),
        "sleep_start_time": _with_offset(person, start),
        "sleep_end_time": _with_offset(person, end),
        "device_id": f"{digest(person.athlete.athlete_id, 'watch') % 16**8:08X}",
        "continuity": round(2 + lot % 29 / 10, 1),
        "continuity_class": 2 + lot % 4,
        "light_sleep": seconds["light"],
        "deep_sleep": seconds["deep"],
        "rem_sleep": seconds["rem"],
        "unrecognized_sleep_stage": 0,
        "sleep_score": 0 if lot % 40 == 0 else 60 + lot % 36,
        "total_interruption_duration": seconds["awake"],
        "sleep_charge": -1 if lot % 40 == 0 else 1 + lot % 5,
        "sleep_goal": 28_800,
        "sleep_rating": 0,
        "short_interruption_duration": short,
        "long_interruption_duration": seconds["awake"] - short,
        "sleep_cycles": max(1, (within.end - within.start) // 5700),
        "group_duration_score": float(50 + lot % 50),
        "group_solidity_score": float(45 + lot // 7 % 50),
        "group_regeneration_score": float(40 + lot // 11 % 55),
        "hypnogram": by_clock(person, [(s.start, _HYPNOGRAM[stage]) for stage, s in parts]),
        "heart_rate_samples": by_clock(person, [(within.start + n, int(bpm[n])) for n in range(0, len(bpm), 300)]),
    }


def steps_by_minute(person: Person, day: date) -> list[tuple[int, int]]:
    """(epoch second, steps) of each minute of a civil date, as far as the world has got."""
    start, end = person.clock.date_bounds(day)
    minutes: list[tuple[int, int]] = []
    near = utc_day(start)
    while day_start(near) < end:
        for minute, steps in enumerate(visible_steps(person, near, "polar").tolist()):
            instant = day_start(near) + minute * 60
            if start <= instant < end:
                minutes.append((instant, steps))
        near += timedelta(days=1)
    return minutes


def daily_activity(person: Person, day: date, *, with_steps: bool = False) -> dict[str, Any] | None:
    """One civil date on the device's wall clock; first and last day are partial. None if there is nothing."""
    start, end = person.clock.date_bounds(day)
    seen = Span(start, end).shrunk_to(person.config.begin, person.config.now_epoch)
    if day < person.config.first_day or seen is None or not person.is_synced("polar", day):
        return None
    minutes = steps_by_minute(person, day)
    lot = digest(person.config.seed, person.athlete.index, day, "polar-day")
    # The watch counts a little differently from the band.
    steps = round(sum(count for _, count in minutes) * (0.96 + lot % 70 / 1000))
    active = sum(1 for _, count in minutes if count > 20)
    awake = max(0, (seen.end - seen.start) // 60 - 480)
    share_of_day = (seen.end - seen.start) / DAY
    active_kcal = round(steps * 0.042 * person.athlete.weight_kg / 65)
    answer: dict[str, Any] = {
        "start_time": _dropped_seconds(person.clock.local(seen.start)),
        "end_time": _dropped_seconds(person.clock.local(seen.end - 1)),
        "active_duration": _duration(active),
        "inactive_duration": _duration(max(0, awake - active)),
        "daily_activity": round(steps / 110, 1),
        "calories": active_kcal + round(share_of_day * 24 * person.athlete.weight_kg * 0.95),
        "active_calories": active_kcal,
        "steps": steps,
        "inactivity_alert_count": lot % 4,
        "distance_from_steps": round(steps * person.athlete.height_cm * 0.00415, 2),
    }
    if with_steps:
        answer["samples"] = activity_samples(person, day)
    return answer


def activity_samples(person: Person, day: date) -> dict[str, Any] | None:
    """Steps per minute on the wall clock; a value equal to the one before is left out, as Polar does."""
    minutes = steps_by_minute(person, day)
    samples: list[dict[str, Any]] = []
    previous = None
    for instant, steps in minutes:
        if steps != previous:
            samples.append({"steps": steps, "timestamp": _dropped_seconds(person.clock.local(instant))})
        previous = steps
    if not any(steps for _, steps in minutes):
        return None
    total = sum(steps for _, steps in minutes)
    return {"date": str(day), "steps": {"interval_ms": 60_000, "total_steps": total, "samples": samples}}


def physical_info(person: Person) -> dict[str, Any]:
    """What the athlete told Polar about the body."""
    athlete = person.athlete
    return {
        "weight": person.weight_kg,
        "height": athlete.height_cm,
        "created": "2024-06-01T12:00:00Z",
        "modified": iso_z(person.config.begin),
        "birthday": str(athlete.birth_date),
        "gender": athlete.sex.upper(),
        "maximum_heart_rate": athlete.max_hr_bpm,
        "resting_heart_rate": athlete.resting_hr_bpm,
        "aerobic_threshold": round(athlete.max_hr_bpm * 0.75),
        "anaerobic_threshold": round(athlete.max_hr_bpm * 0.9),
        "vo2_max": 52,
        "weight_source": "SOURCE_USER",
        "training_background": "REGULAR",
        "typical_day": "MOSTLY_SITTING",
        "sleep_goal": "PT8H",
    }


def _clock_time(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def _dropped_seconds(wall: datetime) -> str:
    """`2025-10-01T00:00`: Polar leaves the seconds out where they are zero."""
    return wall.strftime("%Y-%m-%dT%H:%M:%S" if wall.second else "%Y-%m-%dT%H:%M")


def _with_offset(person: Person, epoch: float) -> str:
    zone = timezone(timedelta(seconds=person.clock.offset_at(int(np.floor(epoch)))))
    return datetime.fromtimestamp(epoch, UTC).astimezone(zone).isoformat(timespec="milliseconds")


def _duration(minutes: int) -> str:
    return f"PT{minutes // 60}H{minutes % 60}M"
