"""Polar's results of nights and training: Nightly Recharge, cardio load, SleepWise, biosensing. Times here are UTC.

Only the first athlete's watch measures temperature and blood oxygen: the others get the documented 204.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from fit_platform.simulator.polar.exercises import user_url
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import DAY
from fit_platform.simulator.world.draw import digest

_SAMPLE_S = 300
_STRAIN_DAYS, _TOLERANCE_DAYS = 7, 28
_LEVELS = {"very_low": 0.4, "low": 0.8, "medium": 1.3, "high": 2.0, "very_high": 3.0}
_ALERTNESS = ("MINIMAL", "VERY_LOW", "LOW", "HIGH", "VERY_HIGH")


def by_clock(person: Person, points: list[tuple[int, Any]]) -> msgspec.Raw:
    """An object with "HH:MM" keys in the order of time; where the clocks go back a key stands there twice.

    Within a minute the last value counts. A map could hold neither order nor repeats, so this is JSON text.
    """
    by_minute = {epoch // 60: value for epoch, value in points}
    texts = [f'"{person.clock.local(minute * 60):%H:%M}":{value}' for minute, value in sorted(by_minute.items())]
    return msgspec.Raw(("{" + ",".join(texts) + "}").encode())


def recharge(person: Person, wake_date: date) -> dict[str, Any] | None:
    """One Nightly Recharge: the 4 hours from half an hour after falling asleep. None if the watch saw no such night."""
    seen = _night(person, wake_date)
    if seen is None or seen[1] - seen[0] < 4.5 * 3600:
        return None
    start = round(seen[0]) + 1800
    bpm = person.body.heart_rate_between(start, start + 4 * 3600).astype(np.float64)
    means = bpm.reshape(-1, _SAMPLE_S).mean(axis=1)
    hrv = [max(8, round(60 - 0.9 * (mean - person.athlete.resting_hr_bpm) - 5)) for mean in means.tolist()]
    breathing = [round(12.5 + mean / 40 + n % 5 / 10, 1) for n, mean in enumerate(means.tolist())]
    charge = round((person.athlete.resting_hr_bpm + 4 - float(bpm.mean())) / 2, 1)
    instants = [start + n * _SAMPLE_S for n in range(len(means))]
    status = 1 + min(4, max(0, round((charge + 5) / 2.5)))
    return {
        "polar_user": user_url(person),
        "date": str(wake_date),
        "heart_rate_avg": round(float(bpm.mean())),
        "beat_to_beat_avg": round(60_000 / float(bpm.mean())),
        "heart_rate_variability_avg": round(sum(hrv) / len(hrv)),
        "breathing_rate_avg": round(sum(breathing) / len(breathing), 1),
        "nightly_recharge_status": status + (_lot(person, wake_date, "recharge") % 2),
        "ans_charge": max(-10.0, min(10.0, charge)),
        "ans_charge_status": status,
        "hrv_samples": by_clock(person, list(zip(instants, hrv, strict=True))),
        "breathing_samples": by_clock(person, list(zip([at - 120 for at in instants], breathing, strict=True))),
    }


def cardio_load(person: Person, day: date, loads: Mapping[date, float]) -> dict[str, Any]:
    """One day's cardio load; an object without values until there is a week to compute it from."""
    if day < person.config.first_day + timedelta(days=_STRAIN_DAYS):
        return {
            "date": str(day),
            "cardio_load_status": "LOAD_STATUS_NOT_AVAILABLE",
            "cardio_load": -1.0,
            "strain": -1.0,
            "tolerance": -1.0,
            "cardio_load_ratio": -1.0,
            "cardio_load_level": dict.fromkeys(_LEVELS, -1.0),
        }
    strain, tolerance = (
        sum(loads.get(day - timedelta(days=n), 0.0) for n in range(days)) / days
        for days in (_STRAIN_DAYS, _TOLERANCE_DAYS)
    )
    ratio = strain / tolerance if tolerance else 0.0
    status = "DETRAINING" if ratio < 0.8 else "MAINTAINING" if ratio < 1 else "PRODUCTIVE"
    return {
        "date": str(day),
        "cardio_load_status": status if ratio < 1.3 else "OVERREACHING",
        "cardio_load": round(loads.get(day, 0.0), 4),
        "strain": round(strain, 4),
        "tolerance": round(tolerance, 4),
        "cardio_load_ratio": round(ratio, 4),
        "cardio_load_level": {level: round(50 * share, 2) for level, share in _LEVELS.items()},
    }


