"""Custody: when it refreshes, in which order, and what it says when it cannot."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from fit_platform.accounts.connections import Broken, Connection, ConnectionStore, State
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.errors import AuthRevoked, ConfigError, Transient
from fit_platform.providers.http import TokenSource
from fit_platform.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class RecordingStore(FileTokenStore):
    """A real store that writes down what happens, and lets another process act just before the lock is ours."""

    def __init__(self, home: Path, log: list[str]) -> None:
        super().__init__(home)
        self.log = log
        self.meanwhile = lambda: None

    @contextmanager
    def exclusive(self, provider, athlete_id):
        self.meanwhile()
        with super().exclusive(provider, athlete_id):
            self.log.append("lock")
            yield
        self.log.append("unlock")

    def load(self, provider, athlete_id):
        self.log.append("load")
        return super().load(provider, athlete_id)

    def save(self, provider, athlete_id, token):
        super().save(provider, athlete_id, token)
        self.log.append(f"save {token.access_token}")


class House:
    """A custody over real stores, with a provider whose refresh answers are set by the test."""

    def __init__(self, home: Path) -> None:
        self.log: list[str] = []
        self.store = RecordingStore(home, self.log)
        self.connections = ConnectionStore(home)
        self.answers: list[Token | Exception] = []
        self.asked: list[str] = []
        rotating = SimpleNamespace(REFRESHES=True, refresh=self._refresh)
        fixed = SimpleNamespace(REFRESHES=False, refresh=self._refresh)
        settings = Settings(home=home, _env_file=None)
        providers = {"strava": rotating, "polar": fixed}
        self.custody = Custody(settings, self.store, self.connections, providers, clock=lambda: NOW)

    def _refresh(self, settings, refresh_token, now):
        self.asked.append(refresh_token)
        self.log.append("refresh")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def link(self, token: Token, provider: str = "strava") -> None:
        self.store.save(provider, "ada", token)
        linked = Connection(provider=provider, athlete_id="ada", linked_at=NOW, acquired="oauth")
        self.connections.save(linked)
        self.log.clear()

    def state(self, provider: str = "strava"):
        return self.connections.get(provider, "ada").state(NOW)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def token(n: int, minutes: float, refresh: str | None = "") -> Token:
    return Token(f"a{n}", f"r{n}" if refresh == "" else refresh, NOW + timedelta(minutes=minutes))


DEAD = AuthRevoked("strava", "POST token (refresh)", "RefreshToken invalid", 400)
DOWN = Transient("strava", "POST token (refresh)", "an HTML page", 502)


def test_a_token_with_time_left_is_handed_out_without_a_lock(house):
    house.link(token(1, 5.1))
    assert house.custody.access_token("strava", "ada") == "a1"
    assert house.log == ["load"]


def test_a_new_token_is_on_disk_before_it_is_used(house):
    house.link(token(1, 4.9))
    house.answers = [token(2, 360)]
    assert house.custody.access_token("strava", "ada") == "a2"
    assert house.log == ["load", "lock", "load", "refresh", "save a2", "unlock"]
    assert house.store.load("strava", "ada") == token(2, 360)


def test_a_token_that_another_process_refreshed_meanwhile_is_taken_as_it_is(house):
    house.link(token(1, 1))
    house.store.meanwhile = lambda: FileTokenStore.save(house.store, "strava", "ada", token(2, 360))
    assert house.custody.access_token("strava", "ada") == "a2"
    assert house.asked == []


def test_the_old_refresh_token_is_kept_if_the_answer_brings_none(house):
    house.link(token(1, 1))
    house.answers = [token(2, 1, refresh=None), token(3, 60, refresh=None)]
    house.custody.access_token("strava", "ada")
    house.custody.access_token("strava", "ada")
    assert house.asked == ["r1", "r1"]


def test_a_token_endpoint_that_is_down_is_no_reason_to_stop_while_the_token_lasts(house):
    house.link(token(1, 2))
    house.answers = [DOWN]
    assert house.custody.access_token("strava", "ada") == "a1"
    assert house.state().state is State.WORKING


def test_a_token_endpoint_that_is_down_is_transient_and_not_an_auth_failure(house):
    house.link(token(1, -2))
    house.answers = [DOWN]
    with pytest.raises(Transient):
        house.custody.access_token("strava", "ada")
    assert house.state().state is State.WORKING


def test_a_dead_refresh_token_marks_the_connection_and_is_not_tried_again(house):
    house.link(token(1, -2))
    house.answers = [DEAD]
    with pytest.raises(AuthRevoked, match="400 RefreshToken invalid"):
        house.custody.access_token("strava", "ada")
    with pytest.raises(AuthRevoked, match="connection of ada -> RefreshToken invalid"):
        house.custody.access_token("strava", "ada")
    assert house.asked == ["r1"]
    assert (house.state().state, house.state().since) == (State.NEEDS_CONSENT, NOW)


def test_a_rejected_token_is_refreshed_only_if_it_is_still_the_stored_one(house):
    house.link(token(1, 300))
    house.answers = [token(2, 360)]
    source: TokenSource = house.custody.token_source("strava", "ada")
    assert source.access_token() == "a1"
    assert source.refresh("a1") == "a2"
    assert source.refresh("a1") == "a2", "a slower thread was rejected with the same token"
    assert house.asked == ["r1"]


@pytest.mark.parametrize(
    ("expires_at", "words"),
    [
        (NOW + timedelta(days=100), "refused before its end at 2026-06-09 12:00 UTC, so withdrawn or replaced"),
        (NOW - timedelta(days=1), "the consent ended at 2026-02-28"),
        (None, "cannot be refreshed"),
    ],
)
def test_a_refused_token_needs_a_consent_and_is_never_taken_for_a_revocation(house, expires_at, words):
    """A revoked connection's data are deleted, and Polar gives back only 30 days: a 401 must not do that."""
    house.link(Token("a1", None, expires_at), "polar")
    with pytest.raises(AuthRevoked, match=words):
        house.custody.token_source("polar", "ada").refresh("a1")
    assert house.state("polar").state is State.NEEDS_CONSENT
    assert words in house.state("polar").reason
    assert house.asked == []


