"""An invented athlete's landing zone, many years of it, in the providers' own JSON and the platform's own envelope.

All-day heart rate of a band (Fitbit), 300 recordings a year at 1 Hz (Strava), some of them also the watch's (Polar) or
the band's (Fitbit exercises), so that the matcher has work. Every number follows from the day alone: a fixture of ten
years ends with that of one, and a day can be written again with an edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from fit_platform.landing.zone import LandingZone
from fit_platform.providers.base import DayAnswer, Item, Resource
from fit_platform.providers.registry import every_resource

ATHLETE = "ada"
ZONE = ZoneInfo("Europe/Berlin")
FEED_GAPS_SECONDS = (10, 15, 16, 20)  # 15.25 s on average: 5,500 points on a day that is worn but for half an hour
ACTIVITIES_PER_YEAR = 300
POLAR_EVERY, FITBIT_EVERY = 10, 5  # every so many activities the watch's, or the band's, record exists too
_VERSION = 1
FIXTURE = f"v{_VERSION}"
_BAND = (
    '"dataSource":{"recordingMethod":"PASSIVELY_MEASURED","device":{"formFactor":"FITNESS_BAND",'
    '"manufacturer":"Fitbit","displayName":"Charge 6"},"platform":"FITBIT"}'
)
_TIMES = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86_400)]
_RESOURCES = {resource.key: resource for resource in every_resource()}
_Json = dict[str, Any]


@dataclass(frozen=True)
class Session:
    """One true activity."""

    number: int
    started_at: datetime
    seconds: int
    is_ride: bool

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.seconds)

    @property
    def first_second(self) -> int:
        return self.started_at.hour * 3600 + self.started_at.minute * 60 + self.started_at.second


def session_of(day: date) -> Session | None:
    """The day's activity, if it has one; it never crosses midnight UTC."""
    ordinal = day.toordinal()
    number = ordinal * ACTIVITIES_PER_YEAR // 365
    if number == (ordinal - 1) * ACTIVITIES_PER_YEAR // 365:
        return None
    lot = np.random.default_rng(ordinal)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=int(lot.integers(5, 19)) * 3600 + 7)
    return Session(number, start, int(lot.integers(2400, 4800)), is_ride=number % 3 == 0)


def heart_rate_bpm(day: date) -> npt.NDArray[np.int64]:
    """The athlete's heart, second by second of a UTC day."""
    lot = np.random.default_rng(day.toordinal() + 1)
    second = np.arange(86_400)
    wander = np.interp(second, np.arange(0, 86_401, 300), np.cumsum(lot.normal(0, 1.5, 289)).clip(-12, 12))
    bpm = 62 - 9 * np.cos((second - 3 * 3600) / 86_400 * 2 * np.pi) + wander
    if session := session_of(day):
        part = slice(session.first_second, session.first_second + session.seconds)
        elapsed = np.arange(session.seconds)
        bpm[part] = 75 + 75 * (1 - np.exp(-elapsed / 240)) + 12 * np.sin(elapsed / 190 + session.number) + wander[part]
    return np.round(bpm).astype(np.int64).clip(42, 188)


def day_answers(day: date, fetched_at: datetime, *, edit: str = "") -> Iterator[tuple[Resource, DayAnswer]]:
    """What every provider says of a day. `edit`: the athlete gave the activity this name, and corrected its way."""

    def answer(provider: str, name: str, *items: tuple[bytes, _Json]) -> tuple[Resource, DayAnswer]:
        made = tuple(Item(payload, request, fetched_at) for payload, request in items)
        return _RESOURCES[provider, name], DayAnswer(day, made)

    bpm = heart_rate_bpm(day)
    yield answer("fitbit", "heart_rate", (_feed(day, bpm), {"path": "/users/me/dataTypes/heart-rate/dataPoints"}))
    session = session_of(day)
    if session is None:
        yield answer("strava", "activities")
        return
    mine = bpm[session.first_second : session.first_second + session.seconds]
    way = _way(session)
    summary = _strava_activity(session, mine, way, edit)
    about = {"id": str(summary["id"]), "start_date": summary["start_date"], "fingerprint": f"{session.number}{edit}"}
    encode = msgspec.json.encode
    yield answer("strava", "activities", (encode(summary), {"path": "/athlete/activities", "params": {"page": 1}}))
    streams = _strava_streams(session, mine, way)
    yield answer("strava", "streams", (encode(streams), {"path": "/activities/{id}/streams", "activity": about}))
    if session.number % POLAR_EVERY == 0:
        yield answer("polar", "exercises", (encode(_polar_exercise(session, mine, way)), {"path": "/exercises"}))
    if session.number % FITBIT_EVERY == 1:
        yield answer("fitbit", "exercise", (encode(_fitbit_exercise(session, mine, way)), {"path": "/dataPoints"}))


