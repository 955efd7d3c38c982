"""Linking, refreshing, counting and unlinking, over HTTP against the simulated providers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from fit_platform.accounts.connections import ConnectionStore, State
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.link import link, unlink
from fit_platform.accounts.oauth import oauth_of
from fit_platform.accounts.tokens import FileTokenStore
from fit_platform.errors import AuthRevoked, ConfigError, Forbidden
from fit_platform.providers.http import ApiClient
from fit_platform.quota.ledger import QuotaLedger
from fit_platform.settings import Settings, load_settings
from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running

FIRST_CALL = {"polar": "/exercises", "strava": "/athlete", "fitbit": "/users/me/identity"}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with running(SimulatorConfig(world=WorldConfig(end=date(2026, 3, 31), days=3, athletes=1))) as url:
        yield url


@pytest.fixture
def settings(base_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment(base_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FIT_STRAVA_API_RETENTION_DAYS", "7")
    return load_settings()


def consenting(decision: str = "allow", without: str | None = None):
    """A browser in which `ada` fills in the consent form."""

    def open_browser(url: str) -> None:
        page = requests.get(url, timeout=10)
        assert page.ok, page.text
        scopes = [scope for scope in re.findall(r'name="scope"[^>]*value="([^"]+)"', page.text) if scope != without]
        form = [*parse_qsl(urlsplit(url).query), ("athlete", "ada"), ("decision", decision)]
        form = [(name, value) for name, value in form if name != "scope"] + [("scope", scope) for scope in scopes]
        requests.post(url, data=form, timeout=10).raise_for_status()

    return open_browser


def client_of(settings: Settings, provider: str) -> ApiClient:
    return ApiClient(
        provider=provider,
        athlete_id="ada",
        base_url=settings.provider(provider).api_url,
        tokens=Custody(settings).token_source(provider, "ada"),
        quota=QuotaLedger.of(settings.home_dir),
    )


def state_of(settings: Settings, provider: str) -> State:
    return ConnectionStore(settings.home_dir).get(provider, "ada").state(datetime.now(UTC)).state


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_a_connection_lives_from_the_consent_to_the_revocation(settings, provider):
    linked = link(settings, provider, "ada", open_browser=consenting(), timeout_s=20)
    assert linked.notes == ()
    assert linked.connection.provider_user_id
    client = client_of(settings, provider)
    assert client.get(FIRST_CALL[provider]).status == 200
    assert any(entry.used for entry in QuotaLedger.of(settings.home_dir).remaining(provider))
    token = FileTokenStore(settings.home_dir).load(provider, "ada")
    assert unlink(settings, provider, "ada") is None
    with pytest.raises(ConfigError, match="not linked"):
        client.get(FIRST_CALL[provider])
    refused = requests.get(
        settings.provider(provider).api_url + FIRST_CALL[provider],
        headers={"Authorization": f"Bearer {token.access_token}"},
        timeout=10,
    )
    assert refused.status_code == 401, "revoked at the provider, not only forgotten here"


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_an_athlete_who_says_no_is_not_linked(settings, provider):
    with pytest.raises(Forbidden, match="did not agree"):
        link(settings, provider, "ada", open_browser=consenting("deny"), timeout_s=20)
    assert ConnectionStore(settings.home_dir).list() == ()


@pytest.mark.parametrize(
    ("provider", "scope"),
    [("strava", "activity:read_all"), ("fitbit", "https://www.googleapis.com/auth/googlehealth.sleep.readonly")],
)
def test_an_unticked_scope_is_noticed(settings, provider, scope):
    with pytest.raises(Forbidden, match=re.escape(scope)):
        link(settings, provider, "ada", open_browser=consenting(without=scope), timeout_s=20)


@pytest.mark.parametrize("provider", ["strava", "fitbit"])
def test_a_token_that_has_ended_is_renewed_on_the_way(settings, base_url, provider):
    link(settings, provider, "ada", open_browser=consenting(), timeout_s=20)
    before = FileTokenStore(settings.home_dir).load(provider, "ada")
    requests.post(f"{base_url}/_sim/clock", json={"advance_seconds": 7 * 3600}, timeout=10).raise_for_status()
    assert client_of(settings, provider).get(FIRST_CALL[provider]).status == 200
    after = FileTokenStore(settings.home_dir).load(provider, "ada")
    assert after.access_token != before.access_token
    assert after.expires_at - before.expires_at > timedelta(0)
    assert state_of(settings, provider) is State.WORKING


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_a_connection_that_was_revoked_behind_our_back_needs_a_new_consent(settings, provider):
    connection = link(settings, provider, "ada", open_browser=consenting(), timeout_s=20).connection
    token = FileTokenStore(settings.home_dir).load(provider, "ada")
    oauth_of(provider).revoke(settings, token, connection.provider_user_id)
    for _ in range(2):
        with pytest.raises(AuthRevoked):
            client_of(settings, provider).get(FIRST_CALL[provider])
    assert state_of(settings, provider) is State.NEEDS_CONSENT
    link(settings, provider, "ada", open_browser=consenting(), timeout_s=20)
    assert client_of(settings, provider).get(FIRST_CALL[provider]).status == 200
    assert state_of(settings, provider) in (State.WORKING, State.EXPIRING)
