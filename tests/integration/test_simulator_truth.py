"""The truth against the answers: what is recomputed from HTTP alone must be what `/_sim/truth` says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import requests

from fit_platform.simulator import SimulatorConfig, WorldConfig, running
from tests.integration.simulator_login import Client

WORLD = WorldConfig(end=date(2026, 11, 6), days=24)
STREAMS = "time,heartrate"


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with running(SimulatorConfig(world=WORLD)) as url:
        yield url


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


class _Answers:
    """Everything that holds heart rate, as (instant, bpm), from the three providers' answers around some days."""

    def __init__(self, base_url: str, athlete: str, first: date, last: date) -> None:
        self.first, self.last = first - timedelta(days=1), last + timedelta(days=1)
        self.polar, self.strava, self.fitbit = (
            Client(base_url, provider, athlete).login() for provider in ("polar", "strava", "fitbit")
        )
        self.offsets: list[tuple[int, int]] = []  # instant, offset: as the band saw it
        self.samples = self._band()
        self.samples += self._watch() + self._exercises() + self._streams()

    def offset_at(self, instant: int) -> int:
        return next((offset for at, offset in reversed(self.offsets) if at <= instant), self.offsets[0][1])

    def _band(self) -> list[tuple[int, int]]:
        name = "heart_rate.sample_time.physical_time"
        window = f'{name} >= "{self.first}T00:00:00Z" AND {name} < "{self.last + timedelta(days=1)}T00:00:00Z"'
        found = []
        for point in self.fitbit.points("heart-rate", filter=window, pageSize=10_000):
            sample = point["heartRate"]
            at, offset = _epoch(sample["sampleTime"]["physicalTime"]), int(sample["sampleTime"]["utcOffset"][:-1])
            found.append((at, int(sample["beatsPerMinute"])))
            self.offsets.append((at, offset))
        self.offsets.sort()
        changes = [self.offsets[0]]
        changes += [new for old, new in zip(self.offsets, self.offsets[1:], strict=False) if new[1] != old[1]]
        self.offsets = changes
        return found

    def _watch(self) -> list[tuple[int, int]]:
        """A wall clock without a zone: the first instant after the last one at which the clock showed this."""
        found: list[tuple[int, int]] = []
        window = {"from": str(self.first), "to": str(self.last)}
        offsets = sorted({offset for _, offset in self.offsets}, reverse=True)
        for day in self.polar.json("/users/continuous-heart-rate", **window)["heart_rates"]:
            for sample in day["heart_rate_samples"]:
                wall = _epoch(f"{day['date']}T{sample['sample_time']}+00:00")
                at = next(
                    wall - offset for offset in offsets
                    if self.offset_at(wall - offset) == offset and (not found or wall - offset > found[-1][0])
                )  # fmt: skip
                found.append((at, sample["heart_rate"]))
        return found

    def _exercises(self) -> list[tuple[int, int]]:
        found = []
        for exercise in self.polar.json("/exercises", samples="true"):
            start = _epoch(exercise["start_time"] + "+00:00") - 60 * exercise["start_time_utc_offset"]
            series = next(s for s in exercise["samples"] if s["sample_type"] == 0)
            found += [(start + n, int(bpm)) for n, bpm in enumerate(series["data"].split(","))]
        return found

    def _streams(self) -> list[tuple[int, int]]:
        found = []
        for row in self.strava.json("/athlete/activities", per_page=200):
            answer = self.strava.get(f"/activities/{row['id']}/streams", keys=STREAMS, key_by_type="true")
            if answer.status_code == 404 or "heartrate" not in answer.json():
                continue
            streams = answer.json()
            start = _epoch(row["start_date"])
            pairs = zip(streams["time"]["data"], streams["heartrate"]["data"], strict=True)
            found += [(start + second, bpm) for second, bpm in pairs]
        return found

    def hourly_max(self, day: date) -> dict[str, int]:
        """Highest valid sample of each hour of a local day."""
        highest: dict[str, int] = {}
        for at, bpm in self.samples:
            offset = self.offset_at(at)
            if 30 <= bpm <= 250 and datetime.fromtimestamp(at + offset, UTC).date() == day:
                hour = datetime.fromtimestamp(at - (at + offset) % 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                highest[hour] = max(highest.get(hour, 0), bpm)
        return highest


@cache
def _truth(base_url: str) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{base_url}/_sim/truth", timeout=60).json()
    return found


@pytest.mark.parametrize(("athlete", "days", "hours"), [
    ("ben", [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2)], 25),  # clocks go back
    ("ada", [date(2026, 10, 21), date(2026, 10, 22)], 30),  # flies west
    ("ada", [date(2026, 10, 30)], 19),  # flies home: the day loses five hours, as Berlin has left summer time
])  # fmt: skip
def test_hourly_maxima_recomputed_from_the_answers_are_the_truth(
    base_url: str, athlete: str, days: list[date], hours: int
) -> None:
    answers = _Answers(base_url, athlete, days[0], days[-1])
    truth = dict(_truth(base_url)["hourly_max_bpm"][athlete])
    counts = []
    for day in days:
        recomputed = answers.hourly_max(day)
        assert recomputed, day
        assert recomputed == {hour: truth[hour] for hour in recomputed}, day
        expected = {h for h in truth if _local_date(answers, h) == day}
        assert set(recomputed) == expected, day
        counts.append(len(recomputed))
    assert hours in counts, counts


