"""The demo from end to end, small: a fresh home, a second run, and what a later, partly failing sync says.

One home for the whole module: the tests run in order, each on what the one before has left.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from typer.testing import CliRunner

from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.cli import app
from fit_platform.pipeline.publish import mart_hashes
from fit_platform.providers.tracks import trackpoints
from fit_platform.simulator.config import WorldConfig
from fit_platform.simulator.world.world import World
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

DAYS = 4


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(autouse=True)
def _in_this_home(demo_home, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIT_HOME", str(demo_home))


@pytest.fixture(scope="module")
def seed():
    """Of a world that ends yesterday, whichever day that is, with activities both outdoors and indoors."""
    end = datetime.now(UTC).date() - timedelta(days=1)
    for number in range(7, 100):
        activities = World(WorldConfig(seed=number, end=end, days=DAYS, athletes=2)).truth()["activities"]
        sports = [each["sport"] for each in activities if any(r["kind"] == "watch" for r in each["records"])]
        outdoors = sum(sport in {"run", "trail_run", "ride", "hike"} for sport in sports)
        if outdoors >= 2 and "swim" in sports:
            return number
    raise AssertionError("no such world among a hundred")


def run(*arguments):
    return CliRunner().invoke(app, arguments)


def marts(home):
    return mart_hashes(DuckDBWarehouse(home / "warehouse" / "fit.duckdb"))


def test_the_demo_builds_checks_and_publishes_the_marts_and_finds_every_pair(demo_home, seed):
    result = run("demo", "--no-serve", "--days", str(DAYS), "--seed", str(seed))
    assert result.exit_code == 0, result.output
    truth = json.loads((demo_home / "demo" / "truth.json").read_text())
    assert [athlete["id"] for athlete in truth["athletes"]] == ["ada", "ben"]
    assert "0 failed" in result.stdout
    assert f"({len([a for a in truth['activities'] if a['records']])} in truth)" in result.stdout
    assert result.stdout.count("(100.0%)") == 2, "precision and recall of the matched pairs"
    athletes = duckdb.read_parquet(str(demo_home / "published" / "current" / "parquet" / "athletes.parquet"))
    assert athletes.filter("timezone IS NOT NULL").count("*").fetchall() == [(2,)]
    assert "fitbit heart_rate" in result.stderr, "progress"


def test_a_second_demo_changes_nothing_and_says_so(demo_home):
    before = marts(demo_home)
    landed = {path: path.stat().st_mtime_ns for path in (demo_home / "landing").rglob("*.gz")}
    result = run("demo", "--no-serve")
    assert result.exit_code == 0, result.output
    assert "Nothing changed: " in result.stdout
    assert "everyone was linked already" in result.stderr
    assert {path: path.stat().st_mtime_ns for path in (demo_home / "landing").rglob("*.gz")} == landed
    assert marts(demo_home) == before


def test_every_activity_of_the_demo_is_exported_with_the_route_and_heart_rate_that_the_marts_promise(tmp_path):
    assert run("export", "marts", "activities", "--format", "parquet", "--out", ".").exit_code == 0
    activities = duckdb.read_parquet(str(tmp_path / "activities.parquet")).to_arrow_table().to_pylist()
    assert {activity["has_gps"] for activity in activities} == {True, False}
    for activity in activities:
        kind = "gpx" if activity["has_gps"] else "tcx"
        result = run("export", "activity", activity["activity_id"][:12], "--out", "-")
        assert result.exit_code == 0, result.output
        points = trackpoints(result.stdout, kind)
        route = [point for point in points if point.get("latitude_deg") is not None]
        beats = [point["heart_rate_bpm"] for point in points if point.get("heart_rate_bpm")]
        assert bool(route) == activity["has_gps"], activity
        assert bool(beats) == activity["has_heart_rate"], activity
        if beats:
            assert abs(sum(beats) / len(beats) - activity["avg_hr_bpm"]) < 5, "from the source that the marts name"


def test_a_later_sync_in_a_demo_home_runs_against_the_same_invented_providers(demo_home):
    before = dict(os.environ)
    result = run(
        "sync", "--provider", "polar", "--athlete", "ada", "--from", "yesterday", "--to", "yesterday", "--json"
    )
    facts = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert facts["published"] is True
    assert {resource["provider"] for resource in facts["resources"]} == {"polar"}
    assert all(resource["athlete_days_asked"] == 1 for resource in facts["resources"])
    assert {name for name in os.environ if name.startswith("FIT_") and "URL" in name} == {
        name for name in before if name.startswith("FIT_") and "URL" in name
    }, "the simulator's addresses must not outlive the command"


def test_one_athletes_dead_token_makes_the_sync_partly_done_and_names_the_way_out(demo_home):
    FileTokenStore(demo_home).save("polar", "ben", Token("no-such-token"))
    result = run("sync", "--provider", "polar", "--from", "yesterday", "--to", "yesterday")
    assert result.exit_code == 3, result.output
    assert "ben: needs re-consent" in result.stdout
    assert "fit-platform link polar ben" in result.stdout
    assert "no-such-token" not in result.output
    assert "needs re-consent" in run("status").stdout


def test_the_next_demo_links_that_athlete_again(demo_home):
    result = run("demo", "--no-serve")
    assert "linked: ben with polar" in result.stderr
    assert result.exit_code == 0, result.output
