"""The OAuth flows of the three simulated providers, with what each does differently."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import requests

from fit_platform.simulator import SimulatorConfig, WorldConfig, running
from tests.integration.simulator_login import GOOGLE, REDIRECT, SCOPES, Client

WORLD = WorldConfig(end=date(2026, 3, 31), days=3)
WHO = {"polar": "/users/physical-info", "strava": "/athlete", "fitbit": "/users/me/identity"}


@pytest.fixture
def base_url() -> Iterator[str]:
    with running(SimulatorConfig(world=WORLD)) as url:
        yield url


def _advance(base_url: str, seconds: float) -> None:
    assert requests.post(f"{base_url}/_sim/clock", json={"advance_seconds": seconds}, timeout=10).status_code == 200


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_an_athlete_says_yes_and_only_the_token_opens_the_data(base_url: str, provider: str) -> None:
    client = Client(base_url, provider)
    assert client.get(WHO[provider]).status_code == 401
    assert client.consent()["state"] == "s-1"
    assert client.login().get(WHO[provider]).status_code == 200
    client.token["access_token"] += "x"
    assert client.get(WHO[provider]).status_code == 401


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
def test_an_athlete_says_no(base_url: str, provider: str) -> None:
    assert Client(base_url, provider).consent(decision="deny") == {"error": "access_denied", "state": "s-1"}


@pytest.mark.parametrize("provider", ["polar", "strava", "fitbit"])
@pytest.mark.parametrize(("name", "value"), [
    ("client_id", "somebody"), ("redirect_uri", "https://elsewhere.example/callback"), ("scope", "everything"),
])  # fmt: skip
def test_a_wrong_authorization_request_is_refused_without_a_redirect(
    base_url: str, provider: str, name: str, value: str
) -> None:
    client = Client(base_url, provider)
    query = client.authorize_query(**{name: value})
    answer = requests.get(client.setting("AUTHORIZE_URL"), params=query, allow_redirects=False, timeout=10)
    assert answer.status_code in (400, 401)
    assert name in answer.text


@pytest.mark.parametrize(("provider", "error"), [
    ("polar", {"error": "invalid_grant"}),
    ("strava", {"message": "Bad Request",
                "errors": [{"resource": "RequestToken", "field": "code", "code": "invalid"}]}),
    ("fitbit", {"error": "invalid_grant"}),
])  # fmt: skip
def test_a_code_works_once_and_for_ten_minutes(base_url: str, provider: str, error: dict[str, object]) -> None:
    client = Client(base_url, provider)
    code = client.consent()["code"]
    assert client.exchange(code).status_code == 200
    again = client.exchange(code)
    assert again.status_code == 400
    assert error.items() <= again.json().items()
    late = client.consent()["code"]
    _advance(base_url, 601)
    assert client.exchange(late).status_code == 400


def test_a_polar_code_that_is_used_twice_takes_its_tokens_with_it(base_url: str) -> None:
    client = Client(base_url, "polar")
    code = client.consent()["code"]
    client.token = client.exchange(code).json()
    assert "refresh_token" not in client.token
    client.post("/users", {"member-id": "m"})
    assert client.get("/users/physical-info").status_code == 200
    assert client.exchange(code).status_code == 400
    assert client.get("/users/physical-info").status_code == 401


def test_polar_wants_a_registration_and_forgets_the_user_on_delete(base_url: str) -> None:
    client = Client(base_url, "polar")
    client.token = client.exchange(client.consent()["code"]).json()
    assert client.get("/exercises").status_code == 403
    assert client.post("/users", {}).status_code == 400
    assert client.post("/users", {"member-id": "m"}).json()["polar-user-id"] == client.token["x_user_id"]
    assert client.post("/users", {"member-id": "m"}).status_code == 409
    user = f"/users/{client.token['x_user_id']}"
    assert client.json(user)["member-id"] == "m"
    assert client.get("/users/1").status_code == 204
    gone = requests.delete(client.setting("API_URL") + user, headers=client.headers, timeout=10)
    assert gone.status_code == 204
    assert client.get("/exercises").status_code == 401


def test_two_polar_users_cannot_share_a_member_id(base_url: str) -> None:
    ada, ben = (Client(base_url, "polar", name) for name in ("ada", "ben"))
    for client in (ada, ben):
        client.token = client.exchange(client.consent()["code"]).json()
    assert [client.post("/users", {"member-id": "same"}).status_code for client in (ada, ben)] == [200, 409]


@pytest.mark.parametrize(("provider", "status"), [("polar", 401), ("strava", 401), ("fitbit", 401)])
def test_a_wrong_client_secret_is_refused(base_url: str, provider: str, status: int) -> None:
    client = Client(base_url, provider)
    own = client.setting("CLIENT_ID"), "wrong"
    form = {"grant_type": "authorization_code", "code": client.consent()["code"], "redirect_uri": REDIRECT}
    if provider == "polar":
        answer = requests.post(client.setting("TOKEN_URL"), data=form, auth=own, timeout=10)
    else:
        form |= {"client_id": own[0], "client_secret": own[1]}
        answer = requests.post(client.setting("TOKEN_URL"), data=form, timeout=10)
    assert answer.status_code == status


def test_strava_gives_the_same_access_token_while_an_hour_is_left(base_url: str) -> None:
    client = Client(base_url, "strava").login()
    assert client.token["expires_in"] == pytest.approx(21_600, abs=5)
    _advance(base_url, 10_000)
    same = client.ask_token(grant_type="refresh_token", refresh_token=client.token["refresh_token"]).json()
    assert same["access_token"] == client.token["access_token"]
    assert same["expires_in"] == pytest.approx(11_600, abs=5)
    _advance(base_url, 9_000)
    new = client.ask_token(grant_type="refresh_token", refresh_token=same["refresh_token"]).json()
    assert new["access_token"] != client.token["access_token"]
    assert "athlete" not in new
    _advance(base_url, 3_000)
    assert client.get("/athlete").status_code == 401
    client.token = new
    assert client.get("/athlete").status_code == 200


def test_strava_sometimes_replaces_the_refresh_token_and_the_old_one_is_dead(base_url: str) -> None:
    client = Client(base_url, "strava").login()
    refresh, was_replaced = client.token["refresh_token"], 0
    for _ in range(4):
        _advance(base_url, 21_000)
        new = client.ask_token(grant_type="refresh_token", refresh_token=refresh).json()["refresh_token"]
        if new != refresh:
            was_replaced += 1
            dead = client.ask_token(grant_type="refresh_token", refresh_token=refresh)
            assert dead.status_code == 400
            assert dead.json()["errors"][0]["resource"] == "RefreshToken"
        refresh = new
    assert was_replaced == 2


def test_an_unticked_scope_is_not_granted_and_the_call_says_so(base_url: str) -> None:
    strava = Client(base_url, "strava")
    assert strava.consent(scopes=("read",))["scope"] == "read"
    refused = strava.login(scopes=("read",)).get("/athlete/activities")
    assert refused.status_code == 401
    assert refused.json()["errors"][0]["code"] == "missing"
    fitbit = Client(base_url, "fitbit").login(scopes=SCOPES["fitbit"][:1])
    assert fitbit.token["scope"] == f"{GOOGLE}activity_and_fitness.readonly"
    refused = fitbit.get("/users/me/dataTypes/heart-rate/dataPoints")
    assert refused.status_code == 403
    assert refused.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_google_checks_the_proof_key(base_url: str) -> None:
    client = Client(base_url, "fitbit")
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    for proof, status in (("w" * 50, 400), (verifier, 200)):
        code = client.consent(code_challenge=challenge, code_challenge_method="S256")["code"]
        assert client.exchange(code, code_verifier=proof).status_code == status


def test_google_refresh_tokens_never_rotate_and_come_again_only_on_renewed_consent(base_url: str) -> None:
    client = Client(base_url, "fitbit").login()
    first = client.ask_token(grant_type="refresh_token", refresh_token=client.token["refresh_token"])
    assert "refresh_token" not in first.json()
    assert first.json()["expires_in"] == 3599
    without = client.exchange(client.consent(prompt="none")["code"]).json()
    assert "refresh_token" not in without
    assert "refresh_token" in client.exchange(client.consent()["code"]).json()


@pytest.mark.parametrize("provider", ["strava", "fitbit"])
def test_a_revoked_grant_is_dead_in_both_its_tokens(base_url: str, provider: str) -> None:
    client = Client(base_url, provider).login()
    basic = (client.setting("CLIENT_ID"), client.setting("CLIENT_SECRET"))
    form = {"token": client.token["refresh_token"]}
    assert requests.post(client.setting("REVOKE_URL"), data=form, auth=basic, timeout=10).status_code == 200
    assert client.get(WHO[provider]).status_code == 401
    again = client.ask_token(grant_type="refresh_token", refresh_token=client.token["refresh_token"])
    assert again.status_code == 400


def test_access_tokens_expire_by_the_servers_clock(base_url: str) -> None:
    client = Client(base_url, "fitbit").login()
    _advance(base_url, 3_600)
    answer = client.get("/users/me/identity")
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_a_state_file_keeps_tokens_registrations_and_revocations_over_a_restart(tmp_path: Path) -> None:
    config = SimulatorConfig(world=WORLD, state_file=tmp_path / "state" / "oauth.json")
    with running(config) as base_url:
        clients = [Client(base_url, provider).login() for provider in ("polar", "strava", "fitbit")]
        revoked = Client(base_url, "fitbit", "ben").login()
        form = {"token": revoked.token["access_token"]}
        assert requests.post(revoked.setting("REVOKE_URL"), data=form, timeout=10).status_code == 200
    assert (tmp_path / "state" / "oauth.json").stat().st_mode & 0o077 == 0
    with running(config) as base_url:
        for client in (*clients, revoked):
            client.base_url = base_url
        assert [client.get(WHO[client.provider]).status_code for client in (*clients, revoked)] == [200, 200, 200, 401]


def test_tokens_prove_themselves_to_a_new_simulator_without_any_file() -> None:
    config = SimulatorConfig(world=WORLD)
    with running(config) as base_url:
        clients = [Client(base_url, provider).login() for provider in ("strava", "fitbit")]
    with running(config) as base_url:
        for client in clients:
            client.base_url = base_url
            assert client.get(WHO[client.provider]).status_code == 200