def _local_date(answers: _Answers, hour: str) -> date:
    at = _epoch(hour) + 1800
    return datetime.fromtimestamp(at + answers.offset_at(at), UTC).date()


def test_every_record_of_the_truth_is_served_and_no_other(base_url: str) -> None:
    truth = _truth(base_url)
    for athlete in ("ada", "ben"):
        told = {
            (record["provider"], record["provider_activity_id"])
            for activity in truth["activities"] if activity["athlete"] == athlete for record in activity["records"]
        }  # fmt: skip
        polar, strava, fitbit = (Client(base_url, p, athlete).login() for p in ("polar", "strava", "fitbit"))
        served = {("polar", e["id"]) for e in polar.json("/exercises")}
        served |= {("strava", str(row["id"])) for row in strava.json("/athlete/activities", per_page=200)}
        served |= {("fitbit", point["name"].rsplit("/", 1)[1]) for point in fitbit.points("exercise")}
        assert told == served
        assert len(told) > len([a for a in truth["activities"] if a["athlete"] == athlete])


def test_sleep_records_of_the_truth_are_those_served(base_url: str) -> None:
    nights = [night for night in _truth(base_url)["sleep"] if night["athlete"] == "ben"]
    polar = {n["date"]: n for n in Client(base_url, "polar", "ben").login().json("/users/sleep")["nights"]}
    fitbit = [p["sleep"] for p in Client(base_url, "fitbit", "ben").login().points("sleep")]
    main = {p["interval"]["endTime"]: p for p in fitbit if p["metadata"].get("mainSleep")}
    for night in nights:
        records = {record["provider"]: record for record in night["records"]}
        assert ("polar" in records) == (night["local_date"] in polar)
        assert ("fitbit" in records) == (night["ended_at"] in main)
        if "fitbit" in records:
            assert main[night["ended_at"]]["interval"]["startTime"] == night["started_at"]


def test_two_simulators_give_the_same_bytes() -> None:
    config = SimulatorConfig(world=WorldConfig(end=date(2026, 3, 31), days=5))
    bodies = []
    for _ in range(2):
        with running(config) as url:
            polar, strava, fitbit = (Client(url, p, "ben").login() for p in ("polar", "strava", "fitbit"))
            bodies.append([
                polar.get("/exercises", samples="true", zones="true", route="true").content,
                polar.get("/users/sleep").content,
                strava.get("/athlete/activities").content,
                fitbit.get("/users/me/dataTypes/heart-rate/dataPoints", pageSize=10_000).content,
                fitbit.get("/users/me/dataTypes/sleep/dataPoints").content,
                requests.get(f"{url}/_sim/truth", timeout=60).content,
            ])  # fmt: skip
    assert bodies[0] == bodies[1]
    assert all(len(body) > 100 for body in bodies[0])
