"""Strava's view of an activity: SI units, a local time with a false Z, keys that come and go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from fit_platform.simulator.strava import profile
from fit_platform.simulator.strava.polyline import encode
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.clock import iso_z
from fit_platform.simulator.world.draw import digest
from fit_platform.simulator.world.streams import Streams

STREAM_KEYS = (
    "time",
    "distance",
    "latlng",
    "altitude",
    "velocity_smooth",
    "heartrate",
    "cadence",
    "watts",
    "temp",
    "moving",
    "grade_smooth",
)
_ABBREVIATED = ("EST", "MST", "HST", "CET", "EET", "MET", "WET")
_FOOT_SPORTS = ("run", "trail_run", "treadmill_run", "walk", "hike")


@dataclass(frozen=True, slots=True)
class View:
    """How much of a record is shown: the token's scope and the scenario decide."""

    privacy_zone_m: int = 0  # so much of the way is cut off at both ends
    hides_start: bool = False  # this athlete's start times are hidden, on some activities
    abbreviates_zones: bool = False  # EST instead of America/New_York
    moving_longer: float = 0.025  # share of activities that move longer than they last


class Recorded:
    """One Strava record as arrays: the true series, cut and scaled the way this record has them."""

    def __init__(self, person: Person, activity: TrueActivity, record: Record, view: View = View()) -> None:
        """Manual records have no series of their own; their numbers are the athlete's guess."""
        self.person, self.activity, self.record, self.view = person, activity, record, view
        self.bpm = person.devices.recorded_heart_rate(activity, record) if record.has_heart_rate else None
        first = max(0, record.started_at - activity.session.started_at)
        count = len(self.bpm) if self.bpm is not None else record.ended_at - record.started_at
        self.part = slice(first, min(first + count, activity.session.seconds))

    @property
    def streams(self) -> Streams:
        """The true series of the whole session."""
        return self.person.body.streams(self.activity)

    @property
    def distance_m(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Distance from this record's start."""
        return np.cumsum(self.streams.speed_mps[self.part]) * self.record.distance_factor

    @property
    def shown(self) -> slice:
        """The samples outside of the privacy zones at both ends; empty when the whole way is inside."""
        if not self.view.privacy_zone_m or not self.activity.session.sport.has_gps or self.record.kind == "manual":
            return slice(None)
        way = self.distance_m
        first, last = np.searchsorted(way, [self.view.privacy_zone_m, way[-1] - self.view.privacy_zone_m])
        return slice(int(first), max(int(first), int(last)))

    @property
    def is_start_hidden(self) -> bool:
        """Some athletes hide the start time of some activities."""
        return self.view.hides_start and digest(self.record.provider_activity_id, "hidden start") % 4 == 0

    @property
    def start(self) -> int:
        """Epoch second that is shown as the start: the day's second one where it is hidden."""
        started_at = self.record.started_at
        return started_at // 86_400 * 86_400 + 1 if self.is_start_hidden else started_at

    @property
    def local_start(self) -> str:
        """Local time of the start, with a Z that is not true."""
        local = self.person.clock.local(self.record.started_at)
        return local.strftime("%Y-%m-%dT00:00:01Z" if self.is_start_hidden else "%Y-%m-%dT%H:%M:%SZ")


def summary(person: Person, activity: TrueActivity, record: Record, view: View = View()) -> dict[str, Any]:
    """One row of the activity list."""
    sport, label = activity.session.sport, record.sport_of(activity)
    seen = Recorded(person, activity, record, view)
    streams = seen.streams
    lot = digest(record.provider_activity_id)
    is_manual = record.kind == "manual"
    offset_s = person.clock.offset_at(record.started_at)
    elapsed = record.ended_at - record.started_at
    moving = elapsed if is_manual else int(streams.is_moving[seen.part].sum())
    if lot % 40 < view.moving_longer * 40:
        moving = elapsed + 3  # rare, but Strava's own data have it
    distance = float(seen.distance_m[-1]) if sport.speed_mps else 0.0
    has_gps = sport.has_gps and not is_manual
    gain = streams.ascent_m if has_gps else 0
    place = _places(streams, seen.part)[seen.shown] if has_gps else None
    is_only_me = is_private(record)
    titles = sport.titles
    row: dict[str, Any] = {
        "resource_state": 2,
        "athlete": {"id": person.athlete.strava_athlete_id, "resource_state": 1},
        "name": titles[lot % len(titles)] if record.title is None else record.title,
        "distance": round(round(distance, -2) if is_manual else distance, 1),
        "moving_time": moving,
        "elapsed_time": elapsed,
        "total_elevation_gain": round(gain) if lot % 2 else round(float(gain), 1),
        "type": label.strava[0],
        "sport_type": label.strava[1],
        "workout_type": None,
        "device_name": {"relay": "Polar Vantage V3", "phone": "Strava App"}.get(record.kind),
        "id": int(record.provider_activity_id),
        "start_date": iso_z(seen.start),
        "start_date_local": seen.local_start,
        "timezone": _zone_label(person, record.started_at, abbreviates=view.abbreviates_zones),
        "utc_offset": float(offset_s),
        "location_city": None,
        "location_state": None,
        "location_country": None,
        "achievement_count": 0,
        "kudos_count": lot % 15,
        "comment_count": 0,
        "athlete_count": 1,
        "photo_count": 0,
        "map": {
            "id": f"a{record.provider_activity_id}",
            "summary_polyline": encode(place[::60]) if place else "",
            "resource_state": 2,
        },
        "trainer": sport.name in ("treadmill_run", "virtual_ride"),
        "commute": False,
        "manual": is_manual,
        "private": is_only_me,
        "visibility": "only_me" if is_only_me else "everyone",
        "flagged": False,
        "gear_id": profile.gear_of(person, sport.name, lot),
        "start_latlng": list(place[0]) if place else [],
        "end_latlng": list(place[-1]) if place else [],
        "average_speed": round(distance / moving, 3) if moving else 0.0,
        "max_speed": 0 if is_manual else round(float(streams.speed_mps[seen.part].max()), 3),
        "has_heartrate": record.has_heart_rate,
        "heartrate_opt_out": False,
        "display_hide_heartrate_option": record.has_heart_rate,
        "pr_count": 0,
        "total_photo_count": 0,
        "has_kudoed": False,
        "upload_id": None if is_manual else int(record.provider_activity_id) + 1_070_000_000,
        "external_id": _external_id(record, lot),
        "from_accepted_tag": False,
    }
    if row["device_name"] is None:
        del row["device_name"]
    if not is_manual:
        row["upload_id_str"] = str(row["upload_id"])
    return row | _optional(seen, has_gps=has_gps)


def is_private(record: Record) -> bool:
    """Only You: as the athlete chose, on some activities from the start."""
    return digest(record.provider_activity_id) % 9 == 0 if record.is_private is None else record.is_private


def _external_id(record: Record, lot: int) -> str | None:
    if record.kind == "manual":
        return None
    return f"{record.polar_exercise_id}.fit" if record.polar_exercise_id else f"{lot % 16**8:08x}-activity.fit"


def _optional(seen: Recorded, *, has_gps: bool) -> dict[str, Any]:
    """Keys that are absent, not null, where the value was not measured."""
    sport, streams = seen.activity.session.sport, seen.streams
    keys: dict[str, Any] = {}
    if seen.bpm is not None:
        beating = seen.bpm[seen.bpm > 0]
        keys |= {
            "average_heartrate": round(float(beating.mean()), 1),
            "max_heartrate": float(beating.max()),
            "suffer_score": float(round(len(beating) / 60 * float(beating.mean()) / 130)),
        }
    if has_gps:
        altitude = streams.altitude_m[seen.part]
        keys |= {"elev_high": round(float(altitude.max()), 1), "elev_low": round(float(altitude.min()), 1)}
    if seen.record.kind == "relay" and sport.cadence_rpm:
        keys["average_cadence"] = round(float(_cadence(seen).mean()), 1)
    if seen.record.kind != "manual" and sport.has_power:
        watts = float(streams.power_w[seen.part].mean())
        keys |= {
            "average_watts": round(watts, 1),
            "max_watts": int(streams.power_w[seen.part].max()),
            "weighted_average_watts": round(watts * 1.04),
            "device_watts": True,
            "kilojoules": round(watts * len(streams.power_w[seen.part]) / 1000, 1),
        }
    return keys


def detail(person: Person, activity: TrueActivity, record: Record, view: View = View()) -> dict[str, Any]:
    """One activity in full: the row, plus what only the detail has."""
    row = summary(person, activity, record, view)
    lot = digest(record.provider_activity_id, "detail")
    minutes = row["moving_time"] / 60
    seen = Recorded(person, activity, record, view)
    way = _places(seen.streams, seen.part)[seen.shown] if row["start_latlng"] else []
    return row | {
        "resource_state": 3,
        "description": None,
        "calories": round(minutes * person.athlete.weight_kg * 0.13, 1),
        "perceived_exertion": lot % 10 + 1 if lot % 3 == 0 else None,
        "prefer_perceived_exertion": None,
        "hide_from_home": False,
        "map": {**row["map"], "polyline": encode(way[::5]) if way else ""},
        "segment_efforts": [],
        "laps": laps(person, activity, record, view),
        "photos": {"primary": None, "count": 0},
        "embed_token": "simulated",
        "available_zones": ["heartrate"] if record.has_heart_rate else [],
    }


def laps(person: Person, activity: TrueActivity, record: Record, view: View = View()) -> list[dict[str, Any]]:
    """Ten-minute laps."""
    seen = Recorded(person, activity, record, view)
    total = record.ended_at - record.started_at
    local_start = datetime.fromisoformat(seen.local_start)
    found = []
    for index, start in enumerate(range(0, total, 600)):
        seconds = min(600, total - start)
        part = slice(seen.part.start + start, min(seen.part.start + start + seconds, seen.part.stop))
        metres = float(seen.streams.speed_mps[part].sum() * record.distance_factor)
        found.append(
            {
                "id": int(record.provider_activity_id) * 10 + index,
                "resource_state": 2,
                "name": f"Lap {index + 1}",
                "activity": {"id": int(record.provider_activity_id), "resource_state": 1},
                "athlete": {"id": person.athlete.strava_athlete_id, "resource_state": 1},
                "elapsed_time": seconds,
                "moving_time": seconds,
                "distance": round(metres, 2),
                "lap_index": index + 1,
                "start_date": iso_z(seen.start + start),
                "start_date_local": (local_start + timedelta(seconds=start)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "start_index": start,
                "end_index": start + seconds - 1,
                "average_speed": round(metres / seconds, 2),
                "max_speed": round(float(seen.streams.speed_mps[part].max(initial=0.0)), 2),
                "total_elevation_gain": _ascent_m(seen, part),
                "split": index + 1,
                **_lap_heart_rate(seen, start, seconds),
            }
        )
    return found


def _ascent_m(seen: Recorded, part: slice) -> float:
    """Metres climbed in a part of the series; 0 where there is no barometer and no GPS."""
    if not seen.activity.session.sport.has_gps or seen.record.kind == "manual":
        return 0.0
    return round(float(np.maximum(np.diff(seen.streams.altitude_m[part]), 0).sum()), 1)


def _lap_heart_rate(seen: Recorded, start: int, seconds: int) -> dict[str, float]:
    beating = seen.bpm[start : start + seconds] if seen.bpm is not None else np.zeros(0)
    beating = beating[beating > 0]
    if not len(beating):
        return {}
    return {"average_heartrate": round(float(beating.mean()), 1), "max_heartrate": float(beating.max())}


def stream_set(
    person: Person, activity: TrueActivity, record: Record, keys: list[str], view: View = View()
) -> dict[str, list[Any]]:
    """The asked series that this record has, 1 Hz; a relay has the very samples of the watch.

    Samples inside a privacy zone are left out of every series.
    """
    sport = activity.session.sport
    seen = Recorded(person, activity, record, view)
    streams, part = seen.streams, seen.part
    count = len(range(*part.indices(activity.session.seconds)))
    found: dict[str, list[Any]] = {"time": list(range(count)), "moving": streams.is_moving[part].tolist()}
    if sport.speed_mps:
        found["distance"] = np.round(seen.distance_m, 1).tolist()
        found["velocity_smooth"] = np.round(streams.speed_mps[part], 2).tolist()
    if sport.has_gps:
        found["latlng"] = [list(place) for place in _places(streams, part)]
        found["altitude"] = np.round(streams.altitude_m[part], 1).tolist()
        climb = np.gradient(streams.altitude_m[part]) / np.maximum(streams.speed_mps[part], 0.5) * 100
        found["grade_smooth"] = np.round(climb, 1).tolist()
    if seen.bpm is not None:
        found["heartrate"] = seen.bpm[:count].tolist()
    if record.kind == "relay" and sport.cadence_rpm:
        found["cadence"] = _cadence(seen).tolist()
    if sport.has_power:
        found["watts"] = streams.power_w[part].tolist()
    return {key: found[key][seen.shown] for key in STREAM_KEYS if key in keys and key in found}


def _cadence(seen: Recorded) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Turns per minute; of one leg on foot."""
    cadence = seen.streams.cadence_rpm[seen.part]
    return cadence // 2 if seen.activity.session.sport.name in _FOOT_SPORTS else cadence


def _places(streams: Streams, part: slice) -> list[tuple[float, float]]:
    if streams.latitude_deg is None or streams.longitude_deg is None:
        return []
    latitudes = np.round(streams.latitude_deg[part], 6).tolist()
    return list(zip(latitudes, np.round(streams.longitude_deg[part], 6).tolist(), strict=True))


def _zone_label(person: Person, epoch: int, *, abbreviates: bool) -> str:
    """`(GMT+01:00) Europe/Berlin`: the standard-time offset all year round, so wrong in summer.

    Some rows name the zone EST or CET, where the zone database knows such a name.
    """
    zone = person.clock.zone_at(epoch)
    local = datetime.fromtimestamp(epoch, zone)
    standard = (local.utcoffset() or timedelta()) - (local.dst() or timedelta())
    minutes = round(standard.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    winter = datetime.fromtimestamp(epoch, zone).replace(month=1 if local.month < 7 else 12)
    names = [name for moment in (winter, local) if (name := moment.tzname()) in _ABBREVIATED]
    name = names[0] if abbreviates and names else zone.key
    return f"(GMT{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}) {name}"
