"""Every worked number of docs/metrics.md, out of the models themselves. The base case: a man, rest 55, maximum 190."""

from __future__ import annotations

import csv
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from tests.integration.athlete_day import BASE_CASE, DAY, NOON, RECEIVED, activity, instant, samples, steady, zones
from tests.integration.compiled_models import CompiledModels
from tests.integration.dbt_warehouse import PROJECT

WOMAN = {**BASE_CASE, "sex": "female"}
THRESHOLD = {"valid_from": date(2020, 1, 1), "threshold_hr_bpm": 170}
B3 = [(0, 120.0), (1, 133.0), (2, 152.0), (20, 171.0), (21, 95.0)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    return CompiledModels.of_project(tmp_path_factory.mktemp("compiled"))


def facts(models: CompiledModels, hearts: list[tuple[int, float]], seconds: int, **given: Any) -> dict[str, Any]:
    """The row of the run in `activity_heart_rate`."""
    (row,) = models.run("activity_heart_rate", activity(samples(hearts), seconds, **given))
    return row


def recording(values: list[tuple[int, float | None, float | None]], seconds: int) -> list[dict[str, Any]]:
    """Rows of int_activity_samples: (second, bpm, speed), each held to the next, 10 s at most."""
    ends = [second for second, *_ in values[1:]] + [seconds]
    return [
        {"athlete_id": "ada", "dt": DAY, "provider": "polar", "provider_activity_id": "r1",
         "ended_second": NOON + seconds, "sampled_second": NOON + second, "bpm": bpm, "speed_mps": speed,
         "heart_rate_seconds": None if bpm is None else min(end - second, 10)}
        for (second, bpm, speed), end in zip(values, ends, strict=True)
    ]  # fmt: skip


def test_zone_time_is_credited_per_sample_and_a_value_on_a_limit_is_in_the_upper_zone(models: CompiledModels) -> None:
    """16 of 24 s: the gap of 18 s earns 10, the last sample the 3 s to the known end. 0.7 x 190 is 133, zone 3."""
    given = activity(samples(B3), 24)
    assert zones(models, given, "%HRmax") == {1: (95, 3), 2: (114, 1), 3: (133, 1), 4: (152, 10), 5: (171, 1)}
    (row,) = models.run("activity_heart_rate", given)
    assert row["covered_seconds"] == 16
    assert row["edwards_trimp"] == pytest.approx(53 / 60) == pytest.approx(0.883, abs=5e-4)


def test_a_repeated_second_counts_once_and_as_received_last(models: CompiledModels) -> None:
    older = samples([(1, 180.0)], fetched_at=None)
    older[0]["fetched_at"] = samples([(0, 1)])[0]["fetched_at"] - timedelta(days=1)
    given = activity([*samples(B3), *older], 24)
    assert zones(models, given, "%HRmax")[5] == (171, 1)


@pytest.mark.parametrize(
    ("athlete", "trimp"), [(BASE_CASE, 117.94), (WOMAN, 131.69)], ids=["man", "woman"]
)  # Woman with the man's factor .64, as some have it: 98.00.
def test_banister_of_an_hour_at_155(models: CompiledModels, athlete: dict[str, Any], trimp: float) -> None:
    row = facts(models, steady((60, 155.0)), 3600, athlete=athlete)
    assert row["avg_heart_rate_reserve"] == pytest.approx(0.7407, abs=5e-5)
    assert row["trimp"] == pytest.approx(trimp, abs=0.005)
    if athlete is WOMAN:
        assert row["trimp"] * 0.64 / 0.86 == pytest.approx(98.00, abs=0.005)


@pytest.mark.parametrize(("athlete", "ceiling"), [(BASE_CASE, 4.365), (WOMAN, 4.568)], ids=["man", "woman"])
def test_banister_has_a_ceiling_per_minute(models: CompiledModels, athlete: dict[str, Any], ceiling: float) -> None:
    """Above the set maximum the reserve is cut to 1, and the row says that the maximum was passed."""
    row = facts(models, steady((1, 205.0)), 60, athlete=athlete)
    assert row["trimp"] == pytest.approx(ceiling, abs=5e-4)
    assert row["is_above_set_max"] is True
    if athlete is WOMAN:
        assert row["trimp"] * 0.64 / 0.86 == pytest.approx(3.400, abs=5e-4)


def test_load_is_summed_per_sample_not_of_the_average(models: CompiledModels) -> None:
    """The average of both halves is 155 again, which would give 117.94."""
    row = facts(models, steady((30, 125.0), (30, 185.0)), 3600)
    assert row["avg_bpm"] == 155
    assert row["trimp"] == pytest.approx(144.40, abs=0.005)


@pytest.mark.parametrize(
    ("athlete", "bpm", "hrtss"), [(BASE_CASE, 155.0, 70.25), (WOMAN, 155.0, 72.23), (BASE_CASE, 170.0, 100.0)]
)
def test_training_stress_is_the_share_of_an_hour_at_threshold(
    models: CompiledModels, athlete: dict[str, Any], bpm: float, hrtss: float
) -> None:
    row = facts(models, steady((60, bpm)), 3600, athlete=athlete, settings=[THRESHOLD])
    assert row["hrtss"] == pytest.approx(hrtss, abs=0.005)


def test_without_sex_or_limits_there_is_no_load_and_no_guess(models: CompiledModels) -> None:
    nobody = {"sex": None, "max_hr_bpm": 190, "resting_hr_bpm": 55}
    assert facts(models, steady((1, 155.0)), 60, athlete=nobody)["trimp"] is None
    no_rest = facts(models, steady((1, 200.0)), 60, athlete={"sex": "male", "max_hr_bpm": 190})
    assert (no_rest["trimp"], no_rest["avg_heart_rate_reserve"]) == (None, None)
    no_max = activity(samples(steady((1, 155.0))), 60, athlete={"sex": "male"})
    assert zones(models, no_max, "%HRmax") == {}


def load_days(models: CompiledModels, trimps: dict[int, float], sex: str | None = "male") -> dict[int, dict[str, Any]]:
    """training_load_daily by day, 1 being the first, of activities with these loads on these days."""
    first = date(2026, 3, 1)
    rows = models.run(
        "training_load_daily",
        {
            "activities": [
                {"activity_id": str(day), "athlete_id": "ada", "local_date": first + timedelta(days=day - 1)}
                for day in trimps
            ],
            "activity_heart_rate": [
                {"activity_id": str(day), "athlete_id": "ada", "trimp": trimp} for day, trimp in trimps.items()
            ],
            "athletes": [{"athlete_id": "ada", "sex": sex}],
        },
    )
    return {(row["local_date"] - first).days + 1: row for row in rows}


def test_fitness_and_fatigue_after_one_time_constant_are_63_percent(models: CompiledModels) -> None:
    """The other conventions would say 63.65 and 66.01 (1/tau), or 86.47 and 86.65 (2/(tau + 1))."""
    days = load_days(models, dict.fromkeys(range(1, 44), 100.0))
    assert days[42]["ctl"] == pytest.approx(63.21, abs=0.005)
    assert days[7]["atl"] == pytest.approx(63.21, abs=0.005)
    others = {
        f(tau): 100 * (1 - (1 - f(tau)) ** tau) for tau in (42, 7) for f in (lambda t: 1 / t, lambda t: 2 / (t + 1))
    }
    assert sorted(round(value, 2) for value in others.values()) == [63.65, 66.01, 86.47, 86.65]
    assert days[1]["tsb"] == 0
    assert days[8]["tsb"] == pytest.approx(-47.86, abs=0.005)
    assert days[43]["tsb"] == pytest.approx(-36.54, abs=0.005)


def test_rest_days_bring_form_and_are_rows(models: CompiledModels) -> None:
    """42 days on, 7 off; the rows go on to today, which these models take for 30 April."""
    days = load_days(models, dict.fromkeys(range(1, 43), 100.0))
    assert days[50]["tsb"] == pytest.approx(16.81, abs=0.005)
    assert sorted(days) == list(range(1, 62)), "1 March to 30 April, no gap"
    assert days[61]["trimp"] == 0


def test_without_sex_every_day_of_load_is_null(models: CompiledModels) -> None:
    days = load_days(models, {1: 100.0}, sex=None)
    assert {(day["trimp"], day["ctl"], day["atl"], day["tsb"]) for day in days.values()} == {(None,) * 4}


def test_decoupling_is_the_fall_of_speed_per_heart_beat(models: CompiledModels) -> None:
    """3 m/s at 140, then at 147. Stops and a sensor that is off change nothing."""
    halves = [(second, 140.0 if second < 1800 else 147.0, 3.0) for second in range(0, 3600, 10)]
    (row,) = models.run("int_activity_decoupling", {"int_activity_samples": recording(halves, 3600)})
    assert row["decoupling_percent"] == pytest.approx(4.76, abs=0.005)
    stopped = [*halves, *((second, 100.0, 0.0) for second in range(3600, 4000, 10)), (4000, None, 3.0)]
    (row,) = models.run("int_activity_decoupling", {"int_activity_samples": recording(stopped, 4010)})
    assert (row["basis"], row["decoupling_percent"]) == ("speed", pytest.approx(4.76, abs=0.005))


def test_decoupling_is_of_power_where_there_is_a_meter(models: CompiledModels) -> None:
    """200 W at 140, then at 147. The road went down: speed would say that the ride got easier."""
    halves = [
        (second, 140.0 if second < 1800 else 147.0, 8.0 if second < 1800 else 12.0) for second in range(0, 3600, 10)
    ]
    given = {"int_activity_samples": [{**sample, "power_w": 200.0} for sample in recording(halves, 3600)]}
    (row,) = models.run("int_activity_decoupling", given)
    assert (row["basis"], row["decoupling_percent"]) == ("power", pytest.approx(4.76, abs=0.005))


@pytest.mark.parametrize(("told", "average", "maximum"), [(None, 154.55, 160), (150.0, 150, 170)])
def test_a_record_that_tells_no_average_has_that_of_its_samples(
    models: CompiledModels, told: float | None, average: float, maximum: float
) -> None:
    """One second at 100, ten at 160: (100 + 1600) / 11. What the provider tells stands."""
    exercise = {
        "athlete_id": "ada", "dt": DAY, "exercise_id": "r1", "started_at": instant(NOON),
        "ended_at": instant(NOON + 11), "avg_hr_bpm": told, "max_hr_bpm": told and told + 20,
    }  # fmt: skip
    given = {
        "stg_polar__exercises": [exercise],
        "int_activity_samples": recording([(0, 100.0, None), (1, 160.0, None)], 11),
    }
    (row,) = models.run("int_activity_records", given)
    assert (row["avg_hr_bpm"], row["max_hr_bpm"]) == (pytest.approx(average, abs=0.005), maximum)
    assert row["has_heart_rate"] is True


def test_best_efforts_are_means_of_any_stretch_of_their_length(models: CompiledModels) -> None:
    """10 min at 140, 5 at 170, 10 at 150."""
    given = {"int_activity_samples": recording(
        [(second, bpm, None) for second, bpm in steady((10, 140.0), (5, 170.0), (10, 150.0))], 1500
    )}  # fmt: skip
    best = {row["window_seconds"]: row["value"] for row in models.run("int_activity_best_efforts", given)}
    assert (best[300], best[600], best[1200], best[3600]) == (170, 160, 152.5, None)


@pytest.mark.parametrize(("gap_seconds", "best_minute"), [(10, (41 * 4 + 19 * 3) / 60), (11, None)])
def test_a_best_effort_does_not_reach_over_a_gap_longer_than_the_carry(
    models: CompiledModels, gap_seconds: int, best_minute: float | None
) -> None:
    """3 m/s until second 39, 4 m/s from the end of the gap to second 90."""
    seconds = [*range(40), *range(39 + gap_seconds, 90)]
    given = {"int_activity_samples": recording([(s, 150.0, 3.0 if s < 40 else 4.0) for s in seconds], 90)}
    rows = models.run("int_activity_best_efforts", given)
    best = {(row["metric"], row["window_seconds"]): row["value"] for row in rows}
    assert best["speed", 60] == (best_minute and pytest.approx(best_minute))
    assert best["heart_rate", 60] == (best_minute and 150)
    assert best["speed", 30] == 4.0


def test_maximum_by_age_and_rough_vo2max(models: CompiledModels) -> None:
    """Aged 40 on 30 April 2026; a day before the birthday, 39."""
    with (PROJECT / "seeds" / "max_heart_rate_formulas.csv").open() as file:
        formulas = [
            {"formula": row["formula"], "intercept_bpm": float(row["intercept_bpm"]),
             "bpm_per_year": float(row["bpm_per_year"])} for row in csv.DictReader(file)
        ]  # fmt: skip
    athletes = [
        {"athlete_id": "ada", "birth_date": date(1986, 4, 30), "max_hr_bpm": 190, "resting_hr_bpm": 55},
        {"athlete_id": "ben", "birth_date": date(1986, 5, 1)},
    ]
    rows = models.run(
        "athlete_estimates",
        {"athletes": athletes, "stg_accounts__athletes": [{**a, "birth_date": None} for a in athletes],
         "max_heart_rate_formulas": formulas},
    )  # fmt: skip
    found = {(row["athlete_id"], row["method"]): row["value"] for row in rows}
    by_age = {"fox": 180, "tanaka": 180, "gellish": 179, "nes": 185.4, "arena": 180.5, "astrand": 183}
    assert {method: found["ada", method] for method in by_age} == pytest.approx(by_age, abs=0.05)
    assert found["ben", "fox"] == 181
    assert found["ada", "uth"] == pytest.approx(52.9, abs=0.05)
    assert ("ben", "uth") not in found


def test_rmssd_is_the_root_mean_square_of_successive_differences() -> None:
    """RR 800, 810, 790, 820 ms. SDNN, 12.91 here, is another measure."""
    macros = jinja2.Environment(autoescape=False).from_string(Path(PROJECT / "macros" / "heart_rate.sql").read_text())
    rmssd = macros.make_module().rmssd_ms("d")  # type: ignore[attr-defined]
    with duckdb.connect() as connection:
        found = connection.execute(f"select {rmssd} from (values (10.0), (-20.0), (30.0)) as rr(d)").fetchone()
    assert found == (pytest.approx(21.60, abs=0.005),)


def strava_zone(told_at: datetime, zone: int, lower_bpm: float) -> dict[str, Any]:
    """A backfill of February files under its last day what Strava tells today."""
    return {
        "athlete_id": "ada",
        "snapshot_date": date(2026, 2, 28),
        "fetched_at": told_at,
        "kind": "heart_rate",
        "zone": zone,
        "lower_bpm": lower_bpm,
    }


def test_the_schemes_of_zones_and_their_limits(models: CompiledModels) -> None:
    """%HRR of 55..190, Coggan's %LTHR of 170, the athlete's own, and Strava's as the API gives them."""
    told = [
        strava_zone(told_at, zone, float(lower))
        for told_at, limits in (
            (datetime(2026, 2, 1, 12, tzinfo=UTC), (0, 120, 149, 164, 179)),
            (datetime(2026, 3, 2, 12, tzinfo=UTC), (0, 100, 110, 120, 130)),
        )
        for zone, lower in enumerate(limits, 1)
    ]
    own = {f"zone_{zone}_lower_bpm": 100.0 + 10 * zone for zone in range(1, 6)}
    given = activity(samples(steady((1, 149.0))), 60, settings=[{**THRESHOLD, **own}], **{"stg_strava__zones": told})
    limits = {
        scheme: [lower for _, (lower, _) in sorted(zones(models, given, scheme).items())]
        for scheme in ("%HRR", "%LTHR", "own", "strava")
    }
    assert limits["%HRR"] == pytest.approx([122.5, 136, 149.5, 163, 176.5])
    assert limits["%LTHR"] == pytest.approx([0, 115.6, 141.1, 159.8, 178.5])
    assert limits["own"] == [110, 120, 130, 140, 150]
    assert limits["strava"] == [math.floor(share * 185) for share in (0, 0.65, 0.81, 0.89, 0.97)]
    assert zones(models, given, "strava")[3] == (149, 60), "a limit belongs to the upper zone"


def test_strava_zones_of_today_say_nothing_about_an_older_run(
    models: CompiledModels,
) -> None:
    later = [strava_zone(datetime(2026, 3, 2, 12, tzinfo=UTC), 1, 100.0)]
    assert zones(models, activity(samples(B3), 24, **{"stg_strava__zones": later}), "strava") == {}


def test_active_zone_minutes_count_vigorous_and_peak_twice(models: CompiledModels) -> None:
    """10 moderate + 10 vigorous minutes: 30, by the limits that Google gave for that day."""
    names = ("LIGHT", "MODERATE", "VIGOROUS", "PEAK")
    limits = [
        {"athlete_id": "ada", "local_date": DAY, "zone": name, "min_bpm": low}
        for name, low in zip(names, (30, 115, 140, 168), strict=True)
    ]
    row = facts(
        models, steady((5, 100.0), (10, 120.0), (10, 150.0)), 1500, **{"stg_fitbit__daily_heart_rate_zones": limits}
    )
    assert row["active_zone_minutes"] == 30


def test_polars_own_zones_stand_beside_ours_with_its_own_seconds(models: CompiledModels) -> None:
    polar = [
        {"athlete_id": "ada", "exercise_id": "r1", "zone": zone, "lower_bpm": 90.0 + zone * 10, "seconds": zone * 2.0}
        for zone in range(1, 6)
    ]
    given = activity(samples(B3), 24, **{"stg_polar__exercise_zones": polar})
    assert zones(models, given, "polar") == {zone: (90.0 + zone * 10, zone * 2.0) for zone in range(1, 6)}
    assert zones(models, given, "%HRmax")[4] == (152, 10)


def test_todays_limits_never_rewrite_an_old_run(models: CompiledModels) -> None:
    """A maximum from the day after changes nothing; one of running counts before one of any sport."""
    settings = [
        {"valid_from": date(2026, 3, 2), "max_hr_bpm": 150},
        {"valid_from": date(2026, 2, 1), "sport": "running", "max_hr_bpm": 200},
        {"valid_from": date(2026, 2, 1), "sport": "cycling", "max_hr_bpm": 100},
    ]
    given = activity(samples(B3), 24, settings=settings)
    assert [lower for _, (lower, _) in sorted(zones(models, given, "%HRmax").items())] == [100, 120, 140, 160, 180]
    periods = {
        (row["sport"], row["valid_from"]): (row["valid_to"], row["max_hr_bpm"], row["resting_hr_bpm"])
        for row in models.run("athlete_settings", given)
    }
    always = date(1900, 1, 1)
    assert periods["any", always] == (date(2026, 3, 2), 190, 55)
    assert periods["any", date(2026, 3, 2)] == (None, 150, 55)
    assert periods["running", always] == (date(2026, 2, 1), 190, 55), "before its first line a sport is like any"
    assert periods["running", date(2026, 3, 2)] == (None, 200, 55), "a line of any sport does not undo the sport's own"


def test_a_day_is_judged_by_the_maximum_of_that_day(models: CompiledModels) -> None:
    given = activity(samples(B3), 24, settings=[{"valid_from": date(2026, 3, 2), "max_hr_bpm": 150}])
    (day,) = models.run("heart_rate_daily", given)
    assert [day[f"zone_{zone}_seconds"] for zone in range(1, 6)] == [3, 1, 1, 10, 1]


def test_a_strap_in_the_activity_wins_over_the_band_that_runs_all_day(models: CompiledModels) -> None:
    """Both count once: the strap's minute has its 150, dropouts and the time around it are the band's."""
    band = samples([(second, 100.0) for second in range(-600, 1200, 5)], provider="fitbit", feed="continuous")
    strap = samples([(second, 150.0) for second in range(60)])
    given = activity([*band, *strap], 90)
    (row,) = models.run("activity_heart_rate", given)
    assert row["covered_seconds"] == 90
    assert row["avg_bpm"] == pytest.approx((69 * 150 + 21 * 100) / 90, abs=0.01), "carried for 10 s, then the band"
    (day,) = models.run("heart_rate_daily", given)
    assert day["worn_minutes"] == pytest.approx((600 + 1200 - 5 + 7.5) / 60, abs=0.01)
    assert day["sample_count"] == 360 + 60


def test_an_hour_is_the_athletes_local_hour(models: CompiledModels) -> None:
    """Half-hour zones start at half past (UTC); the hour that Berlin repeats gives two rows."""

    def band(athlete: str, start: int, offset: int, bpms: list[float]) -> list[dict[str, Any]]:
        return samples(
            [(start - NOON + 60 * index, bpm) for index, bpm in enumerate(bpms)], athlete_id=athlete,
            provider="fitbit", feed="continuous", utc_offset_seconds=offset,
        )  # fmt: skip

    rows = models.run(
        "heart_rate_hourly",
        {
            "int_heart_rate_samples": [
                *band("kolkata", 1772340300, 19800, [70, 80, 90]),
                *band("berlin", 1792888200, 7200, [60, 62]),
                *band("berlin", 1792891800, 3600, [50, 55, 57]),
            ]
        },
    )
    found = {
        (row["athlete_id"], row["hour_start_utc"].isoformat()[11:16]): (
            row["local_hour"], row["max_bpm"], row["avg_bpm"], row["min_bpm"], row["sample_count"],
            row["covered_minutes"], row["cadence_seconds"],
        )
        for row in rows
    }  # fmt: skip
    assert found == {
        ("kolkata", "04:30"): (10, 90, 81.43, 70, 3, 3.5, 60),
        ("berlin", "00:00"): (2, 62, 61.2, 60, 2, 2.5, 60),
        ("berlin", "01:00"): (2, 57, 54.43, 50, 3, 3.5, 60),
    }


def test_worn_time_is_the_union_of_what_each_source_covers(models: CompiledModels) -> None:
    """A band (every minute, then a pause), a watch (every 5 minutes) and three seconds of a recording: 750 s."""
    start = -7200
    given = activity(
        [
            *samples([(start + s, b) for s, b in ((0, 100), (60, 110), (120, 120), (180, 130), (600, 90))],
                     provider="fitbit", feed="continuous"),
            *samples([(start, 101), (start + 300, 99)], provider="polar", feed="continuous"),
            *samples([(start + s, 180) for s in (60, 61, 62)], provider="strava"),
        ],
        60,
        athlete={"max_hr_bpm": 200},
    )  # fmt: skip
    (day,) = models.run("heart_rate_daily", given)
    assert (day["worn_minutes"], day["sample_count"], day["max_bpm"], day["min_bpm"]) == (12.5, 10, 180, 90)
    assert [day[f"zone_{zone}_seconds"] for zone in range(1, 6)] == [60 + 48 + 30, 60 + 90, 0, 0, 12]


def feed_and_recording(readings: list[int]) -> dict[str, Any]:
    """The same readings in a band's feed, one a minute from noon, and in a recording, one a second from 14:00."""
    feed = [
        {"athlete_id": "ada", "dt": DAY, "sampled_at": instant(NOON + 60 * n), "utc_offset_seconds": 0,
         "bpm": float(bpm), "is_mirror": False, "fetched_at": RECEIVED}
        for n, bpm in enumerate(readings)
    ]  # fmt: skip
    recording = [
        {"athlete_id": "ada", "dt": DAY, "activity_id": "7", "sampled_at": instant(NOON + 7200 + n),
         "heart_rate_bpm": float(bpm), "fetched_at": RECEIVED}
        for n, bpm in enumerate(readings)
    ]  # fmt: skip
    record = {"athlete_id": "ada", "provider": "strava", "provider_activity_id": "7", "utc_offset_seconds": 0}
    return {
        "stg_fitbit__heart_rate": feed,
        "stg_strava__stream_samples": recording,
        "int_activity_records": [{**record, "record_id": "ada:strava:7", "ended_at": instant(NOON + 7210)}],
        "stg_strava__activities": [{"athlete_id": "ada", "activity_id": "7", "ended_at": instant(NOON + 7210)}],
    }


@pytest.mark.parametrize(
    ("readings", "lowest", "highest"),
    [([0, 29, 60, 0, 72, 255, 251, 0], 60, 72), ([29, 30, 250, 251], 30, 250)],
    ids=["no contact, no value", "both limits are heart rates"],
)
def test_zeros_and_other_impossible_values_never_reach_a_minimum(
    models: CompiledModels, readings: list[int], lowest: int, highest: int
) -> None:
    """Sensors send 0 for "no contact" and 255 for "no value": in a feed and in a recording, neither is a heart rate."""
    given = feed_and_recording(readings)
    hours = models.run("heart_rate_hourly", given)
    assert [(hour["min_bpm"], hour["max_bpm"], hour["sample_count"]) for hour in hours] == [(lowest, highest, 2)] * 2
    (minute,) = models.run("int_activity_heart_rate_minutes", given)
    assert minute["bpm"] == (lowest + highest) / 2, "what the matcher compares"
    (day,) = models.run("heart_rate_daily", given)
    assert (day["min_bpm"], day["max_bpm"], day["sample_count"]) == (lowest, highest, 4)
    efforts = {
        row["window_seconds"]: row["value"]
        for row in models.run("int_activity_best_efforts", given)
        if row["metric"] == "heart_rate"
    }
    assert efforts[5] == highest, "carried over the values that are none"
