"""Polar AccessLink as `polar-flow-api` sees it: a client of the API without transactions, written from live answers.

What it cannot tell: it reads both spellings of a key, drops keys that it does not know, leaves rate limits and the
exact lengths of series alone, and turns every failure of continuous heart rate and of biosensing into "nothing there".
It asks for one night below `/users/{id}/sleep/`, which Polar's specification does not have, and cannot read a series
that has `null` in it, which Polar's documentation allows.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any, TypeVar
from xml.etree import ElementTree

import pytest

from fit_platform.simulator import World
from tests.conformance.conftest import CONFIG, Visitor, is_served

polar_flow = pytest.importorskip("polar_flow", reason="needs the dependency group: make conformance")
exceptions = pytest.importorskip("polar_flow.exceptions")
biosensing = pytest.importorskip("polar_flow.models.biosensing")
polar_auth = pytest.importorskip("polar_flow.auth")

T = TypeVar("T")
DAY = date(2026, 11, 3)


def handler_for(visitor: Visitor) -> Any:
    own = visitor.setting("CLIENT_ID"), visitor.setting("CLIENT_SECRET")
    handler = polar_auth.OAuth2Handler(*own, redirect_uri="http://127.0.0.1:9/callback")
    handler.TOKEN_URL = visitor.setting("TOKEN_URL")
    return handler


def ask(base_url: str, token: str, question: Callable[[Any], Awaitable[T]]) -> T:
    """One question, with a client of its own."""

    async def run() -> T:
        async with polar_flow.PolarFlow(access_token=token, base_url=f"{base_url}/polar") as client:
            return await question(client)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def token(base_url: str) -> Any:
    visitor = Visitor(base_url, "polar")
    return asyncio.run(handler_for(visitor).exchange_code(visitor.consent()["code"]))


@pytest.fixture(scope="module")
def polar(base_url: str, token: Any) -> Callable[[Callable[[Any], Awaitable[T]]], T]:
    """Asks as a registered user."""
    user = ask(base_url, token.access_token, lambda client: client.users.register("m-conformance"))
    assert str(user.polar_user_id) == token.user_id
    return lambda question: ask(base_url, token.access_token, question)


@pytest.fixture(scope="module")
def world() -> World:
    return World(CONFIG.world)


def test_a_code_gives_a_token_once(base_url: str) -> None:
    visitor = Visitor(base_url, "polar", "ben")
    code = visitor.consent()["code"]
    assert asyncio.run(handler_for(visitor).exchange_code(code)).x_user_id
    with pytest.raises(exceptions.AuthenticationError):
        asyncio.run(handler_for(visitor).exchange_code(code))


def test_an_unregistered_user_is_refused_and_a_registered_one_is_known(base_url: str) -> None:
    visitor = Visitor(base_url, "polar", "ben")
    token = asyncio.run(handler_for(visitor).exchange_code(visitor.consent()["code"])).access_token
    with pytest.raises(exceptions.PolarFlowError, match="403"):
        ask(base_url, token, lambda client: client.exercises.list())
    user = ask(base_url, token, lambda client: client.users.register("m-ben"))
    with pytest.raises(exceptions.PolarFlowError, match="409"):
        ask(base_url, token, lambda client: client.users.register("m-ben"))
    assert ask(base_url, token, lambda client: client.users.get(user.polar_user_id)) == user
    ask(base_url, token, lambda client: client.users.delete(user.polar_user_id))
    with pytest.raises(exceptions.AuthenticationError):
        ask(base_url, token, lambda client: client.exercises.list())


def test_every_exercise_arrives_at_its_instant(polar: Any, world: World) -> None:
    true = {r.provider_activity_id: (a, r) for a, r in world.people["ada"].records("polar")}
    seen = polar(lambda client: client.exercises.list(zones=True, route=True))
    assert {exercise.id for exercise in seen} == set(true)
    for exercise in seen:
        activity, record = true[exercise.id]
        offset = timezone(timedelta(minutes=exercise.start_time_utc_offset))
        assert exercise.start_time.replace(tzinfo=offset).timestamp() == record.started_at
        assert abs(exercise.duration_seconds - (record.ended_at - record.started_at)) <= 1
        assert exercise.has_route == bool(exercise.route) == activity.session.sport.has_gps
        assert [zone.index for zone in exercise.heart_rate_zones] == list(range(5))
        assert sum(zone.in_zone_seconds for zone in exercise.heart_rate_zones) <= exercise.duration_seconds + 1
        assert exercise.maximum_heart_rate >= exercise.average_heart_rate > 0


def test_samples_are_the_recorded_heart_rate(polar: Any, world: World) -> None:
    person = world.people["ada"]
    pairs = [p for p in person.records("polar") if not p[0].session.sport.has_gps]  # altitude may begin with nulls
    assert pairs
    for activity, record in pairs:
        exercise_id = record.provider_activity_id
        samples = polar(lambda client, wanted=exercise_id: client.exercises.get_samples(wanted))
        beats = samples.get_sample_by_type("0")
        assert beats.recording_rate == 1
        assert beats.values == person.devices.recorded_heart_rate(activity, record).tolist()


def test_a_stranger_exercise_is_not_found(polar: Any) -> None:
    with pytest.raises(exceptions.NotFoundError):
        polar(lambda client: client.exercises.get("nobody-s"))


def test_nights_add_up_and_their_hypnogram_is_in_order(polar: Any) -> None:
    nights = polar(lambda client: client.sleep.list())
    assert len(nights) > 20
    for night in nights:
        measured = night.total_sleep_seconds + night.total_interruption_duration + night.unrecognized_sleep_stage
        assert abs(measured - night.time_in_bed_seconds) <= 60
        assert night.sleep_end_time.date() == night.date
        first = next(iter(night.hypnogram))
        assert first == night.sleep_start_time.strftime("%H:%M")
        minutes = [int(key[:2]) * 60 + int(key[3:]) for key in night.hypnogram]
        wraps = sum(later < earlier for earlier, later in pairwise(minutes))
        assert wraps <= 1, "it crosses midnight once at most"


def test_a_day_of_continuous_heart_rate_is_on_the_wall_clock(polar: Any, world: World) -> None:
    day = polar(lambda client: client.continuous_hr.get(DAY))
    times = [sample.sample_time for sample in day.heart_rate_samples]
    assert len(times) > 200
    assert times == sorted(times)
    feed, clock = world.people["ada"].devices.watch_samples(DAY), world.people["ada"].clock
    midnight = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp())
    samples = zip(feed.second_of_day.tolist(), feed.bpm.tolist(), strict=True)
    local = [(clock.local(midnight + second), bpm) for second, bpm in samples]
    true = {(str(wall.time()), bpm) for wall, bpm in local if wall.date() == DAY}
    assert len(true) > 200
    assert true <= {(sample.sample_time, sample.heart_rate) for sample in day.heart_rate_samples}


def test_a_day_without_data_is_nothing_and_not_an_error(polar: Any) -> None:
    assert polar(lambda client: client.continuous_hr.get("2020-01-01")) is None


def test_daily_activity_agrees_with_its_own_samples(polar: Any) -> None:
    first, last = str(DAY), str(DAY + timedelta(days=6))
    days = polar(lambda client: client.activity.list(from_date=first, to_date=last))
    series = polar(lambda client: client.activity_samples.list(from_date=first, to_date=last))
    assert [day.start_time.date() for day in days] == [DAY + timedelta(days=n) for n in range(7)]
    assert [day.date for day in series] == [str(DAY + timedelta(days=n)) for n in range(7)]
    for day, samples in zip(days, series, strict=True):
        assert day == polar(lambda client, on=samples.date: client.activity.get(on))
        assert abs(day.steps - samples.steps.total_steps) <= 0.05 * samples.steps.total_steps
        assert 0 < day.active_duration_seconds + day.inactive_duration_seconds <= 86_400
        assert day.active_calories < day.calories
    with pytest.raises(exceptions.ValidationError, match="28 days"):
        polar(lambda client: client.activity.list(from_date="2026-10-01", to_date=last))


def test_physical_information_is_the_athletes(polar: Any, world: World) -> None:
    ada = world.people["ada"].athlete
    info = polar(lambda client: client.physical_info.get())
    assert (info.weight, info.maximum_heart_rate, info.birthday) == (ada.weight_kg, ada.max_hr_bpm, ada.birth_date)


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("nightly-recharge", lambda client: client.recharge.list()),
        ("cardio-load", lambda client: client.cardio_load.list()),
        ("sleepwise/alertness", lambda client: client.sleepwise.get_alertness()),
        ("sleepwise/circadian-bedtime", lambda client: client.sleepwise.get_bedtime()),
    ],
)
def test_lists_of_the_last_28_days_fit_the_models(polar: Any, name: str, question: Any) -> None:
    try:
        found = polar(question)
    except exceptions.NotFoundError as missing:
        if not is_served(missing.response_body):
            pytest.skip(f"not simulated: /users/{name}")
        raise
    assert 1 <= len(found) <= 2 * 28


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("bodytemperature", "BodyTemperaturePeriod"),
        ("skintemperature", "SkinTemperature"),
        ("spo2", "SpO2Result"),
        ("ecg", "ECGResult"),
    ],
)
def test_biosensing_fits_the_models(base_url: str, polar: Any, token: Any, name: str, model: str) -> None:
    """Through its models only: its own call has no room for a failure."""
    visitor = Visitor(base_url, "polar", token={"access_token": token.access_token})
    answer = visitor.get(f"/users/biosensing/{name}", **{"from": str(DAY), "to": str(DAY + timedelta(days=6))})
    if not is_served(answer.text):
        pytest.skip(f"not simulated: /users/biosensing/{name}")
    assert answer.status_code in (200, 204), answer.text
    for item in answer.json() if answer.status_code == 200 else []:
        getattr(biosensing, model).model_validate(item)


def test_a_fit_file_reads_as_what_was_recorded(polar: Any, world: World) -> None:
    """Garmin's own SDK reads it; it checks length and CRC too."""
    fit_sdk = pytest.importorskip("garmin_fit_sdk", reason="needs the dependency group: make conformance")
    person = world.people["ada"]
    activity, record = next(p for p in person.records("polar") if p[0].session.sport.has_gps)
    try:
        content = polar(lambda client: client.exercises.export_fit(record.provider_activity_id))
    except exceptions.NotFoundError:
        pytest.skip("this exercise has no FIT file")
    assert fit_sdk.Decoder(fit_sdk.Stream.from_byte_array(bytearray(content))).check_integrity()
    messages, problems = fit_sdk.Decoder(fit_sdk.Stream.from_byte_array(bytearray(content))).read()
    assert problems == []
    assert messages["file_id_mesgs"][0]["type"] == "activity"
    beats = person.devices.recorded_heart_rate(activity, record).tolist()
    samples = messages["record_mesgs"]
    assert len(samples) > 100
    for sample in samples:
        assert sample["heart_rate"] == beats[int(sample["timestamp"].timestamp()) - record.started_at]


def test_the_other_files_are_xml(polar: Any, world: World) -> None:
    """A TCX comes gzipped, by the specification; this client takes its bytes for text."""
    pairs = world.people["ada"].records("polar")
    exercise_id = next(r.provider_activity_id for a, r in pairs if a.session.sport.has_gps)
    tcx = polar(lambda client: client._client.get(f"/v3/exercises/{exercise_id}/tcx")).content
    gpx = polar(lambda client: client.exercises.export_gpx(exercise_id))
    for text, root in ((gzip.decompress(tcx), "TrainingCenterDatabase"), (gpx.encode(), "gpx")):
        assert ElementTree.fromstring(text).tag.endswith(f"}}{root}")
