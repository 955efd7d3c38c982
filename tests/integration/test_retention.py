"""Retention and revocation, from landing to the published copy, over HTTP against the simulated providers."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import requests

from fit_platform.accounts.connections import Broken, State
from fit_platform.accounts.tokens import open_token_store
from fit_platform.definitions import defs
from fit_platform.defs.resources import Platform
from fit_platform.defs.retention import RECEIPTS_KEY
from fit_platform.feed.plan import finish
from fit_platform.landing.envelope import encode_lines
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.landing.layout import DayKey
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.load import load
from fit_platform.pipeline.pull import pull
from fit_platform.providers.base import Window
from fit_platform.providers.registry import resource, resources
from fit_platform.retention.overdue import overdue
from fit_platform.retention.purge import expired_days, landed_days_of, purge_expired, purge_revoked, revoke_and_purge
from fit_platform.retention.receipts import Receipt, receipts_folder, receipts_of
from fit_platform.runtime import Runtime
from tests.integration.conftest import WINDOW, House
from tests.integration.test_erase import texts

ADA, BEN = "ada", "ben"
LAST_DAY = Window(WINDOW.last, WINDOW.last)
CHEAP_SYNC = {"providers": ["strava"], "athletes": [ADA]}


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def keep_for(runtime: Runtime, athlete_id: str, days: int | str) -> None:
    connection = runtime.connections.get("strava", athlete_id)
    assert connection is not None
    runtime.connections.save(connection.model_copy(update={"retention": days}))


def strava_sources(house: House) -> dict[str, int]:
    rows = house.query(
        "SELECT athlete_id, count(*) AS n FROM marts.activity_sources WHERE provider = 'strava' GROUP BY athlete_id"
    )
    return {row["athlete_id"]: row["n"] for row in rows}


def strava_calls(house: House) -> dict[str, int]:
    return requests.get(f"{house.base_url}/_sim/calls", timeout=10).json().get("strava", {})


def landed_bytes(house: House, athlete_id: str, provider: str) -> str:
    """Everything that lies in landing of an athlete at a provider, superseded versions included."""
    files = [
        path
        for path in (house.home / "landing").rglob("*.gz")
        if f"/provider={provider}/" in str(path) and f"/athlete={athlete_id}/" in str(path)
    ]
    return "".join(gzip.decompress(path.read_bytes()).decode() for path in files)


def activity_ids(house: House, athlete_id: str) -> list[str]:
    return [
        row["activity_id"]
        for row in house.query("SELECT activity_id FROM base.strava_activities WHERE athlete_id = ?", athlete_id)
    ]


@pytest.fixture
def house(synced: House, copy_of: Callable[[House], House]) -> House:
    house = copy_of(synced)
    with house.open() as runtime:
        keep_for(runtime, ADA, 7)
    return house


def test_what_may_not_be_kept_longer_leaves_landing_base_marts_and_published_copies(house: House) -> None:
    ids, before = activity_ids(house, ADA), strava_sources(house)
    others = {
        row["activity_id"]
        for row in house.query(
            "SELECT activity_id FROM marts.activity_sources WHERE athlete_id = ? AND provider <> 'strava'", ADA
        )
    }
    assert len(ids) > 3
    assert others

    with house.open() as runtime:
        assert purge_expired(runtime, in_days(6.9)) == [], "younger than seven days"
        at = in_days(7.1)
        found = overdue(runtime, at)
        assert {"landing days", "base.strava_activities", "base.strava_stream_samples"} <= set(found)
        assert "marts.activity_sources" in found
        assert any(place.startswith("published") for place in found)
        (receipt,) = purge_expired(runtime, at)
        assert (receipt.athlete_id, receipt.providers, receipt.kind) == (ADA, ("strava",), "retention")
        assert receipt.removed.base_rows["strava_activities"] == len(ids)
        assert purge_expired(runtime, at) == [], "twice changes nothing"
        assert "landing days" not in overdue(runtime, at)
        assert overdue(runtime, at), "the marts have not been built yet, and the check says so"

    house.control("reset-calls")
    assert house.sync(LAST_DAY, **CHEAP_SYNC).exit_code == 0
    with house.open() as runtime:
        assert overdue(runtime, in_days(7.1)) == {}
    text = landed_bytes(house, ADA, "strava")
    assert not [one for one in ids if one in text]
    assert strava_sources(house) == {BEN: before[BEN]}, "the other athlete chose `keep`"
    left = {
        row["activity_id"] for row in house.query("SELECT activity_id FROM marts.activities WHERE athlete_id = ?", ADA)
    }
    assert len(left) == len(others), "an activity stays with its other sources"
    published = [path for path in (house.home / "published").iterdir() if path.is_dir() and not path.is_symlink()]
    assert len(published) == 1, "no older version holds what was purged"
    (file,) = receipts_folder(house.home).glob("*.json")
    assert not [one for one in ids if one in file.read_text()], "a receipt counts, and names nothing of the person"


def test_what_a_resource_gave_before_it_was_switched_off_goes_too(house: House) -> None:
    """Details are off, as they are by default, so that no run pulls or loads them any more."""
    details, tables = resource("strava", "activity_details"), ("strava_activity_details", "strava_laps")
    at = in_days(7.1)
    with house.open() as runtime:
        assert details not in resources(runtime.settings)
        assert not pull(details, WINDOW, runtime.clients("strava"), runtime.zone).failures
        load(details, WINDOW.days(), runtime.zone, runtime.warehouse)
        assert {f"base.{table}" for table in tables} <= set(overdue(runtime, at))
        purge_expired(runtime, at)
        assert not {f"base.{table}" for table in tables} & set(overdue(runtime, at))
    for table in tables:
        assert {row["athlete_id"] for row in house.query(f"SELECT athlete_id FROM base.{table}")} == {BEN}


def test_days_before_a_later_start_date_are_purged_from_the_base_tables_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run can have a partition before FIT_START_DATE, so that the ordinary way does not lead there."""
    at = in_days(7.1)
    monkeypatch.setenv("FIT_START_DATE", str(WINDOW.last))
    with house.open() as runtime:
        assert runtime.settings.start_date == WINDOW.last
        assert overdue(runtime, at)["base.strava_activities"] > 1
        purge_expired(runtime, at)
    (row,) = house.query(
        "SELECT count(*) AS n FROM base.strava_activities WHERE athlete_id = ? AND dt < ?", ADA, WINDOW.last
    )
    assert row["n"] == 0