def alertness(person: Person, wake_date: date) -> dict[str, Any] | None:
    """The alertness period of one sleep, from falling asleep to the end of the evening."""
    seen = _night(person, wake_date)
    if seen is None:
        return None
    lot = _lot(person, wake_date, "alertness")
    start, end = seen
    is_valid = lot % 17 != 0
    first_hour = int(end) // 3600 + 1
    return {
        "grade": round(4 + lot % 59 / 10, 1) if is_valid else 0.0,
        "grade_validity_seconds": 57_600,
        "grade_type": "GRADE_TYPE_PRIMARY",
        "grade_classification": "GRADE_CLASSIFICATION_STRONG" if is_valid else "GRADE_CLASSIFICATION_UNKNOWN",
        "validity": "VALIDITY_ESTIMATE" if is_valid else "VALIDITY_NOT_VALID",
        "sleep_inertia": "SLEEP_INERTIA_MILD",
        "sleep_type": "SLEEP_TYPE_PRIMARY",
        "result_type": _result_type("ALERTNESS_TYPE", person, end + 57_600),
        "period_start_time": _utc(int(start)),
        "period_end_time": _utc(int(end) + 57_600),
        "sleep_period_start_time": _utc(start),
        "sleep_period_end_time": _utc(end),
        "sleep_timezone_offset_minutes": person.clock.offset_at(int(end)) // 60,
        "hourly_data": [
            {
                "validity": "VALIDITY_ESTIMATE" if is_valid else "VALIDITY_NOT_VALID",
                "alertness_level": f"ALERTNESS_LEVEL_{_ALERTNESS[(lot + hour // 3) % len(_ALERTNESS)]}",
                "start_time": _utc((first_hour + hour) * 3600),
                "end_time": _utc((first_hour + hour + 1) * 3600),
            }
            for hour in range(14)
        ],
    }


def circadian_bedtime(person: Person, wake_date: date) -> dict[str, Any] | None:
    """When it would have been good to sleep in one night: around the hour of falling asleep."""
    seen = _night(person, wake_date)
    if seen is None:
        return None
    start = int(seen[0]) // 900 * 900 - _lot(person, wake_date, "bedtime") % 5 * 900
    return {
        "validity": "VALIDITY_ESTIMATE",
        "quality": "CIRCADIAN_BEDTIME_QUALITY_CLEARLY_RECOGNIZABLE",
        "result_type": _result_type("CIRCADIAN_BEDTIME_TYPE", person, seen[1]),
        "period_start_time": _utc(start),
        "period_end_time": _utc(start + 8 * 3600),
        "preferred_sleep_period_start_time": _utc(start),
        "preferred_sleep_period_end_time": _utc(start + 8 * 3600),
        "sleep_gate_start_time": _utc(start - 1800),
        "sleep_gate_end_time": _utc(start + 2700),
        "sleep_timezone_offset_minutes": person.clock.offset_at(start) // 60,
    }


