"""Strava's view of an athlete: profile, zones, bikes and shoes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import iso_z

_RUNS = ("run", "trail_run", "treadmill_run")
_WALKS = ("walk", "hike")


def athlete(person: Person, *, is_detailed: bool) -> dict[str, Any]:
    """The profile; the detailed one needs profile:read_all."""
    a = person.athlete
    summary: dict[str, Any] = {
        "id": a.strava_athlete_id,
        "username": f"{a.athlete_id}_sim",
        "resource_state": 3 if is_detailed else 2,
        "firstname": a.first_name,
        "lastname": a.last_name,
        "bio": None,
        "city": a.timezone.split("/")[-1],
        "state": None,
        "country": None,
        "sex": "F" if a.sex == "female" else "M",
        "premium": True,
        "summit": True,
        "created_at": "2018-05-14T09:30:00Z",
        "updated_at": iso_z(person.config.begin),
        "badge_type_id": 1,
        "weight": person.weight_kg,
        "profile_medium": "avatar/athlete/medium.png",
        "profile": "avatar/athlete/large.png",
        "friend": None,
        "follower": None,
    }
    if is_detailed:
        pieces = gear(person)
        summary |= {
            "follower_count": 12,
            "friend_count": 15,
            "mutual_friend_count": 0,
            "athlete_type": 1,
            "date_preference": "%d/%m/%Y",
            "measurement_preference": "feet" if a.index % 2 else "meters",
            "clubs": [],
            "ftp": 215 if "virtual_ride" in a.favourites else None,
            "bikes": [_summary(bike) for bike in pieces if bike["id"][0] == "b" and not bike["retired"]],
            "shoes": [_summary(shoes) for shoes in pieces if shoes["id"][0] == "g" and not shoes["retired"]],
        }
    return summary


def zones(person: Person) -> dict[str, Any]:
    """Heart-rate zones; the top one is open (-1), and there is no `power` key."""
    limits = [0, *(round(share * person.athlete.max_hr_bpm) for share in (0.65, 0.81, 0.89, 0.97)), -1]
    return {
        "heart_rate": {"custom_zones": False, "zones": [{"min": low, "max": high} for low, high in pairwise(limits)]}
    }


def gear(person: Person) -> list[dict[str, Any]]:
    """Everything that activities were done with. A retired piece has left the profile, but can still be asked for."""
    index = person.athlete.index
    pieces: tuple[tuple[str, str, float, bool, dict[str, Any]], ...] = (
        (f"b{9_100_000 + index}", "Blue bike", 4_211_000.0, False, {"frame_type": 3, "weight": 8.9}),
        (f"g{7_300_000 + index}", "Old shoes", 512_400.0, False, {"notification_distance": 700}),
        (f"g{7_200_000 + index}", "Older shoes", 803_100.0, True, {"notification_distance": 700}),
    )
    return [
        {
            "id": gear_id,
            "primary": not is_retired,
            "name": name,
            "nickname": "",
            "resource_state": 3,
            "retired": is_retired,
            "distance": distance_m,
            "converted_distance": round(distance_m / 1000, 1),
            "brand_name": "Any Brand",
            "model_name": "One",
            "description": None,
            **more,
        }
        for gear_id, name, distance_m, is_retired, more in pieces
    ]


def gear_of(person: Person, sport: str, lot: int) -> str | None:
    """What an activity of this sport was done with, if that is noted: some walks in the shoes that were retired."""
    bike, shoes, retired = (piece["id"] for piece in gear(person))
    found: str | None = None
    if sport == "ride":
        found = bike
    elif sport in _RUNS and lot % 2:
        found = shoes
    elif sport in _WALKS and lot % 3 == 0:
        found = retired
    return found


def _summary(piece: dict[str, Any]) -> dict[str, Any]:
    keys = ("id", "primary", "name", "nickname", "retired", "distance", "converted_distance")
    return {key: piece[key] for key in keys} | {"resource_state": 2}
