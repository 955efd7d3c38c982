"""Pulling from Polar: which calls are made, which day an answer belongs to, and what an absent day means."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import responses

from fit_platform.errors import BadPayload, Forbidden
from fit_platform.landing.layout import DayKey
from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.pull import pull as pull_and_land
from fit_platform.providers.base import DayAnswer, DayUnknown, Item, Resource, Window
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import API, NOW, client, landed_as, payloads, pull, rejects

EXERCISES = resource("polar", "exercises")
HEART_RATE = resource("polar", "continuous_heart_rate")
SLEEP = resource("polar", "sleep")
ACTIVITY = resource("polar", "daily_activity")


def an_exercise(identity: str, start: str, offset: int = 0) -> dict:
    return {"id": identity, "start_time": start, "start_time_utc_offset": offset, "duration": "PT30M"}


@responses.activate
def test_an_exercise_is_filed_under_the_utc_day_of_its_start():
    """UTC is local minus offset: half past midnight in Helsinki is still the day before."""
    listed = [an_exercise("a", "2026-09-03T00:30:00", 180), an_exercise("b", "2026-09-02T22:00:00.5", -240)]
    responses.get(f"{API}/exercises", body=json.dumps(listed, indent=2))
    days = pull(client(), EXERCISES, "2026-09-01", "2026-09-04")
    assert [e["id"] for e in payloads(days[date(2026, 9, 2)])] == ["a"]
    assert [e["id"] for e in payloads(days[date(2026, 9, 3)])] == ["b"]
    assert payloads(days[date(2026, 9, 4)]) == []
    assert responses.calls[0].request.params == {"samples": "true", "zones": "true", "route": "true"}
    assert len(responses.calls) == 1


@responses.activate
def test_a_day_beyond_the_30_day_window_is_unknown_and_not_empty():
    responses.get(f"{API}/exercises", json=[])
    days = pull(client(), EXERCISES, "2026-08-20", "2026-08-23")
    assert isinstance(days[date(2026, 8, 21)], DayUnknown)
    assert days[date(2026, 8, 22)] == DayAnswer(date(2026, 8, 22), ())


@responses.activate
@pytest.mark.parametrize(
    ("resource", "path", "day", "before", "since"),
    [
        (EXERCISES, "/exercises", "2026-09-10", an_exercise("a", "2026-09-10T08:00:00"),
         an_exercise("b", "2026-09-10T18:00:00")),
        (ACTIVITY, "/users/activities", "2026-09-10", {"start_time": "2026-09-10T00:00", "steps": 7},
         {"start_time": "2026-09-10T12:00", "steps": 9}),
    ],
    ids=["exercises", "daily activity"],
)  # fmt: skip
def test_who_links_anew_keeps_what_polar_shows_a_new_registration_no_more(
    resource: Resource, path: str, day: str, before: dict, since: dict, tmp_path: Path
):
    """Polar shows only what was uploaded after the registration: the last weeks looked deleted after an unlink."""
    zone, window = LandingZone(FolderStore(tmp_path)), Window(date.fromisoformat(day), date.fromisoformat(day))
    relinked_at = NOW - timedelta(days=2)

    def shown(listed: list[dict], now: datetime, registered_at: datetime) -> list[dict]:
        responses.replace(responses.GET, f"{API}{path}", json=listed)
        api = client(now=now)
        api.registered_at = registered_at
        report = pull_and_land(resource, window, [api], zone, now=lambda: now)
        assert not report.failures
        return [json.loads(item.payload) for item in zone.items(DayKey("polar", resource.name, window.first, "ada"))]

    responses.get(f"{API}{path}", json=[])
    first_link = NOW - timedelta(days=300)
    assert shown([before], NOW - timedelta(days=4), first_link) == [before]
    assert shown([], NOW - timedelta(days=1), relinked_at) == [before], "hidden, not deleted"
    assert shown([since], NOW, relinked_at) == [before, since]
    assert shown([], NOW, relinked_at) == [before], "what Polar showed since then, and shows no more, is deleted"


@responses.activate
def test_a_late_upload_to_an_old_day_does_not_push_out_what_has_landed_there():
    old = Item(json.dumps(an_exercise("old", "2026-07-01T08:00:00")).encode(), {}, NOW)
    responses.get(f"{API}/exercises", json=[an_exercise("late", "2026-07-01T18:00:00")])
    landed = landed_as({("exercises", date(2026, 7, 1)): [old]})
    days = pull(client(), EXERCISES, "2026-07-01", "2026-07-01", landed)
    assert [e["id"] for e in payloads(days[date(2026, 7, 1)])] == ["old", "late"]


@responses.activate
def test_a_late_upload_to_an_old_day_that_is_deleted_while_it_would_be_listed_is_gone():
    day = date(2026, 7, 1)
    uploads = {"aged out": "2026-07-01T20:00:00Z", "late": "2026-09-10T20:00:00Z"}
    items = {
        name: Item(json.dumps(an_exercise(name, "2026-07-01T08:00:00") | {"upload_time": uploaded}).encode(), {}, NOW)
        for name, uploaded in uploads.items()
    }
    responses.get(f"{API}/exercises", json=[])
    both = landed_as({("exercises", day): list(items.values())})
    days = pull(client(), EXERCISES, "2026-06-30", "2026-07-01", both)
    assert [e["id"] for e in payloads(days[day])] == ["aged out"]
    assert isinstance(days[date(2026, 6, 30)], DayUnknown)
    alone = landed_as({("exercises", day): [items["late"]]})
    assert pull(client(), EXERCISES, "2026-07-01", "2026-07-01", alone)[day] == DayAnswer(day, ())
    aged_out = landed_as({("exercises", day): [items["aged out"]]})
    assert isinstance(pull(client(), EXERCISES, "2026-07-01", "2026-07-01", aged_out)[day], DayUnknown)


@responses.activate
def test_an_exercise_without_a_start_is_kept_for_quarantine():
    responses.get(f"{API}/exercises", json=[{"id": "broken"}, None, an_exercise("a", "2026-09-01T08:00:00")])
    days = pull(client(), EXERCISES, "2026-09-01", "2026-09-02")
    assert payloads(days[date(2026, 9, 2)]) == [{"id": "broken"}]
    assert len(payloads(days[date(2026, 9, 1)])) == 1


@responses.activate
def test_an_unreadable_exercise_list_is_an_error_and_no_empty_answer():
    responses.get(f"{API}/exercises", body="<html>maintenance</html>")
    with pytest.raises(BadPayload):
        pull(client(), EXERCISES, "2026-09-01", "2026-09-02")
    assert len(responses.calls) == 4


@responses.activate
def test_missing_consents_for_one_data_type_are_forbidden_with_the_way_out():
    responses.get(f"{API}/exercises", status=403, json={"message": "User has not accepted all mandatory consents"})
    with pytest.raises(Forbidden, match=r"account\.polar\.com"):
        pull(client(), EXERCISES, "2026-09-01", "2026-09-02")


def a_day(day: str, bpm: int = 60) -> dict:
    return {"polar_user": "u", "date": day, "heart_rate_samples": [{"heart_rate": bpm, "sample_time": "00:02:08"}]}


@pytest.mark.parametrize(
    "wrap", [lambda days: {"heart_rates": days}, lambda days: days, lambda days: {"heart-rates": days}]
)
@responses.activate
def test_a_range_of_continuous_heart_rate_may_be_wrapped_or_bare(wrap):
    responses.get(f"{API}/users/continuous-heart-rate", json=wrap([a_day("2026-09-02"), a_day("2026-09-01")]))
    days = pull(client(), HEART_RATE, "2026-09-01", "2026-09-03")
    assert [payloads(days[date(2026, 9, d)]) for d in (1, 2, 3)] == [[a_day("2026-09-01")], [a_day("2026-09-02")], []]
    assert responses.calls[0].request.params == {"from": "2026-09-01", "to": "2026-09-03"}


@responses.activate
def test_a_single_bare_object_is_a_range_of_one():
    responses.get(f"{API}/users/continuous-heart-rate", json=a_day("2026-09-01"))
    assert payloads(pull(client(), HEART_RATE, "2026-09-01", "2026-09-01")[date(2026, 9, 1)]) == [a_day("2026-09-01")]


@responses.activate
def test_ranges_are_28_days_long_at_most():
    responses.get(f"{API}/users/continuous-heart-rate", json={"heart_rates": []})
    pull(client(), HEART_RATE, "2026-07-01", "2026-09-01")
    assert [c.request.params["from"] for c in responses.calls] == ["2026-07-01", "2026-07-29", "2026-08-26"]


@responses.activate
def test_a_refused_range_is_asked_for_date_by_date():
    responses.get(f"{API}/users/continuous-heart-rate", status=400, json={"error": {"message": "range"}})
    responses.get(f"{API}/users/continuous-heart-rate/2026-09-01", status=404)
    responses.get(f"{API}/users/continuous-heart-rate/2026-09-02", json=a_day("2026-09-02"))
    responses.get(f"{API}/users/continuous-heart-rate/2026-09-03", status=400, json={"message": "too old"})
    days = pull(client(), HEART_RATE, "2026-09-01", "2026-09-03")
    assert days[date(2026, 9, 1)] == DayAnswer(date(2026, 9, 1), ())
    assert payloads(days[date(2026, 9, 2)]) == [a_day("2026-09-02")]
    unknown = days[date(2026, 9, 3)]
    assert isinstance(unknown, DayUnknown)
    assert "too old" in unknown.reason


@responses.activate
def test_one_poisoned_day_costs_that_day_and_keeps_what_had_landed_there():
    def answer(request):
        first, last = request.params["from"], request.params["to"]
        if first <= "2026-09-03" <= last:
            return 200, {}, '{"heart_rates": [{"date": "2026-09-03", "heart'
        days = [a_day(f"2026-09-{d:02}") for d in range(int(first[-2:]), int(last[-2:]) + 1)]
        return 200, {}, json.dumps({"heart_rates": days})

    responses.add_callback("GET", f"{API}/users/continuous-heart-rate", answer)
    before = Item(json.dumps(a_day("2026-09-03", 55)).encode(), {}, NOW)
    landed = landed_as({("continuous_heart_rate", date(2026, 9, 3)): [before]})
    days = pull(client(), HEART_RATE, "2026-09-01", "2026-09-05", landed)
    assert [len(payloads(days[date(2026, 9, d)])) for d in range(1, 6)] == [1, 1, 1, 1, 1]
    assert payloads(days[date(2026, 9, 3)]) == [a_day("2026-09-03", 55)]
    (rejected,) = rejects(days[date(2026, 9, 3)])
    assert rejected.body.startswith(b'{"heart_rates"')
    assert "not the JSON promised" in rejected.reason


@responses.activate
def test_nights_are_filed_under_the_wake_day_that_polar_gives():
    night = {"date": "2026-09-02", "sleep_start_time": "2026-09-01T23:10:00+03:00"}
    responses.get(f"{API}/users/sleep", json={"nights": [night]})
    days = pull(client(), SLEEP, "2026-09-01", "2026-09-03")
    assert payloads(days[date(2026, 9, 2)]) == [night]
    assert payloads(days[date(2026, 9, 1)]) == []


@responses.activate
def test_without_a_list_of_nights_each_night_is_asked_for():
    responses.get(f"{API}/users/sleep", status=404)
    responses.get(f"{API}/users/sleep/2026-09-01", json={"date": "2026-09-01"})
    responses.get(f"{API}/users/sleep/2026-09-02", status=404)
    days = pull(client(), SLEEP, "2026-09-01", "2026-09-02")
    assert payloads(days[date(2026, 9, 1)]) == [{"date": "2026-09-01"}]
    assert payloads(days[date(2026, 9, 2)]) == []


@responses.activate
def test_a_recorded_list_of_long_ago_is_taken_for_the_days_it_shows():
    responses.get(f"{API}/users/sleep", json={"nights": [{"date": "2025-10-01"}]})
    days = pull(client(), SLEEP, "2025-09-30", "2025-10-01")
    assert payloads(days[date(2025, 10, 1)]) == [{"date": "2025-10-01"}]
    assert isinstance(days[date(2025, 9, 30)], DayUnknown)


@responses.activate
def test_daily_activity_belongs_to_the_device_local_day_even_when_seconds_are_dropped():
    responses.get(f"{API}/users/activities", json=[{"start_time": "2026-09-01T00:00", "steps": 7}])
    assert payloads(pull(client(), ACTIVITY, "2026-09-01", "2026-09-02")[date(2026, 9, 1)])[0]["steps"] == 7


@responses.activate
def test_a_date_without_activity_answers_204():
    responses.get(f"{API}/users/activities", status=400)
    responses.get(f"{API}/users/activities/2026-09-01", status=204)
    assert pull(client(), ACTIVITY, "2026-09-01", "2026-09-01") == {date(2026, 9, 1): DayAnswer(date(2026, 9, 1), ())}


@responses.activate
def test_a_200_without_a_body_is_not_taken_for_an_empty_day():
    responses.get(f"{API}/users/activities", body="")
    days = pull(client(), ACTIVITY, "2026-09-01", "2026-09-01")
    assert len(rejects(days[date(2026, 9, 1)])) == 1