def body_temperature(person: Person, wake_date: date) -> dict[str, Any] | None:
    """One period of skin temperatures, every ten minutes of a night."""
    seen = _measured_night(person, wake_date)
    if seen is None:
        return None
    start, end = int(seen[0]), int(seen[1])
    base = _skin_celsius(person, wake_date)
    return {
        "source_device_id": f"{digest(person.athlete.athlete_id, 'watch') % 16**8:08X}",
        "measurement_type": "TM_SKIN_TEMPERATURE",
        "sensor_location": "SL_DISTAL",
        "start_time": _utc(start),
        "end_time": _utc(end),
        "modified_time": _utc(end + 600),
        "samples": [
            {"temperature_celsius": round(base + n % 7 / 10, 2), "recording_time_delta_milliseconds": n * 600_000 + 123}
            for n in range((end - start) // 600)
        ],
    }


def skin_temperature(person: Person, wake_date: date) -> dict[str, Any] | None:
    """One night's skin temperature against the baseline."""
    if _measured_night(person, wake_date) is None:
        return None
    celsius = _skin_celsius(person, wake_date)
    return {
        "sleep_time_skin_temperature_celsius": celsius,
        "deviation_from_baseline_celsius": round(celsius - 34.5, 2),
        "sleep_date": str(wake_date),
    }


def spo2(person: Person, day: date) -> dict[str, Any] | None:
    """A blood oxygen test at noon, now and then; one in eight finds nothing."""
    lot = _lot(person, day, "spo2")
    tested_at = person.clock.date_bounds(day)[0] + DAY // 2
    if not _has_sensors(person) or not person.is_synced("polar", day) or lot % 4:
        return None
    if tested_at >= person.config.now_epoch or day < person.config.first_day:
        return None
    has_passed = lot % 8 != 0
    return {
        "source_device_id": f"{digest(person.athlete.athlete_id, 'watch') % 16**8:08X}",
        "test_time": tested_at,
        "time_zone_offset": person.clock.offset_at(tested_at) // 60,
        "test_status": "SPO2_TEST_PASSED" if has_passed else "SPO2_TEST_INCONCLUSIVE_TOO_LOW_OVERALL_QUALITY",
        "blood_oxygen_percent": 94 + lot // 8 % 6 if has_passed else 0,
        "spo2_class": "SPO2_CLASS_NORMAL" if has_passed else "SPO2_CLASS_UNKNOWN",
        "spo2_value_deviation_from_baseline": "DEVIATION_USUAL" if has_passed else "DEVIATION_NO_BASELINE",
        "spo2_quality_average_percent": 90.0 if has_passed else 35.5,
        "average_heart_rate_bpm": person.athlete.resting_hr_bpm + 8 if has_passed else 0,
        "heart_rate_variability_ms": 48.5 if has_passed else 0.0,
        "spo2_hrv_deviation_from_baseline": "DEVIATION_USUAL" if has_passed else "DEVIATION_NO_BASELINE",
        "altitude_meters": 21.5,
    }


def unmeasured(_person: Person, _day: date) -> dict[str, Any] | None:
    """What these watches cannot measure: there is the endpoint, and never any data."""
    return None


Finder = Callable[[Person, date], dict[str, Any] | None]
SLEEPWISE: dict[str, Finder] = {"alertness": alertness, "circadian-bedtime": circadian_bedtime}
BIOSENSING: dict[str, Finder] = {
    "bodytemperature": body_temperature,
    "skintemperature": skin_temperature,
    "spo2": spo2,
    "ecg": unmeasured,
    "skincontacts": unmeasured,
}


def _night(person: Person, wake_date: date) -> tuple[float, float] | None:
    return person.devices.watch_night(wake_date) if wake_date >= person.config.first_day else None


def _measured_night(person: Person, wake_date: date) -> tuple[float, float] | None:
    return _night(person, wake_date) if _has_sensors(person) else None


def _has_sensors(person: Person) -> bool:
    return person.athlete.index == 0


def _skin_celsius(person: Person, wake_date: date) -> float:
    return round(34 + _lot(person, wake_date, "skin") % 100 / 100, 2)


def _lot(person: Person, day: date, what: str) -> int:
    return digest(person.config.seed, person.athlete.index, day, what)


def _result_type(prefix: str, person: Person, end: float) -> str:
    return f"{prefix}_{'PREDICTION' if end > person.config.now_epoch else 'HISTORY'}"


def _utc(epoch: float) -> str:
    """Without a zone, though it is UTC; fractions only where there are some."""
    return datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None).isoformat()
