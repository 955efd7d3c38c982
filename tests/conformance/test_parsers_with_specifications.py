"""Our parsers against everything that the published schemas allow: nothing but a missing identity or time is refused.

Each schema gives a complete answer, one for each member left out, and one for each choice of each enumeration. Google's
discovery document comes with its client; Polar's and Strava's specifications are read where `FIT_SPECS_DIR` names them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from googleapiclient import discovery_cache

from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.parse import parse_days
from fit_platform.providers.base import DayAnswer, Item
from fit_platform.providers.registry import resource
from tests.conformance.test_published_specifications import POLAR, STRAVA, needs_polar, needs_strava
from tests.conformance.variants import Generator, Variant, without_each_member

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = date(2020, 1, 1)

POLAR_SCHEMAS = {
    "exercises": "exerciseHashId",
    "sleep": "sleep",
    "nightly_recharge": "nightly-recharge",
    "daily_activity": "activity-summary-with-all-samples",
    "cardio_load": "cardio-load",
    "physical_info": "physical-info",
    "continuous_heart_rate": "continuous-heartrate",
    "alertness": "alertness",
    "circadian_bedtime": "circadian-bedtime",
    "body_temperature": "body-temperature-period",
    "skin_temperature": "skin-temperature",
    "spo2": "spo2-test-result",
}
POLAR_NECESSARY = {
    *("id", "date", "sleep_date", "start_time", "test_time", "period_start_time", "sleep_start_time", "sleep_end_time"),
    *("timestamp", "sample_time", "time", "recording-rate", "recording_time_delta_milliseconds", "index"),
    "heart_rate",  # of a sample of all-day heart rate
}
POINTS = {
    "exercise": "exercise",
    "sleep": "sleep",
    "weight": "weight",
    "heart_rate": "heartRate",
    "steps": "steps",
    "distance": "distance",
    "active_zone_minutes": "activeZoneMinutes",
    "heart_rate_variability": "heartRateVariability",
    "daily_resting_heart_rate": "dailyRestingHeartRate",
    "daily_heart_rate_variability": "dailyHeartRateVariability",
    "daily_oxygen_saturation": "dailyOxygenSaturation",
    "daily_respiratory_rate": "dailyRespiratoryRate",
    "daily_heart_rate_zones": "dailyHeartRateZones",
    "daily_vo2_max": "dailyVo2Max",
}
GOOGLE_NECESSARY = {
    *("name", "interval", "startTime", "endTime", "sampleTime", "physicalTime", "date", "year", "month", "day"),
    *("type", "heartRateZoneType", "maxBeatsPerMinute"),  # what a stage or a zone is
    # The one value of a record; a measured one is never zero.
    *("beatsPerMinute", "weightGrams", "averagePercentage", "breathsPerMinute", "vo2Max"),
}
# Values that must make sense together.
GOOGLE_TIMES = {
    "physicalTime": "2026-09-01T10:00:00Z",
    "startTime": "2026-09-01T10:00:00Z",
    "endTime": "2026-09-01T11:00:00Z",
    **dict.fromkeys(("startUtcOffset", "endUtcOffset", "utcOffset"), "7200s"),
    "date": {"year": 2026, "month": 9, "day": 1},
}
STRAVA_EXAMPLES = {
    "athlete": "/athlete",
    "activities": "/athlete/activities",
    "activity_details": "/activities/{id}",
    "gear": "/gear/{id}",
}
STRAVA_NECESSARY = {"id", "start_date", "elapsed_time", "lap_index"}


def refused(provider: str, name: str, variants: Iterable[Variant], folder: Path) -> tuple[dict[str, str], int]:
    """Reasons by variant for all that went to quarantine, and how many variants became rows."""
    wanted = resource(provider, name)
    zone = LandingZone(FolderStore(folder / "landing"))
    days = {}
    for number, variant in enumerate(variants):
        day = FIRST + timedelta(days=number)
        days[day] = variant.what
        if wanted.object_id is not None and _has_no_identity(wanted.object_id, variant.value):
            continue  # the pull puts such an object aside before it lands
        value = variant.value
        if provider == "fitbit" and wanted.object_id is None:
            value = {"dataPoints": [value]}  # samples land as the page that they came in
        item = Item(json.dumps(value).encode(), {"path": "/"}, NOW)
        zone.write_day(wanted, "ada", DayAnswer(day, [item]), NOW)
    parsed = parse_days(wanted, zone, list(zone.keys(provider, name)), folder / "parquet")
    return {days[bad.dt]: bad.reason for bad in parsed.quarantine}, sum(count > 0 for count in parsed.rows.values())


def _has_no_identity(object_id: Any, value: Any) -> bool:
    try:
        object_id(value)
    except (KeyError, TypeError, ValueError):
        return True
    return False


def unexpected(reasons: dict[str, str], necessary: set[str]) -> dict[str, str]:
    """Those refused although everything is there that a row cannot do without."""
    return {
        what: reason
        for what, reason in reasons.items()
        if not (what.startswith("-") and what.replace("[]", "").rpartition(".")[2].lstrip("-") in necessary)
    }


@needs_polar
@pytest.mark.parametrize("name", POLAR_SCHEMAS)
def test_whatever_polar_publishes_becomes_rows(name: str, tmp_path: Path) -> None:
    assert POLAR is not None
    generator = Generator(POLAR["components"]["schemas"], {})
    reasons, with_rows = refused("polar", name, generator.variants(POLAR_SCHEMAS[name]), tmp_path)
    assert unexpected(reasons, POLAR_NECESSARY) == {}
    assert with_rows > 1


def google_schemas() -> dict[str, Any]:
    folder = Path(discovery_cache.__file__).parent / "documents"
    schemas: dict[str, Any] = json.loads((folder / "health.v4.json").read_text())["schemas"]
    return schemas


def points(member: str) -> Iterator[Variant]:
    """Data points of one type."""
    schemas = google_schemas()
    known = schemas["DataPoint"]["properties"]
    name = {"type": "string", "example": "users/7/dataTypes/any/dataPoints/66"}
    point = {"type": "object", "properties": {"name": name, "dataSource": known["dataSource"], member: known[member]}}
    variants = Generator({**schemas, "Point": point}, GOOGLE_TIMES).variants("Point")
    return (variant for variant in variants if variant.what != f"-{member}")  # a point without its value is none


@pytest.mark.parametrize("name", POINTS)
def test_whatever_google_publishes_becomes_rows(name: str, tmp_path: Path) -> None:
    reasons, with_rows = refused("fitbit", name, points(POINTS[name]), tmp_path)
    assert unexpected(reasons, GOOGLE_NECESSARY) == {}
    assert with_rows > 30


@needs_strava
@pytest.mark.parametrize("name", STRAVA_EXAMPLES)
def test_whatever_strava_shows_becomes_rows(name: str, tmp_path: Path) -> None:
    assert STRAVA is not None
    answers = STRAVA["paths"][STRAVA_EXAMPLES[name]]["get"]["responses"]["200"]["examples"]["application/json"]
    for number, whole in enumerate(answers if isinstance(answers, list) else [answers]):
        variants = [Variant("complete", whole), *without_each_member(whole)]
        reasons, with_rows = refused("strava", name, variants, tmp_path / str(number))
        assert unexpected(reasons, STRAVA_NECESSARY) == {}
        assert with_rows > 1
