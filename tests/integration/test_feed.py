"""The change feed over the simulators: a quiet look costs next to nothing, and what changed reaches the inbox once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest
import requests

from fit_platform.commands.demo_home import environment_with
from fit_platform.feed.look import look
from fit_platform.feed.plan import Tick, finish, take
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.pipeline.pull import pull
from fit_platform.providers.base import Window
from fit_platform.providers.pulling import decoded
from fit_platform.providers.registry import resource, resources
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings
from tests.integration.conftest import WINDOW, House

EVENING = datetime.combine(WINDOW.last, time(23, 30), UTC)


@contextmanager
def at(house: House, moment: datetime = EVENING) -> Iterator[Runtime]:
    ahead_s = (moment - datetime.now(UTC)).total_seconds()
    variables = {"FIT_START_DATE": str(WINDOW.first), "FIT_CLOCK_OFFSET_S": str(ahead_s)}
    with environment_with({**house.environment, **variables}):
        yield Runtime(load_settings())


def calls(house: House, provider: str) -> int:
    counted = requests.get(f"{house.base_url}/_sim/calls", timeout=10).json()
    return sum(counted.get(provider, {}).values())


@pytest.fixture(scope="module")
def pulled(linked: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The whole window landed, as of that evening."""
    house = House(tmp_path_factory.mktemp("pulled") / "home", linked.base_url)
    shutil.copytree(linked.home, house.home)
    with at(house) as runtime:
        for resource in resources():
            report = pull(resource, WINDOW, runtime.clients(resource.provider), runtime.zone, now=runtime.clock)
            assert report.failures == []
    return house


@pytest.fixture
def home(pulled: House, copy_of: Callable[[House], House]) -> House:
    return copy_of(pulled)


def take_all(runtime: Runtime, provider: str) -> Tick:
    tick = take(runtime, provider)
    finish(runtime, tick.handled)
    return tick


def test_a_quiet_look_at_strava_is_one_call_per_athlete_and_no_event(home: House) -> None:
    home.control("reset-calls")
    with at(home) as runtime:
        result = look(runtime, "strava", "new")
        assert (result.changed_days, result.events, result.failures) == (0, [], [])
        assert calls(home, "strava") <= len(result.athletes) == 2
        assert take(runtime, "strava").runs == []


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_a_look_finds_exactly_the_days_that_have_not_landed_as_they_are(provider: str, home: House) -> None:
    lost = WINDOW.last - timedelta(days=1)
    names = {"polar": "exercises", "strava": "activities", "fitbit": "heart_rate"}
    with at(home) as runtime:
        athlete = runtime.linked(provider)[0].athlete_id
        folder = home.home / f"landing/raw/provider={provider}/resource={names[provider]}/dt={lost}/athlete={athlete}"
        shutil.rmtree(folder)
        look(runtime, provider, "new")
        look(runtime, provider, "new")
        tick = take_all(runtime, provider)
        found = [(run.window, run.resources[0], run.athletes) for run in tick.runs]
        assert found == [(Window(lost, lost), names[provider], (athlete,))]
        assert take_all(runtime, provider).runs == []


def test_a_look_reaches_over_the_days_when_nobody_looked(home: House) -> None:
    """The machine was off for a fortnight: longer than any look back."""
    with at(home) as runtime:
        athlete = runtime.linked("polar")[0].athlete_id
        folder = home.home / "landing/raw/provider=polar/resource=daily_activity"
        gone = [WINDOW.last - timedelta(days=n) for n in range(9)]
        for day in gone:
            shutil.rmtree(folder / f"dt={day}/athlete={athlete}")
        look(runtime, "polar", "new", athletes=[athlete])
        (run,) = take_all(runtime, "polar").runs
        assert (run.window, run.resources) == (Window(min(gone), max(gone)), ("daily_activity",))


def test_a_full_reconciliation_of_what_has_landed_finds_nothing_but_snapshots(home: House) -> None:
    with at(home) as runtime:
        for provider in ("polar", "strava", "fitbit"):
            assert look(runtime, provider, "all").failures == []
            planned = {name for run in take_all(runtime, provider).runs for name in run.resources}
            assert not planned & {"activities", "exercises", "exercise", "heart_rate", "sleep", "steps"}


def test_a_strava_event_names_an_activity_and_its_day_is_found_by_one_call(home: House) -> None:
    with at(home) as runtime:
        key = next(key for key in runtime.zone.keys("strava", "activities") if runtime.zone.items(key))
        activity = decoded(runtime.zone.items(key)[0])
        home.control("reset-calls")
        runtime.inbox.put(
            ChangeEvent(
                provider="strava",
                athlete_id=key.athlete_id,
                origin="webhook",
                seen_at=EVENING,
                resources=("activities", "streams"),
                object_id=str(activity["id"]),
            )
        )
        (run,) = take_all(runtime, "strava").runs
    assert calls(home, "strava") == 1
    assert run.window == Window(key.dt, key.dt)
    assert run.resources == ("activities", "streams", "gear"), "with all that hangs on an activity"


