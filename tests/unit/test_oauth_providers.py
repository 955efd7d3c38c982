"""Each provider's OAuth side against the documented answers (invented values)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from responses import matchers

from fit_platform.errors import (
    AuthRevoked,
    BadPayload,
    BadRequest,
    ConfigError,
    Forbidden,
    Permanent,
    ProviderError,
    Transient,
)
from fit_platform.providers.fitbit import oauth as fitbit
from fit_platform.providers.oauth_base import OAuthProvider, Token, split_scopes
from fit_platform.providers.polar import oauth as polar
from fit_platform.providers.strava import oauth as strava
from fit_platform.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REDIRECT = "http://127.0.0.1:5000/callback"
POLAR_TOKEN = "https://polarremote.com/v2/oauth2/token"
POLAR_USERS = "https://www.polaraccesslink.com/v3/users"
STRAVA_TOKEN = "https://www.strava.com/oauth/token"
GOOGLE_TOKEN = "https://oauth2.googleapis.com/token"
GOOGLE_IDENTITY = "https://health.googleapis.com/v4/users/me/identity"
SECRET = "a-client-secret-that-must-not-leak"
REFRESH = "a-refresh-token-that-must-not-leak"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    values = {
        f"{p}_{k}": v
        for p in ("polar", "strava", "fitbit")
        for k, v in (("client_id", "42"), ("client_secret", SECRET))
    }
    return Settings(home=tmp_path, _env_file=None, **values)


@pytest.fixture
def web():
    with responses.RequestsMock() as mock:
        yield mock


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_polar_is_asked_for_one_scope_and_the_registered_redirect(settings):
    url = polar.authorize_url(settings, REDIRECT, "s1", None)
    assert url.startswith("https://flow.polar.com/oauth2/authorization?")
    assert query_of(url) == {
        "response_type": "code",
        "client_id": "42",
        "redirect_uri": REDIRECT,
        "scope": "accesslink.read_all",
        "state": "s1",
    }


def test_strava_gets_its_scopes_with_commas(settings):
    assert query_of(strava.authorize_url(settings, REDIRECT, "s1", None))["scope"] == (
        "read,activity:read_all,profile:read_all"
    )


def test_google_is_asked_for_a_refresh_token_and_gets_the_code_challenge(settings):
    query = query_of(fitbit.authorize_url(settings, REDIRECT, "s1", "challenge"))
    assert (query["access_type"], query["prompt"]) == ("offline", "consent")
    assert (query["code_challenge"], query["code_challenge_method"]) == ("challenge", "S256")
    assert query["scope"].split(" ") == list(fitbit.SCOPES)
    assert all(scope.endswith(".readonly") for scope in fitbit.SCOPES)


def test_no_client_id_is_an_error_that_names_the_variables(tmp_path):
    with pytest.raises(ConfigError, match="FIT_STRAVA_CLIENT_ID and FIT_STRAVA_CLIENT_SECRET"):
        strava.authorize_url(Settings(home=tmp_path, _env_file=None), REDIRECT, "s1", None)


def test_polars_code_is_exchanged_with_basic_credentials_and_names_the_user(settings, web):
    form = {"grant_type": "authorization_code", "code": "c1", "redirect_uri": REDIRECT}
    basic = "Basic " + base64.b64encode(f"42:{SECRET}".encode()).decode()
    web.post(
        POLAR_TOKEN,
        json={"access_token": "at", "token_type": "bearer", "expires_in": 31535999, "x_user_id": 10579},
        match=[matchers.urlencoded_params_matcher(form), matchers.header_matcher({"Authorization": basic})],
    )
    grant = polar.exchange_code(settings, "c1", REDIRECT, None, NOW)
    assert grant.provider_user_id == "10579"
    assert grant.token.refresh_token is None
    assert grant.token.expires_at == NOW + timedelta(seconds=31535999) == grant.token.consent_expires_at


def test_stravas_code_answer_carries_the_athlete_and_the_granted_scopes(settings, web):
    web.post(
        STRAVA_TOKEN,
        json={
            "token_type": "Bearer",
            "access_token": "at",
            "expires_at": 1772388000,
            "expires_in": 21600,
            "refresh_token": "rt",
            "scope": "read activity:read_all",
            "athlete": {"id": 7001},
        },
    )
    grant = strava.exchange_code(settings, "c1", REDIRECT, None, NOW)
    assert grant.provider_user_id == "7001"
    assert grant.token.scopes == ("read", "activity:read_all")
    assert grant.token.expires_at == datetime(2026, 3, 1, 18, tzinfo=UTC)
    assert grant.token.consent_expires_at is None, "a token that refreshes needs no new consent"


def test_google_gets_the_code_verifier_and_a_testing_app_ends_after_seven_days(settings, web):
    expected = {"code": "c1", "code_verifier": "v", "client_id": "42", "client_secret": SECRET}
    expected |= {"grant_type": "authorization_code", "redirect_uri": REDIRECT}
    web.post(
        GOOGLE_TOKEN,
        json={"access_token": "at", "expires_in": 3599, "refresh_token": "rt", "refresh_token_expires_in": 604799},
        match=[matchers.urlencoded_params_matcher(expected)],
    )
    grant = fitbit.exchange_code(settings, "c1", REDIRECT, "v", NOW)
    assert grant.provider_user_id is None
    assert grant.token.consent_expires_at == NOW + timedelta(seconds=604799)


STRAVA_DEAD = {
    "message": "Bad Request",
    "errors": [{"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}],
}
STRAVA_CLIENT = {
    "message": "Authorization Error",
    "errors": [{"resource": "Application", "field": "", "code": "invalid"}],
}


@pytest.mark.parametrize(
    ("provider", "url", "status", "body", "expected"),
    [
        (strava, STRAVA_TOKEN, 400, STRAVA_DEAD, AuthRevoked),
        (strava, STRAVA_TOKEN, 401, STRAVA_CLIENT, Forbidden),
        (strava, STRAVA_TOKEN, 400, {"message": "Bad Request"}, BadRequest),
        (strava, STRAVA_TOKEN, 500, {"message": "error"}, Transient),
        (strava, STRAVA_TOKEN, 429, {"message": "Rate Limit Exceeded"}, ProviderError),
        (
            fitbit,
            GOOGLE_TOKEN,
            400,
            {"error": "invalid_grant", "error_description": "Token has been expired"},
            AuthRevoked,
        ),
        (fitbit, GOOGLE_TOKEN, 401, {"error": "invalid_client"}, Forbidden),
        (fitbit, GOOGLE_TOKEN, 400, {"error": "unsupported_grant_type"}, BadRequest),
        (fitbit, GOOGLE_TOKEN, 503, {}, Transient),
        (fitbit, GOOGLE_TOKEN, 200, {"token_type": "Bearer"}, BadPayload),
        (fitbit, GOOGLE_TOKEN, 200, {"access_token": "at", "expires_in": "soon"}, BadPayload),
        (fitbit, GOOGLE_TOKEN, 302, {}, Permanent),
    ],
)
def test_only_a_dead_refresh_token_asks_for_a_new_consent(settings, web, provider, url, status, body, expected):
    web.post(url, json=body, status=status)
    with pytest.raises(expected) as caught:
        provider.refresh(settings, REFRESH, NOW)
    assert isinstance(caught.value, AuthRevoked) == (expected is AuthRevoked)
    assert SECRET not in str(caught.value)
    assert REFRESH not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 502])
def test_an_html_page_from_a_token_endpoint_is_transient_whatever_its_status(settings, web, status):
    web.post(STRAVA_TOKEN, body="<html>maintenance</html>", status=status, content_type="text/html")
    with pytest.raises(Transient):
        strava.refresh(settings, REFRESH, NOW)


@pytest.mark.parametrize(
    "failure", [requests.ReadTimeout(), requests.ConnectionError("reset"), requests.ConnectTimeout()]
)
def test_a_broken_connection_is_transient_and_keeps_no_trace_of_the_request(settings, web, failure):
    web.post(GOOGLE_TOKEN, body=failure)
    with pytest.raises(Transient) as caught:
        fitbit.refresh(settings, REFRESH, NOW)
    assert caught.value.__suppress_context__, "the original error carries the form with both secrets"


def test_a_code_that_was_used_before_is_no_reason_to_mark_a_connection(settings, web):
    web.post(GOOGLE_TOKEN, json={"error": "invalid_grant"}, status=400)
    with pytest.raises(BadRequest):
        fitbit.exchange_code(settings, "c1", REDIRECT, "v", NOW)


def test_polar_cannot_refresh(settings):
    with pytest.raises(AuthRevoked):
        polar.refresh(settings, REFRESH, NOW)


def test_polar_registration_tells_the_user_id_once_and_409_is_fine(settings, web):
    web.post(
        POLAR_USERS,
        json={"polar-user-id": 10579, "member-id": "ada-1"},
        match=[
            matchers.json_params_matcher({"member-id": "ada-1"}),
            matchers.header_matcher({"Authorization": "Bearer at"}),
        ],
    )
    assert polar.register(settings, "at", "ada-1") == "10579"
    web.replace(responses.POST, POLAR_USERS, status=409)
    assert polar.register(settings, "at", "ada-1") is None


def test_missing_polar_consents_are_named_with_the_way_out(settings, web):
    body = {
        "error": {"status": 403, "error_type": "forbidden", "message": "user has not accepted all mandatory consents"}
    }
    web.post(POLAR_USERS, json=body, status=403)
    with pytest.raises(Forbidden, match=r"account\.polar\.com"):
        polar.register(settings, "at", "ada-1")


@pytest.mark.parametrize("status", [204, 401, 404])
def test_polar_is_left_by_deleting_the_user_also_if_it_was_gone(settings, web, status):
    web.delete(f"{POLAR_USERS}/10579", status=status)
    polar.revoke(settings, Token("at"), "10579")


def test_polar_cannot_be_left_without_the_user_id(settings):
    with pytest.raises(Permanent, match="user id is unknown"):
        polar.revoke(settings, Token("at"), None)


def test_strava_is_left_with_basic_credentials_and_the_refresh_token(settings, web):
    form = {"token": "rt", "token_type_hint": "refresh_token"}
    basic = "Basic " + base64.b64encode(f"42:{SECRET}".encode()).decode()
    web.post(
        "https://www.strava.com/oauth/revoke",
        match=[matchers.urlencoded_params_matcher(form), matchers.header_matcher({"Authorization": basic})],
    )
    strava.revoke(settings, Token("at", "rt"), None)


def test_google_says_invalid_token_for_a_grant_that_had_ended_before(settings, web):
    web.post("https://oauth2.googleapis.com/revoke", json={"error": "invalid_token"}, status=400)
    fitbit.revoke(settings, Token("at", "rt"), None)
    web.replace(responses.POST, "https://oauth2.googleapis.com/revoke", json={"error": "invalid_request"}, status=400)
    with pytest.raises(BadRequest):
        fitbit.revoke(settings, Token("at", "rt"), None)


def test_whose_token_it_is_can_be_asked_at_strava_and_google_but_not_at_polar(settings, web):
    web.get("https://www.strava.com/api/v3/athlete", json={"id": 7001, "resource_state": 3})
    web.get(GOOGLE_IDENTITY, json={"name": "users/me/identity", "healthUserId": "555", "legacyUserId": "AB"})
    assert strava.user_id(settings, "at") == "7001"
    assert fitbit.user_id(settings, "at") == "555"
    assert polar.user_id(settings, "at") is None


def test_a_google_account_without_health_data_is_told_what_to_do(settings, web):
    error = {
        "code": 400,
        "message": "Bad",
        "status": "FAILED_PRECONDITION",
        "details": [{"reason": "ACCOUNT_NOT_LINKED"}],
    }
    web.get(GOOGLE_IDENTITY, json={"error": error}, status=400)
    with pytest.raises(Permanent, match="Google Health app"):
        fitbit.user_id(settings, "at")


def test_a_full_strava_application_says_so(settings, web):
    body = {"message": "Limit of connected athletes exceeded", "errors": []}
    web.post(STRAVA_TOKEN, json=body, status=403)
    with pytest.raises(Forbidden, match="no more athletes"):
        strava.exchange_code(settings, "c1", REDIRECT, None, NOW)


def test_a_netrc_entry_does_not_replace_the_bearer_token(settings, web, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine www.strava.com login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    web.get(
        "https://www.strava.com/api/v3/athlete",
        json={"id": 1},
        match=[matchers.header_matcher({"Authorization": "Bearer at"})],
    )
    assert strava.user_id(settings, "at") == "1"


def test_a_token_never_shows_its_secrets():
    shown = repr(Token("the-access", "the-refresh", NOW))
    assert "the-access" not in shown
    assert "the-refresh" not in shown


def test_what_a_refresh_answer_leaves_out_still_holds():
    old = Token("a1", "r1", NOW, ("read",), refresh_expires_at=NOW + timedelta(days=7))
    fresh = old.successor(Token("a2", None, NOW + timedelta(hours=6)))
    assert (fresh.access_token, fresh.refresh_token, fresh.scopes) == ("a2", "r1", ("read",))
    assert fresh.refresh_expires_at == NOW + timedelta(days=7)
    assert old.successor(Token("a2", "r2")).refresh_token == "r2"


@pytest.mark.parametrize(
    ("text", "scopes"), [("a,b", ("a", "b")), ("a b", ("a", "b")), (" a ", ("a",)), ("", None), (None, None)]
)
def test_scopes_come_with_commas_or_spaces(text, scopes):
    assert split_scopes(text) == scopes


def test_every_provider_module_is_an_oauth_provider():
    providers: list[OAuthProvider] = [polar, strava, fitbit]
    names = ["NAME", "SCOPES", "PKCE", "REFRESHES", "REGISTERS", "RETENTION_CHOICE"]
    assert all(hasattr(provider, name) for provider in providers for name in names)