def test_a_purged_day_is_not_pulled_again_until_the_choice_is_keep(house: House) -> None:
    with house.open() as runtime:
        purge_expired(runtime, in_days(8))
    house.control("reset-calls")
    result = house.sync(WINDOW, **CHEAP_SYNC)
    assert result.exit_code == 0
    asked = [call for call in strava_calls(house) if "activities" in call]
    assert asked == [], "a backfill over purged days asks for none of them (a snapshot is of today, whatever its day)"
    reasons = {reason for pull in result.pulls for reason in pull.unknown.values()}
    assert "purged: retention of 7 days" in reasons
    assert strava_sources(house).get(ADA, 0) == 0

    with house.open() as runtime:
        keep_for(runtime, ADA, "keep")
    assert house.sync(WINDOW, **CHEAP_SYNC).exit_code == 0
    assert strava_sources(house)[ADA] > 0


def test_rows_of_the_athletes_own_export_outlive_the_purge_of_the_same_days(house: House) -> None:
    with house.open() as runtime:
        days = landed_days_of(runtime.zone, "strava", ADA)
        day, key, line = next(
            (day, key, line)
            for day, keys in sorted(days.items())
            for key in keys
            if key.resource == "activities"
            for line in runtime.zone.lines(key) or []
        )
        archived = replace(line, request={"file": "activities.csv", "acquired_via": "archive"})
        runtime.zone.store.write(key.path, encode_lines([*(runtime.zone.lines(key) or []), archived]))
        purge_expired(runtime, in_days(8))
        assert [kept.acquired_via for kept in runtime.zone.lines(key) or [] if kept.is_live] == ["archive"]
        assert expired_days(runtime.zone, "strava", ADA, in_days(8)) == {}
        assert overdue(runtime, in_days(8)).get("landing days") is None
    assert house.sync(LAST_DAY, **CHEAP_SYNC).exit_code == 0
    rows = house.query("SELECT dt, acquired_via FROM base.strava_activities WHERE athlete_id = ?", ADA)
    assert rows == [{"dt": day, "acquired_via": "archive"}]
    sources = house.query(
        "SELECT acquired_via FROM marts.activity_sources WHERE athlete_id = ? AND provider = 'strava'", ADA
    )
    assert sources == [{"acquired_via": "archive"}]


