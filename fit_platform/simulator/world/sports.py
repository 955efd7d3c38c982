"""The sports of the world, and the word each provider has for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sport:
    """One sport. Intensity is a share of heart-rate reserve; speed 0 means that no distance is measured."""

    name: str
    minutes: tuple[int, int]
    intensity: float
    speed_mps: float
    has_gps: bool
    cadence_rpm: int  # feet: steps per minute; bikes: crank turns; 0: none
    steps_per_minute: int
    polar: tuple[str, str]  # sport, detailed_sport_info
    strava: tuple[str, str]  # type (lossy, deprecated), sport_type
    fitbit: str
    titles: tuple[str, ...]
    detected: str | None = None  # what Fitbit's automatic detection calls it; None: it does not notice
    has_power: bool = False
    is_rare: bool = False


_ALL = (
    Sport(
        "run",
        (28, 75),
        0.72,
        2.95,
        True,
        168,
        168,
        ("RUNNING", "RUNNING"),
        ("Run", "Run"),
        "RUNNING",
        ("Morning Run", "Easy miles", "Evening Run", "Tempo along the river"),
        "RUNNING",
    ),
    Sport(
        "trail_run",
        (40, 110),
        0.74,
        2.45,
        True,
        160,
        155,
        ("RUNNING", "TRAIL_RUNNING"),
        ("Run", "TrailRun"),
        "TRAIL_RUN",
        ("Forest loop", "Hills & mud"),
        "RUNNING",
    ),
    Sport(
        "ride",
        (45, 150),
        0.60,
        7.4,
        True,
        84,
        0,
        ("CYCLING", "ROAD_BIKING"),
        ("Ride", "Ride"),
        "OUTDOOR_BIKE",
        ("Afternoon Ride", "Coffee ride", "Long way home"),
        "BIKING",
    ),
    Sport(
        "virtual_ride",
        (35, 75),
        0.66,
        8.6,
        False,
        88,
        0,
        ("CYCLING", "INDOOR_CYCLING"),
        ("VirtualRide", "VirtualRide"),
        "SPINNING",
        ("Trainer hour", "Virtual climb"),
        None,
        has_power=True,
    ),
    Sport(
        "walk",
        (25, 70),
        0.28,
        1.45,
        True,
        108,
        108,
        ("WALKING", "WALKING"),
        ("Walk", "Walk"),
        "WALKING",
        ("Lunch Walk", "Evening Walk", "Around the block"),
        "WALKING",
    ),
    Sport(
        "hike",
        (90, 240),
        0.42,
        1.15,
        True,
        96,
        96,
        ("HIKING", "HIKING"),
        ("Hike", "Hike"),
        "HIKING",
        ("Ridge hike", "Weekend Hike"),
        "WALKING",
    ),
    Sport(
        "swim",
        (30, 60),
        0.58,
        0.85,
        False,
        0,
        0,
        ("SWIMMING", "POOL_SWIMMING"),
        ("Swim", "Swim"),
        "SWIMMING_POOL",
        ("Pool lengths", "Lunch Swim"),
    ),
    Sport(
        "strength",
        (30, 60),
        0.38,
        0.0,
        False,
        0,
        8,
        ("STRENGTH_TRAINING", "STRENGTH_TRAINING"),
        ("WeightTraining", "WeightTraining"),
        "WEIGHTS",
        ("Gym", "Weights"),
    ),
    Sport(
        "treadmill_run",
        (25, 50),
        0.70,
        2.8,
        False,
        166,
        166,
        ("RUNNING", "TREADMILL_RUNNING"),
        ("Run", "Run"),
        "TREADMILL",
        ("Treadmill", "Indoor intervals"),
        "RUNNING",
    ),
    Sport(
        "yoga",
        (30, 75),
        0.16,
        0.0,
        False,
        0,
        0,
        ("OTHER", "YOGA"),
        ("Yoga", "Yoga"),
        "YOGA",
        ("Morning Yoga", "Stretch & breathe"),
    ),
    # Words that no list of ours knows: new values come unannounced at all three providers.
    Sport(
        "underwater_hockey",
        (40, 60),
        0.62,
        0.0,
        False,
        0,
        0,
        ("OTHER", "WATERSPORTS_UNDERWATER_HOCKEY"),
        ("Workout", "UnderwaterHockey"),
        "UNDERWATER_HOCKEY",
        ("Octopush night",),
        None,
        is_rare=True,
    ),
)
SPORTS: dict[str, Sport] = {sport.name: sport for sport in _ALL}
EVERYDAY: tuple[str, ...] = tuple(sport.name for sport in _ALL if not sport.is_rare)
RARE: tuple[str, ...] = tuple(sport.name for sport in _ALL if sport.is_rare)
