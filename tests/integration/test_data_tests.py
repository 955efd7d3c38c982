"""Data tests of the dbt project that must fail on what they are there for, and on nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.compiled_models import CompiledModels


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    return CompiledModels.of_project(tmp_path_factory.mktemp("compiled"))


def pairs(athlete: str, *, left: int, settled: int, different: int = 0) -> list[dict[str, Any]]:
    """Compared pairs of one athlete; every other `settled` one is so by way of a third record."""
    row = {"athlete_id": athlete, "activity_id": "run"}
    return [
        *({**row, "relation": "possible", "other_activity_id": f"held {n}"} for n in range(left)),
        *({**row, "relation": ("same", "possible")[n % 2], "other_activity_id": "run"} for n in range(settled)),
        *({**row, "relation": "different", "other_activity_id": f"walk {n}"} for n in range(different)),
    ]


@pytest.mark.parametrize(
    ("rows", "warned"),
    [
        ([], []),
        (pairs("ada", left=4, settled=16), []),
        (pairs("ada", left=5, settled=15, different=1000), ["ada"]),
        (pairs("ada", left=19, settled=0), []),
        ([*pairs("ada", left=0, settled=1000), *pairs("ben", left=20, settled=0)], ["ben"]),
    ],
    ids=["no pairs", "a fifth", "more than a fifth", "too few to tell", "one athlete among others"],
)
def test_too_many_undecided_pairs_of_an_athlete_are_noticed(
    models: CompiledModels, rows: list[dict[str, Any]], warned: list[str]
) -> None:
    """What is left for a person is held back: many such pairs hide real sessions, and nobody looks by themselves."""
    found = models.failing("few_possible_activity_match_pa", {"activity_match_pairs": rows})
    assert [row["athlete_id"] for row in found] == warned


def decision(a: str, b: str, word: str = "force_same", athlete: str = "ada") -> dict[str, str]:
    """A row of the seed: `polar:1` and the like."""
    (provider_a, id_a), (provider_b, id_b) = a.split(":"), b.split(":")
    return {
        "athlete_id": athlete, "provider_a": provider_a, "provider_activity_id_a": id_a, "provider_b": provider_b,
        "provider_activity_id_b": id_b, "decision": word,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("test", "again", "is_refused"),
    [
        ("unique_pair_activity_overrides", decision("strava:2", "polar:1", "force_different"), True),
        ("unique_pair_activity_overrides", decision("strava:2", "polar:1", athlete="ben"), False),
        ("unique_pair_activity_overrides", decision("polar:2", "strava:1"), False),
        ("always_true_activity_overrides", decision("garmin:1", "strava:2"), True),
        ("always_true_activity_overrides", decision("strava:2", "garmin:1"), True),
        ("always_true_activity_overrides", decision("polar:1", "polar:1"), True),
        ("always_true_activity_overrides", decision("polar:1", "strava:2", "same"), True),
        ("always_true_activity_overrides", decision("fitbit:1", "fitbit:2", "force_different"), False),
    ],
)
def test_a_seed_of_decisions_that_contradicts_itself_or_names_nobody_is_refused(
    models: CompiledModels, test: str, again: dict[str, str], is_refused: bool
) -> None:
    """The file in FIT_HOME is checked where it is read; the seed is read by dbt alone."""
    rows = [decision("polar:1", "strava:2"), again]
    assert bool(models.failing(test, {"activity_overrides": rows})) is is_refused
