"""Sensors and the daily job as the daemon runs them: under the definitions, on an instance, in a home of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from fit_platform import run_tags
from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.connections import Broken, Connection, ConnectionStore, State
from fit_platform.accounts.tokens import Token, open_token_store
from fit_platform.alerts.alerter import Alerter
from fit_platform.definitions import defs
from fit_platform.defs.accounts import BUILT_KEYS, accounts_changes
from fit_platform.defs.alerts import alert_webhooks
from fit_platform.defs.feed import build_look_job, build_poll_schedule
from fit_platform.defs.publish import PUBLISHED_KEY
from fit_platform.defs.resources import Platform
from fit_platform.defs.transform import dbt_day_ranges, dbt_tables
from fit_platform.errors import ConfigError, FitError, QuotaExhausted, Transient
from fit_platform.feed import subscriptions
from fit_platform.feed.plan import take
from fit_platform.feed.subscriptions import SubscriptionReport
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.landing.layout import DayKey
from fit_platform.pipeline.pull import AthleteFailure, PullReport
from fit_platform.providers.base import DayAnswer, Item, Resource
from fit_platform.providers.http import ApiClient
from fit_platform.providers.registry import PROVIDERS, resource, resources
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings

NOW = datetime.now(UTC)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIT_HOME", str(tmp_path / "home"))
    return Runtime(load_settings())


def linked_with_strava(runtime: Runtime, *athletes: str) -> None:
    for athlete_id in athletes:
        ConnectionStore(runtime.settings.home_dir).save(
            Connection(provider="strava", athlete_id=athlete_id, linked_at=NOW, acquired="oauth", retention="keep")
        )


def tick(instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"platform": Platform()})
    result = accounts_changes(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_an_edit_of_the_athletes_asks_for_one_build_and_taking_it_back_for_another(runtime: Runtime) -> None:
    athletes = AthleteStore(runtime.settings.home_dir)
    athletes.upsert("ada", {"max_hr_bpm": 188})
    instance, keys = dg.DagsterInstance.ephemeral(), []
    result = tick(instance, None)
    assert not result.run_requests, "the first look only remembers"
    for max_hr_bpm in (190, 188, 190):
        athletes.upsert("ada", {"max_hr_bpm": max_hr_bpm})
        result = tick(instance, result.cursor)
        (request,) = result.run_requests or []
        assert request.asset_selection == BUILT_KEYS
        keys.append(request.run_key)
        result = tick(instance, result.cursor)
        assert not result.run_requests, "nothing was edited since"
    assert len(set(keys)) == 3


def test_a_mistake_in_the_settings_of_athletes_fails_the_tick(runtime: Runtime) -> None:
    runtime.settings.home_dir.mkdir(parents=True)
    (runtime.settings.home_dir / "athlete_settings.csv").write_text("athlete_id,nonsense\nada,1\n")
    with pytest.raises(ConfigError):
        tick(dg.DagsterInstance.ephemeral(), None)


def test_the_retention_schedules_job_purges_what_is_old_and_what_was_revoked(runtime: Runtime) -> None:
    """The job as the schedule starts it: of ada's day too old for her choice and ben's of a dead consent none stays."""
    strava = resource("strava", "activities")
    long_ago = NOW - timedelta(days=20)
    for athlete_id, keep, broken in (
        ("ada", 7, None),
        ("ben", "keep", Broken(state=State.REVOKED, since=NOW, reason="the athlete withdrew the consent")),
    ):
        ConnectionStore(runtime.settings.home_dir).save(
            Connection(
                provider="strava",
                athlete_id=athlete_id,
                linked_at=long_ago,
                acquired="oauth",
                retention=keep,
                broken=broken,
            )
        )
        item = Item(b'{"id":1,"start_date":"2026-01-01T10:00:00Z"}', {}, long_ago)
        runtime.zone.write_day(strava, athlete_id, DayAnswer(long_ago.date(), (item,)), long_ago)
    definitions = defs()
    schedule = definitions.resolve_schedule_def("retention_daily")
    job = definitions.resolve_job_def(schedule.job_name)
    with dg.instance_for_test() as instance:
        result = job.execute_in_process(instance=instance)
    assert result.success
    keys = [DayKey("strava", "activities", long_ago.date(), athlete_id) for athlete_id in ("ada", "ben")]
    assert [runtime.zone.items(key) for key in keys] == [[], []]
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert len(list((runtime.settings.home_dir / "receipts").rglob("*.json"))) == 2


def test_webhooks_that_polar_switched_off_are_one_incident_until_they_come_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = [SubscriptionReport("polar", "inactive", "https://fit.example.org", fix="subscribe again")]
    monkeypatch.setattr(subscriptions, "check_subscriptions", lambda _: reports)
    book = Alerter(runtime.settings, runtime.clock).book

    def looked() -> list[str]:
        alert_webhooks(
            dg.build_sensor_context(instance=dg.DagsterInstance.ephemeral(), resources={"platform": Platform()})
        )
        return [incident.key for incident, _ in book.open_incidents()]

    assert looked() == ["polar"]
    assert looked() == ["polar"]
    reports[0] = SubscriptionReport("polar", "active", "https://fit.example.org")
    assert looked() == []


def test_a_day_that_is_touched_again_while_its_run_is_in_flight_is_run_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two ticks, news of the same day before each: two runs with keys of their own."""
    ConnectionStore(runtime.settings.home_dir).save(
        Connection(provider="fitbit", athlete_id="ada", linked_at=NOW, acquired="oauth")
    )
    definitions = defs()
    sensor = definitions.resolve_sensor_def("fitbit_changes")
    monkeypatch.setattr(Runtime, "custody", property(lambda _: _NoTokens()))
    keys, cursor = [], None
    for version in ("1", "2"):
        runtime.inbox.put(
            ChangeEvent(
                provider="fitbit",
                athlete_id="ada",
                origin="webhook",
                seen_at=NOW,
                resources=("sleep",),
                days=(NOW.date() - timedelta(days=1),),
                version=version,
            )
        )
        context = dg.build_sensor_context(
            instance=dg.DagsterInstance.ephemeral(),
            cursor=cursor,
            definitions=definitions,
            resources={"platform": Platform()},
        )
        data = sensor.evaluate_tick(context)
        assert [request.partition_key for request in data.run_requests or []] == [str(NOW.date() - timedelta(days=1))]
        keys += [request.run_key for request in data.run_requests or []]
        cursor = data.cursor
    assert len(set(keys)) == 2