def write_days(zone: LandingZone, days: Iterator[date] | list[date], *, edit: str = "") -> None:
    """Land these days through the platform's own writer."""
    for day in days:
        fetched_at = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
        for resource, answer in day_answers(day, fetched_at + timedelta(days=bool(edit)), edit=edit):
            zone.write_day(resource, ATHLETE, answer, answer.items[0].fetched_at if answer.items else fetched_at)


def _offset_seconds(moment: datetime) -> int:
    return int((moment.astimezone(ZONE).utcoffset() or timedelta()).total_seconds())


def _feed(day: date, bpm: npt.NDArray[np.int64]) -> bytes:
    lot = np.random.default_rng(day.toordinal() + 2)
    at = np.cumsum(lot.choice(FEED_GAPS_SECONDS, 6000))
    off = int(lot.integers(0, 84_000))  # half an hour on the charger
    at = at[(at < 86_400) & ((at < off) | (at >= off + 1800))]
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    early, late = _offset_seconds(midnight), _offset_seconds(midnight + timedelta(hours=1))
    head = f'{{{_BAND},"heartRate":{{"sampleTime":{{"physicalTime":"{day}T'
    points = [
        f'{head}{_TIMES[s]}Z","utcOffset":"{early if s < 3600 else late}s"}},"beatsPerMinute":"{b}"}}}}'
        for s, b in zip(at.tolist(), bpm[at].tolist(), strict=True)
    ]
    return ('{"dataPoints":[' + ",".join(points) + "]}").encode()


def _way(session: Session) -> npt.NDArray[np.float64]:
    """Metres since the start, second by second."""
    speed = (8.5 if session.is_ride else 3.1) + 0.4 * np.sin(np.arange(session.seconds) / 77)
    return np.cumsum(speed)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _strava_activity(session: Session, bpm: npt.NDArray[np.int64], way: npt.NDArray[np.float64], edit: str) -> _Json:
    offset = _offset_seconds(session.started_at)
    is_relay = session.number % POLAR_EVERY == 0
    sport = "Ride" if session.is_ride else "Run"
    return {
        "resource_state": 2,
        "athlete": {"id": 1, "resource_state": 1},
        "name": edit or f"{sport} {session.number}",
        "distance": round(float(way[-1]) * (0.98 if edit else 1), 1),
        "moving_time": session.seconds - 20,
        "elapsed_time": session.seconds,
        "total_elevation_gain": 55.0,
        "type": sport,
        "sport_type": sport,
        "id": int(strava_id(session)),
        "start_date": _iso(session.started_at),
        "start_date_local": _iso(session.started_at + timedelta(seconds=offset)),
        "timezone": "(GMT+01:00) Europe/Berlin",
        "utc_offset": float(offset),
        "map": {"summary_polyline": "", "resource_state": 2},
        "trainer": False,
        "manual": False,
        "private": False,
        "visibility": "everyone",
        "gear_id": None,
        "start_latlng": [52.5, 13.4],
        "end_latlng": [52.6, 13.4],
        "average_speed": round(float(way[-1]) / session.seconds, 3),
        "has_heartrate": True,
        "average_heartrate": round(float(bpm.mean()), 1),
        "max_heartrate": float(bpm.max()),
        "upload_id": 20_000_000_000 + session.number,
        "external_id": f"{polar_id(session)}.fit" if is_relay else f"garmin-{session.number}.fit",
    }


