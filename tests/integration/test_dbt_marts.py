"""The dbt project on a small invented warehouse: what the marts say is what happened."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from fit_platform.accounts import tables as accounts
from fit_platform.providers.fitbit import tables as fitbit
from fit_platform.providers.polar import tables as polar
from fit_platform.providers.strava import tables as strava
from tests.integration.dbt_warehouse import Warehouse, utc

DAY = date(2026, 3, 2)
BERLIN_SUMMER, BERLIN_WINTER, NEW_YORK_SUMMER = 7200, 3600, -14400


def band(
    athlete: str, day: date, seconds_and_bpm: Iterable[tuple[float, float]], offset: int = 0
) -> list[dict[str, Any]]:
    """Fitbit samples at seconds after midnight UTC of `day`."""
    return [
        {
            "athlete_id": athlete, "dt": (at := utc(day, second)).date(), "sampled_at": at,
            "utc_offset_seconds": offset, "bpm": bpm, "platform": "FITBIT", "device_name": "band",
        }
        for second, bpm in seconds_and_bpm
    ]  # fmt: skip


def watch(athlete: str, day: date, wall_clock: list[tuple[int, int]], bpm: float = 60) -> list[dict[str, Any]]:
    """Polar's all-day samples of a wall-clock day, as (second of the day, fold)."""
    return [
        {
            "athlete_id": athlete, "dt": day, "local_date": day, "second_of_day": second, "sample_index": index,
            "fold": fold, "bpm": bpm + index % 5,
        }
        for index, (second, fold) in enumerate(wall_clock)
    ]  # fmt: skip


def add_wear_days(warehouse: Warehouse) -> None:
    """Feeds of several cadences, each on a day of its own."""
    every_5_min = [(i * 300.0, 70.0) for i in range(288)]
    minutes = [(i * 60.0, 70.0) for i in range(1440)]
    scattered = {i * 40 + 7 for i in range(30)}
    warehouse.insert(
        fitbit.HEART_RATE,
        [
            *band("full", DAY, every_5_min),
            *band("hour", DAY, (s for s in every_5_min if not 36000 <= s[0] < 39600)),
            *band("together", DAY, (s for s in minutes if not 600 <= s[0] / 60 < 630)),
            *band("scattered", DAY, (s for i, s in enumerate(minutes) if i not in scattered)),
        ],
    )
    bursts = sorted({*range(0, 86400, 300), *range(40000, 43600)})
    warehouse.insert(polar.CONTINUOUS_HEART_RATE, watch("bursts", DAY, [(second, 0) for second in bursts]))


def add_nights(warehouse: Warehouse) -> None:
    """Minute by minute from 22:00 to 08:00 UTC: (night's end, low bpm, low minutes, minutes that are missing)."""
    nights: list[tuple[int, float, range, set[int]]] = [
        (0, 50, range(200, 230), set()),
        (1, 45, range(200, 210), set()),
        (2, 40, range(200, 220), {*range(170, 200), *range(220, 250)}),
        (3, 50, range(0), set(range(100, 530))),
    ]
    for night, low, low_minutes, missing in nights:
        start = (night * 24 - 2) * 3600
        samples = (
            (start + minute * 60.0, low if minute in low_minutes else 60.0)
            for minute in range(600)
            if minute not in missing
        )
        warehouse.insert(fitbit.HEART_RATE, band("sleeper", DAY, samples))


def add_clock_changes(warehouse: Warehouse) -> None:
    """Ada, Berlin: the night of 25 October (03:00 becomes 02:00) and of 29 March; a flight to New York on 10 July."""
    autumn = [(s, 0) for s in range(0, 10800, 300)] + [(s, 1) for s in range(7200, 86400, 300)]
    spring = [(s, 0) for s in range(0, 7200, 300)] + [(s, 0) for s in range(10800, 86400, 300)]
    landed = 15 * 3600 - 6 * 3600  # 15:00 on the watch became 09:00
    flight = [(s, 0) for s in range(0, 54000, 300)] + [(s, 1) for s in range(landed, 86400, 300)]
    abroad = [(s, 0) for s in range(0, 86400, 300)]
    warehouse.insert(
        polar.CONTINUOUS_HEART_RATE,
        [
            *watch("ada", date(2026, 10, 25), autumn),
            *watch("ada", date(2026, 3, 29), spring),
            *watch("ada", date(2026, 7, 10), flight),
            *watch("ada", date(2026, 7, 11), abroad),
        ],
    )
    day = date(2026, 7, 10)
    warehouse.insert(
        fitbit.HEART_RATE,
        [
            *band("ada", day, ((s, 80.0) for s in range(0, 46800, 600)), BERLIN_SUMMER),
            *band("ada", day, ((s, 80.0) for s in range(46800, 190000, 600)), NEW_YORK_SUMMER),
            *band("ada", day, ((s, 80.0) for s in range(200000, 210000, 600)), BERLIN_SUMMER),
        ],
    )


