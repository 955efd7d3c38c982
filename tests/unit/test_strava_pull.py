"""Pulling from Strava: walks to the empty page, streams once per activity, and 404 as the one terminal answer."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
import responses

from fit_platform.errors import BadPayload, Forbidden, QuotaExhausted, Transient
from fit_platform.providers.base import DayAnswer, DayUnknown, Item
from fit_platform.providers.registry import resource, resources
from fit_platform.quota.ledger import QuotaLedger
from fit_platform.settings import Settings
from tests.unit.provider_fakes import API, NOW, client, landed_as, payloads, pull, rejects

ATHLETE = resource("strava", "athlete")
ACTIVITIES = resource("strava", "activities")
STREAMS = resource("strava", "streams")
ZONES = resource("strava", "zones")
GEAR = resource("strava", "gear")
DETAILS = resource("strava", "activity_details")
LIST = f"{API}/athlete/activities"


def an_activity(identity: int, start: str, **more: object) -> dict:
    return {
        "id": identity,
        "start_date": start,
        "upload_id": identity + 1000,
        "manual": False,
        "distance": 5000.0,
    } | more


def serve_pages(pages: list[list[dict]]) -> None:
    def answer(request):
        page = int(request.params["page"])
        return 200, {}, json.dumps(pages[page - 1] if page <= len(pages) else [])

    responses.add_callback("GET", LIST, answer)


@responses.activate
def test_a_short_page_is_not_the_end_an_empty_page_is():
    serve_pages([[an_activity(3, "2026-09-03T08:00:00Z")], [an_activity(1, "2026-09-01T23:59:59Z")]])
    days = pull(client("strava"), ACTIVITIES, "2026-09-01", "2026-09-03")
    assert [a["id"] for a in payloads(days[date(2026, 9, 1)])] == [1]
    assert [a["id"] for a in payloads(days[date(2026, 9, 3)])] == [3]
    assert days[date(2026, 9, 2)] == DayAnswer(date(2026, 9, 2), ())
    assert len(responses.calls) == 3
    sent = responses.calls[0].request.params
    assert sent["per_page"] == "200"
    assert int(sent["after"]) == datetime(2026, 9, 1, tzinfo=UTC).timestamp() - 1
    assert int(sent["before"]) == datetime(2026, 9, 4, tzinfo=UTC).timestamp()


@responses.activate
def test_pages_that_drift_repeat_an_activity_but_it_is_taken_once():
    first, second = an_activity(2, "2026-09-02T08:00:00Z"), an_activity(1, "2026-09-02T07:00:00Z")
    serve_pages([[first], [first], [second]])
    days = pull(client("strava"), ACTIVITIES, "2026-09-02", "2026-09-02")
    assert [a["id"] for a in payloads(days[date(2026, 9, 2)])] == [2, 1]


@responses.activate
def test_a_server_that_ignores_the_page_number_is_not_walked_for_ever():
    responses.get(LIST, json=[an_activity(1, "2026-09-02T08:00:00Z")])
    assert len(payloads(pull(client("strava"), ACTIVITIES, "2026-09-02", "2026-09-02")[date(2026, 9, 2)])) == 1
    assert len(responses.calls) == 3


@responses.activate
def test_the_day_is_the_utc_start_and_not_the_local_time_with_its_false_z():
    serve_pages([[an_activity(1, "2026-09-02T02:00:00Z", start_date_local="2026-09-01T22:00:00Z")]])
    days = pull(client("strava"), ACTIVITIES, "2026-09-01", "2026-09-02")
    assert payloads(days[date(2026, 9, 1)]) == []
    assert len(payloads(days[date(2026, 9, 2)])) == 1


@responses.activate
def test_nothing_is_asked_about_the_future_and_before_is_never_beyond_now():
    days = pull(client("strava"), ACTIVITIES, "2026-09-21", "2026-09-22")
    assert all(day == DayAnswer(day.day, ()) for day in days.values())
    assert len(responses.calls) == 0
    serve_pages([])
    pull(client("strava"), ACTIVITIES, "2026-09-20", "2026-09-21")
    assert int(responses.calls[0].request.params["before"]) == NOW.timestamp() + 1


@responses.activate
def test_an_activity_without_a_start_is_kept_for_quarantine():
    serve_pages([[{"id": 9, "name": "broken"}]])
    assert payloads(pull(client("strava"), ACTIVITIES, "2026-09-01", "2026-09-02")[date(2026, 9, 2)])[0]["id"] == 9


@responses.activate
def test_an_endpoint_that_answers_nothing_but_html_is_given_up_after_a_few_calls():
    """Halving 90 days down to each of them would be 700 calls for nothing."""
    responses.get(LIST, body="<html>maintenance</html>")
    with pytest.raises(BadPayload, match="an HTML page"):
        pull(client("strava"), ACTIVITIES, "2026-06-20", "2026-09-17")
    assert len(responses.calls) < 50


@responses.activate
def test_a_range_that_cannot_be_read_is_asked_for_in_halves_until_one_day_is_left():
    def answer(request):
        after, before = int(request.params["after"]), int(request.params["before"])
        poisoned = datetime(2026, 9, 3, 8, tzinfo=UTC).timestamp()
        if after < poisoned < before:
            return 200, {}, '[{"id": 1, "start_da'
        activity = an_activity(after, datetime.fromtimestamp(after + 60, UTC).isoformat())
        return 200, {}, json.dumps([activity] if request.params["page"] == "1" else [])

    responses.add_callback("GET", LIST, answer)
    days = pull(client("strava"), ACTIVITIES, "2026-09-01", "2026-09-04")
    assert [len(rejects(day)) for day in days.values()] == [0, 0, 1, 0]
    assert [len(payloads(day)) for day in days.values()] == [1, 0, 0, 1]


@responses.activate
def test_the_profile_is_filed_under_the_last_day_and_leaves_the_others_alone():
    responses.get(f"{API}/athlete", json={"id": 7})
    days = pull(client("strava"), ATHLETE, "2026-09-01", "2026-09-02")
    assert isinstance(days[date(2026, 9, 1)], DayUnknown)
    assert payloads(days[date(2026, 9, 2)]) == [{"id": 7}]


DAY = date(2026, 9, 1)


def landed_activities(*activities: dict, streams: list[Item] | None = None):
    items = [Item(json.dumps(a).encode(), {}, NOW) for a in activities]
    return landed_as({("activities", DAY): items, ("streams", DAY): streams or []})


def stream_items(landed) -> list:
    pulled = pull(client("strava"), STREAMS, "2026-09-01", "2026-09-01", landed)[DAY]
    assert isinstance(pulled, DayAnswer)
    return list(pulled.items)


ONE = an_activity(1, "2026-09-01T08:00:00Z")


@responses.activate
def test_streams_are_asked_for_once_and_not_again_while_the_activity_is_the_same():
    responses.get(f"{API}/activities/1/streams", json={"time": {"data": [0, 1]}})
    first = stream_items(landed_activities(ONE))
    assert first[0].request["activity"]["id"] == "1"
    assert responses.calls[0].request.params["key_by_type"] == "true"
    again = stream_items(landed_activities(ONE | {"name": "renamed"}, streams=first))
    assert again == first
    assert len(responses.calls) == 1
    stream_items(landed_activities(ONE | {"distance": 4000.0}, streams=first))
    assert len(responses.calls) == 2, "a cropped activity has other streams"


@responses.activate
def test_a_404_means_no_streams_for_good():
    responses.get(f"{API}/activities/1/streams", status=404, json={"message": "Resource Not Found", "errors": []})
    first = stream_items(landed_activities(ONE))
    assert (first[0].payload, first[0].request["status"]) == (b"null", 404)
    assert stream_items(landed_activities(ONE, streams=first)) == first
    assert len(responses.calls) == 1


@responses.activate
def test_an_activity_typed_in_by_hand_is_not_asked_for_streams():
    assert stream_items(landed_activities(ONE | {"manual": True, "upload_id": None})) == []
    assert len(responses.calls) == 0


@responses.activate
def test_one_activity_that_answers_500_for_ever_does_not_stop_the_others():
    responses.get(f"{API}/activities/1/streams", status=500, json={"message": "error"})
    responses.get(f"{API}/activities/2/streams", body='{"time": {"da')
    responses.get(f"{API}/activities/3/streams", json={"time": {"data": [0]}})
    others = [an_activity(n, "2026-09-01T09:00:00Z") for n in (2, 3)]
    pulled = pull(client("strava"), STREAMS, "2026-09-01", "2026-09-01", landed_activities(ONE, *others))[DAY]
    assert payloads(pulled) == [{"time": {"data": [0]}}]
    assert [r.request["activity"]["id"] for r in rejects(pulled)] == ["1", "2"]
    assert "500 error" in rejects(pulled)[0].reason


@responses.activate
def test_a_server_that_fails_on_every_activity_is_down():
    for n in range(1, 6):
        responses.get(f"{API}/activities/{n}/streams", status=502)
    with pytest.raises(Transient):
        stream_items(landed_activities(*[an_activity(n, "2026-09-01T09:00:00Z") for n in range(1, 6)]))
    assert len(responses.calls) == 3 * 4


@responses.activate
def test_a_429_is_never_taken_for_no_streams():
    responses.get(f"{API}/activities/1/streams", status=429)
    with pytest.raises(QuotaExhausted):
        stream_items(landed_activities(ONE))


@responses.activate
def test_streams_are_paid_for_though_their_answers_carry_no_rate_headers(tmp_path):
    responses.get(f"{API}/activities/1/streams", json={"time": {"data": [0]}})
    ledger = QuotaLedger(tmp_path / "quota.sqlite", clock=lambda: NOW)
    api = client("strava", quota=ledger)
    pulled = pull(api, STREAMS, "2026-09-01", "2026-09-01", landed_activities(ONE))[DAY]
    assert len(payloads(pulled)) == 1
    assert not [name for name in responses.calls[0].response.headers if "rate" in name.lower()]
    assert {budget.used for budget in ledger.remaining("strava")} == {1}


@responses.activate
def test_an_inactive_application_is_told_with_the_way_out_and_not_asked_again():
    body = {"message": "Forbidden", "errors": [{"resource": "Application", "field": "Status", "code": "Inactive"}]}
    responses.get(f"{API}/activities/1/streams", status=403, json=body)
    with pytest.raises(Forbidden, match="its owner needs a subscription"):
        stream_items(landed_activities(ONE, an_activity(2, "2026-09-01T09:00:00Z")))
    assert len(responses.calls) == 1


@responses.activate
def test_a_scope_that_was_not_granted_is_forbidden_and_not_an_empty_answer():
    errors = [{"resource": "AccessToken", "field": "profile:read_all_permission", "code": "missing"}]
    responses.get(f"{API}/athlete/zones", status=401, json={"message": "Authorization Error", "errors": errors})
    with pytest.raises(Forbidden, match="grant this permission"):
        pull(client("strava"), ZONES, "2026-09-01", "2026-09-01")
    assert len(responses.calls) == 1


@responses.activate
def test_zones_are_a_snapshot_and_a_server_without_them_has_none():
    responses.get(f"{API}/athlete/zones", json={"heart_rate": {"zones": []}})
    days = pull(client("strava"), ZONES, "2026-09-01", "2026-09-02")
    assert isinstance(days[date(2026, 9, 1)], DayUnknown)
    assert payloads(days[date(2026, 9, 2)]) == [{"heart_rate": {"zones": []}}]
    responses.replace("GET", f"{API}/athlete/zones", status=404)
    assert payloads(pull(client("strava"), ZONES, "2026-09-02", "2026-09-02")[date(2026, 9, 2)]) == []


@responses.activate
def test_gear_is_asked_for_once_each_and_a_deleted_piece_is_left_out():
    athlete = {"id": 7, "bikes": [{"id": "b1"}, {"id": "b2"}], "shoes": [{"id": "g1"}, None, {"id": "../x"}]}
    landed = landed_as(
        {
            ("athlete", date(2026, 9, 2)): [Item(json.dumps(athlete).encode(), {}, NOW)],
            ("activities", DAY): [
                Item(json.dumps(ONE | {"gear_id": gear}).encode(), {}, NOW) for gear in ("b2", "g9", None)
            ],
        }
    )
    for known in ("b1", "g1", "g9"):
        responses.get(f"{API}/gear/{known}", json={"id": known})
    responses.get(f"{API}/gear/b2", status=404, json={"message": "Resource Not Found", "errors": []})
    days = pull(client("strava"), GEAR, "2026-09-01", "2026-09-02", landed)
    assert [piece["id"] for piece in payloads(days[date(2026, 9, 2)])] == ["b1", "g1", "g9"]
    assert len(responses.calls) == 4


@responses.activate
@pytest.mark.parametrize("resource_name", ["athlete", "zones", "gear"])
def test_a_snapshot_just_taken_is_not_paid_for_again_by_the_next_window_of_a_backfill(resource_name):
    snapshot = resource("strava", resource_name)
    for path in ("/athlete", "/athlete/zones", "/gear/b1"):
        responses.get(f"{API}{path}", json={"id": "b1", "bikes": [{"id": "b1"}]})

    def landed_at(when: datetime):
        profile = Item(b'{"id": 7, "bikes": [{"id": "b1"}]}', {"path": "/athlete"}, when)
        path = {"athlete": "/athlete", "zones": "/athlete/zones", "gear": "/gear/b1"}[resource_name]
        return landed_as(
            {
                ("athlete", date(2026, 9, 2)): [profile],
                ("athlete", DAY): [profile],
                (resource_name, DAY): [Item(b'{"id": "b1"}', {"path": path, "params": {}}, when)],
            }
        )

    fresh = landed_at(NOW - timedelta(minutes=20))
    days = pull(client("strava"), snapshot, "2026-09-02", "2026-09-02", fresh)
    assert len(payloads(days[date(2026, 9, 2)])) == 1
    assert len(responses.calls) == 0
    pull(client("strava"), snapshot, "2026-09-02", "2026-09-02", landed_at(NOW - timedelta(days=1)))
    assert len(responses.calls) == 1


def detail_items(activity: dict, details: list[Item]) -> list:
    items = [Item(json.dumps(activity).encode(), {}, NOW)]
    landed = landed_as({("activities", DAY): items, ("activity_details", DAY): details})
    pulled = pull(client("strava"), DETAILS, "2026-09-01", "2026-09-01", landed)[DAY]
    assert isinstance(pulled, DayAnswer)
    return list(pulled.items)


@responses.activate
def test_a_detail_is_asked_for_again_only_when_its_activity_was_edited():
    responses.get(f"{API}/activities/1", json={"id": 1, "calories": 300, "laps": []})
    first = detail_items(ONE, [])
    assert json.loads(first[0].payload)["calories"] == 300
    assert detail_items(ONE | {"kudos_count": 9, "device_name": "new key"}, first) == first
    assert len(responses.calls) == 1
    for number, edit in enumerate(({"name": "renamed"}, {"distance": 4000.0}, {"gear_id": "b1"}), 2):
        detail_items(ONE | edit, first)
        assert len(responses.calls) == number


@responses.activate
def test_an_activity_typed_in_by_hand_has_a_detail_and_one_out_of_sight_is_asked_for_once():
    by_hand = ONE | {"manual": True, "upload_id": None}
    responses.get(f"{API}/activities/1", status=404, json={"message": "Resource Not Found", "errors": []})
    first = detail_items(by_hand, [])
    assert (first[0].payload, first[0].request["status"]) == (b"null", 404)
    assert detail_items(by_hand, first) == first
    assert len(responses.calls) == 1


def test_details_are_optional_because_they_double_the_cost_of_a_backfill():
    assert DETAILS.key not in [r.key for r in resources()]
    assert DETAILS.key not in [r.key for r in resources(Settings(_env_file=None))]
    assert DETAILS.key in [r.key for r in resources(Settings(_env_file=None, strava_details=True))]


@responses.activate
def test_a_year_of_300_activities_costs_the_list_pages_and_one_call_each():
    start = datetime(2025, 9, 20, 8, tzinfo=UTC)
    activities = [an_activity(n, (start + timedelta(hours=29 * n)).isoformat()) for n in range(300)]
    serve_pages([activities[:199], activities[199:]])  # a short first page
    for one in activities:
        responses.get(f"{API}/activities/{one['id']}/streams", json={"time": {"data": [0]}})
    days = pull(client("strava"), ACTIVITIES, "2025-09-20", "2026-09-20")
    landed = landed_as({("activities", d): list(a.items) for d, a in days.items() if isinstance(a, DayAnswer)})
    pull(client("strava"), STREAMS, "2025-09-20", "2026-09-20", landed)
    assert len(responses.calls) == 3 + 300
