"""Linking, adopting and unlinking, with the providers' documented answers and a browser that follows redirects."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import responses

from fit_platform.accounts.adopt import adopt
from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.connections import ConnectionStore
from fit_platform.accounts.link import link, s256, unlink
from fit_platform.accounts.status import connection_status, quota_status
from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.errors import AuthRevoked, ConfigError, FitError, Forbidden, Permanent, Transient
from fit_platform.providers.fitbit import oauth as fitbit
from fit_platform.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
POLAR_TOKEN = "https://polarremote.com/v2/oauth2/token"
POLAR_USERS = "https://www.polaraccesslink.com/v3/users"
STRAVA = "https://www.strava.com/oauth"
STRAVA_ATHLETE = "https://www.strava.com/api/v3/athlete"
GOOGLE = "https://oauth2.googleapis.com"
IDENTITY = "https://health.googleapis.com/v4/users/me/identity"
SECRETS = ("at-secret-1", "rt-secret-1", "the-client-secret")
STRAVA_ANSWER = {
    "token_type": "Bearer",
    "access_token": "at-secret-1",
    "refresh_token": "rt-secret-1",
    "expires_at": EPOCH + 21600,
    "athlete": {"id": 7001},
}
ALL_STRAVA = "read,activity:read_all,profile:read_all"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    values = {
        f"{p}_{k}": v
        for p in ("polar", "strava", "fitbit")
        for k, v in (("client_id", "42"), ("client_secret", SECRETS[2]))
    }
    return Settings(home=tmp_path, _env_file=None, strava_api_retention_days=7, **values)


@pytest.fixture
def web():
    with responses.RequestsMock() as mock:
        mock.add_passthru(re.compile(r"http://127\.0\.0\.1:"))
        yield mock


class Browser:
    """Goes to the consent page and comes back with what the athlete chose there."""

    def __init__(self, **query: str) -> None:
        self.query = query
        self.asked: dict[str, str] = {}
        self.page: requests.Response | None = None

    def __call__(self, url: str) -> None:
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        back = {"state": self.asked["state"], **self.query}
        self.page = requests.get(f"{self.asked['redirect_uri']}?{urlencode(back)}", timeout=5)


def stored(settings: Settings, provider: str):
    home = settings.home_dir
    return ConnectionStore(home).get(provider, "ada"), FileTokenStore(home).load(provider, "ada")


def linked(settings, provider, browser, **more):
    return link(settings, provider, "ada", open_browser=browser, clock=lambda: NOW, timeout_s=5, **more)


def test_strava_is_linked_with_the_granted_scopes_and_the_retention(settings, web):
    web.post(f"{STRAVA}/token", json=STRAVA_ANSWER)
    browser = Browser(code="c1", scope=ALL_STRAVA)
    result = linked(settings, "strava", browser, profile={"timezone": "Europe/Berlin"})
    connection, token = stored(settings, "strava")
    assert result.connection == connection
    assert result.notes == ()
    assert (connection.provider_user_id, connection.retention, connection.acquired) == ("7001", 7, "oauth")
    assert connection.scopes == ("read", "activity:read_all", "profile:read_all")
    assert token.refresh_token == "rt-secret-1"
    assert AthleteStore(settings.home_dir).get("ada").timezone == "Europe/Berlin"
    assert browser.page.status_code == 200
    assert "Thank you" in browser.page.text
    assert browser.asked["redirect_uri"].startswith("http://127.0.0.1:")


def test_polar_is_linked_and_registered_also_if_the_user_was_registered_before(settings, web):
    web.post(
        POLAR_TOKEN,
        json={"access_token": "at-secret-1", "token_type": "bearer", "expires_in": 31535999, "x_user_id": 10579},
    )
    web.post(POLAR_USERS, status=409)
    linked(settings, "polar", Browser(code="c1"))
    connection, token = stored(settings, "polar")
    assert connection.provider_user_id == "10579"
    assert connection.consent_expires_at == NOW + timedelta(seconds=31535999)
    assert connection.retention is None
    assert json.loads(web.calls[-1].request.body)["member-id"].startswith("ada-")
    assert token.access_token == "at-secret-1"


def test_fitbit_is_linked_with_pkce_and_asked_who_it_is(settings, web):
    answer = {
        "access_token": "at-secret-1",
        "expires_in": 3599,
        "refresh_token": "rt-secret-1",
        "scope": " ".join(fitbit.SCOPES),
    }
    web.post(f"{GOOGLE}/token", json=answer)
    web.get(IDENTITY, json={"healthUserId": "555"})
    browser = Browser(code="c1")
    linked(settings, "fitbit", browser)
    sent = parse_qs(web.calls[0].request.body)
    assert s256(sent["code_verifier"][0]) == browser.asked["code_challenge"]
    assert sent["redirect_uri"][0] == browser.asked["redirect_uri"]
    assert stored(settings, "fitbit")[0].provider_user_id == "555"


def test_the_s256_challenge_is_the_one_of_the_standard():
    """RFC 7636, appendix B."""
    assert s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"error": "access_denied"}, Forbidden, "did not agree"),
        ({"error": "server_error"}, Forbidden, "server_error"),
        ({"code": "c1", "state": "forged"}, Permanent, "state differs"),
        ({}, Permanent, "no code"),
    ],
)
def test_a_consent_that_did_not_come_about_stores_nothing(settings, answer, error, words):
    with pytest.raises(error, match=words) as caught:
        linked(settings, "strava", Browser(**answer))
    assert "\n" not in str(caught.value)
    assert stored(settings, "strava") == (None, None)
    assert AthleteStore(settings.home_dir).list() == ()


def test_nobody_at_the_browser_is_a_timeout_that_says_so(settings):
    with pytest.raises(Permanent, match=r"did not come back within 0 s.*register http://127.0.0.1:\d+/callback"):
        link(settings, "strava", "ada", open_browser=lambda url: None, timeout_s=0.01)


def test_an_unticked_scope_is_named_with_what_it_is_for(settings, web):
    web.post(f"{STRAVA}/token", json=STRAVA_ANSWER)
    with pytest.raises(Forbidden, match=r"profile:read_all \(weight, gear and heart-rate zones\)"):
        linked(settings, "strava", Browser(code="c1", scope="read,activity:read_all"))
    assert stored(settings, "strava") == (None, None)


def test_a_partial_grant_can_be_accepted_and_is_told(settings, web):
    web.post(f"{STRAVA}/token", json=STRAVA_ANSWER)
    result = linked(settings, "strava", Browser(code="c1", scope="read,activity:read_all"), allow_partial=True)
    assert "profile:read_all" in result.notes[0]
    assert connection_status(settings, NOW)[0]["missing_scopes"] == ["profile:read_all"]


def test_a_stranger_at_the_loopback_server_changes_nothing(settings, web):
    web.post(f"{STRAVA}/token", json=STRAVA_ANSWER)

    class Curious(Browser):
        def __call__(self, url: str) -> None:
            home = parse_qs(urlsplit(url).query)["redirect_uri"][0].removesuffix("/callback")
            assert requests.get(f"{home}/favicon.ico", timeout=5).status_code == 404
            super().__call__(url)

    linked(settings, "strava", Curious(code="c1", scope=ALL_STRAVA))
    assert stored(settings, "strava")[0]


def test_what_the_provider_says_is_not_markup_on_our_page(settings):
    browser = Browser(error="<script>alert(1)</script>")
    with pytest.raises(Forbidden):
        linked(settings, "strava", browser)
    assert "<script>" not in browser.page.text


def test_strava_without_a_retention_choice_is_refused_before_the_browser_opens(settings):
    undecided = settings.model_copy(update={"strava_api_retention_days": None})
    with pytest.raises(ConfigError, match="7 is what Strava's API policy"):
        link(undecided, "strava", "ada", open_browser=pytest.fail)
    with pytest.raises(ConfigError, match="1 day or more"):
        link(undecided, "strava", "ada", open_browser=pytest.fail, retention=0)


def test_a_bad_profile_is_refused_before_the_browser_opens(settings):
    with pytest.raises(ConfigError, match="timezone"):
        link(settings, "polar", "ada", open_browser=pytest.fail, profile={"timezone": "Nowhere"})


def test_an_unknown_provider_is_told_which_there_are(settings):
    with pytest.raises(ConfigError, match="polar, strava, fitbit"):
        link(settings, "garmin", "ada", open_browser=pytest.fail)


def test_the_same_account_under_two_names_is_noted(settings, web, tmp_path):
    for name in ("ada", "ben"):
        result = adopt(settings, "strava", name, token_file(tmp_path, user_id=7001))
    assert result.notes == ("ada is linked to the same strava account",)


def token_file(folder: Path, **fields) -> Path:
    path = folder / "token.json"
    content = {"access_token": "at-secret-1", "refresh_token": "rt-secret-1", "expires_at": EPOCH + 9999, **fields}
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    path.chmod(0o600)
    return path


def adopted(settings, provider, path):
    return adopt(settings, provider, "ada", path, clock=lambda: NOW)


def test_a_token_file_with_a_user_id_needs_no_network(settings, web, tmp_path):
    adopted(settings, "strava", token_file(tmp_path, user_id="7001", scope="read,activity:read_all"))
    connection, token = stored(settings, "strava")
    assert (connection.provider_user_id, connection.acquired) == ("7001", "token-file")
    assert connection.scopes == ("read", "activity:read_all")
    assert token == Token("at-secret-1", "rt-secret-1", NOW + timedelta(seconds=9999), connection.scopes)


def test_the_owner_of_an_adopted_token_is_asked_of_the_provider(settings, web, tmp_path):
    web.get(STRAVA_ATHLETE, json={"id": 7001})
    adopted(settings, "strava", token_file(tmp_path))
    assert stored(settings, "strava")[0].provider_user_id == "7001"
    web.get(IDENTITY, json={"healthUserId": "555"})
    adopted(settings, "fitbit", token_file(tmp_path))
    assert stored(settings, "fitbit")[0].provider_user_id == "555"
    web.post(POLAR_USERS, json={"polar-user-id": 10579})
    adopted(settings, "polar", token_file(tmp_path, refresh_token=None))
    assert stored(settings, "polar")[0].provider_user_id == "10579"


@pytest.mark.parametrize("status", [403, 404, 405, 500, 501])
def test_a_provider_that_cannot_tell_the_owner_does_not_stop_the_adoption(settings, web, tmp_path, status):
    web.get(STRAVA_ATHLETE, status=status)
    result = adopted(settings, "strava", token_file(tmp_path))
    assert "could not be asked" in result.notes[0]
    assert stored(settings, "strava")[0].provider_user_id is None
    web.post(POLAR_USERS, status=status)
    assert adopted(settings, "polar", token_file(tmp_path, user_id=10579)).connection.provider_user_id == "10579"


def test_a_polar_user_who_was_registered_before_is_adopted_with_the_id_unknown(settings, web, tmp_path):
    web.post(POLAR_USERS, status=409)
    result = adopted(settings, "polar", token_file(tmp_path, refresh_token=None))
    assert result.connection.provider_user_id is None
    assert "put `user_id` into the file" in result.notes[0]


@pytest.mark.parametrize(
    ("failure", "error"), [({"status": 401}, AuthRevoked), ({"body": requests.ConnectionError("refused")}, Transient)]
)
def test_a_refused_token_or_no_network_leaves_the_old_connection(settings, web, tmp_path, failure, error):
    adopted(settings, "strava", token_file(tmp_path, access_token="older", user_id="7001"))
    before = stored(settings, "strava")
    web.get(STRAVA_ATHLETE, **failure)
    with pytest.raises(error):
        adopted(settings, "strava", token_file(tmp_path))
    assert stored(settings, "strava") == before


def test_a_first_adoption_that_fails_leaves_nothing(settings, web, tmp_path):
    web.get(STRAVA_ATHLETE, status=401)
    with pytest.raises(AuthRevoked, match="token in the file is refused"):
        adopted(settings, "strava", token_file(tmp_path))
    assert stored(settings, "strava") == (None, None)
    assert AthleteStore(settings.home_dir).list() == ()


def test_an_ended_token_is_refreshed_before_its_owner_is_asked(settings, web, tmp_path):
    fresh = {"access_token": "at-2", "refresh_token": "rt-2", "expires_at": EPOCH + 21600}
    web.post(f"{STRAVA}/token", json=fresh)
    web.get(STRAVA_ATHLETE, json={"id": 7001})
    adopted(settings, "strava", token_file(tmp_path, expires_at=EPOCH - 60))
    connection, token = stored(settings, "strava")
    assert web.calls[-1].request.headers["Authorization"] == "Bearer at-2"
    assert (connection.provider_user_id, token.refresh_token) == ("7001", "rt-2")


def test_a_token_that_rotated_while_adopting_is_never_thrown_away(settings, web, tmp_path):
    web.post(f"{STRAVA}/token", json={"access_token": "at-2", "refresh_token": "rt-2", "expires_at": EPOCH + 21600})
    web.get(STRAVA_ATHLETE, body=requests.ConnectionError("refused"))
    result = adopted(settings, "strava", token_file(tmp_path, expires_at=EPOCH - 60))
    assert stored(settings, "strava")[1].refresh_token == "rt-2"
    assert result.connection.provider_user_id is None


def test_a_rotated_token_is_kept_even_if_the_provider_then_refuses_it(settings, web, tmp_path):
    web.post(f"{STRAVA}/token", json={"access_token": "at-2", "refresh_token": "rt-2", "expires_at": EPOCH + 21600})
    web.get(STRAVA_ATHLETE, status=401)
    with pytest.raises(AuthRevoked):
        adopted(settings, "strava", token_file(tmp_path, expires_at=EPOCH - 60))
    assert stored(settings, "strava")[1].refresh_token == "rt-2", "the one in the file is dead by now"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"access_token": ""}',
        '{"access_token": 5}',
        '{"access_token": "at-secret-1", "expires_at": "tomorrow"}',
        '{"access_token": "at-secret-1", "expires_at": 1772366400000}',
        '{"access_token": "at-secret-1", "refresh_token": {"x": "rt-secret-1"}}',
    ],
)
def test_a_bad_token_file_is_one_line_without_its_secrets(settings, tmp_path, content):
    path = tmp_path / "token.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"token\.json") as caught:
        adopted(settings, "strava", path)
    assert "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_a_missing_token_file_and_a_missing_retention_are_config_errors(settings, tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        adopted(settings, "strava", tmp_path / "nowhere.json")
    undecided = settings.model_copy(update={"strava_api_retention_days": None})
    with pytest.raises(ConfigError, match="FIT_STRAVA_API_RETENTION_DAYS"):
        adopted(undecided, "strava", token_file(tmp_path, user_id="7001"))
    kept = adopt(undecided, "strava", "ada", token_file(tmp_path, user_id="7001"), retention="keep")
    assert kept.connection.retention == "keep"


def test_a_token_file_that_others_can_read_is_adopted_with_a_warning(settings, web, tmp_path):
    path = token_file(tmp_path, user_id="7001")
    path.chmod(0o640)
    assert adopted(settings, "strava", path).notes == (
        f"the token file can be read by others: chmod 600 {path}, or delete it, it is not needed any more",
    )


@pytest.mark.parametrize(
    ("provider", "refresh_token", "words"),
    [("strava", None, "has no refresh_token"), ("polar", "rt-secret-1", "where tokens cannot be renewed")],
)
def test_a_token_that_has_ended_and_that_nothing_can_renew_is_refused(
    settings, web, tmp_path, provider, refresh_token, words
):
    path = token_file(tmp_path, user_id="7001", refresh_token=refresh_token, expires_at=EPOCH - 60)
    with pytest.raises(ConfigError, match=f"ended at 2026-03-01 11:59 UTC.*{words}.*in the browser"):
        adopted(settings, provider, path)
    assert stored(settings, provider) == (None, None)


def test_unlinking_revokes_and_then_forgets_but_keeps_the_athlete(settings, web, tmp_path):
    adopted(settings, "strava", token_file(tmp_path, user_id="7001"))
    web.post(f"{STRAVA}/revoke")
    assert unlink(settings, "strava", "ada") is None
    assert stored(settings, "strava") == (None, None)
    assert AthleteStore(settings.home_dir).get("ada")
    with pytest.raises(ConfigError, match="not linked"):
        unlink(settings, "strava", "ada")


def test_how_long_data_may_be_kept_outlives_the_connection_until_there_is_another(settings, web, tmp_path):
    connections, file = ConnectionStore(settings.home_dir), token_file(tmp_path, user_id="7001")
    web.post(f"{STRAVA}/revoke")
    for retention, kept in ((7, {"ada": 7}), ("keep", {})):
        adopt(settings, "strava", "ada", file, retention=retention)
        assert connections.ended_limits("strava") == {}
        unlink(settings, "strava", "ada")
        assert connections.ended_limits("strava") == kept
    connections.remove("strava", "ada")
    assert connections.ended_limits("strava") == {}


def test_unlinking_without_the_provider_changes_nothing_unless_forced(settings, web, tmp_path):
    adopted(settings, "strava", token_file(tmp_path, user_id="7001"))
    before = stored(settings, "strava")
    web.post(f"{STRAVA}/revoke", status=503)
    with pytest.raises(FitError, match="--force"):
        unlink(settings, "strava", "ada")
    assert stored(settings, "strava") == before
    assert "was not told" in unlink(settings, "strava", "ada", force=True)
    assert stored(settings, "strava") == (None, None)


def test_status_is_json_without_secrets_and_tells_a_lost_token(settings, web, tmp_path):
    adopted(settings, "strava", token_file(tmp_path, user_id="7001"))
    adopted(settings, "fitbit", token_file(tmp_path, user_id="555", refresh_token=None))
    FileTokenStore(settings.home_dir).delete("strava", "ada")
    entries = connection_status(settings, NOW)
    assert [(e["provider"], e["state"]) for e in entries] == [("fitbit", "expiring"), ("strava", "needs re-consent")]
    assert not any(secret in json.dumps(entries) for secret in SECRETS)


def test_quota_status_lists_every_provider(settings):
    assert {entry["provider"] for entry in quota_status(settings, NOW)} == {"polar", "strava", "fitbit"}
