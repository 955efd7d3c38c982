"""One athlete and one activity as inputs of the compiled models, for the tests of the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from tests.integration.compiled_models import CompiledModels, Row

NOON = 1772366400
"""1 March 2026, 12:00 UTC, in seconds since 1970."""
DAY = date(2026, 3, 1)
RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)
BASE_CASE = {"sex": "male", "max_hr_bpm": 190, "resting_hr_bpm": 55}
ZERO_FEED = {"provider": "polar", "feed": "activity"}


def instant(second: float) -> datetime:
    """An instant from seconds since 1970."""
    return datetime.fromtimestamp(second, UTC)


def samples(second_and_bpm: Iterable[tuple[int, float]], **fields: object) -> list[dict[str, Any]]:
    """Heart-rate samples `second` seconds after noon, of a Polar recording unless told otherwise."""
    return [
        {"athlete_id": "ada", "dt": DAY, "provider": "polar", "feed": "activity", "sampled_second": NOON + second,
         "utc_offset_seconds": 0, "bpm": bpm, "fetched_at": RECEIVED, **fields}
        for second, bpm in second_and_bpm
    ]  # fmt: skip


def steady(*minutes_and_bpm: tuple[float, float]) -> list[tuple[int, float]]:
    """(second, bpm) every 10 s, which is the cap: stretches of so many minutes at one heart rate, one after another."""
    found: list[tuple[int, float]] = []
    start = 0
    for minutes, bpm in minutes_and_bpm:
        end = start + round(minutes * 60)
        found += [(second, bpm) for second in range(start, end, 10)]
        start = end
    return found


def activity(
    hearts: list[dict[str, Any]],
    seconds: int,
    athlete: Mapping[str, Any] = BASE_CASE,
    settings: Iterable[Row] = (),
    **more: Iterable[Row],
) -> dict[str, Iterable[Row]]:
    """Inputs of the marts: one run of `seconds` from noon, known from one Polar record."""
    record = {"athlete_id": "ada", "provider": "polar", "provider_activity_id": "r1"}
    for heart in hearts:
        if heart["feed"] == "activity":
            heart.setdefault("known_end_second", NOON + seconds)
    person = {"athlete_id": "ada", **athlete}
    return {
        "int_heart_rate_samples": hearts,
        "int_activity_records": [
            {**record, "record_id": "ada:polar:r1", "source_rank": 1, "dt": DAY, "started_at": instant(NOON),
             "ended_at": instant(NOON + seconds), "is_manual": False}
        ],
        "activity_sources": [{**record, "activity_id": "run", "relation": "same", "is_primary": True}],
        "activities": [
            {"activity_id": "run", "athlete_id": "ada", "local_date": DAY, "sport_family": "running",
             "elapsed_seconds": float(seconds), "started_at": instant(NOON)}
        ],
        "athletes": [person],
        "stg_accounts__athletes": [person],
        "stg_accounts__athlete_settings": [{"athlete_id": "ada", "sport": "any", **line} for line in settings],
        **more,
    }  # fmt: skip


def zones(models: CompiledModels, given: Mapping[str, Iterable[Row]], scheme: str) -> dict[int, tuple[Any, Any]]:
    """Lower limit and seconds of each zone of a scheme."""
    rows = models.run("activity_zones", given)
    return {row["zone"]: (row["lower_bpm"], row["seconds"]) for row in rows if row["scheme"] == scheme}
