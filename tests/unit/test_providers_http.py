"""The HTTP client: what each answer means, what is tried again, and what never leaves the process."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest
import requests
import responses

from fit_platform.errors import (
    AuthRevoked,
    BadPayload,
    BadRequest,
    Forbidden,
    NoNetwork,
    NotFound,
    Permanent,
    QuotaExhausted,
    Transient,
    detail_of_body,
    verdict_of_response,
)
from fit_platform.providers.http import Answer, json_of, one_line, verdict_of_broken_connection
from tests.unit.provider_fakes import API, NOW, CountingQuota, Tokens, client


@responses.activate
def test_a_stale_token_is_refreshed_once_and_the_request_repeated():
    responses.get(f"{API}/x", status=401)
    responses.get(f"{API}/x", json={"ok": 1})
    quota = CountingQuota()
    assert client(quota=quota).get("/x").body == b'{"ok": 1}'
    sent = [call.request.headers["Authorization"] for call in responses.calls]
    assert sent == ["Bearer token-1", "Bearer token-2"]
    assert quota.reserved == 2, "both requests cost quota"
    assert quota.observed == [401, 200]


@responses.activate
def test_a_401_after_the_refresh_means_that_the_athlete_must_consent_again():
    responses.get(f"{API}/x", status=401)
    with pytest.raises(AuthRevoked):
        client().get("/x")
    assert len(responses.calls) == 2


@responses.activate
def test_a_401_for_a_missing_strava_scope_does_not_burn_a_refresh():
    problem = {"resource": "AccessToken", "field": "activity:read_permission", "code": "missing"}
    responses.get(f"{API}/x", status=401, json={"message": "Authorization Error", "errors": [problem]})
    tokens = Tokens()
    with pytest.raises(Forbidden, match=r"activity:read_permission/missing; link again"):
        client("strava", tokens=tokens).get("/x")
    assert tokens.number == 1


@responses.activate
def test_a_transient_failure_is_tried_four_times_and_no_more():
    responses.get(f"{API}/x", status=503, body="<html>down</html>")
    quota = CountingQuota()
    with pytest.raises(Transient, match="503 an HTML page"):
        client(quota=quota).get("/x")
    assert quota.reserved == 4


@responses.activate
def test_a_429_is_never_tried_again_inside_the_window():
    responses.get(f"{API}/x", status=429)
    with pytest.raises(QuotaExhausted) as caught:
        client("strava").get("/x")
    assert len(responses.calls) == 1
    assert caught.value.until == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (302, Permanent),
        (400, BadRequest),
        (403, Forbidden),
        (404, NotFound),
        (405, Permanent),
        (408, Transient),
        (410, NotFound),
        (412, Permanent),
        (422, BadRequest),
        (500, Transient),
        (504, Transient),
        (202, BadPayload),
    ],
)
def test_each_status_has_one_verdict(status, verdict):
    assert type(verdict_of_response("polar", "GET /x", status, {}, b"", NOW)) is verdict


@pytest.mark.parametrize(
    ("provider", "headers", "until"),
    [
        ("fitbit", {"Retry-After": "17"}, NOW + timedelta(seconds=17)),
        ("fitbit", {"Retry-After": "Sun, 20 Sep 2026 12:05:00 GMT"}, NOW + timedelta(minutes=5)),
        ("fitbit", {}, NOW + timedelta(seconds=60)),
        ("strava", {}, datetime(2026, 9, 20, 12, 15, tzinfo=UTC)),
        (
            "strava",
            {"X-ReadRateLimit-Limit": "100,1000", "X-ReadRateLimit-Usage": "3,1001"},
            datetime(2026, 9, 21, tzinfo=UTC),
        ),
        ("strava", {"X-RateLimit-Limit": "200,2000", "X-RateLimit-Usage": ","}, NOW + timedelta(minutes=15)),
        ("polar", {"RateLimit-Reset": "300, 4000"}, NOW + timedelta(seconds=300)),
        (
            "polar",
            {"RateLimit-Reset": "300, 4000", "RateLimit-Usage": "7, 5100", "RateLimit-Limit": "520, 5100"},
            NOW + timedelta(seconds=4000),
        ),
    ],
)
def test_after_a_429_the_next_request_waits_for_the_window_of_the_provider(provider, headers, until):
    verdict = verdict_of_response(provider, "GET /x", 429, requests.structures.CaseInsensitiveDict(headers), b"", NOW)
    assert isinstance(verdict, QuotaExhausted)
    assert verdict.until == until


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            b'{"timestamp":"t","status":403,"errorType":"forbidden","message":"no consent","corrId":"c"}',
            "forbidden, no consent",
        ),
        (b'{"error":{"status":400,"error_type":"bad","message":"too old","corr_id":"c"}}', "bad, too old"),
        (
            b'{"message":"Bad Request","errors":[{"resource":"A","field":"after","code":"future"}]}',
            "Bad Request, A/after/future",
        ),
        (
            b'{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","details":[{"reason":"SCOPE"}]}}',
            "PERMISSION_DENIED, no, SCOPE",
        ),
        (b'{"error":"invalid_grant","error_description":"gone"}', "invalid_grant, gone"),
        (b"  <!DOCTYPE html><p>secret</p>", "an HTML page"),
        (b"", "an empty body"),
        (b"plain words", "a body that is not JSON (11 bytes)"),
        (b'[{"message":"x"}]', "JSON without a message"),
        (b'{"message":"token abcdef0123456789abcdef0123456789 refused"}', "token [...] refused"),
    ],
)
def test_the_message_of_every_known_error_shape_is_found_and_no_key_is_repeated(body, detail):
    assert detail_of_body(body) == detail


def test_an_account_that_is_not_linked_says_what_to_do():
    body = b'{"error":{"status":"FAILED_PRECONDITION","message":"x","details":[{"reason":"ACCOUNT_NOT_LINKED"}]}}'
    assert "sign in to the Google Health app" in str(verdict_of_response("fitbit", "GET /x", 400, {}, body, NOW))


@responses.activate
def test_a_redirect_is_an_error_and_the_token_does_not_follow_it():
    responses.get(f"{API}/x", status=302, headers={"Location": "https://elsewhere.example.test/"})
    with pytest.raises(Permanent, match="redirect"):
        client().get("/x")
    assert len(responses.calls) == 1


def test_an_address_of_another_host_is_not_asked():
    with pytest.raises(Permanent, match="outside of the API"):
        client().get("https://elsewhere.example.test/v3/x")


@responses.activate
def test_an_absolute_address_inside_of_the_api_is_asked():
    responses.get(f"{API}/exercises/7", json={"id": "7"})
    assert client().get(f"{API}/exercises/7").status == 200


@responses.activate
def test_a_body_that_is_not_the_promised_json_is_asked_for_again():
    responses.get(f"{API}/x", body="<html>gateway</html>")
    responses.get(f"{API}/x", body='{"a": 1}')
    assert client().get_as(lambda answer: json_of(answer, "polar"), "/x") == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": [1, 2', b'{"a": "\xff"}', b'"text"', b'{"a": NaN}'])
def test_a_body_that_cannot_be_read_is_a_bad_payload_that_keeps_it(body):
    with pytest.raises(BadPayload) as caught:
        json_of(Answer(200, body, {}, NOW), "polar", dict)
    assert caught.value.body == body


def test_an_object_is_cut_to_one_line_without_a_change_of_its_data():
    assert one_line(b'{\r\n "a": "x y",\n "b": 1.50\n}') == b'{   "a": "x y",  "b": 1.50 }'


def test_an_unknown_host_is_no_network_and_a_reset_connection_is_transient():
    unknown = requests.ConnectionError(socket.gaierror(-2, "Name or service not known"))
    assert type(verdict_of_broken_connection("polar", "GET /x", unknown)) is NoNetwork
    assert type(verdict_of_broken_connection("polar", "GET /x", requests.ConnectionError("reset"))) is Transient
    assert type(verdict_of_broken_connection("polar", "GET /x", requests.ReadTimeout("slow"))) is Transient


@responses.activate
def test_the_text_of_a_connection_error_does_not_repeat_the_parameters():
    responses.get(f"{API}/x", body=requests.ConnectionError("https://h/?member=ada"))
    with pytest.raises(Transient) as caught:
        client().get("/x", {"member": "ada"})
    assert "ada" not in str(caught.value)
    assert caught.value.__cause__ is None
