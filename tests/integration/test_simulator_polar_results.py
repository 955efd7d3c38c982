"""Polar's results of nights and training: the endpoints' shapes and empties, and our own pull and parse over them."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.parse import Parsed, parse_days
from fit_platform.pipeline.pull import pull
from fit_platform.providers.base import Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.registry import resource, resources
from fit_platform.simulator import SimulatorConfig, World, WorldConfig, running
from tests.integration.simulator_login import Client
from tests.unit.provider_fakes import CountingQuota

WORLD = WorldConfig(end=date(2026, 10, 30), days=24)  # ada's clocks go back on 25 October
NOW = datetime.fromtimestamp(WORLD.now_epoch, UTC)
WINDOW = Window(WORLD.first_day, WORLD.end)
POLAR = [r.name for r in resources() if r.provider == "polar"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(SimulatorConfig(world=WORLD)) as url:
        yield url


@pytest.fixture(scope="module")
def ada(url: str) -> Client:
    return Client(url, "polar", "ada").login()


@pytest.fixture(scope="module")
def ben(url: str) -> Client:
    return Client(url, "polar", "ben").login()


class _Token:
    def __init__(self, token: str) -> None:
        self.token = token

    def access_token(self) -> str:
        return self.token

    def refresh(self, rejected: str) -> str:
        raise AssertionError("the token is good")


def api(client: Client) -> ApiClient:
    token = _Token(client.token["access_token"])
    return ApiClient("polar", client.athlete, client.setting("API_URL"), token, CountingQuota(), clock=lambda: NOW)


def pulled_and_parsed(client: Client, name: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What our own client and parsers make of a resource; nothing is quarantined, and a second pull changes nothing."""
    zone = LandingZone(FolderStore(folder / "landing"))
    wanted = resource("polar", name)
    for each in (*wanted.needs, name):
        assert pull(resource("polar", each), WINDOW, [api(client)], zone).failures == []
    assert pull(wanted, WINDOW, [api(client)], zone).changed_days == 0
    parsed: Parsed = parse_days(wanted, zone, list(zone.keys("polar", name)), folder / "parquet")
    assert parsed.quarantine == []
    assert not parsed.duplicates
    return {
        table.name: pa.concat_tables([pq.read_table(file) for file in files]).to_pylist() if files else []
        for table, files in parsed.parquet.items()
    }


@pytest.mark.parametrize("name", POLAR)
def test_every_resource_is_pulled_and_parsed_without_quarantine(ada: Client, name: str, tmp_path: Path) -> None:
    tables = pulled_and_parsed(ada, name, tmp_path)
    assert all(tables.values()), {table: len(rows) for table, rows in tables.items()}


def test_hypnograms_are_the_true_stages_also_in_the_night_the_clocks_go_back(ada: Client, tmp_path: Path) -> None:
    world = World(WORLD).people["ada"]
    rows = pulled_and_parsed(ada, "sleep", tmp_path)["polar_sleep_stages"]
    nights = {row["local_date"] for row in rows}
    assert date(2026, 10, 25) in nights
    for night in nights:
        true = [(part.start, part.end, part.stage) for part in world.planner.night(night).stages]
        for row in (row for row in rows if row["local_date"] == night):
            middle = (row["started_at"].timestamp() + row["ended_at"].timestamp()) / 2
            assert next(stage for start, end, stage in true if start <= middle < end) == row["stage"], row
    lengths = Counter(row["local_date"] for row in rows)
    assert min(lengths.values()) > 8


def test_sleep_heart_rate_is_the_true_one_of_its_minute(ada: Client, tmp_path: Path) -> None:
    body = World(WORLD).people["ada"].body
    rows = pulled_and_parsed(ada, "sleep", tmp_path)["polar_sleep_heart_rate"]
    for row in rows:
        minute = int(row["sampled_at"].timestamp())
        assert row["bpm"] in body.heart_rate_between(minute, minute + 60).tolist(), row


def test_the_keys_of_the_repeated_hour_stand_there_twice(ada: Client) -> None:
    text = ada.get("/users/sleep/2026-10-25").text
    keys = re.findall(r'"(\d\d:\d\d)":', text.partition('"heart_rate_samples"')[2])
    assert [key for key, count in Counter(keys).items() if count == 2]


