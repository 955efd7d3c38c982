"""The true world: it repeats itself exactly, its parts follow from each other, and its truth is what is served."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import numpy as np
import pytest

from fit_platform.simulator import World, WorldConfig
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.clock import DAY, QUARTER, day_start, utc_day

AUTUMN = WorldConfig(
    end=date(2026, 11, 6), days=24
)  # ada flies on 22 and 30 October, ben's clocks change on 1 November


@pytest.fixture(scope="module")
def world() -> World:
    return World(AUTUMN)


def _samples(person: Person, first: date, last: date) -> tuple[list[int], list[int]]:
    """Instants of the valid samples of band and watch."""
    band: list[int] = []
    watch: list[int] = []
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        for into, feed in ((band, person.devices.band_samples(day)), (watch, person.devices.watch_samples(day))):
            valid = (feed.bpm >= 30) & (feed.bpm <= 250)
            into += (day_start(day) + feed.second_of_day[valid]).tolist()
    return band, watch


def test_the_same_config_makes_the_same_world_and_another_seed_another_one() -> None:
    small = WorldConfig(end=date(2026, 3, 31), days=3)
    first, again = (msgspec.json.encode(World(small).truth()) for _ in range(2))
    other = msgspec.json.encode(World(small.model_copy(update={"seed": 8})).truth())
    assert first == again
    assert first != other


def test_the_order_of_questions_does_not_change_the_answers(world: World) -> None:
    fresh = World(AUTUMN).people["ben"]
    late = fresh.body.heart_rate(date(2026, 11, 5))
    early = fresh.body.heart_rate(date(2026, 10, 15))
    assert np.array_equal(early, world.people["ben"].body.heart_rate(date(2026, 10, 15)))
    assert np.array_equal(late, world.people["ben"].body.heart_rate(date(2026, 11, 5)))


def test_a_longer_window_shows_the_same_days_to_an_athlete_who_stays_at_home() -> None:
    short, long = (World(WorldConfig(end=date(2026, 3, 31), days=days)).people["ben"] for days in (5, 60))
    day = date(2026, 3, 29)
    assert np.array_equal(short.body.heart_rate(day), long.body.heart_rate(day))
    assert short.planner.night(day) == long.planner.night(day)


def test_every_activity_has_records_but_never_two_of_one_provider(world: World) -> None:
    activities = [activity for person in world.people.values() for activity in person.activities]
    assert activities
    for activity in activities:
        providers = [record.provider for record in activity.records]
        assert providers
        assert len(set(providers)) == len(providers), activity.true_id


def test_a_relay_is_the_watch_recording_to_the_second(world: World) -> None:
    relays = [(p, a, r) for p in world.people.values() for a, r in p.records("strava") if r.kind == "relay"]
    assert relays
    for person, activity, relay in relays:
        watch = activity.record_of("polar")
        assert watch is not None
        assert (relay.started_at, relay.polar_exercise_id) == (watch.started_at, watch.provider_activity_id)
        copied = person.devices.recorded_heart_rate(activity, relay)
        assert np.array_equal(copied, person.devices.recorded_heart_rate(activity, watch))


def test_automatic_detections_are_off_by_minutes_but_not_more(world: World) -> None:
    detected = [(a, r) for p in world.people.values() for a, r in p.records("fitbit") if r.kind == "detected"]
    assert detected
    off = [abs(r.started_at - a.session.started_at) for a, r in detected]
    assert 60 < max(off) <= 240
    assert all(abs(r.ended_at - a.session.ended_at) <= 240 for a, r in detected)


def test_heart_rate_follows_what_the_body_does(world: World) -> None:
    person = world.people["ada"]
    activity, _ = next(pair for pair in person.records("polar") if pair[0].session.sport.name in ("run", "trail_run"))
    session = activity.session
    asleep = person.body.heart_rate_between(*_deep_sleep(person, utc_day(session.started_at)))
    working = person.body.heart_rate_between(session.started_at + 600, session.ended_at - 60)
    starting = person.body.heart_rate_between(session.started_at, session.started_at + 10)
    assert asleep.mean() < person.athlete.resting_hr_bpm + 8
    assert working.mean() > starting.mean() + 20, "the heart lags behind the effort"
    assert working.max() <= person.athlete.max_hr_bpm


def _deep_sleep(person: Person, day: date) -> tuple[int, int]:
    part = next(part for part in person.planner.night(day).stages if part.stage == "deep")
    return part.start + 120, part.end


def test_every_sample_is_the_true_heart_rate_of_its_second(world: World) -> None:
    person, day = world.people["ben"], date(2026, 10, 20)
    true = person.body.heart_rate(day)
    for feed in (person.devices.band_samples(day), person.devices.watch_samples(day)):
        valid = (feed.bpm > 0) & (feed.bpm <= 250)
        assert np.array_equal(feed.bpm[valid], true[feed.second_of_day[valid]])


def test_a_day_has_about_five_and_a_half_thousand_band_samples_with_gaps(world: World) -> None:
    days = [AUTUMN.first_day + timedelta(days=n) for n in range(AUTUMN.days)]
    counts = [len(world.people["ben"].devices.band_samples(day).bpm) for day in days]
    assert 5000 < np.mean(counts) < 5760
    gaps = np.diff(world.people["ben"].devices.band_samples(date(2026, 10, 20)).second_of_day)
    assert np.median(gaps) == 15
    assert (gaps > 1000).sum() in (1, 2, 3)


@pytest.mark.parametrize(("name", "first", "last"), [
    ("ada", date(2026, 10, 20), date(2026, 11, 1)),  # both flights
    ("ben", date(2026, 10, 29), date(2026, 11, 3)),  # the 25-hour day
])  # fmt: skip
def test_worn_minutes_can_be_measured_from_the_samples_within_one_cadence_step(
    world: World, name: str, first: date, last: date
) -> None:
    """Each sample earns the time to the next one, at most 1.5 cadences: 22.5 s and 450 s."""
    person = world.people[name]
    base = day_start(first - timedelta(days=1))
    covered = np.zeros(((last - first).days + 4) * DAY, dtype=np.bool_)
    for ats, cap in zip(_samples(person, first - timedelta(days=1), last + timedelta(days=1)), (22, 450), strict=True):
        for at, following in zip(ats, [*ats[1:], ats[-1] + cap], strict=True):
            covered[at - base : at - base + min(following - at, cap)] = True
    for activity in person.activities:
        for record in activity.records:
            if record.provider != "fitbit" and record.has_heart_rate and record.started_at > base:
                covered[record.started_at - base : record.ended_at - base] = True
    truth = world.truth(first - timedelta(days=1), last + timedelta(days=1), name)["worn_minutes"][name]
    quarters = [base + n * QUARTER for n in range(len(covered) // QUARTER)]
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        seconds = sum(
            int(covered[q - base : q - base + QUARTER].sum()) for q in quarters if person.clock.local_date(q) == day
        )
        assert seconds / 60 == pytest.approx(truth[str(day)], abs=0.25), day


def test_hours_begin_on_the_local_hour_also_half_an_hour_off_utc() -> None:
    world = World(WorldConfig(end=date(2026, 3, 31), days=2, athletes=6))
    hourly = world.truth()["hourly_max_bpm"]
    assert {hour[14:16] for hour, _ in hourly["chitra"]} == {"30"}  # UTC+5:30
    assert {hour[14:16] for hour, _ in hourly["femi"]} == {"15"}  # UTC+5:45
    assert {hour[14:16] for hour, _ in hourly["ada"]} == {"00"}


def test_all_devices_switch_zone_on_landing_and_a_repeated_hour_counts_twice(world: World) -> None:
    ada, ben = world.people["ada"], world.people["ben"]
    there = int(datetime(2026, 10, 22, 12, tzinfo=UTC).timestamp())
    assert [ada.clock.offset_at(there - 1), ada.clock.offset_at(there)] == [7200, -14400]
    assert ada.clock.changes(there - DAY, there + DAY) == [there]
    start, end = ben.clock.date_bounds(date(2026, 11, 1))
    assert (end - start) // 3600 == 25


def test_the_wall_clock_can_be_read_back(world: World) -> None:
    clock = world.people["ada"].clock
    for instant in range(AUTUMN.begin, AUTUMN.begin + 24 * DAY, 5 * QUARTER):
        first_reading = clock.epoch(clock.local(instant))
        assert clock.local(first_reading) == clock.local(instant)
        assert first_reading <= instant, "of two instants with the same wall clock, the first"


def test_nothing_is_visible_before_it_has_happened() -> None:
    now = datetime(2026, 3, 30, 9, tzinfo=UTC)
    person = World(WorldConfig(end=date(2026, 3, 31), days=10, now=now)).people["ada"]
    today = person.devices.band_samples(now.date())
    assert today.second_of_day.max() < 9 * 3600
    assert not len(person.devices.band_samples(date(2026, 3, 31)).bpm)
    assert all(
        record.uploaded_at <= now.timestamp() for p in ("polar", "strava", "fitbit") for _, record in person.records(p)
    )


def test_a_quarter_of_anybody_fits_the_daily_strava_budget() -> None:
    """Two athletes and 90 days must fit one quarter-hour window of 200 reads: rows are few, streams fewer."""
    world = World(WorldConfig(athletes=10))
    for person in world.people.values():
        kinds = [record.kind for _, record in person.records("strava")]
        assert 25 <= len(kinds) <= 50
        assert len(kinds) - kinds.count("manual") <= 46
        assert len(person.activities) / 13 > 3.5


def test_the_truth_of_a_few_days_is_part_of_the_whole_truth(world: World) -> None:
    day = date(2026, 10, 28)
    part, whole = world.truth(day, day, "ben"), world.truth()
    hours = dict(whole["hourly_max_bpm"]["ben"])
    assert part["hourly_max_bpm"]["ben"]
    assert all(hours[hour] >= bpm for hour, bpm in part["hourly_max_bpm"]["ben"])
    assert all(entry in whole["activities"] for entry in part["activities"])
