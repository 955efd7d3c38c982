"""The dashboard's answers are the marts' numbers, and are kept until the next publish."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fit_platform.dashboard.app import build_app
from fit_platform.dashboard.source import PublishedMarts
from tests.dashboard_home import LAST, DashboardHome, activity_id, make_home

ADA = {"athlete": "ada"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> DashboardHome:
    return make_home(tmp_path_factory.mktemp("home"), 120)


@pytest.fixture(scope="module")
def client(home: DashboardHome) -> TestClient:
    return TestClient(build_app(home.parts()), base_url="http://127.0.0.1:8088")


def test_the_last_seven_days_are_compared_with_the_seven_before(home: DashboardHome, client: TestClient) -> None:
    periods = client.get("/api/overview", params=ADA).json()["periods"]
    for length in (7, 28):
        for name, first, last in (("now", length - 1, 0), ("before", 2 * length - 1, length)):
            with home.connect() as db:
                wanted = db.execute(
                    "SELECT count(*), sum(distance_m), sum(moving_seconds) FROM marts.activities WHERE "
                    f"athlete_id = 'ada' AND local_date BETWEEN DATE '{LAST}' - {first} AND DATE '{LAST}' - {last}"
                ).fetchone()
            told = periods[str(length)][name]
            assert (told["activities"], told["distance_m"], told["moving_seconds"]) == pytest.approx(wanted)


def test_weeks_by_sport_add_up_to_the_activities(home: DashboardHome, client: TestClient) -> None:
    weeks = client.get("/api/overview", params=ADA).json()["weeks"]
    assert all(len(sport["moving_seconds"]) == len(weeks["monday"]) for sport in weeks["sports"])
    with home.connect() as db:
        wanted = db.execute("SELECT sum(distance_m) FROM marts.activities WHERE athlete_id = 'ada'").fetchone()
    assert sum(sum(sport["distance_m"]) for sport in weeks["sports"]) == pytest.approx(wanted[0])


def test_records_are_the_best_of_each_effort(home: DashboardHome, client: TestClient) -> None:
    records = client.get("/api/overview", params=ADA).json()["records"]
    told = {(one["metric"], one["window_seconds"]): one["value"] for one in records}
    with home.connect() as db:
        fastest = db.execute(
            "SELECT max(value) FROM marts.best_efforts JOIN marts.activities USING (activity_id) "
            "WHERE best_efforts.athlete_id = 'ada' AND metric = 'speed' AND window_seconds = 300 "
            "AND sport_family = 'running'"
        ).fetchone()
        farthest = db.execute("SELECT max(distance_m) FROM marts.activities WHERE athlete_id = 'ada'").fetchone()
    assert told["speed", 300] == pytest.approx(fastest[0], abs=0.001)
    assert told["distance_m", 0] == pytest.approx(farthest[0])


def test_the_hourly_maximum_its_average_and_the_current_one_are_the_mart_s(
    home: DashboardHome, client: TestClient
) -> None:
    told = client.get("/api/heart-rate", params={**ADA, "from": "2026-11-08", "to": "2026-11-21"}).json()
    with home.connect() as db:
        rows = db.execute(
            "SELECT max_bpm FROM marts.heart_rate_hourly WHERE athlete_id = 'ada' "
            "AND local_date BETWEEN DATE '2026-11-08' AND DATE '2026-11-21' ORDER BY hour_start_utc"
        ).fetchall()
    values = [row[0] for row in rows]
    assert told["points"]["max_bpm"] == values
    assert told["hours"] == len(values) == 14 * 24
    assert told["average_of_hourly_max_bpm"] == pytest.approx(sum(values) / len(values), abs=0.001)
    assert told["current"]["max_bpm"] == values[-1]
    assert told["highest"]["max_bpm"] == max(values)
    assert told["current"]["local_hour"] == 23


def test_a_long_range_is_told_by_the_day_and_a_very_long_one_by_the_month(tmp_path: Path) -> None:
    client = TestClient(build_app(make_home(tmp_path, 1000).parts()), base_url="http://127.0.0.1:8088")
    quarter = client.get("/api/heart-rate", params={**ADA, "from": "2026-05-01"}).json()
    assert (quarter["resolution"], quarter["days_by"]) == ("day", "day")
    years = client.get("/api/heart-rate", params={**ADA, "from": "2024-04-01"}).json()
    assert years["days_by"] == "month"
    assert years["daily"]["local_date"][:2] == ["2024-04-01", "2024-05-01"]
    assert years["daily"]["zone_1_seconds"][0] == 30 * 3000
    nights = client.get("/api/sleep", params={**ADA, "from": "2024-04-01"}).json()
    assert nights["nights_by"] == "month"
    assert nights["averages"]["polar"]["nights"] == (LAST - date(2024, 3, 31)).days


def test_a_day_has_every_sample_in_the_athlete_s_local_time(client: TestClient) -> None:
    told = client.get(f"/api/heart-rate/{LAST}", params=ADA).json()
    (series,) = told["samples"]
    assert series["provider"] == "fitbit"
    assert len(series["second"]) == 24 * 240
    assert (series["second"][0], series["second"][-1]) == (0, 86_400 - 15)
    (workout,) = told["activities"]
    assert workout["from_second"] == 18 * 3600  # 17:00 UTC, an hour ahead


def test_a_day_older_than_the_samples_still_has_its_hours(client: TestClient) -> None:
    told = client.get("/api/heart-rate/2026-10-01", params=ADA).json()
    assert told["samples"] == []
    assert len(told["hours"]["max_bpm"]) == 24


def test_an_activity_has_its_course_its_zones_and_the_reasons_of_its_merging(client: TestClient) -> None:
    told = client.get(f"/api/activities/{activity_id('ada', 0)}", params=ADA).json()
    trace = told["trace"]
    assert len(trace["heart_rate_bpm"]) == len(trace["elapsed_seconds"]) <= 1201
    assert trace["heart_rate_bpm"][0] == pytest.approx(121, abs=1.01)  # the mean of the first seconds
    assert trace["altitude_m"][-2] == pytest.approx(236, abs=0.2)
    assert told["route"]["latitude_deg"][0] == 48.0
    assert [zone["seconds"] for zone in told["zones"]] == [600, 1200, 1800, 2400, 3000]
    assert {(pair["provider"], pair["other_provider"]) for pair in told["pairs"]} == {
        ("polar", "strava"), ("polar", "fitbit"), ("strava", "fitbit")
    }  # fmt: skip
    assert told["sources"][0]["is_primary"]


@pytest.mark.parametrize(
    ("params", "condition"),
    [
        ({"sport": "running"}, "sport_family = 'running'"),
        ({"provider": "strava"}, "'strava' IN (SELECT provider FROM marts.activity_sources AS s "
         "WHERE s.activity_id = activities.activity_id)"),
        ({"q": "ADA 1"}, "lower(title) LIKE '%ada 1%'"),
        ({"from": "2026-10-01", "to": "2026-10-31"}, "local_date BETWEEN DATE '2026-10-01' AND DATE '2026-10-31'"),
    ],
)  # fmt: skip
def test_filters_leave_the_rows_that_fit(
    home: DashboardHome, client: TestClient, params: dict[str, str], condition: str
) -> None:
    told = client.get("/api/activities", params={**ADA, **params}).json()
    with home.connect() as db:
        wanted = db.execute(
            f"SELECT count(*) FROM marts.activities WHERE athlete_id = 'ada' AND {condition}"
        ).fetchone()
    assert 0 < told["totals"]["activities"] == wanted[0] < 60


def test_the_list_sorts_both_ways_and_turns_pages_without_a_row_lost_or_twice(client: TestClient) -> None:
    for sort in ("started_at", "distance_m", "trimp", "title", "avg_hr_bpm"):
        seen: list[str] = []
        for skip in (0, 50):
            params = {**ADA, "sort": sort, "order": "asc", "skip": str(skip)}
            seen += [row["activity_id"] for row in client.get("/api/activities", params=params).json()["activities"]]
        assert len(seen) == len(set(seen)) == 60
    descending = client.get("/api/activities", params={**ADA, "sort": "distance_m"}).json()["activities"]
    distances = [row["distance_m"] for row in descending]
    assert distances == sorted(distances, reverse=True)


def test_an_answer_is_kept_until_the_next_publish(tmp_path: Path) -> None:
    home = make_home(tmp_path, 20)
    client = TestClient(build_app(home.parts()), base_url="http://127.0.0.1:8088")
    first = client.get("/api/overview", params=ADA)
    again = client.get("/api/overview", params=ADA, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    make_home(tmp_path, 40, version="fedcba9876543210")
    fresh = client.get("/api/overview", params=ADA, headers={"if-none-match": first.headers["etag"]})
    assert fresh.status_code == 200
    assert fresh.json()["totals"]["activities"] == 20


def test_a_publish_in_the_middle_of_an_answer_is_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(tmp_path, 30)
    client = TestClient(build_app(home.parts()), base_url="http://127.0.0.1:8088")
    day = f"/api/heart-rate/{LAST}"
    wanted = client.get(day, params=ADA).json()
    listed = PublishedMarts.detail

    def publish_then_forget(source: PublishedMarts, name: str, first: date, last: date) -> str:
        monkeypatch.setattr(PublishedMarts, "detail", listed)
        found = listed(source, name, first, last)
        make_home(tmp_path, 30, version="fedcba9876543210")
        shutil.rmtree(tmp_path / "published" / "0123456789abcdef" / "detail")
        return found

    monkeypatch.setattr(PublishedMarts, "detail", publish_then_forget)
    assert TestClient(build_app(home.parts()), base_url="http://127.0.0.1:8088").get(day, params=ADA).json() == wanted


def test_a_damaged_copy_is_told_in_words_and_a_sound_one_is_read_again(tmp_path: Path) -> None:
    client = TestClient(build_app(make_home(tmp_path, 20).parts()), base_url="http://127.0.0.1:8088")
    link = tmp_path / "published" / "current"
    damaged = tmp_path / "published" / "damaged"
    damaged.mkdir()
    (damaged / "fitness.duckdb").write_bytes(b"no database" * 1000)
    link.unlink()
    link.symlink_to("damaged")
    refused = client.get("/api/sleep", params=ADA)
    assert refused.status_code == 503
    assert "fit-platform update" in refused.json()["error"]
    link.unlink()
    link.symlink_to("0123456789abcdef")
    assert client.get("/api/sleep", params=ADA).status_code == 200


def test_before_the_first_publish_the_answer_says_what_to_do(tmp_path: Path) -> None:
    client = TestClient(build_app(DashboardHome(tmp_path, 0).parts()), base_url="http://127.0.0.1:8088")
    assert "fit-platform sync" in client.get("/api/session").json()["nothing_published"]
    refused = client.get("/api/overview", params=ADA)
    assert refused.status_code == 503
    assert "fit-platform sync" in refused.json()["error"]
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "params",
    [{"from": "2026-11-21", "to": "2026-11-20"}, {"from": "2026-13-01"}, {"from": "1900-01-01"}, {"form": "x"}],
)
def test_a_range_that_cannot_be_is_refused_in_words(client: TestClient, params: dict[str, str]) -> None:
    refused = client.get("/api/heart-rate", params={**ADA, **params})
    assert refused.status_code == 400
    assert refused.json()["error"].split(":")[0] in ("from", "to", "unknown parameter; known are athlete, from, to")