def add_activities(warehouse: Warehouse) -> None:
    """Ben runs (watch, its relay, a late band), walks twice, and his band sees the end of a ride and more."""

    def at(hour: int, minute: int = 0) -> datetime:
        return utc(DAY, hour * 3600 + minute * 60)

    def of(**fields: object) -> dict[str, Any]:
        return {"athlete_id": "ben", "dt": DAY, "utc_offset_seconds": 0, **fields}

    seen_first = datetime(2026, 10, 1, tzinfo=UTC)
    warehouse.insert(
        polar.EXERCISES,
        [
            of(exercise_id="kX9mPq2", started_at=at(7), duration_seconds=3600.0, detailed_sport="TRAIL_RUNNING",
               sport="OTHER", distance_m=10000.0, energy_kcal=700.0, avg_hr_bpm=150.0, max_hr_bpm=171.0,
               has_route=True),
            of(exercise_id="kX9mPq3", started_at=at(16), duration_seconds=7200.0, detailed_sport="ROAD_BIKING",
               distance_m=50000.0),
        ],
    )  # fmt: skip
    samples = [
        {"sampled_at": utc(DAY, 7 * 3600 + s), "elapsed_seconds": float(s), "heart_rate_bpm": 150.0 + s % 22}
        for s in range(3600)
    ]
    warehouse.insert(polar.EXERCISE_SAMPLES, [of(exercise_id="kX9mPq2", **s) for s in samples])
    warehouse.insert(
        strava.ACTIVITIES,
        [
            of(activity_id="501", external_id="kX9mPq2.fit", title="Forest loop", sport_type="TrailRun",
               started_at=at(7), elapsed_seconds=3600.0, moving_seconds=3500.0, distance_m=9900.0, ascent_m=240.0,
               has_heart_rate=True, avg_hr_bpm=150.0, first_fetched_at=seen_first),
            of(activity_id="502", title="Lunch Walk", sport_type="Walk", started_at=at(12), elapsed_seconds=1800.0),
            of(activity_id="503", title="Evening Walk", sport_type="Walk", started_at=at(18, 20),
               elapsed_seconds=1800.0),
        ],
    )  # fmt: skip
    warehouse.insert(strava.STREAM_SAMPLES, [of(activity_id="501", **s) for s in samples])
    warehouse.insert(
        fitbit.EXERCISES,
        [
            of(exercise_id="f1", started_at=at(7, 3), ended_at=at(7, 59), exercise_type="RUNNING", platform="FITBIT"),
            of(exercise_id="f2", started_at=at(12, 2), ended_at=at(12, 29), exercise_type="WALKING", platform="FITBIT"),
            of(exercise_id="f3", started_at=at(17, 40), ended_at=at(18, 30), exercise_type="BIKING", platform="FITBIT"),
        ],
    )


