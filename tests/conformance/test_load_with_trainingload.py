"""Fitness and fatigue beside `trainingload`, whose conventions differ from ours in two declared ways."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pytest
from trainingload import PMCCalculator

from tests.integration.compiled_models import CompiledModels

FIRST, LAST = date(2026, 3, 1), date(2026, 4, 30)


def test_fitness_fatigue_and_form_are_those_of_trainingload_once_its_conventions_are_ours(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """It takes 1/tau where we take 1 - e^(-1/tau), and tells today's form, which for us is tomorrow's."""
    loads = {FIRST + timedelta(days=n): 40.0 + (n * 37) % 90 for n in range(0, 45, 2)}
    rows = CompiledModels.of_project(tmp_path_factory.mktemp("compiled"), today=LAST.isoformat()).run(
        "training_load_daily",
        {
            "activities": [{"activity_id": str(day), "athlete_id": "ada", "local_date": day} for day in loads],
            "activity_heart_rate": [
                {"activity_id": str(day), "athlete_id": "ada", "trimp": load} for day, load in loads.items()
            ],
            "athletes": [{"athlete_id": "ada", "sex": "female"}],
        },
    )
    ours = {row["local_date"]: row for row in rows}
    # Its type says whole days; it divides by them.
    constants: dict[str, Any] = {
        f"{name}_time_constant": 1 / (1 - math.exp(-1 / tau)) for name, tau in (("ctl", 42), ("atl", 7))
    }
    theirs = {day.date: day for day in PMCCalculator(**constants).calculate_pmc(loads, FIRST, LAST)}
    assert sorted(ours) == sorted(theirs)
    rounded = 0.051  # it rounds to one decimal
    for day, told in theirs.items():
        assert (ours[day]["ctl"], ours[day]["atl"]) == (
            pytest.approx(told.ctl, abs=rounded),
            pytest.approx(told.atl, abs=rounded),
        )
        if day < LAST:
            assert ours[day + timedelta(days=1)]["tsb"] == pytest.approx(told.tsb, abs=rounded)