def test_superseded_versions_go_with_the_day_and_an_edit_does_not_make_it_younger(house: House) -> None:
    with house.open() as runtime:
        key = next(
            key
            for keys in landed_days_of(runtime.zone, "strava", ADA).values()
            for key in keys
            if key.resource == "activities" and runtime.zone.lines(key)
        )
        before = (runtime.zone.lines(key) or [])[0]
        edited: dict[str, Any] = {**json.loads(before.payload), "name": "edited"}
        version = runtime.zone.store.read(key.path) or b""
        later = replace(before, payload=json.dumps(edited).encode(), fetched_at=in_days(6))
        runtime.zone.store.write(
            f"_history/{key.path.removesuffix('.ndjson.gz')}.20260401T000000000000.ndjson.gz", version
        )
        runtime.zone.store.write(key.path, encode_lines([later]))
        (receipt,) = purge_expired(runtime, in_days(7.1))
        assert receipt.removed.landing_versions == 1
        assert list(runtime.zone.store.names("_history/raw/provider=strava/")) == []
        assert all(not line.is_live for line in runtime.zone.lines(key) or [])


def test_a_withdrawn_consent_stops_pulls_at_once_and_purges_what_its_api_gave(house: House) -> None:
    now = datetime.now(UTC)
    with house.open() as runtime:
        keep_for(runtime, ADA, "keep")
        event = ChangeEvent(provider="strava", athlete_id=ADA, kind="revoked", origin="webhook", seen_at=now)
        name = runtime.inbox.put(event)
        other = runtime.inbox.put(
            ChangeEvent(provider="strava", athlete_id=ADA, origin="webhook", seen_at=now, object_id="4711")
        )
        receipt = revoke_and_purge(runtime, "strava", ADA, now)
        assert receipt is not None
        assert receipt.kind == "revocation"
        assert receipt.removed.change_events == 1
        assert runtime.zone.store.read(name) is not None, "the revocation itself waits until its run is done with it"
        assert runtime.zone.store.read(other) is None
        assert [client.athlete_id for client in runtime.clients("strava")] == [BEN]
        connection = runtime.connections.get("strava", ADA)
        assert connection is not None
        assert connection.state(now).state is State.REVOKED
        assert connection.provider_user_id is None
        assert not (house.home / "tokens" / "strava" / f"{ADA}.json").exists()
        assert revoke_and_purge(runtime, "strava", ADA, now) is None, "twice changes nothing"
        (waiting,) = [e for n in runtime.inbox.names("strava") if (e := runtime.inbox.read(n)) and e.kind == "purged"]
        assert set(waiting.days) == set(WINDOW.days()), "the ordinary path is told which days to build anew"
    house.control("reset-calls")
    result = house.sync(LAST_DAY, **CHEAP_SYNC)
    assert result.exit_code == 0
    assert strava_calls(house) == {}
    assert ADA not in strava_sources(house)
    assert landed_bytes(house, ADA, "strava") == ""
    assert house.query("SELECT count(*) AS n FROM marts.activities WHERE athlete_id = ?", ADA)[0]["n"] > 0
    assert house.sync(LAST_DAY, **CHEAP_SYNC).partitions_replaced == 0, "days that are gone are loaded as gone, once"


def test_a_revocation_that_was_cut_short_is_finished_by_the_next_purge(house: House) -> None:
    now = datetime.now(UTC)
    with house.open() as runtime:
        revoke_and_purge(runtime, "strava", ADA, now)
        left = DayKey("strava", "activities", date(2026, 3, 25), ADA)
        source = DayKey("strava", "activities", date(2026, 3, 25), BEN)
        runtime.zone.store.write(left.path, runtime.zone.store.read(source.path) or b"")
        (receipt,) = purge_revoked(runtime, now)
        assert receipt.removed.landing_objects == 1
        assert runtime.zone.lines(left) is None
        assert purge_revoked(runtime, now) == []


