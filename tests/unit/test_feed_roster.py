"""The roster: who is linked, for a receiver that sees nothing but the bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from fit_platform.errors import ConfigError, FitError
from fit_platform.feed.owners import Owners
from fit_platform.feed.roster import ROSTER, SharedLink, share, shared
from fit_platform.landing.opening import open_store

ADA = SharedLink("strava", "ada", "7")
BEN = SharedLink("polar", "ben", "8")


def test_a_receiver_elsewhere_knows_whose_a_webhook_is(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert share("a", store, [ADA, BEN])
    owners = Owners(shared(store))
    assert owners.athletes("strava", "7") == ("ada",)
    assert owners.athletes("strava", "8") == ()


def test_nothing_is_written_while_nothing_changes(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert share("b", store, [BEN, ADA])
    assert not share("b", store, [ADA, BEN])
    assert not share("another process", store, [ADA, BEN]), "it looks at what is there first"


def test_an_athlete_who_is_gone_is_not_told_of_any_more(tmp_path: Path) -> None:
    """Nor in an older version of the object."""
    store = open_store(str(tmp_path))
    share("c", store, [ADA, BEN])
    share("c", store, [BEN])
    assert shared(store)() == (BEN,)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"ada" in path.read_bytes()]


def test_a_connection_that_is_known_twice_is_one_athlete() -> None:
    assert Owners(lambda: (ADA, ADA)).athletes("strava", "7") == ("ada",)


def test_before_there_is_a_roster_nobody_is_linked(tmp_path: Path) -> None:
    assert shared(open_store(str(tmp_path)))() == ()


def test_a_damaged_roster_is_said(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.write(ROSTER, b"[{")
    with pytest.raises(ConfigError, match="damaged"):
        shared(store)()


def test_while_the_bucket_does_not_answer_what_was_read_before_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(tmp_path))
    share("d", store, [ADA])
    read = shared(store, max_age_s=-1.0)
    assert read() == (ADA,)

    def fails(_: str) -> bytes:
        raise FitError("no answer")

    monkeypatch.setattr(store, "read", fails)
    assert read() == (ADA,)
    with pytest.raises(FitError):
        shared(store)()
