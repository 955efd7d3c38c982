"""Athletes, connections and tokens on disk."""

from __future__ import annotations

import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.connections import Broken, Connection, ConnectionStore, State
from fit_platform.accounts.tables import ATHLETES
from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.errors import ConfigError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = Token("access-1", "refresh-1", NOW, ("read", "sleep"), "bearer", NOW + timedelta(days=7))


def connection(**fields) -> Connection:
    return Connection(**{"provider": "polar", "athlete_id": "ada", "linked_at": NOW, "acquired": "oauth"} | fields)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_upsert_changes_the_given_fields_and_keeps_the_others(tmp_path):
    store = AthleteStore(tmp_path)
    store.upsert("ada", {"timezone": "Europe/Berlin", "sex": "female", "birth_date": date(1990, 5, 1)})
    store.upsert("ada", {"max_hr_bpm": 188, "timezone": None})
    store.upsert("ben")
    ada = AthleteStore(tmp_path).get("ada")
    assert (ada.display_name, ada.timezone, ada.sex, ada.max_hr_bpm) == ("ada", "Europe/Berlin", "female", 188)
    assert [athlete.athlete_id for athlete in store.list()] == ["ada", "ben"]
    assert mode(tmp_path / "athletes.json") == 0o600


def test_an_athlete_has_the_columns_of_the_athletes_table(tmp_path):
    row = AthleteStore(tmp_path).upsert("ada").model_dump()
    assert set(row) == {"athlete_id", *(column.name for column in ATHLETES.columns)}


def test_a_removed_athlete_is_gone(tmp_path):
    store = AthleteStore(tmp_path)
    store.upsert("ada")
    assert store.remove("ada")
    assert not store.remove("ada")
    assert store.list() == ()


@pytest.mark.parametrize(
    ("athlete_id", "profile"),
    [
        ("Ada", {}),
        ("../ada", {}),
        ("a" * 41, {}),
        ("", {}),
        ("ada", {"timezone": "Berlin"}),
        ("ada", {"timezone": "../etc/passwd"}),
        ("ada", {"sex": "f"}),
        ("ada", {"max_hr_bpm": 20}),
        ("ada", {"max_hr_bpm": 100, "resting_hr_bpm": 110}),
    ],
)
def test_a_bad_value_is_one_line_and_stores_nothing(tmp_path, athlete_id, profile):
    with pytest.raises(ConfigError) as refused:
        AthleteStore(tmp_path).upsert(athlete_id, profile)
    assert "\n" not in str(refused.value)
    assert AthleteStore(tmp_path).list() == ()


def test_a_damaged_athletes_file_is_named(tmp_path):
    (tmp_path / "athletes.json").write_text("[{")
    with pytest.raises(ConfigError, match=r"athletes\.json is damaged"):
        AthleteStore(tmp_path).list()


def test_only_the_owner_can_read_tokens_and_no_temporary_file_stays(tmp_path):
    FileTokenStore(tmp_path).save("strava", "ada", TOKEN)
    folder = tmp_path / "tokens" / "strava"
    assert (mode(folder.parent), mode(folder), mode(folder / "ada.json")) == (0o700, 0o700, 0o600)
    assert [path.name for path in folder.iterdir()] == ["ada.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"access_token": "a"}', b"\xff\xfe"])
def test_an_empty_or_cut_token_file_says_how_to_get_out(tmp_path, content):
    FileTokenStore(tmp_path).save("strava", "ada", TOKEN)
    (tmp_path / "tokens" / "strava" / "ada.json").write_bytes(content)
    with pytest.raises(ConfigError, match="fit-platform link strava ada"):
        FileTokenStore(tmp_path).load("strava", "ada")


def test_a_failed_write_leaves_the_old_token(tmp_path, monkeypatch):
    store = FileTokenStore(tmp_path)
    store.save("strava", "ada", TOKEN)

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fit_platform.accounts.files.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        store.save("strava", "ada", Token("access-2"))
    assert store.load("strava", "ada") == TOKEN
    assert [path.name for path in (tmp_path / "tokens" / "strava").iterdir()] == ["ada.json"]


@pytest.mark.parametrize("name", ["..", "a/b", "ada.connection", "Ada"])
def test_a_name_cannot_leave_the_tokens_folder(tmp_path, name):
    with pytest.raises(ConfigError):
        FileTokenStore(tmp_path).load("strava", name)


def test_connections_are_listed_by_provider_and_athlete(tmp_path):
    store = ConnectionStore(tmp_path)
    for provider, athlete in (("strava", "ada"), ("polar", "ben"), ("polar", "ada")):
        store.save(connection(provider=provider, athlete_id=athlete))
    assert [(c.provider, c.athlete_id) for c in store.list()] == [("polar", "ada"), ("polar", "ben"), ("strava", "ada")]
    assert [c.athlete_id for c in store.list("polar")] == ["ada", "ben"]
    assert [c.provider for c in store.list(athlete_id="ada")] == ["polar", "strava"]
    assert store.remove("polar", "ada")
    assert store.get("polar", "ada") is None


def test_a_connection_works_until_its_end_is_near_and_then_needs_a_consent():
    linked = connection(consent_expires_at=NOW + timedelta(days=20))
    assert linked.state(NOW).state is State.WORKING
    assert linked.state(NOW + timedelta(days=10)).state is State.EXPIRING
    assert linked.state(NOW + timedelta(days=10)).until == NOW + timedelta(days=20)
    ended = linked.state(NOW + timedelta(days=20))
    assert (ended.state, ended.since) == (State.NEEDS_CONSENT, NOW + timedelta(days=20))
    assert connection().state(NOW + timedelta(days=5000)).state is State.WORKING


def test_the_first_reason_for_a_broken_connection_stays_until_it_is_renewed(tmp_path):
    store = ConnectionStore(tmp_path)
    store.save(connection())
    for hour, reason in enumerate(["refused", "refused again"]):
        broken = Broken(state=State.NEEDS_CONSENT, reason=reason, since=NOW + timedelta(hours=hour))
        store.mark_broken("polar", "ada", broken)
    state = store.get("polar", "ada").state(NOW)
    assert (state.state, state.reason, state.since) == (State.NEEDS_CONSENT, "refused", NOW)
    store.renew("polar", "ada", NOW + timedelta(days=365))
    assert store.get("polar", "ada").state(NOW).state is State.WORKING


def test_scopes_are_lacking_only_if_the_provider_said_what_it_granted():
    assert connection(scopes=("read",)).lacks_scopes(["read", "sleep"]) == ("sleep",)
    assert connection(scopes=None).lacks_scopes(["read", "sleep"]) == ()
