"""The whole platform against a world that knows the truth: three providers over HTTP to published marts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fit_platform.providers.registry import PROVIDERS
from fit_platform.sync import rebuild
from tests.integration.conftest import WINDOW, House

INTERIOR = [day for day in WINDOW.days() if WINDOW.first < day < WINDOW.last]
SPRING_FORWARD = date(2026, 3, 29)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_every_real_activity_counts_once(synced: House, truth: dict[str, Any]) -> None:
    expected = {
        frozenset((r["provider"], r["provider_activity_id"]) for r in activity["records"])
        for activity in truth["activities"]
        if activity["records"]
    }
    clusters: dict[str, set[tuple[str, str]]] = {}
    for row in synced.query("SELECT activity_id, provider, provider_activity_id FROM marts.activity_sources"):
        clusters.setdefault(row["activity_id"], set()).add((row["provider"], row["provider_activity_id"]))
    assert {frozenset(cluster) for cluster in clusters.values()} == expected
    assert synced.query("SELECT count(*) AS n FROM marts.activities")[0]["n"] == len(expected)
    assert max(len(cluster) for cluster in expected) == 3, "the world has an activity with three records"


def test_dbt_takes_what_was_parsed_for_another_home_and_other_days(synced: House) -> None:
    """Parsing anew costs each build more seconds than most of its models."""
    logs = [path.read_text() for path in (synced.home / "dbt").glob("*/dbt.log")]
    assert len(logs) == 2, "day ranges and tables"
    assert not [line for log in logs for line in log.splitlines() if "UnableToPartialParse" in line]


def test_hourly_maximum_is_exactly_the_highest_sample_that_any_provider_served(
    synced: House, truth: dict[str, Any]
) -> None:
    for athlete, hours in truth["hourly_max_bpm"].items():
        expected = {instant(hour): bpm for hour, bpm in hours if instant(hour).date() in INTERIOR}
        rows = synced.query("SELECT hour_start_utc, max_bpm FROM marts.heart_rate_hourly WHERE athlete_id = ?", athlete)
        mart = {row["hour_start_utc"].astimezone(UTC): row["max_bpm"] for row in rows}
        assert {hour: bpm for hour, bpm in mart.items() if hour.date() in INTERIOR} == expected


def test_worn_minutes_are_right_within_one_cadence_step(synced: House, truth: dict[str, Any]) -> None:
    for athlete, days in truth["worn_minutes"].items():
        rows = synced.query("SELECT local_date, worn_minutes FROM marts.heart_rate_daily WHERE athlete_id = ?", athlete)
        mart = {row["local_date"]: row["worn_minutes"] for row in rows}
        wrong = {
            day: (mart.get(day), days[str(day)])
            for day in INTERIOR
            if str(day) in days and abs(mart.get(day, 0) - days[str(day)]) > 5
        }
        assert not wrong, wrong


def test_a_spring_forward_day_has_23_hours_and_the_right_offsets(synced: House, truth: dict[str, Any]) -> None:
    at_home = [
        a for a in truth["athletes"] if a["timezone"] == "Europe/Berlin" and str(SPRING_FORWARD) not in a["travel_days"]
    ]
    for athlete in at_home:
        rows = synced.query(
            "SELECT * FROM marts.heart_rate_hourly WHERE athlete_id = ? AND local_date = ? ORDER BY hour_start_utc",
            athlete["id"],
            SPRING_FORWARD,
        )
        assert 2 not in {row["local_hour"] for row in rows}, "02:00 to 03:00 did not happen"
        for row in rows:
            local = row["hour_start_utc"].astimezone(ZoneInfo("Europe/Berlin"))
            assert (row["local_hour"], row["local_date"]) == (local.hour, local.date())
            assert row["utc_offset_seconds"] == local.utcoffset().total_seconds()


def test_an_athlete_who_flew_has_the_offset_of_where_she_was(synced: House, truth: dict[str, Any]) -> None:
    traveller = next(a for a in truth["athletes"] if a["landings"])
    out, back = (instant(text) for text in traveller["landings"][:2])
    rows = synced.query(
        "SELECT hour_start_utc, utc_offset_seconds FROM marts.heart_rate_hourly WHERE athlete_id = ?", traveller["id"]
    )
    home = ZoneInfo(traveller["timezone"])
    for row in rows:
        start = row["hour_start_utc"].astimezone(UTC)
        is_home_offset = row["utc_offset_seconds"] == start.astimezone(home).utcoffset().total_seconds()
        if out <= start and start + timedelta(hours=1) <= back:
            assert not is_home_offset, f"{start}: she was away"
        elif start + timedelta(hours=1) <= out or start >= back:
            assert is_home_offset, f"{start}: she was at home"


def test_nights_and_steps_agree_with_the_truth(synced: House, truth: dict[str, Any]) -> None:
    steps = {
        (row["athlete_id"], str(row["local_date"])): row["steps"]
        for row in synced.query("SELECT athlete_id, local_date, steps, source_of_steps FROM marts.daily_summary")
        if row["source_of_steps"] == "fitbit"
    }
    for athlete, days in truth["steps"].items():
        compared = {
            day: (steps.get((athlete, day)), n) for day, n in days.items() if date.fromisoformat(day) in INTERIOR
        }
        wrong = {day: pair for day, pair in compared.items() if pair[0] is not None and pair[0] != pair[1]}
        assert not wrong
        assert len(compared) > 5
    nights = synced.query("SELECT athlete_id, local_date, provider, asleep_minutes FROM marts.sleep_nights")
    assert Counter((n["athlete_id"], n["local_date"], n["provider"]) for n in nights).most_common(1)[0][1] == 1
    assert all(0 < night["asleep_minutes"] < 16 * 60 for night in nights if night["asleep_minutes"] is not None)


def test_nothing_is_in_quarantine_and_every_blocking_check_is_green(synced: House) -> None:
    assert synced.query("SELECT * FROM ops.quarantine") == []
    with synced.open() as runtime:
        assert (runtime.settings.home_dir / "published" / "current" / "fitness.duckdb").exists()


def test_the_same_window_again_changes_nothing_at_all(synced: House, copy_of) -> None:
    house = copy_of(synced)
    before = house.hashes()
    files = {path: path.read_bytes() for path in (house.home / "landing").rglob("*") if path.is_file()}
    result = house.sync()
    assert (result.objects_written, result.partitions_replaced, result.built) == (0, 0, False)
    assert result.exit_code == 0
    assert {path: path.read_bytes() for path in (house.home / "landing").rglob("*") if path.is_file()} == files
    assert house.hashes() == before


def test_the_warehouse_can_be_made_anew_from_landing_alone(synced: House, copy_of) -> None:
    house = copy_of(synced)
    before = house.hashes()
    (house.home / "warehouse" / "fit.duckdb").unlink()
    house.control("scenario", status_500=1.0)  # rebuild asks no provider: it works while all of them are down
    with house.open() as runtime:
        result = rebuild(runtime)
    assert result.problems == []
    assert house.hashes() == before


def test_syncing_piece_by_piece_gives_the_same_marts(synced: House, linked: House, copy_of) -> None:
    """A backfill in three overlapping pieces, out of order, ends where one sync of the whole ends."""
    house = copy_of(linked)
    days = WINDOW.days()
    for first, last in ((7, 13), (0, 4), (4, 8)):
        assert house.sync(type(WINDOW)(days[first], days[last]), providers=list(PROVIDERS)).exit_code == 0
    pieces, whole = house.hashes(), synced.hashes()
    ignored = {"athletes"}  # profile snapshots are filed under the last day of each piece
    assert {name: value for name, value in pieces.items() if name not in ignored} == {
        name: value for name, value in whole.items() if name not in ignored
    }
