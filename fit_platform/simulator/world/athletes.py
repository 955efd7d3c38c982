"""The invented people of the world: who they are, where they live, what their hearts can do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class Athlete:
    """One person. `index` is the position in the roster and seeds everything about them."""

    index: int
    athlete_id: str
    first_name: str
    last_name: str
    sex: Literal["female", "male"]
    birth_date: date
    timezone: str
    max_hr_bpm: int
    resting_hr_bpm: int
    weight_kg: float
    height_cm: float
    home_latitude_deg: float
    home_longitude_deg: float
    speed_factor: float  # 1.0: an average club athlete
    favourites: tuple[str, ...]  # sports that come up more often

    @property
    def polar_user_id(self) -> int:
        """Polar's number for this person."""
        return 47_110_000 + 37 * self.index

    @property
    def strava_athlete_id(self) -> int:
        """Strava's number for this person."""
        return 118_400_100 + 911 * self.index

    @property
    def fitbit_user_id(self) -> str:
        """Google's healthUserId for this person."""
        return str(6_603_114_728_150_000 + 7_919 * self.index)


def _athlete(
    index: int,
    name: str,
    sex: Literal["female", "male"],
    born: str,
    zone: str,
    heart: tuple[int, int],
    body: tuple[float, float],
    home: tuple[float, float],
    speed: float,
    *favourites: str,
) -> Athlete:
    first, last = name.split(" ")
    return Athlete(
        index=index,
        athlete_id=first.lower(),
        first_name=first,
        last_name=last,
        sex=sex,
        birth_date=date.fromisoformat(born),
        timezone=zone,
        max_hr_bpm=heart[0],
        resting_hr_bpm=heart[1],
        weight_kg=body[0],
        height_cm=body[1],
        home_latitude_deg=home[0],
        home_longitude_deg=home[1],
        speed_factor=speed,
        favourites=favourites,
    )


ROSTER: tuple[Athlete, ...] = (
    _athlete(
        0,
        "Ada Lindqvist",
        "female",
        "1990-04-17",
        "Europe/Berlin",
        (188, 52),
        (61.5, 171),
        (52.52, 13.405),
        1.05,
        "run",
        "run",
        "trail_run",
        "swim",
    ),
    _athlete(
        1,
        "Ben Okafor",
        "male",
        "1984-09-02",
        "America/New_York",
        (182, 57),
        (78.0, 182),
        (40.78, -73.96),
        1.0,
        "ride",
        "ride",
        "virtual_ride",
        "strength",
    ),
    _athlete(
        2,
        "Chitra Raman",
        "female",
        "1995-12-30",
        "Asia/Kolkata",
        (194, 60),
        (55.0, 160),
        (12.97, 77.59),
        0.95,
        "run",
        "yoga",
        "walk",
    ),
    _athlete(
        3,
        "Dan Tamihana",
        "male",
        "1978-06-11",
        "Pacific/Auckland",
        (176, 50),
        (84.5, 187),
        (-36.85, 174.76),
        1.0,
        "trail_run",
        "hike",
        "ride",
    ),
    _athlete(
        4,
        "Elif Demir",
        "female",
        "1988-02-29",
        "America/Los_Angeles",
        (189, 55),
        (66.0, 168),
        (34.05, -118.24),
        1.0,
        "run",
        "strength",
        "yoga",
    ),
    _athlete(
        5,
        "Femi Thapa",
        "male",
        "1999-08-08",
        "Asia/Kathmandu",
        (198, 48),
        (68.0, 176),
        (27.71, 85.32),
        1.1,
        "hike",
        "trail_run",
        "run",
    ),
    _athlete(
        6,
        "Gro Haugen",
        "female",
        "1971-01-23",
        "Europe/Oslo",
        (172, 54),
        (63.0, 166),
        (59.91, 10.75),
        0.9,
        "walk",
        "hike",
        "swim",
    ),
    _athlete(
        7,
        "Hugo Prado",
        "male",
        "1992-11-05",
        "America/Sao_Paulo",
        (187, 58),
        (74.0, 178),
        (-23.55, -46.63),
        1.0,
        "ride",
        "run",
        "treadmill_run",
    ),
    _athlete(
        8,
        "Ines Ferrer",
        "female",
        "1983-07-19",
        "Australia/Adelaide",
        (185, 56),
        (59.5, 163),
        (-34.93, 138.6),
        1.0,
        "swim",
        "run",
        "ride",
    ),
    _athlete(
        9,
        "Jonas Weber",
        "male",
        "2001-03-14",
        "Australia/Lord_Howe",
        (199, 51),
        (71.0, 184),
        (-31.55, 159.08),
        1.05,
        "run",
        "strength",
        "walk",
    ),
)
