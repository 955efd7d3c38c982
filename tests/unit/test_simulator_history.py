"""A world in motion: what becomes of records is drawn by seed, and is the same however the clock gets there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from fit_platform.simulator import World, WorldConfig
from fit_platform.simulator.scenario import Churn, LateDays
from fit_platform.simulator.world.clock import DAY, iso_z
from fit_platform.simulator.world.happenings import Happening, happenings
from fit_platform.simulator.world.history import UNCHANGED, Change, DayChange, Edit, History

MONTH = WorldConfig(seed=5, end=date(2026, 3, 31), days=60, athletes=2, now=datetime(2026, 4, 1, tzinfo=UTC))
CHURN = Churn(seed=3, edits=0.3, deletes=0.2, late=LateDays(share=0.3, max_days=20), late_days=LateDays(share=0.2),
              split_nights=0.2)  # fmt: skip
NOW = MONTH.now_epoch


def shown(world: World) -> dict[tuple[str, str], object]:
    return {
        (provider, record.provider_activity_id): record
        for person in world.people.values()
        for provider in ("polar", "strava", "fitbit")
        for _, record in person.records(provider)  # type: ignore[arg-type]
    }


def replayed(found: list[Happening]) -> dict[tuple[str, str], object]:
    """What a reader of all notifications believes."""
    believed: dict[tuple[str, str], object] = {}
    for happening in found:
        if happening.what != "activity" or happening.record_id is None:
            continue
        key = (happening.provider, happening.record_id)
        if happening.action == "delete":
            del believed[key]
        else:
            believed[key] = happening.record
    return believed


def test_the_world_at_an_instant_does_not_depend_on_the_steps_of_the_clock() -> None:
    leap = World(MONTH, History(churn=CHURN))
    walk = World(MONTH, History(churn=CHURN)).at(NOW - 40 * DAY, History(churn=CHURN))
    for days in range(39, -1, -1):
        walk = walk.at(NOW - days * DAY, walk.history)
    assert shown(walk) == shown(leap)
    assert walk.truth() == leap.truth()


def test_notifications_from_the_beginning_add_up_to_the_world() -> None:
    world = World(MONTH, History(churn=CHURN))
    assert replayed(happenings(world, 0, NOW)) == shown(world)


def test_notifications_of_small_steps_are_those_of_one_big_step() -> None:
    def told(hours: int) -> list[Happening]:
        world = World(MONTH, History(churn=CHURN))
        found: list[Happening] = []
        for since in range(NOW - 6 * DAY, NOW, hours * 3600):
            world = world.at(since + hours * 3600, world.history)
            found += happenings(world, since, since + hours * 3600)
        return [h for h in found if h.what == "activity"]

    assert told(3) == told(48)
    assert {h.action for h in told(48)} >= {"create"}


def test_churn_strikes_about_its_share_of_the_records_and_no_other() -> None:
    calm, churned = World(MONTH), World(MONTH, History(churn=CHURN))
    steps = [s for p in churned.people.values() for a in p.planned() for r in a.records for s in p.steps(r)]
    count = len([s for s in steps if s.kind == "create"])
    assert 0.1 < len([s for s in steps if s.kind == "delete"]) / count < 0.3
    assert 0.2 < len([s for s in steps if s.kind == "edit"]) / count < 0.4
    unchanged = [r for key, r in shown(churned).items() if shown(calm).get(key) == r]
    assert 0.2 * len(shown(calm)) < len(unchanged) < len(shown(calm))


def test_late_uploads_keep_their_start_and_strava_numbers_them_by_the_upload() -> None:
    late = World(MONTH, History(churn=Churn(late=LateDays(share=1.0, max_days=10)))).people["ada"]
    for activity in late.planned():
        for planned in activity.records:
            for step in late.steps(planned):
                assert step.record is not None
                assert step.record.uploaded_at >= planned.uploaded_at
                assert (step.record.started_at, step.record.ended_at) == (planned.started_at, planned.ended_at)
    ids = [(r.started_at, int(r.provider_activity_id)) for _, r in late.records("strava")]
    assert [number for _, number in sorted(ids)] != sorted(number for _, number in ids)


def test_an_edit_changes_what_it_names_and_a_hidden_record_comes_back_as_it_was() -> None:
    person = World(MONTH).people["ada"]
    activity, record = person.records("strava")[-1]
    where = record.provider, record.provider_activity_id
    edit = Edit(title="Intervals", trim_seconds=300, distance_factor=0.5)
    asked = (
        Change(NOW + 10, "edit", *where, edit),
        Change(NOW + 20, "hide", *where),
        Change(NOW + 30, "reveal", *where),
        Change(NOW + 40, "delete", *where),
    )
    world = World(MONTH)

    def at(seconds: int) -> object:
        return shown(world.at(NOW + seconds, History(changes=asked))).get(where)

    edited = at(10)
    assert edited == edit.of(record, NOW + 10)
    assert edited.title == "Intervals"  # type: ignore[attr-defined]
    assert edited.ended_at == record.ended_at - 300  # type: ignore[attr-defined]
    assert at(9) == record
    assert at(20) is None
    assert at(30).uploaded_at == NOW + 30  # type: ignore[union-attr]
    assert at(40) is None
    assert activity.true_id in {a.true_id for a in world.at(NOW + 30, History(changes=asked)).people["ada"].activities}


def test_the_truth_loses_an_activity_only_with_its_last_record() -> None:
    world = World(MONTH)
    activity = next(a for a in reversed(world.people["ada"].activities) if len(a.records) > 1)

    def true_ids(*records: int) -> tuple[set[str], int]:
        changes = tuple(
            Change(NOW, "delete", activity.records[n].provider, activity.records[n].provider_activity_id)
            for n in records
        )
        entries = world.at(NOW, History(changes=changes)).truth()["activities"]
        own = [e for e in entries if e["true_id"] == activity.true_id]
        return {e["true_id"] for e in own}, sum(len(e["records"]) for e in own)

    assert true_ids(0) == ({activity.true_id}, len(activity.records) - 1)
    assert true_ids(*range(len(activity.records))) == (set(), 0)


def test_a_day_that_is_not_synced_is_missing_everywhere_and_comes_back_whole() -> None:
    world, day = World(MONTH), date(2026, 3, 20)
    hidden = world.at(NOW, History(days=(DayChange(NOW, True, "fitbit", "ada", day),)))
    back = hidden.at(NOW + 60, History(days=(*hidden.history.days, DayChange(NOW + 60, False, "fitbit", "ada", day))))
    ada, whole = hidden.people["ada"], world.people["ada"]
    assert len(ada.devices.band_samples(day).bpm) == 0
    assert ada.devices.band_night(day) is None
    assert np.array_equal(ada.devices.watch_samples(day).bpm, whole.devices.watch_samples(day).bpm)
    assert np.array_equal(back.people["ada"].devices.band_samples(day).bpm, whole.devices.band_samples(day).bpm)
    told = [h for h in happenings(back, NOW, NOW + 60) if h.day == day and h.provider == "fitbit"]
    assert [(h.what, h.action) for h in told] == [("day", "update"), ("night", "create")]
    start, end = whole.clock.date_bounds(day)
    assert (told[0].start, told[0].end) == (start, end)


def test_samples_already_shown_never_change_as_time_goes_on() -> None:
    world, day = World(MONTH), date(2026, 3, 20)
    midnight = int(datetime(2026, 3, 20, tzinfo=UTC).timestamp())
    evening = world.at(midnight + 20 * 3600 + 17, UNCHANGED).people["ben"].devices
    later = world.people["ben"].devices
    for early, late in ((evening.band_samples(day), later.band_samples(day)),
                        (evening.watch_samples(day), later.watch_samples(day))):  # fmt: skip
        count = len(early.bpm)
        assert 0 < count < len(late.bpm)
        assert np.array_equal(early.second_of_day, late.second_of_day[:count])
        assert np.array_equal(early.bpm, late.bpm[:count])


def test_a_split_night_is_two_sleeps_around_a_time_awake() -> None:
    world = World(MONTH, History(churn=Churn(split_nights=1.0)))
    person = world.people["ada"]
    nights = [person.devices.band_nights(day) for day in person.civil_dates()]
    split = [parts for parts in nights if len(parts) == 2]
    assert len(split) > len(nights) / 2
    for first, second in split:
        true = person.planner.night(first.wake_date)
        assert (first.start, second.end) == (true.start, true.end)
        assert first.end < second.start
        asleep = sum(part.minutes(stage) for part in (first, second) for stage in ("light", "deep", "rem"))
        assert asleep == pytest.approx(sum(true.minutes(stage) for stage in ("light", "deep", "rem")))
    records = next(n for n in world.truth()["sleep"] if len(n["records"]) == 3)["records"]
    assert [r["provider"] for r in records] == ["fitbit", "fitbit", "polar"]


def test_what_is_told_of_a_night_is_told_when_it_is_over_and_again_when_google_has_its_stages() -> None:
    world = World(MONTH)
    person = world.people["ben"]
    day = next(d for d in person.civil_dates()[20:] if person.devices.band_night(d))
    end = person.planner.night(day).end
    later = world.at(end + 2 * DAY, UNCHANGED)
    told = [h for h in happenings(later, end - DAY, end + 2 * DAY)
            if (h.athlete, h.provider, h.what, h.day) == ("ben", "fitbit", "night", day)]  # fmt: skip
    assert [(iso_z(h.at), h.action) for h in told] == [(iso_z(end), "create"), (iso_z(end + DAY), "update")]


def test_a_world_that_is_told_its_now_is_the_one_that_was_made_with_it() -> None:
    earlier = MONTH.model_copy(update={"now": MONTH.now - timedelta(days=9) if MONTH.now else None})
    assert World(MONTH).at(earlier.now_epoch, UNCHANGED).truth() == World(earlier).truth()