def _strava_streams(session: Session, bpm: npt.NDArray[np.int64], way: npt.NDArray[np.float64]) -> _Json:
    count = session.seconds
    second = np.arange(count)
    series: dict[str, list[Any]] = {
        "time": second.tolist(),
        "distance": np.round(way, 1).tolist(),
        "latlng": np.round(np.column_stack([52.5 + way * 9e-6, 13.4 + second * 1e-6]), 6).tolist(),
        "altitude": np.round(40 + 8 * np.sin(second / 300), 1).tolist(),
        "velocity_smooth": np.round(np.gradient(way), 2).tolist(),
        "heartrate": bpm.tolist(),
        "cadence": (84 + second % 5).tolist(),
        "moving": [True] * count,
        "grade_smooth": np.round(2 * np.cos(second / 300), 1).tolist(),
    }
    if session.is_ride:
        series["watts"] = (180 + 30 * np.sin(second / 50)).round().astype(np.int64).tolist()
    return {
        name: {"data": data, "series_type": "distance", "original_size": count, "resolution": "high"}
        for name, data in series.items()
    }


def strava_id(session: Session) -> str:
    """The id that Strava gave the session's record."""
    return str(10_000_000_000 + session.number)


def polar_id(session: Session) -> str:
    """The id that Polar gave it; it stands in the name of the file that Strava got."""
    return f"p{session.number:07d}"


def _polar_exercise(session: Session, bpm: npt.NDArray[np.int64], way: npt.NDArray[np.float64]) -> _Json:
    offset = _offset_seconds(session.started_at)
    local = session.started_at + timedelta(seconds=offset)
    series = [(0, bpm.tolist()), (1, np.round(np.gradient(way) * 3.6, 1).tolist()), (10, np.round(way, 1).tolist())]
    return {
        "id": polar_id(session),
        "upload_time": _iso(session.ended_at),
        "polar_user": "https://www.polaraccesslink/v3/users/1",
        "device": "Polar Vantage V3",
        "device_id": "1A2B3C4D",
        "start_time": local.strftime("%Y-%m-%dT%H:%M:%S"),
        "start_time_utc_offset": offset // 60,
        "duration": f"PT{session.seconds}S",
        "calories": 500,
        "distance": round(float(way[-1]), 1),
        "heart_rate": {"average": round(float(bpm.mean())), "maximum": int(bpm.max())},
        "sport": "CYCLING" if session.is_ride else "RUNNING",
        "has_route": True,
        "detailed_sport_info": "ROAD_BIKING" if session.is_ride else "RUNNING",
        "samples": [
            {"recording_rate": 1, "sample_type": kind, "data": ",".join(map(str, values))} for kind, values in series
        ],
    }


def _fitbit_exercise(session: Session, bpm: npt.NDArray[np.int64], way: npt.NDArray[np.float64]) -> _Json:
    """The band noticed the session two minutes late and stopped a minute early."""
    start, end = session.started_at + timedelta(seconds=120), session.ended_at - timedelta(seconds=60)
    kind = "BIKING" if session.is_ride else "RUNNING"
    offset = f"{_offset_seconds(start)}s"
    return {
        "name": f"users/1/dataTypes/exercise/dataPoints/{session.number}",
        "dataSource": {"recordingMethod": "PASSIVELY_MEASURED", "device": {"displayName": "Charge 6"},
                       "platform": "FITBIT"},
        "exercise": {
            "interval": {"startTime": _iso(start), "startUtcOffset": offset, "endTime": _iso(end),
                         "endUtcOffset": offset},
            "exerciseType": kind,
            "displayName": kind.title(),
            "activeDuration": f"{session.seconds - 180}s",
            "metricsSummary": {
                "caloriesKcal": 480,
                "distanceMillimeters": round(float(way[-1]) * 950),
                "averageHeartRateBeatsPerMinute": str(round(float(bpm[120:-60].mean()))),
            },
            "exerciseMetadata": {},
            "createTime": _iso(end),
            "updateTime": _iso(end),
        },
    }  # fmt: skip