def test_a_purge_that_is_killed_leaves_a_receipt_of_what_went_and_the_next_one_of_the_rest(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge, purged = LandingZone.purge, []

    def killed_on_the_third_day(zone: LandingZone, key: DayKey, *rest: Any, **named: Any) -> Any:
        purged.append(key.dt)
        if len(set(purged)) == 3:
            raise KeyboardInterrupt
        return purge(zone, key, *rest, **named)

    with house.open() as runtime:
        keys = [key for day_keys in landed_days_of(runtime.zone, "strava", ADA).values() for key in day_keys]
        held = sum(len(runtime.zone.lines(key) or []) for key in keys)
        monkeypatch.setattr(LandingZone, "purge", killed_on_the_third_day)
        with pytest.raises(KeyboardInterrupt):
            purge_expired(runtime, in_days(7.1))
        monkeypatch.setattr(LandingZone, "purge", purge)
        purge_expired(runtime, in_days(7.1) + timedelta(minutes=1))
        first, rest = (Receipt.model_validate_json(path.read_bytes()) for path in receipts_of(house.home, ADA))
    assert first.removed.days == 2
    assert first.removed.lines + rest.removed.lines == held


def test_a_token_that_is_still_refused_a_day_later_counts_as_a_withdrawn_consent(house: House) -> None:
    """Without a webhook nobody says that the consent was withdrawn."""
    now = datetime.now(UTC)
    with house.open() as runtime:
        keep_for(runtime, ADA, "keep")
        tokens = open_token_store(runtime.settings)
        token = tokens.load("strava", ADA)
        assert token is not None
        tokens.save("strava", ADA, replace(token, refresh_token="withdrawn"))
        end_connection(runtime, State.NEEDS_CONSENT)
        assert purge_revoked(runtime, now + timedelta(hours=22)) == []
        (receipt,) = purge_revoked(runtime, now + timedelta(hours=24))
        assert (receipt.kind, receipt.athlete_id) == ("revocation", ADA)
        assert purge_revoked(runtime, now + timedelta(hours=24)) == []
    assert landed_bytes(house, ADA, "strava") == ""
    assert landed_bytes(house, BEN, "strava")


def end_connection(runtime: Runtime, state: State, since: datetime | None = None) -> None:
    connection = runtime.connections.get("strava", ADA)
    assert connection is not None
    broken = Broken(state=state, reason="x", since=since or datetime.now(UTC))
    runtime.connections.save(connection.model_copy(update={"broken": broken}))


def purge_as_the_daemon_does(house: House, monkeypatch: pytest.MonkeyPatch, *, with_marts: bool) -> None:
    """The daily job, eight days on; a tick of the sensor; its runs. Nothing may be asked of the provider."""
    with house.open() as runtime, dg.instance_for_test() as instance:
        definitions = defs()
        monkeypatch.setattr(Runtime, "clock", lambda _: in_days(7.1))
        job = definitions.resolve_job_def("retention")
        purged = job.get_subset(asset_selection={RECEIPTS_KEY}).execute_in_process(instance=instance)
        assert purged.success
        house.control("reset-calls")
        context = dg.build_sensor_context(
            instance=instance, definitions=definitions, resources={"platform": Platform()}
        )
        tick = definitions.resolve_sensor_def("strava_changes").evaluate_tick(context)
        assert tick.run_requests
        for request in tick.run_requests:
            keys = list(request.asset_selection or [])
            done = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=instance,
                partition_key=request.partition_key,
                asset_selection=keys if with_marts else [key for key in keys if key.path[0] in ("raw", "load")],
                tags=request.tags,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            assert done.success
            reconciled = [c.passed for c in done.get_asset_check_evaluations() if c.check_name == "rows_reconcile"]
            assert all(reconciled)
        finish(runtime, json.loads(tick.cursor or "[]"))
        assert list(runtime.inbox.names("strava")) == []


def test_a_purge_of_a_connection_that_needs_consent_reaches_every_file_and_table(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = set(activity_ids(house, ADA))
    with house.open() as runtime:
        end_connection(runtime, State.NEEDS_CONSENT, since=in_days(7))  # too lately to be asked about again
    purge_as_the_daemon_does(house, monkeypatch, with_marts=True)
    assert strava_calls(house) == {}
    words = re.compile("|".join(rf"\b{one}\b" for one in sorted(ids)))
    files = [path for path in house.home.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if any(words.search(text) for text in texts(path))] == []
    assert BEN in strava_sources(house)


@pytest.mark.parametrize("state", [None, State.REVOKED, "unlinked"])
def test_a_purge_reaches_the_base_tables_whatever_became_of_the_connection(
    house: House, monkeypatch: pytest.MonkeyPatch, state: State | str | None
) -> None:
    with house.open() as runtime:
        if state == "unlinked":
            runtime.connections.end("strava", ADA)
        elif isinstance(state, State):
            end_connection(runtime, state)
    purge_as_the_daemon_does(house, monkeypatch, with_marts=False)
    assert activity_ids(house, ADA) == []
    assert activity_ids(house, BEN)
    assert not [call for call in strava_calls(house) if "activities" in call]
