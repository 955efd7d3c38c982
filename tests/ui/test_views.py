"""Every page shows the marts' values, follows what is chosen, and leads where it says."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.ui.conftest import ROOT, Look, Served

ADA = "athlete=ada"
NEWEST = (
    "(SELECT max(local_date) FROM (SELECT local_date FROM marts.heart_rate_daily WHERE athlete_id = 'ada' UNION ALL "
    "SELECT local_date FROM marts.daily_summary WHERE athlete_id = 'ada' UNION ALL SELECT local_date FROM "
    "marts.activities WHERE athlete_id = 'ada' UNION ALL SELECT local_date FROM marts.sleep_nights "
    "WHERE athlete_id = 'ada'))"
)


def test_the_overview_shows_the_marts_numbers(look: Look, demo: Served) -> None:
    look.open(demo, f"/?{ADA}")
    ((count, metres, seconds),) = demo.query(
        "SELECT count(*), sum(distance_m), sum(coalesce(moving_seconds, elapsed_seconds)) FROM marts.activities "
        f"WHERE athlete_id = 'ada' AND local_date > {NEWEST} - 7 AND local_date <= {NEWEST}"
    )
    (now,) = look.chart("overview tiles")["now"]
    assert (now["activities"], now["distance_m"], now["moving_seconds"]) == pytest.approx((count, metres, seconds))
    assert look.tile("Activities") == str(count)
    assert look.tile("Distance").startswith(f"{metres / 1000:.1f}")
    load = look.chart("load")
    ((ctl, atl, tsb),) = demo.query(
        f"SELECT ctl, atl, tsb FROM marts.training_load_daily WHERE athlete_id = 'ada' AND local_date = {NEWEST}"
    )
    assert (load["CTL"][-1], load["ATL"][-1], load["TSB"][-1]) == pytest.approx((ctl, atl, tsb), abs=0.001)
    ((hours,),) = demo.query(
        "SELECT sum(coalesce(moving_seconds, elapsed_seconds)) / 3600 FROM marts.activities WHERE athlete_id = 'ada'"
    )
    assert sum(sum(values) for values in look.chart("weeks").values()) == pytest.approx(hours, abs=0.01)
    days = demo.query("SELECT count(DISTINCT local_date) FROM marts.activities WHERE athlete_id = 'ada'")
    assert len(look.chart("calendar")["moving_seconds"]) == days[0][0]
    ((farthest,),) = demo.query("SELECT max(distance_m) FROM marts.activities WHERE athlete_id = 'ada'")
    (record,) = [one for one in look.chart("records")["records"] if one["metric"] == "distance_m"]
    assert record["value"] == pytest.approx(farthest)


def test_four_weeks_can_be_compared_instead_and_the_address_says_so(look: Look, demo: Served) -> None:
    look.open(demo, f"/?{ADA}")
    look.page.get_by_role("button", name="Last 28 days").click()
    look.shown(f"/?{ADA}&days=28")
    ((count,),) = demo.query(
        f"SELECT count(*) FROM marts.activities WHERE athlete_id = 'ada' AND local_date > {NEWEST} - 28"
    )
    assert look.tile("Activities") == str(count)
    look.page.go_back()
    look.shown(f"/?{ADA}")


def test_the_hourly_maximum_its_average_and_the_current_one_are_shown(look: Look, demo: Served) -> None:
    look.open(demo, f"/heart-rate?{ADA}")
    rows = demo.query(
        "SELECT (epoch(hour_start_utc) + utc_offset_seconds) * 1000, max_bpm FROM marts.heart_rate_hourly "
        f"WHERE athlete_id = 'ada' AND local_date > {NEWEST} - 28 ORDER BY hour_start_utc"
    )
    shown = [point for point in look.chart("hourly maximum")["maximum"] if point[1] is not None]
    assert shown == [[int(at), value] for at, value in rows]
    assert look.tile("Current hourly maximum").startswith(f"{rows[-1][1]:.0f}")
    average = sum(value for _, value in rows) / len(rows)
    assert look.tile("Average hourly maximum").startswith(f"{average:.1f}")
    resting = demo.query(
        "SELECT resting_bpm, resting_bpm_provider FROM marts.heart_rate_daily WHERE athlete_id = 'ada' "
        f"AND local_date > {NEWEST} - 28 ORDER BY local_date"
    )
    chart = look.chart("resting")
    assert chart["ours"] == pytest.approx([ours for ours, _ in resting], abs=0.001)
    assert chart["provider"] == [theirs for _, theirs in resting]


def test_another_range_asks_again_and_a_bookmark_of_it_shows_the_same(look: Look, demo: Served) -> None:
    look.open(demo, f"/heart-rate?{ADA}")
    look.page.get_by_role("button", name="7 d", exact=True).click()
    look.page.wait_for_url("**from=**")
    look.shown()
    look.page.wait_for_selector('button[data-value="7"][aria-pressed="true"]')
    ((hours,),) = demo.query(
        f"SELECT count(*) FROM marts.heart_rate_hourly WHERE athlete_id = 'ada' AND local_date > {NEWEST} - 7"
    )
    points = [point for point in look.chart("hourly maximum")["maximum"] if point[1] is not None]
    assert len(points) == hours
    look.page.reload()
    look.shown()
    again = [point for point in look.chart("hourly maximum")["maximum"] if point[1] is not None]
    assert again == points


def test_a_point_of_the_curve_opens_its_day_with_every_sample(look: Look, demo: Served) -> None:
    look.open(demo, f"/heart-rate?{ADA}")
    ((day,),) = demo.query(
        "SELECT max(local_date)::VARCHAR FROM marts.heart_rate_daily WHERE athlete_id = 'ada' "
        f"AND local_date < {NEWEST}"  # the newest day may be a minute old
    )
    bars = len(look.chart("worn")["worn"])
    press_chart(look, "worn", along=(bars - 1.5) / bars, height=0.9)  # a short bar is chosen by what is above it, too
    look.shown(f"/heart-rate/{day}?{ADA}")
    shown = look.chart("day samples")
    ((samples,),) = demo.query(
        "SELECT count(DISTINCT sampled_second) FROM "
        f"read_parquet('{demo.folder}/published/current/detail/heart_rate_samples/*.parquet') "
        "WHERE athlete_id = 'ada' AND provider = 'fitbit' AND "
        f"to_timestamp(sampled_second + utc_offset_seconds)::DATE = DATE '{day}'"
    )
    assert len([point for point in shown["fitbit"] if point[1] is not None]) == samples > 1000


def test_a_moment_of_the_hourly_curve_opens_its_day(look: Look, demo: Served) -> None:
    look.open(demo, f"/heart-rate?{ADA}")
    (first, *_), *_, (last, *_) = look.chart("hourly maximum")["maximum"]  # local time, in ms
    day = datetime.fromtimestamp(last / 1000, UTC).date() - timedelta(days=3)
    noon = datetime.combine(day, time(12), UTC).timestamp() * 1000
    press_chart(look, "hourly maximum", along=(noon - first) / (last - first), height=0.9)
    look.shown(f"/heart-rate/{day}?{ADA}")


def press_chart(look: Look, name: str, *, along: float, height: float) -> None:
    """Press the plot at these shares of its width, from the left, and of its height, from below."""
    canvas = look.page.locator(f'[data-chart="{name}"] canvas')
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    left, right, top, bottom = 46, 14, 26, 26  # the margins that every chart has
    x = box["x"] + left + along * (box["width"] - left - right)
    look.page.mouse.click(x, box["y"] + top + (1 - height) * (box["height"] - top - bottom))


def test_the_list_has_each_real_activity_once_and_sorts_and_filters(look: Look, demo: Served) -> None:
    look.open(demo, f"/activities?{ADA}")
    ((count,),) = demo.query("SELECT count(*) FROM marts.activities WHERE athlete_id = 'ada'")
    shown = look.chart("activities")["activities"]
    assert len(shown) == count == look.page.locator("tr[data-activity]").count()
    sources = {row["activity_id"]: len(row["sources"]) for row in shown}
    assert sources == dict(
        demo.query("SELECT activity_id, count(*) FROM marts.activity_sources WHERE athlete_id = 'ada' GROUP BY 1")
    )
    look.page.get_by_role("button", name="Distance").click()
    look.page.wait_for_url("**sort=distance_m**")
    look.page.wait_for_selector('th[aria-sort="descending"] button[data-sort="distance_m"]')
    distances = [row["distance_m"] or 0 for row in look.chart("activities")["activities"]]
    assert distances == sorted(distances, reverse=True)
    look.page.get_by_label("Sport").select_option("running")
    look.page.wait_for_url("**sport=running**")
    look.page.wait_for_selector('select[name="sport"] option[value="running"][selected]', state="attached")
    ((runs,),) = demo.query(
        "SELECT count(*) FROM marts.activities WHERE athlete_id = 'ada' AND sport_family = 'running'"
    )
    assert len(look.chart("activities")["activities"]) == runs > 0


def test_an_activity_opens_from_the_list_with_its_course_and_its_zones(look: Look, demo: Served) -> None:
    look.open(demo, f"/activities?{ADA}")
    ((activity, highest),) = demo.query(
        "SELECT activity_id, max_hr_bpm FROM marts.activities WHERE athlete_id = 'ada' AND has_gps AND has_heart_rate "
        "AND source_of_heart_rate = 'polar' AND sport_family = 'running' ORDER BY source_count DESC, started_at LIMIT 1"
    )
    look.page.locator(f'tr[data-activity="{activity}"] a.title').click()
    look.shown(f"/activities/{activity}?{ADA}")
    bpm = [value for _, value in look.chart("heart rate trace")["heart rate trace"] if value is not None]
    assert max(bpm) == pytest.approx(highest, abs=3)
    zones = dict(
        demo.query(
            f"SELECT zone, seconds FROM marts.activity_zones WHERE activity_id = '{activity}' AND scheme = '%HRmax'"
        )
    )
    assert look.chart("activity zones")["%HRmax"] == pytest.approx([zones[zone] for zone in sorted(zones)])
    assert len(look.chart("route")["latitude"]) > 100
    assert "altitude trace" in look.charts()
    efforts = demo.query(
        f"SELECT count(*) FROM marts.best_efforts WHERE activity_id = '{activity}' AND value IS NOT NULL"
    )
    assert len(look.chart("efforts")["efforts"]) == efforts[0][0]
    assert look.page.locator(".pair").count() == len(look.chart("pairs")["pairs"]) > 0
    look.page.go_back()
    look.shown(f"/activities?{ADA}")


def test_sleep_shows_each_provider_s_nights(look: Look, demo: Served) -> None:
    look.open(demo, f"/sleep?{ADA}&by=polar")
    rows = demo.query(
        "SELECT deep_minutes / 60 FROM marts.sleep_nights WHERE athlete_id = 'ada' AND provider = 'polar' "
        f"AND local_date > {NEWEST} - 28 ORDER BY local_date"
    )
    assert look.chart("sleep stages")["deep_minutes"] == pytest.approx([hours for (hours,) in rows], abs=0.001)
    look.page.get_by_role("button", name="Fitbit").click()
    look.shown(f"/sleep?{ADA}&by=fitbit")
    assert len(look.chart("sleep clock")["in bed"]) > 0


def test_the_pipeline_shows_connections_runs_and_checks(look: Look, demo: Served) -> None:
    look.open(demo, "/pipeline")
    shown = look.chart("pipeline")
    assert len(shown["connections"]) == 6
    assert {run["status"] for run in shown["runs"]} == {"SUCCESS"}
    assert shown["checks"][0]["failed"] == []
    assert int(look.tile("Checks")) == shown["checks"][0]["passed"] > 100


def test_a_decision_made_on_the_page_is_obeyed_by_the_next_build(look: Look, demo: Served) -> None:
    ((activity, before),) = demo.query(
        "SELECT activity_id, (SELECT count(*) FROM marts.activities) FROM marts.activity_sources "
        "WHERE athlete_id = 'ada' GROUP BY activity_id HAVING count(*) = 2 AND count(DISTINCT provider) = 2 "
        "ORDER BY activity_id LIMIT 1"
    )
    address = f"/activities/{activity}?{ADA}"
    look.open(demo, address)
    look.page.get_by_role("button", name="These are different").click()
    look.page.get_by_text("You said: different. The next build obeys").wait_for()
    rows = list(csv.reader((demo.folder / "overrides.csv").read_text().splitlines()))
    assert [row[-1] for row in rows[1:]] == ["force_different"]
    done = subprocess.run(
        [sys.executable, "-m", "fit_platform", "update"], cwd=ROOT, env={**os.environ, "FIT_HOME": str(demo.folder)},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert demo.query("SELECT count(*) FROM marts.activities") == [(before + 1,)]
    look.open(demo, address)
    look.page.get_by_text("You said: different.").wait_for()
    assert look.page.get_by_text("The next build obeys").count() == 0
    look.page.get_by_role("button", name="Take that back").click()
    look.page.get_by_role("button", name="Take that back").wait_for(state="detached")
    assert (demo.folder / "overrides.csv").read_text().splitlines()[1:] == []


def test_the_other_athlete_is_a_choice_away(look: Look, demo: Served) -> None:
    look.open(demo, f"/activities?{ADA}")
    look.page.get_by_label("Athlete").select_option("ben")
    look.shown("/activities?athlete=ben")
    ((count,),) = demo.query("SELECT count(*) FROM marts.activities WHERE athlete_id = 'ben'")
    assert len(look.chart("activities")["activities"]) == count


def test_miles_are_miles(look: Look, demo: Served) -> None:
    look.open(demo, f"/?{ADA}")
    look.page.get_by_role("button", name="mi", exact=True).click()
    look.page.wait_for_selector('[data-value="imperial"][aria-pressed="true"]')
    ((metres,),) = demo.query(
        f"SELECT sum(distance_m) FROM marts.activities WHERE athlete_id = 'ada' AND local_date > {NEWEST} - 7"
    )
    assert look.tile("Distance").split()[0].startswith(f"{metres / 1609.344:.1f}")