def test_news_of_an_activity_that_strava_denies_is_asked_for_again_later_and_then_given_up(home: House) -> None:
    moment = EVENING
    with at(home) as runtime:
        athlete = runtime.linked("strava")[0].athlete_id
        runtime.inbox.put(
            ChangeEvent(
                provider="strava",
                athlete_id=athlete,
                origin="webhook",
                seen_at=EVENING,
                resources=("activities",),
                object_id="99999999999",
            )
        )
    tries = 0
    for _ in range(20):
        with at(home, moment) as runtime:
            tick = take_all(runtime, "strava")
            assert tick.runs == []
            tries += bool(tick.handled)
            waiting = list(runtime.inbox.names("strava"))
            if not waiting:
                break
            moment += timedelta(minutes=10)
    assert waiting == []
    assert 3 <= tries <= 8
    with at(home, EVENING) as runtime:
        assert list(runtime.inbox.rejected()) == []


def test_a_poison_event_is_put_aside_and_the_rest_goes_on(home: House) -> None:
    with at(home) as runtime:
        athlete = runtime.linked("fitbit")[0].athlete_id
        runtime.inbox.store.write("inbox/fitbit/20260101T000000000000_0000000000000000.json", b"{broken")
        runtime.inbox.put(
            ChangeEvent(
                provider="fitbit",
                athlete_id=athlete,
                origin="webhook",
                seen_at=EVENING,
                resources=("sleep",),
                days=(WINDOW.first,),
            )
        )
        tick = take_all(runtime, "fitbit")
        assert [run.resources for run in tick.runs] == [("sleep",)]
        assert len(tick.rejected) == 1
        assert len(list(runtime.inbox.rejected())) == 1


def test_a_tick_that_was_killed_before_it_was_recorded_is_done_again(home: House) -> None:
    with at(home) as runtime:
        news = ChangeEvent(
            provider="fitbit",
            athlete_id=runtime.linked("fitbit")[0].athlete_id,
            origin="webhook",
            seen_at=EVENING,
            resources=("sleep",),
            days=(WINDOW.first,),
        )
        runtime.inbox.put(news)
        killed = take(runtime, "fitbit")
        again = take(runtime, "fitbit")
        assert killed.runs == again.runs != []
        finish(runtime, again.handled)
        assert take(runtime, "fitbit").runs == []


def test_a_forged_deletion_deletes_nothing_and_a_true_one_leaves_a_tombstone(home: House) -> None:
    activities = resource("strava", "activities")

    def live_after_news(version: str) -> list[str]:
        with at(home) as runtime:
            runtime.inbox.put(
                ChangeEvent(
                    provider="strava",
                    athlete_id=key.athlete_id,
                    kind="deleted",
                    origin="webhook",
                    seen_at=EVENING,
                    resources=("activities", "streams"),
                    object_id=victim,
                    version=version,
                )
            )
            (run,) = take_all(runtime, "strava").runs
            assert run.window == Window(key.dt, key.dt)
            pull(activities, run.window, runtime.clients("strava", run.athletes), runtime.zone, now=runtime.clock)
            return [str(decoded(item)["id"]) for item in runtime.zone.items(key)]

    with at(home) as runtime:
        key = next(key for key in runtime.zone.keys("strava", "activities") if runtime.zone.items(key))
        before = [str(decoded(item)["id"]) for item in runtime.zone.items(key)]
    victim = before[0]
    assert live_after_news("1") == before, "Strava still shows it"
    home.control("world", ops=[{"op": "delete", "provider": "strava", "athlete": key.athlete_id, "record": victim}])
    assert live_after_news("2") == before[1:]
    with at(home) as runtime:
        (grave,) = [line for line in runtime.zone.lines(key) or [] if line.tombstone]
    assert grave.tombstone is not None
    assert "404" in grave.tombstone["reason"]
    assert grave.tombstone["object_id"] == victim
    assert grave.fetched_at.replace(microsecond=0) == EVENING


def test_a_forged_revocation_is_put_aside_and_a_true_one_stops_pulls_at_once(home: House) -> None:
    with at(home) as runtime:
        athlete = runtime.linked("strava")[0].athlete_id
        news = ChangeEvent(
            provider="strava", athlete_id=athlete, kind="revoked", origin="webhook", seen_at=EVENING, version="1"
        )
        runtime.inbox.put(news)
        forged = take_all(runtime, "strava")
        assert (forged.revoked, len(forged.rejected)) == ([], 1)
        assert athlete in {client.athlete_id for client in runtime.clients("strava")}
        home.control("world", ops=[{"op": "revoke", "provider": "strava", "athlete": athlete}])
        runtime.inbox.put(msgspec.structs.replace(news, version="2"))
        true = take_all(runtime, "strava")
        assert [event.version for event in true.revoked] == ["2"]
        assert athlete not in {client.athlete_id for client in runtime.clients("strava")}
