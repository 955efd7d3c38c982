"""What the band makes of a night and of a day: variability, oxygen, breathing, zones, fitness; and weighings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec

from fit_platform.simulator.fitbit.jsontext import BAND
from fit_platform.simulator.fitbit.records import DataPoint
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import day_start, iso_z
from fit_platform.simulator.world.draw import digest

_SOURCE: dict[str, Any] = msgspec.json.decode(BAND)
_SCALE = {"recordingMethod": "MANUAL", "platform": "FITBIT"}
_ZONES = (("LIGHT", 0.0), ("MODERATE", 0.4), ("VIGOROUS", 0.6), ("PEAK", 0.85))
_LEVELS = ((30, "POOR"), (36, "FAIR"), (42, "AVERAGE"), (48, "GOOD"), (54, "VERY_GOOD"))


def noise(person: Person, day: date, what: str) -> float:
    """A number in [0, 1) for a day, always the same."""
    return digest(person.config.seed, person.athlete.index, day, what) % 10_000 / 10_000


def rmssd_ms(person: Person, day: date) -> float:
    """Variability of the night that ends on a day: the calmer the heart, the higher."""
    return max(12.0, 30 + 1.6 * (68 - person.body.resting_bpm(day)) + 10 * (noise(person, day, "hrv") - 0.5))


def zone_floors(person: Person, day: date) -> list[tuple[str, int]]:
    """Lowest heart rate of each zone by Karvonen: resting, plus a share of the reserve."""
    resting = round(person.body.resting_bpm(day))
    return [(zone, round(resting + share * (person.athlete.max_hr_bpm - resting))) for zone, share in _ZONES]


def _daily(kind: str, value: Callable[[Person, date], dict[str, Any]]) -> Callable[[Person], list[DataPoint]]:
    """One point for each civil date that is over and whose night the band saw, oldest first."""

    def points(person: Person) -> list[DataPoint]:
        found = []
        for day in person.civil_dates():
            is_over = person.clock.date_bounds(day)[1] <= person.config.now_epoch
            if is_over and person.devices.band_night(day) is not None:
                dated = {"date": {"year": day.year, "month": day.month, "day": day.day}, **value(person, day)}
                found.append(DataPoint(day_start(day), 0, {"dataSource": _SOURCE, kind: dated}))
        return found

    return points


def _variability(person: Person, day: date) -> dict[str, Any]:
    night = rmssd_ms(person, day)
    return {
        "averageHeartRateVariabilityMilliseconds": round(night, 3),
        "deepSleepRootMeanSquareOfSuccessiveDifferencesMilliseconds": round(night * 1.08, 3),
        "nonRemHeartRateBeatsPerMinute": str(round(person.body.resting_bpm(day) + 1)),
        "entropy": round(2.4 + night / 100, 3),
    }


def _oxygen(person: Person, day: date) -> dict[str, Any]:
    average = 95.4 + 2 * noise(person, day, "spo2")
    return {
        "averagePercentage": round(average, 1),
        "lowerBoundPercentage": round(average - 1.6, 1),
        "upperBoundPercentage": round(average + 1.4, 1),
        "standardDeviationPercentage": 0.6,
    }


def _breathing(person: Person, day: date) -> dict[str, Any]:
    return {"breathsPerMinute": round(12.5 + person.athlete.index % 4 + 1.2 * noise(person, day, "breaths"), 1)}


def _zones(person: Person, day: date) -> dict[str, Any]:
    floors = zone_floors(person, day)
    tops = [floor - 1 for _, floor in floors[1:]] + [220]
    return {
        "heartRateZones": [
            {"heartRateZoneType": zone, "minBeatsPerMinute": str(low), "maxBeatsPerMinute": str(high)}
            for (zone, low), high in zip(floors, tops, strict=True)
        ]
    }


def _fitness(person: Person, day: date) -> dict[str, Any]:
    vo2_max = 13.8 * person.athlete.max_hr_bpm / person.body.resting_bpm(day)
    level = next((name for below, name in _LEVELS if vo2_max < below), "EXCELLENT")
    is_estimated = {"estimated": True} if noise(person, day, "vo2") < 0.3 else {}
    return {"vo2Max": round(vo2_max, 2), "cardioFitnessLevel": level, **is_estimated}


def weights(person: Person) -> list[DataPoint]:
    """A weighing every third morning or so, oldest first, filtered by its time."""
    found = []
    for day in person.civil_dates():
        at = person.planner.night(day).end + 900
        if noise(person, day, "weighs") > 0.35 or not person.config.begin <= at < person.config.now_epoch:
            continue
        offset = person.clock.offset_at(at)
        grams = round(person.athlete.weight_kg * 1000 + 900 * (noise(person, day, "grams") - 0.5), -2)
        identity = digest(person.config.seed, person.athlete.index, day, "weight") >> 3
        content = {
            "name": f"users/{person.athlete.fitbit_user_id}/dataTypes/weight/dataPoints/{identity}",
            "dataSource": _SCALE,
            "weight": {"sampleTime": {"physicalTime": iso_z(at), "utcOffset": f"{offset}s"}, "weightGrams": grams},
        }
        found.append(DataPoint(at, offset, content))
    return found


DAILY: dict[str, Callable[[Person], list[DataPoint]]] = {
    "daily-heart-rate-variability": _daily("dailyHeartRateVariability", _variability),
    "daily-oxygen-saturation": _daily("dailyOxygenSaturation", _oxygen),
    "daily-respiratory-rate": _daily("dailyRespiratoryRate", _breathing),
    "daily-heart-rate-zones": _daily("dailyHeartRateZones", _zones),
    "daily-vo2-max": _daily("dailyVo2Max", _fitness),
}