def test_an_event_sixteen_months_late_asks_for_its_day_and_all_that_follows_from_it(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = NOW.date() - timedelta(days=488)
    linked_with_strava(runtime, "ada")
    monkeypatch.setattr(Runtime, "custody", property(lambda _: _NoTokens()))
    for day in (long_ago, NOW.date() - timedelta(days=1)):
        runtime.inbox.put(
            ChangeEvent(
                provider="strava",
                athlete_id="ada",
                origin="webhook",
                seen_at=NOW,
                resources=("activities",),
                days=(day,),
            )
        )
    definitions = defs()
    context = dg.build_sensor_context(
        instance=dg.DagsterInstance.ephemeral(), definitions=definitions, resources={"platform": Platform()}
    )
    first, last = definitions.resolve_sensor_def("strava_changes").evaluate_tick(context).run_requests or []
    assert first.partition_key == str(long_ago)
    pulled = {dg.AssetKey([layer, "strava", "activities"]) for layer in ("raw", "load")}
    assert pulled <= set(first.asset_selection or [])
    assert PUBLISHED_KEY not in (first.asset_selection or []), "the tick's last run builds for all of them"
    assert {*pulled, PUBLISHED_KEY, dg.AssetKey(["marts", "activities"])} <= set(last.asset_selection or [])


@pytest.mark.parametrize("state", [State.NEEDS_CONSENT, State.NOT_LINKED, State.REVOKED])
def test_days_that_were_purged_are_built_anew_whatever_became_of_the_connection(runtime: Runtime, state: State) -> None:
    broken = Broken(state=state, since=NOW, reason="x")
    ConnectionStore(runtime.settings.home_dir).save(
        Connection(provider="strava", athlete_id="ada", linked_at=NOW, acquired="oauth", retention=7, broken=broken)
    )
    day = NOW.date() - timedelta(days=9)
    about = {"provider": "strava", "origin": "reconcile", "seen_at": NOW, "days": (day,)}
    runtime.inbox.put(ChangeEvent(athlete_id="ada", kind="purged", **about))
    runtime.inbox.put(ChangeEvent(athlete_id="ben", resources=("activities",), **about))
    tick = take(runtime, "strava")
    (run,) = tick.runs
    assert run.window.first == day
    everything = {one.name for one in resources() if one.provider == "strava"}
    assert set(run.resources) == everything, "the other's news of one resource does not narrow the purge"


def test_a_revocation_is_asked_about_even_where_the_connection_is_known_as_dead(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Broken(state=State.NEEDS_CONSENT, since=NOW, reason="x")
    ConnectionStore(runtime.settings.home_dir).save(
        Connection(provider="strava", athlete_id="ada", linked_at=NOW, acquired="oauth", retention="keep", broken=dead)
    )
    open_token_store(runtime.settings).save("strava", "ada", Token("a1", "r1", NOW + timedelta(hours=1)))
    monkeypatch.setattr("fit_platform.feed.plan.is_revoked", lambda client: client._tokens.access_token() != "a1")
    runtime.inbox.put(ChangeEvent(provider="strava", athlete_id="ada", kind="revoked", origin="webhook", seen_at=NOW))
    tick = take(runtime, "strava")
    assert (len(tick.rejected), tick.revoked) == (1, []), "forged: the provider still takes the token"


def test_a_run_for_news_that_loaded_nothing_does_not_run_dbt_nor_publish(runtime: Runtime) -> None:
    runtime.prepare_warehouse()
    definitions = defs()
    job = definitions.resolve_implicit_global_asset_job_def()
    built = {PUBLISHED_KEY, *dbt_tables.keys, *dbt_day_ranges.keys}
    with dg.instance_for_test() as instance:
        result = job.get_subset(asset_selection=built).execute_in_process(
            instance=instance,
            partition_key=str(NOW.date() - timedelta(days=1)),
            tags={run_tags.NEWS: "true"},
        )
    assert result.success
    assert result.get_asset_materialization_events() == []
    assert not (runtime.settings.home_dir / "published").exists()


def test_a_run_for_news_leaves_what_a_used_up_quota_kept_from_it_in_the_inbox(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    activities, day, opens = resource("strava", "activities"), NOW.date() - timedelta(days=1), NOW + timedelta(hours=6)
    used_up = PullReport(activities, failures=[AthleteFailure("ada", "quota", "used up", retry_at=opens)])
    monkeypatch.setattr("fit_platform.defs.raw.pull", lambda *_, **__: used_up)
    monkeypatch.setattr(Runtime, "clients", lambda *_, **__: [SimpleNamespace(athlete_id="ada")])
    job = defs().resolve_implicit_global_asset_job_def()
    with dg.instance_for_test() as instance:
        result = job.get_subset(asset_selection={dg.AssetKey(["raw", "strava", "activities"])}).execute_in_process(
            instance=instance, partition_key=str(day), tags={run_tags.NEWS: "true"}
        )
    assert result.success, "it holds nothing up"
    assert [check.passed for check in result.get_asset_check_evaluations()] == [False]
    assert runtime.inbox.due("strava", opens - timedelta(minutes=1), 10) == []
    (name,) = runtime.inbox.due("strava", opens + timedelta(minutes=1), 10)
    waiting = runtime.inbox.read(name)
    assert waiting is not None
    assert (waiting.athlete_id, waiting.resources, waiting.days) == ("ada", ("activities",), (day,))


@pytest.mark.parametrize("verdict", ["transient", "no network"])
def test_a_run_for_news_whose_provider_cannot_answer_ends_at_once_and_leaves_it_to_the_inbox(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, verdict: str
) -> None:
    activities, day = resource("strava", "activities"), NOW.date() - timedelta(days=1)
    silent = PullReport(activities, failures=[AthleteFailure("ada", verdict, "not now")])
    monkeypatch.setattr("fit_platform.defs.raw.pull", lambda *_, **__: silent)
    monkeypatch.setattr(Runtime, "clients", lambda *_, **__: [SimpleNamespace(athlete_id="ada")])
    job = defs().resolve_implicit_global_asset_job_def()
    keys = {dg.AssetKey([layer, "strava", "activities"]) for layer in ("raw", "load")}
    with dg.instance_for_test() as instance:
        result = job.get_subset(asset_selection=keys).execute_in_process(
            instance=instance, partition_key=str(day), tags={run_tags.NEWS: "true", run_tags.ATTEMPT: "2"}
        )
    assert result.success
    assert {event.asset_key for event in result.get_asset_materialization_events()} >= keys, "what follows goes on"
    (name,) = runtime.inbox.names("strava")
    waiting = runtime.inbox.read(name)
    assert waiting is not None
    assert (waiting.athlete_id, waiting.resources, waiting.days, waiting.attempt) == ("ada", ("activities",), (day,), 3)


def test_a_reconciliation_asks_again_for_what_one_refusal_kept_from_it_and_for_nothing_else(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One 500 for an athlete's zones, one used-up quota for the other: the next look of this kind is a week away."""
    linked_with_strava(runtime, "ada", "ben")
    monkeypatch.setattr(Runtime, "custody", property(lambda _: _NoTokens()))
    monkeypatch.setattr("fit_platform.defs.feed.retry_for", lambda _: dg.RetryRequested(max_retries=3))
    asked: list[str] = []
    failures: dict[str, FitError] = {
        "ada/zones": Transient("strava", "GET /athlete/zones", "500"),
        "ben/zones": QuotaExhausted("strava", "GET /athlete/zones", "used up"),
    }

    def event(resource: Resource, client: ApiClient, *_: object) -> ChangeEvent | None:
        asked.append(f"{client.athlete_id}/{resource.name}")
        if (error := failures.pop(asked[-1], None)) is not None:
            raise error
        return None

    monkeypatch.setattr("fit_platform.feed.look._event", event)
    definitions = defs()
    schedule = definitions.resolve_schedule_def("strava_reconcile")
    config = {"ops": {"ask_strava": {"config": {"mode": "all"}}}}
    with dg.instance_for_test() as instance:
        done = definitions.resolve_job_def(schedule.job_name).execute_in_process(instance=instance, run_config=config)
    assert done.success
    first = ["ada/athlete", "ada/zones", "ada/activities", "ben/athlete", "ben/zones"]
    assert asked == [*first, "ada/zones", "ben/zones", "ben/activities"]


def schedule_tick(name: str) -> ScheduleExecutionData:
    definitions = defs()
    context = dg.build_schedule_context(
        instance=dg.DagsterInstance.ephemeral(),
        scheduled_execution_time=NOW,
        resources={"platform": Platform()},
        repository_def=definitions.get_repository_def(),
    )
    return definitions.resolve_schedule_def(name).evaluate_tick(context)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_looks_come_every_quarter_of_an_hour_and_the_whole_history_once_a_week(provider: str) -> None:
    definitions = defs()
    assert definitions.resolve_schedule_def(f"{provider}_poll").cron_schedule == "*/15 * * * *"
    reconcile = definitions.resolve_schedule_def(f"{provider}_reconcile")
    minute, hour, day, month, weekday = str(reconcile.cron_schedule).split()
    assert (day, month) == ("*", "*")
    assert minute.isdigit()
    assert hour.isdigit()
    assert weekday != "*"
    (request,) = schedule_tick(f"{provider}_reconcile").run_requests or []
    assert request.run_config["ops"] == {f"ask_{provider}": {"config": {"mode": "all", "athletes": []}}}


def test_how_often_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIT_POLL_CRON", "7 * * * *")
    job = build_look_job("strava")
    assert build_poll_schedule("strava", job).cron_schedule == "7 * * * *"


def test_a_quiet_look_starts_no_run_and_says_what_it_looked_at(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked_with_strava(runtime, "ada", "ben")
    monkeypatch.setattr(Runtime, "custody", property(lambda _: _NoTokens()))
    monkeypatch.setattr("fit_platform.feed.look._event", lambda *_: None)
    data = schedule_tick("strava_poll")
    assert not data.run_requests
    assert data.skip_message == "strava: 2 athletes looked at, 0 days differ"
    assert list(runtime.inbox.names("strava")) == []


def test_a_look_that_finds_something_writes_an_event_and_still_starts_no_run(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked_with_strava(runtime, "ada")
    monkeypatch.setattr(Runtime, "custody", property(lambda _: _NoTokens()))
    day = NOW.date() - timedelta(days=1)

    def event(resource: Resource, client: ApiClient, *_: object) -> ChangeEvent:
        names = (resource.name,)
        return ChangeEvent(
            provider="strava", athlete_id=client.athlete_id, origin="poll", seen_at=NOW, resources=names, days=(day,)
        )

    monkeypatch.setattr("fit_platform.feed.look._event", event)
    data = schedule_tick("strava_poll")
    assert not data.run_requests
    assert len(list(runtime.inbox.names("strava"))) == 1, "the run is the sensor's, who sees every way that news come"


def test_athletes_whom_a_look_had_no_time_for_are_left_to_one_run(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked_with_strava(runtime, "ada", "ben", "cyd")
    monkeypatch.setattr(Runtime, "custody", property(lambda _: _NoTokens()))
    clock = iter([NOW, NOW, *[NOW + timedelta(minutes=2)] * 9])  # the deadline; ada; too late for the others
    monkeypatch.setattr(Runtime, "clock", lambda _: next(clock))
    monkeypatch.setattr("fit_platform.feed.look._event", lambda *_: None)
    (request,) = schedule_tick("strava_poll").run_requests or []
    assert request.run_config["ops"] == {"ask_strava": {"config": {"mode": "new", "athletes": ["ben", "cyd"]}}}


class _NoTokens:
    def token_source(self, *_: str, **__: bool) -> None:
        return None