def add_daily(warehouse: Warehouse) -> None:
    """Steps of band and watch, a nap beside a night."""
    noon = utc(DAY, 43200)
    warehouse.insert(
        fitbit.STEPS,
        [
            {"athlete_id": "ben", "dt": DAY, "local_date": DAY, "started_at": noon + timedelta(minutes=i),
             "ended_at": noon + timedelta(minutes=i + 1), "utc_offset_seconds": 0, "steps": 100}
            for i in range(10)
        ],
    )  # fmt: skip
    warehouse.insert(
        polar.DAILY_ACTIVITY,
        [
            {"athlete_id": "ben", "dt": day, "local_date": day, "steps": 900, "total_kcal": 2500.0}
            for day in (DAY, DAY + timedelta(days=1))
        ],
    )
    warehouse.insert(
        fitbit.SLEEP,
        [
            {"athlete_id": "ben", "dt": DAY, "local_date": DAY, "sleep_id": name, "started_at": utc(DAY, start),
             "ended_at": utc(DAY, end), "start_utc_offset_seconds": 0, "end_utc_offset_seconds": 0, "is_main": main,
             "is_nap": nap, "asleep_minutes": (end - start) / 60}
            for name, start, end, main, nap in (
                ("night", 0, 25200, True, False),
                ("early", -7200, -3600, False, False),
                ("nap", 50000, 53600, False, True),
            )
        ],
    )  # fmt: skip


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The warehouse, built once with `dbt build`: models, data tests and unit tests."""
    built = Warehouse(tmp_path_factory.mktemp("dbt"))
    built.create_base_tables()
    zones = {"ada": "Europe/Berlin"}
    athletes = ["ada", "ben", "bursts", "full", "hour", "scattered", "sleeper", "together"]
    built.insert(
        accounts.ATHLETES,
        [
            {
                "athlete_id": a,
                "dt": date(1970, 1, 1),
                "display_name": a,
                "timezone": zones.get(a, "UTC"),
                "max_hr_bpm": 190,
            }
            for a in athletes
        ],
    )
    for add in (add_wear_days, add_nights, add_clock_changes, add_activities, add_daily):
        add(built)
    built.dbt("build")
    return built


@pytest.mark.parametrize(
    ("athlete", "worn_minutes", "percent_of_day"),
    [
        ("full", 1440, 100),
        ("hour", 82950 / 60, 96.01),
        ("together", 84630 / 60, 97.95),
        ("scattered", 85500 / 60, 98.96),
        ("bursts", 1440, 100),
    ],
)
def test_worn_time_knows_the_cadence_of_the_feed(
    warehouse: Warehouse, athlete: str, worn_minutes: float, percent_of_day: float
) -> None:
    """A 5-minute feed covers its day; a pause costs what exceeds 1.5 x the cadence; bursts do not hide the cadence."""
    days = warehouse.rows("select worn_minutes from marts.heart_rate_daily where athlete_id = ?", athlete)
    assert [day["worn_minutes"] for day in days] == [pytest.approx(worn_minutes, abs=0.01)]
    assert [100 * day["worn_minutes"] / 1440 for day in days] == [pytest.approx(percent_of_day, abs=0.005)]


def test_resting_heart_rate_is_the_lowest_well_covered_half_hour_of_the_night(warehouse: Warehouse) -> None:
    """30 minutes at 50: 50. Only 10 at 45: 55. A low with too little coverage: refused. Under 3 hours: null."""
    days = warehouse.rows("select local_date, resting_bpm from marts.heart_rate_daily where athlete_id = 'sleeper'")
    by_night = {(day["local_date"] - DAY).days: day["resting_bpm"] for day in days}
    assert by_night == {-1: None, 0: 50.0, 1: 55.0, 2: 60.0, 3: None}


def test_hourly_maximum_is_the_highest_sample_of_any_source(warehouse: Warehouse) -> None:
    """Recomputed in plain Python from the band's samples of a day of travel, whose instants and offsets are given."""
    highest: dict[tuple[str, datetime], float] = defaultdict(float)
    for sample in warehouse.rows("select * from base.fitbit_heart_rate where athlete_id in ('ada', 'sleeper')"):
        local = sample["sampled_at"].timestamp() + sample["utc_offset_seconds"]
        hour = datetime.fromtimestamp(local // 3600 * 3600 - sample["utc_offset_seconds"], UTC)
        key = (sample["athlete_id"], hour)
        highest[key] = max(highest[key], sample["bpm"])
    found = {
        (row["athlete_id"], row["hour_start_utc"]): row["max_bpm"]
        for row in warehouse.rows("select * from marts.heart_rate_hourly where athlete_id in ('ada', 'sleeper')")
    }
    assert {key: found[key] for key in highest} == highest


@pytest.mark.parametrize(
    ("local_date", "hours", "worn_minutes"),
    [(date(2026, 10, 25), 25, 1500), (date(2026, 3, 29), 23, 1380)],
)
def test_a_clock_change_makes_a_day_of_25_or_23_hours(
    warehouse: Warehouse, local_date: date, hours: int, worn_minutes: int
) -> None:
    """Polar's wall clock carries no zone: the repeated hour is two rows, the skipped one is none."""
    rows = warehouse.rows(
        "select * from marts.heart_rate_hourly where athlete_id = 'ada' and local_date = ? order by hour_start_utc",
        local_date,
    )
    starts = [row["hour_start_utc"] for row in rows]
    assert len(rows) == hours
    assert {b - a for a, b in pairwise(starts)} == {timedelta(hours=1)}
    assert sum(row["covered_minutes"] for row in rows) == pytest.approx(worn_minutes)


def test_the_wall_clock_follows_the_athlete_to_another_zone(warehouse: Warehouse) -> None:
    """The band shows the offset change on landing; the watch's samples after it are New York's."""
    rows = warehouse.rows(
        "select * from marts.heart_rate_hourly where athlete_id = 'ada' and local_date = ? order by hour_start_utc",
        date(2026, 7, 11),
    )
    assert [row["local_hour"] for row in rows] == list(range(24))
    assert {row["utc_offset_seconds"] for row in rows} == {NEW_YORK_SUMMER}
    assert rows[0]["hour_start_utc"] == datetime(2026, 7, 11, 4, tzinfo=UTC)
    long_day = warehouse.rows(
        "select worn_minutes from marts.heart_rate_daily where athlete_id = 'ada' and local_date = ?", date(2026, 7, 10)
    )
    assert long_day[0]["worn_minutes"] == pytest.approx(30 * 60)


def test_an_activity_is_counted_once_with_the_best_of_each_record(warehouse: Warehouse) -> None:
    """Watch, relay and band are one run; the title is Strava's, the distance the GPS recording's."""
    run, ride_or_walk = (
        warehouse.rows("select * from marts.activities where athlete_id = 'ben' and started_at = ?", utc(DAY, h * 3600))
        for h in (7, 12)
    )
    assert len(run) == 1
    expected = {
        "sport": "TRAIL_RUNNING", "sport_family": "running", "title": "Forest loop", "distance_m": 10000.0,
        "moving_seconds": 3500.0, "ascent_m": 240.0, "energy_kcal": 700.0, "max_hr_bpm": 171.0, "source_count": 3,
        "primary_provider": "polar", "source_of_distance": "polar", "source_of_heart_rate": "polar",
        "source_of_title": "strava", "source_of_sport": "polar", "source_of_moving": "strava",
        "source_of_ascent": "strava", "source_of_energy": "polar", "has_gps": True, "local_date": DAY,
    }  # fmt: skip
    assert {name: run[0][name] for name in expected} == expected
    assert [(walk["title"], walk["source_count"]) for walk in ride_or_walk] == [("Lunch Walk", 2)]
    assert len(warehouse.rows("select * from marts.activities where athlete_id = 'ben'")) == 4


def test_a_doubtful_copy_is_held_back_for_review(warehouse: Warehouse) -> None:
    """The band saw 50 minutes, 20 of them in the two-hour ride: not merged, and not counted a second time."""
    review = warehouse.rows("select * from marts.activity_match_review")
    assert [(r["provider"], r["other_provider_activity_id"], r["held_back_provider"]) for r in review] == [
        ("polar", "f3", "fitbit")
    ]
    assert review[0]["held_back_minutes"] == 50
    assert warehouse.rows("select * from marts.activity_sources where provider_activity_id = 'f3'") == []


def test_a_relay_does_not_count_samples_twice(warehouse: Warehouse) -> None:
    """Strava's streams of the run repeat Polar's samples; one per second remains."""
    hour = warehouse.rows("select * from marts.heart_rate_hourly where athlete_id = 'ben' and local_hour = 7")
    assert [(h["sample_count"], h["max_bpm"], h["provider"]) for h in hour] == [(3600, 171.0, "polar")]
    zones = warehouse.rows("select zone, seconds from marts.activity_zones where athlete_id = 'ben' order by zone")
    assert sum(zone["seconds"] for zone in zones) == 3600


def test_daily_figures_come_from_one_provider(warehouse: Warehouse) -> None:
    """Steps are never summed over providers; naps and short sessions are no night."""
    days = warehouse.rows("select * from marts.daily_summary order by local_date")
    assert [(d["steps"], d["source_of_steps"], d["total_kcal"]) for d in days] == [
        (1000, "fitbit", 2500.0), (900, "polar", 2500.0),
    ]  # fmt: skip
    nights = warehouse.rows("select * from marts.sleep_nights")
    assert [(n["local_date"], n["asleep_minutes"]) for n in nights] == [(DAY, 420.0)]


def test_rebuilding_a_range_equals_rebuilding_everything(
    warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After a day was emptied and another got late samples, both ways lead to the same marts."""
    changed = Warehouse(tmp_path_factory.mktemp("changed"))
    shutil.copy(warehouse.path, changed.path)
    with changed.connect() as connection:
        connection.execute("delete from base.fitbit_heart_rate where athlete_id = 'together'")
        connection.execute("delete from base.polar_exercise_samples where elapsed_seconds > 600")
    changed.insert(fitbit.HEART_RATE, band("full", DAY, ((s + 17.0, 95.0) for s in range(0, 3600, 60))))
    changed.dbt("run", "--vars", '{"start_date": "2026-03-02", "end_date": "2026-03-03"}')
    by_range = changed.marts()
    assert by_range["heart_rate_daily"] != warehouse.marts()["heart_rate_daily"]
    assert not any(row[0] == "together" for row in by_range["heart_rate_daily"])
    changed.dbt("run")
    assert by_range == changed.marts()