def test_recharge_comes_as_a_list_and_by_date_and_404_where_there_is_none(ada: Client) -> None:
    recharges = ada.json("/users/nightly-recharge")["recharges"]
    assert len(recharges) > 15
    assert ada.json(f"/users/nightly-recharge/{recharges[0]['date']}") == recharges[0]
    assert len(recharges[0]["hrv_samples"]) == 48
    assert ada.get("/users/nightly-recharge/2026-01-01").status_code == 404
    assert ada.get("/users/nightly-recharge/today").status_code == 400


def test_cardio_load_has_an_object_for_every_day_even_where_it_is_not_available(ada: Client) -> None:
    days = ada.json("/users/cardio-load/date", **{"from": "2026-10-01", "to": "2026-10-28"})
    assert [day["date"] for day in days] == [f"2026-10-{n:02}" for n in range(1, 29)]
    assert days[0]["cardio_load_status"] == "LOAD_STATUS_NOT_AVAILABLE"
    assert {days[0][key] for key in ("cardio_load", "strain", "tolerance", "cardio_load_ratio")} == {-1.0}
    assert any(day["cardio_load"] > 0 for day in days[14:])
    assert len(ada.json("/users/cardio-load")) == 28
    assert ada.json("/users/cardio-load/2026-10-20") == [days[19]]
    assert ada.get("/users/cardio-load/date", **{"from": "2026-10-01"}).status_code == 400


def test_without_sensors_biosensing_is_204_and_without_such_a_type_404(ada: Client, ben: Client) -> None:
    for what in ("bodytemperature", "skintemperature", "spo2"):
        assert ada.json(f"/users/biosensing/{what}")
        assert ben.get(f"/users/biosensing/{what}").status_code == 204
    assert ada.get("/users/biosensing/mood").status_code == 404
    assert ada.get("/users/biosensing/spo2", **{"from": "2026-09-01", "to": "2026-10-10"}).status_code == 400


def test_sleepwise_is_in_utc_and_comes_by_range_too(ada: Client) -> None:
    periods = ada.json("/users/sleepwise/alertness")
    assert all("+" not in period["period_start_time"] for period in periods)
    some = ada.json("/users/sleepwise/alertness/date", **{"from": "2026-10-20", "to": "2026-10-22"})
    assert 0 < len(some) <= 3
    assert all(period in periods for period in some)
    past = {"from": "2026-01-01", "to": "2026-01-02"}
    assert ada.get("/users/sleepwise/circadian-bedtime/date", **past).status_code == 204


def test_files_are_fit_gzipped_tcx_and_gpx_with_several_segments_or_one_point(ada: Client) -> None:
    exercises = ada.json("/exercises")
    answers = {
        e["id"]: {kind: ada.get(f"/exercises/{e['id']}/{kind}") for kind in ("fit", "tcx", "gpx")} for e in exercises
    }
    fits = [files["fit"].content for files in answers.values() if files["fit"].status_code == 200]
    assert fits
    assert all(fit[8:12] == b".FIT" and crc(fit) == 0 for fit in fits)
    assert all(b"<Trackpoint>" in gzip.decompress(files["tcx"].content) for files in answers.values())
    gpx = {e["id"]: answers[e["id"]]["gpx"] for e in exercises}
    assert {gpx[e["id"]].status_code for e in exercises if not e["has_route"]} <= {404}
    assert any(answer.text.count("<trkseg>") == 2 for answer in gpx.values())
    assert ada.get("/exercises/unknown/fit").status_code == 404
    assert ada.get(f"/exercises/{exercises[0]['id']}/xls").status_code == 404


def crc(content: bytes) -> int:
    """CRC-16/ARC bit by bit; over a content that ends with its own CRC it is 0."""
    value = 0
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
    return value


def test_consent_missing_for_one_data_type_leaves_the_others_alone(url: str, ada: Client, tmp_path: Path) -> None:
    requests.post(f"{url}/_sim/scenario", json={"polar": {"without_consent": ["/nightly-recharge"]}}, timeout=10)
    try:
        zone = LandingZone(FolderStore(tmp_path))
        reports = {name: pull(resource("polar", name), WINDOW, [api(ada)], zone) for name in POLAR}
    finally:
        requests.post(f"{url}/_sim/scenario", json={}, timeout=10)
    assert {name: [f.verdict for f in report.failures] for name, report in reports.items() if report.failures} == {
        "nightly_recharge": ["forbidden"]
    }
    assert "account.polar.com" in reports["nightly_recharge"].failures[0].reason
    assert list(zone.keys("polar", "nightly_recharge")) == [], "no empty day has landed"
    assert NOW - timedelta(days=28) < datetime(2026, 10, 7, tzinfo=UTC), "the whole world lies in the window"
