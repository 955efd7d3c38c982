"""What a session felt like, second by second: effort, speed, distance, place, altitude, cadence, power."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fit_platform.simulator.world.activity import TrueActivity
from fit_platform.simulator.world.athletes import Athlete
from fit_platform.simulator.world.draw import Purpose, digest, draw

Floats = npt.NDArray[np.float64]
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Streams:
    """1 Hz series of a session; one value per second from its true start. Heart rate comes from the body's signals."""

    effort: Floats  # share of heart-rate reserve that the work asks for
    is_moving: npt.NDArray[np.bool_]
    speed_mps: Floats
    distance_m: Floats
    altitude_m: Floats
    cadence_rpm: npt.NDArray[np.int64]
    power_w: npt.NDArray[np.int64]
    latitude_deg: Floats | None
    longitude_deg: Floats | None

    @property
    def ascent_m(self) -> float:
        """Metres climbed, summed over 10-second means as devices do."""
        thin = self.altitude_m[::10]
        return float(np.clip(np.diff(thin), 0, None).sum())


def streams_of(seed: int, athlete: Athlete, activity: TrueActivity) -> Streams:
    """Generate the series of one session: speed follows effort, distance speed, place and altitude distance."""
    session, sport = activity.session, activity.session.sport
    seconds = session.seconds
    rng = draw(seed, athlete.index, digest(session.key) % 2**32, Purpose.ACTIVITY)
    effort = _effort(seconds, sport.intensity, sport.name, rng)
    is_moving = _stops(seconds, sport.speed_mps > 0 and sport.has_gps, rng)
    speed = np.zeros(seconds)
    if sport.speed_mps:
        wobble = 1 + 0.06 * _smooth(rng.normal(size=seconds // 20 + 2), seconds)
        speed = sport.speed_mps * athlete.speed_factor * (0.55 + 0.45 * effort / sport.intensity) * wobble * is_moving
    distance = np.cumsum(speed)
    turns = np.cumsum(_smooth(rng.normal(scale=0.25, size=seconds // 45 + 2), seconds) / 20)
    altitude = np.zeros(seconds)
    latitude = longitude = None
    if sport.has_gps:
        hills = rng.uniform(10, 70 if sport.name in ("trail_run", "hike") else 18)
        phase = rng.uniform(0, 6.28)
        altitude = 60 + hills * (1 + np.sin(distance / 900 + phase)) + 3 * np.sin(distance / 130)
        heading = rng.uniform(0, 6.28) + 2 * np.pi * distance / max(1.0, float(distance[-1])) + turns
        latitude = athlete.home_latitude_deg + np.cumsum(speed * np.cos(heading)) / _METRES_PER_DEGREE
        stretch = _METRES_PER_DEGREE * np.cos(np.radians(athlete.home_latitude_deg))
        longitude = athlete.home_longitude_deg + np.cumsum(speed * np.sin(heading)) / stretch
    turnover = sport.cadence_rpm * (0.94 + 0.06 * effort / sport.intensity)
    cadence = np.rint(turnover + rng.normal(scale=1.5, size=seconds))
    power = np.rint(np.clip(230 * effort + rng.normal(scale=12, size=seconds), 0, None)) * is_moving
    return Streams(
        effort=effort,
        is_moving=is_moving,
        speed_mps=speed,
        distance_m=distance,
        altitude_m=altitude,
        cadence_rpm=(cadence * is_moving * (sport.cadence_rpm > 0)).astype(np.int64),
        power_w=(power * sport.has_power).astype(np.int64),
        latitude_deg=latitude,
        longitude_deg=longitude,
    )


def _effort(seconds: int, intensity: float, name: str, rng: np.random.Generator) -> Floats:
    """Warm-up ramp, then steady work or intervals, a slow drift, and sometimes a finish."""
    t = np.arange(seconds, dtype=np.float64)
    drift = 0.96 + 0.08 * t / max(1, seconds)
    level = intensity * drift + 0.02 * _smooth(rng.normal(size=seconds // 60 + 2), seconds)
    if name in ("run", "ride", "treadmill_run", "virtual_ride") and rng.random() < 0.35:
        level += 0.13 * np.sign(np.sin(2 * np.pi * t / 360)) * (t > 600)
    if name == "strength":
        level += 0.16 * (np.sin(2 * np.pi * t / 150) > 0.3)
    if rng.random() < 0.4:
        level += 0.10 * (t > seconds - 240)
    level *= np.clip(0.45 + 0.55 * t / 300, 0, 1)
    return np.asarray(np.clip(level, 0.05, 0.98))


def _stops(seconds: int, can_stop: bool, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    is_moving = np.ones(seconds, dtype=np.bool_)
    if can_stop and seconds > 900:
        for _ in range(int(rng.integers(0, 3))):
            start = int(rng.integers(300, seconds - 300))
            is_moving[start : start + int(rng.integers(15, 70))] = False
    return is_moving


def _smooth(knots: Floats, seconds: int) -> Floats:
    """Spread a few random values evenly over the session."""
    return np.interp(np.linspace(0, len(knots) - 1, seconds), np.arange(len(knots)), knots)
