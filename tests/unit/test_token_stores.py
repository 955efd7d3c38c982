"""What every token store promises, held by both; and what Secret Manager's documented weaknesses must not spoil."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import google.cloud as google_cloud
import pytest
from pydantic import SecretStr

from fit_platform.accounts.secret_manager import SecretManagerTokenStore
from fit_platform.accounts.tokens import FileTokenStore, Token, TokenStore, open_token_store
from fit_platform.errors import BusyError, ConfigError, Transient
from fit_platform.settings import Settings
from tests.fake_secret_manager import FakeSecretManager, fake_secret_manager

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = Token("access-1", "refresh-1", NOW, ("read", "sleep"), "bearer", NOW + timedelta(days=7))
SECRET = "projects/p/secrets/fit-strava-ada"
CONNECTION = ("strava", "ada")


@pytest.fixture
def google() -> Iterator[FakeSecretManager]:
    with fake_secret_manager() as state:
        yield state


@dataclass
class Place:
    """Where tokens are kept: `open` gives a store as another process would, `stored` all bytes that are there."""

    open: Callable[..., TokenStore]
    stored: Callable[[], bytes]
    spoil: Callable[[bytes], object]


@pytest.fixture(params=["file", "secret-manager"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "file":
        file = tmp_path / "tokens" / "strava" / "ada.json"
        return Place(lambda key=None: FileTokenStore(tmp_path, key), file.read_bytes, file.write_bytes)
    google = request.getfixturevalue("google")

    def spoil(content: bytes) -> None:
        google.secrets[SECRET].versions[-1]["data"] = content

    return Place(
        lambda key=None: SecretManagerTokenStore("p", "fit", key, google.url),
        lambda: b"".join(google.payloads()),
        spoil,
    )


@pytest.mark.parametrize("key", [None, SecretStr("a long and random key")])
def test_a_token_comes_back_as_it_was_saved(place, key):
    store = place.open(key)
    assert store.load(*CONNECTION) is None
    with store.exclusive(*CONNECTION):
        store.save(*CONNECTION, TOKEN)
    assert place.open(key).load(*CONNECTION) == TOKEN
    with store.exclusive(*CONNECTION):
        store.save(*CONNECTION, Token("access-2"))
        assert store.load(*CONNECTION) == Token("access-2")
    assert place.open(key).load(*CONNECTION) == Token("access-2")


def test_a_deleted_token_is_gone_and_can_be_saved_anew(place):
    store = place.open()
    store.save(*CONNECTION, TOKEN)
    with store.exclusive(*CONNECTION):
        store.delete(*CONNECTION)
        store.delete(*CONNECTION)
    assert place.open().load(*CONNECTION) is None
    with store.exclusive(*CONNECTION):
        store.save(*CONNECTION, Token("access-2"))
    assert place.open().load(*CONNECTION) == Token("access-2")


def test_tokens_of_others_are_theirs(place):
    store = place.open()
    store.save("strava", "ada", TOKEN)
    store.save("strava", "ben", Token("access-ben"))
    store.delete("strava", "ada")
    assert place.open().load("strava", "ben") == Token("access-ben")
    assert place.open().load("polar", "ben") is None


def test_with_a_key_nothing_of_the_token_is_readable_where_it_is_kept(place):
    place.open(SecretStr("k1")).save(*CONNECTION, TOKEN)
    assert b"access-1" not in place.stored()
    assert b"refresh-1" not in place.stored()


def test_a_missing_and_a_wrong_key_are_told_apart(place):
    place.open(SecretStr("k1")).save(*CONNECTION, TOKEN)
    with pytest.raises(ConfigError, match="set FIT_SECRET_KEY"):
        place.open().load(*CONNECTION)
    with pytest.raises(ConfigError, match="does not open"):
        place.open(SecretStr("k2")).load(*CONNECTION)


def test_a_token_saved_before_there_was_a_key_can_be_read_and_is_sealed_at_the_next_save(place):
    place.open().save(*CONNECTION, TOKEN)
    store = place.open(SecretStr("k1"))
    assert store.load(*CONNECTION) == TOKEN
    for _ in range(2):
        store.save(*CONNECTION, TOKEN)
    assert place.open(SecretStr("k1")).load(*CONNECTION) == TOKEN


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"access_token": "a"}', b"\xff\xfe"])
def test_a_damaged_token_says_how_to_get_out(place, content):
    place.open().save(*CONNECTION, TOKEN)
    place.spoil(content)
    with pytest.raises(ConfigError, match="fit-platform link strava ada"):
        place.open().load(*CONNECTION)


@pytest.mark.parametrize("name", ["..", "a/b", "ada.connection", "Ada"])
def test_a_name_that_is_no_name_is_refused(place, name):
    with pytest.raises(ConfigError):
        place.open().load("strava", name)


def test_only_one_thread_or_process_at_a_time_is_inside(place):
    inside, most, entered = 0, 0, 0
    counting = threading.Lock()

    def work() -> None:
        nonlocal inside, most, entered
        store = place.open()
        for _ in range(3):
            with store.exclusive(*CONNECTION):
                with counting:
                    inside, most, entered = inside + 1, max(most, inside + 1), entered + 1
                time.sleep(0.002)
                with counting:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert (most, entered) == (1, 12)


def test_an_error_inside_lets_the_next_one_in(place):
    with pytest.raises(RuntimeError), place.open().exclusive(*CONNECTION):
        raise RuntimeError
    with place.open().exclusive(*CONNECTION):
        pass


def test_locking_a_connection_that_does_not_come_about_leaves_nothing(google):
    with SecretManagerTokenStore("p", "fit", None, google.url).exclusive(*CONNECTION):
        pass
    assert google.secrets == {}


def manager(google: FakeSecretManager, **options) -> SecretManagerTokenStore:
    return SecretManagerTokenStore("p", "fit", None, google.url, **options)


def save(store: SecretManagerTokenStore, name: str) -> None:
    with store.exclusive(*CONNECTION):
        store.save(*CONNECTION, Token(name))


def test_the_settings_choose_the_store(google, tmp_path):
    here = Settings(home=tmp_path, _env_file=None)
    assert isinstance(open_token_store(here), FileTokenStore)
    there = here.model_copy(update={"token_store": "secret-manager", "secret_manager_url": google.url})
    with pytest.raises(ConfigError, match="FIT_GCP_PROJECT"):
        open_token_store(there)
    store = open_token_store(there.model_copy(update={"gcp_project": "p", "secret_prefix": "club"}))
    store.save(*CONNECTION, TOKEN)
    assert list(google.secrets) == ["projects/p/secrets/club-strava-ada"]
    assert not (tmp_path / "tokens").exists()


def test_only_the_newest_version_and_the_one_before_stay_enabled(google):
    for n in range(5):
        save(manager(google), f"access-{n}")
    states = [version["state"] for version in google.secrets[SECRET].versions]
    assert states == ["DISABLED", "DISABLED", "DISABLED", "ENABLED", "ENABLED"], "destroyed a day after"
    assert google.secrets[SECRET].resource["versionDestroyTtl"] == "86400s"


def test_under_the_lease_the_newest_token_is_read_although_all_weak_reads_show_the_past(google):
    """Reads of the secret, of `latest` and of lists may be old for minutes; a number is never old."""
    google.lag_s = 0.15
    for n in range(4):
        store = manager(google)
        with store.exclusive(*CONNECTION):
            if n:
                assert store.load(*CONNECTION) == Token(f"access-{n - 1}")
            store.save(*CONNECTION, Token(f"access-{n}"))
    # Outside of it, `latest` may still be the one before; a connection just made is found all the same.
    assert manager(google).load(*CONNECTION) in (Token("access-2"), Token("access-3"))
    fresh = manager(google)
    fresh.save("strava", "ben", Token("access-ben"))
    assert manager(google).load("strava", "ben") == Token("access-ben")


def test_a_token_whose_writer_died_before_giving_back_the_lease_is_found_once_that_has_ended(google):
    now = time.time()
    dead, next_one = manager(google, clock=lambda: now), manager(google, clock=lambda: now + 121)
    save(dead, "access-1")
    lease = dead.exclusive(*CONNECTION)
    lease.__enter__()
    dead.save(*CONNECTION, Token("access-2"))  # and is killed
    with next_one.exclusive(*CONNECTION):
        assert next_one.load(*CONNECTION) == Token("access-2")


def test_a_holder_who_comes_back_after_its_lease_has_ended_does_not_end_the_next_ones(google, caplog):
    now = time.time()
    slow, next_one = manager(google, clock=lambda: now), manager(google, clock=lambda: now + 121)
    save(slow, "access-1")
    lease = slow.exclusive(*CONNECTION)
    lease.__enter__()
    with next_one.exclusive(*CONNECTION):
        lease.__exit__(None, None, None)
        assert "could not be given back" in caplog.text
        third = manager(google, lease_s=0.05, clock=lambda: now + 122)
        with pytest.raises(BusyError, match="try again"), third.exclusive(*CONNECTION):
            pass
        next_one.save(*CONNECTION, Token("access-2"))
    with next_one.exclusive(*CONNECTION):
        assert next_one.load(*CONNECTION) == Token("access-2")


def test_a_lost_answer_to_taking_the_lease_does_not_lock_us_out(google):
    save(manager(google), "access-1")
    store = manager(google)
    google.failures = [("update", 503)]
    started = time.monotonic()
    with store.exclusive(*CONNECTION):
        assert store.load(*CONNECTION) == Token("access-1")
    assert time.monotonic() - started < 10
    assert google.failures == []


def test_a_lost_answer_to_a_write_stores_the_token_twice_rather_than_not_at_all(google):
    save(manager(google), "access-1")
    google.failures = [("addVersion", 503)]
    save(manager(google), "access-2")
    assert len(google.secrets[SECRET].versions) == 3
    with (again := manager(google)).exclusive(*CONNECTION):
        assert again.load(*CONNECTION) == Token("access-2")


def test_a_version_that_was_disabled_by_hand_hides_no_later_one(google):
    save(manager(google), "access-1")
    save(manager(google), "access-2")
    store = manager(google)
    store.save(*CONNECTION, Token("access-3"))
    store.save(*CONNECTION, Token("access-4"))
    google.secrets[SECRET].versions[2]["state"] = "DISABLED"
    with store.exclusive(*CONNECTION):
        assert store.load(*CONNECTION) == Token("access-4")


def test_a_client_that_asks_before_every_request_costs_one_read_a_minute(google):
    save(manager(google), "access-1")
    store = manager(google)
    google.calls.clear()
    for _ in range(20):
        store.load(*CONNECTION)
    assert google.calls == {"access": 1}


def test_a_refresh_costs_a_handful_of_calls(google):
    """Secret Manager allows 600 writes and 600 reads a minute and project, beside 90,000 accesses."""
    save(manager(google), "access-1")
    store = manager(google)
    google.calls.clear()
    with store.exclusive(*CONNECTION):
        store.load(*CONNECTION)
        store.save(*CONNECTION, Token("access-2"))
    assert google.calls == {"get": 1, "update": 2, "access": 2, "addVersion": 1, "list": 1}


def test_old_versions_that_cannot_be_retired_now_spoil_nothing_and_are_retired_next_time(google, caplog):
    for n in range(3):
        save(manager(google), f"access-{n}")
    google.failures = [("list", 403)]
    save(manager(google), "access-3")
    assert "could not be destroyed" in caplog.text
    save(manager(google), "access-4")
    assert [v["state"] for v in google.secrets[SECRET].versions] == ["DISABLED"] * 3 + ["ENABLED"] * 2


def test_a_passing_failure_is_repeated_and_a_lasting_one_is_told(google):
    store = manager(google)
    google.failures = [("addVersion", 503)]
    store.save(*CONNECTION, TOKEN)
    google.failures = [("access", 503), ("access", 503)]
    assert manager(google).load(*CONNECTION) == TOKEN
    google.failures = [("access", 400)]
    with pytest.raises(Transient, match="secret manager"):
        manager(google).load(*CONNECTION)
    google.failures = [("access", 403)]
    with pytest.raises(ConfigError, match="Secret Manager Admin") as refused:
        manager(google).load(*CONNECTION)
    assert "\n" not in str(refused.value)


def test_without_the_optional_package_the_way_out_is_told(google, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.cloud.secretmanager_v1", None)
    monkeypatch.delattr(google_cloud, "secretmanager_v1", raising=False)
    with pytest.raises(ConfigError, match=r"fit-platform\[gcp\]"):
        manager(google).load(*CONNECTION)
