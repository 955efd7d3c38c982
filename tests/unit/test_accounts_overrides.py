"""overrides.csv: what a person decided is kept whole, and a slip of the pen is told by its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit_platform.accounts.overrides import COLUMNS, Override, OverrideStore
from fit_platform.errors import ConfigError

SAME = Override("ada", "polar", "p1", "strava", "s1", "force_same")
HEADER = ",".join(COLUMNS)


def test_a_decision_is_kept_until_it_is_replaced_or_removed(tmp_path: Path) -> None:
    """A pair is the same pair from either side."""
    store = OverrideStore(tmp_path)
    assert store.list() == ()
    assert store.add(SAME)
    assert not store.add(Override("ada", "strava", "s1", "polar", "p1", "force_same"))
    assert store.add(Override("ada", "strava", "s1", "polar", "p1", "force_different"))
    assert [o.decision for o in store.list()] == ["force_different"]
    assert store.remove(SAME)
    assert not store.remove(SAME)
    assert store.list() == ()
    assert store.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ada,polar,p1,strava,s1", "line 3: 5 values instead of 6"),
        ("ada,polar,p1,garmin,s1,force_same", "line 3: unknown provider 'garmin'; known are polar, strava, fitbit"),
        ("ada,polar,,strava,s1,force_same", "line 3: a record's id is missing"),
        ("ada,polar,p1,strava,s1,maybe", "line 3: decision 'maybe': use force_same or force_different"),
        ("Ada!,polar,p1,strava,s1,force_same", "line 3: athlete_id 'Ada!'"),
        ("ada,polar,p1,polar,p1,force_same", "line 3: both records are the same one"),
        ("ada,strava,s9,polar,p9,force_different", "line 3: this pair was decided on line 2 already"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(tmp_path: Path, line: str, complaint: str) -> None:
    store = OverrideStore(tmp_path)
    store.path.write_text(f"{HEADER}\nada,polar,p9,strava,s9,force_same\n{line}\n")
    with pytest.raises(ConfigError, match=complaint):
        store.list()


def test_decisions_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    """p1 = s1 = f1, so p1 and f1 cannot be forced apart: neither by a program nor by hand."""
    store = OverrideStore(tmp_path)
    store.add(SAME)
    store.add(Override("ada", "strava", "s1", "fitbit", "f1", "force_same"))
    with pytest.raises(ConfigError, match="contradicts what is forced to be the same; remove that decision first"):
        store.add(Override("ada", "polar", "p1", "fitbit", "f1", "force_different"))
    assert len(store.list()) == 2
    store.path.write_text(store.path.read_text() + "ada,polar,p1,fitbit,f1,force_different\n")
    with pytest.raises(ConfigError, match="line 4: force_different of"):
        store.list()


def test_comments_blank_lines_a_byte_order_mark_and_capitals_of_a_provider_are_fine(tmp_path: Path) -> None:
    store = OverrideStore(tmp_path)
    store.path.write_text(f"\ufeff{HEADER}\n# the gym\n\n ada, Polar, p1, STRAVA, s1, force_same\n", encoding="utf-8")
    assert store.list() == (SAME,)


IDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zs", "Zl", "Zp", "Cs")), min_size=1, max_size=12)


@given(st.lists(st.tuples(IDS, IDS, st.sampled_from(["force_same", "force_different"])), max_size=8))
def test_whatever_ids_providers_invent_survive_the_file(
    tmp_path_factory: pytest.TempPathFactory, decisions: list[tuple[str, str, str]]
) -> None:
    """Commas, quotes, hashes and letters of any script."""
    store = OverrideStore(tmp_path_factory.mktemp("home"))
    kept: dict[object, Override] = {}
    for number, (a, b, decision) in enumerate(decisions):
        pair = Override("ada", "polar", f"{a}{number}", "strava", f"{b}{number}", decision)  # type: ignore[arg-type]
        store.add(pair)
        kept[pair.records] = pair
    assert store.list() == tuple(sorted(kept.values()))