def test_a_refusal_is_nobodys_fault_if_another_holder_of_an_ended_lease_has_refreshed(house):
    house.link(token(1, -2))

    def overtaken(*_):
        FileTokenStore.save(house.store, "strava", "ada", token(2, 360))
        raise DEAD

    rotating = SimpleNamespace(REFRESHES=True, refresh=overtaken)
    custody = Custody(Settings(_env_file=None), house.store, house.connections, {"strava": rotating}, lambda: NOW)
    assert custody.access_token("strava", "ada") == "a2"
    assert house.state().state is State.WORKING


def test_a_token_that_is_saved_after_all_mends_the_connection(house):
    house.link(token(1, -2))

    def answered_late(*_):
        house.custody.needs_consent("strava", "ada", "invalid_grant")
        return token(2, 360)

    rotating = SimpleNamespace(REFRESHES=True, refresh=answered_late)
    custody = Custody(Settings(_env_file=None), house.store, house.connections, {"strava": rotating}, lambda: NOW)
    assert custody.access_token("strava", "ada") == "a2"
    assert house.state().state is State.WORKING


def test_a_polar_token_is_used_beyond_its_announced_end_until_polar_refuses_it(house):
    house.link(token(1, -5, refresh=None), "polar")
    assert house.custody.access_token("polar", "ada") == "a1"


def test_a_token_that_came_without_a_refresh_token_cannot_be_refreshed(house):
    house.link(token(1, 300, refresh=None))
    with pytest.raises(AuthRevoked, match="cannot be refreshed"):
        house.custody.refresh("strava", "ada", "a1")


def test_an_athlete_who_is_not_linked_is_told_how_to(house):
    with pytest.raises(ConfigError, match="fit-platform link strava ada"):
        house.custody.access_token("strava", "ada")


def test_the_end_that_google_announces_moves_with_a_refresh(house):
    house.link(token(1, 1))
    house.answers = [Token("a2", None, NOW + timedelta(hours=1), refresh_expires_at=NOW + timedelta(days=6))]
    house.custody.access_token("strava", "ada")
    assert house.state().state is State.EXPIRING
    assert house.state().until == NOW + timedelta(days=6)


def test_a_client_can_report_that_even_a_fresh_token_is_refused(house):
    house.link(token(1, 300))
    house.custody.needs_consent("strava", "ada", "401 after a refresh")
    assert house.state().reason == "401 after a refresh"


def test_a_connection_that_the_athlete_revoked_is_not_asked_about_again(house):
    house.link(token(1, 300))
    house.connections.mark_broken("strava", "ada", Broken(state=State.REVOKED, reason="deauthorised", since=NOW))
    with pytest.raises(AuthRevoked, match="deauthorised"):
        house.custody.access_token("strava", "ada")
    assert house.asked == []


def test_a_refused_connection_is_asked_about_again_and_repaired_by_an_answer(house):
    house.link(token(1, 60))
    house.connections.mark_broken("strava", "ada", Broken(state=State.NEEDS_CONSENT, reason="refused", since=NOW))
    house.answers = [DEAD, token(2, 360)]
    assert house.custody.is_still_refused("strava", "ada")
    assert house.state().state is State.NEEDS_CONSENT
    assert not house.custody.is_still_refused("strava", "ada")
    assert house.state().state is State.WORKING
    assert house.asked == ["r1", "r1"]


def test_a_token_without_a_refresh_token_that_ended_says_nothing_about_the_consent(house):
    house.link(token(1, -60, refresh=None))
    assert not house.custody.is_still_refused("strava", "ada")
    assert house.asked == []
