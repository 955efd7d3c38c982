"""What holds for any stream of heart rate, found by search: nothing is counted twice, and nothing gets lost."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.athlete_day import NOON, activity, samples
from tests.integration.compiled_models import CompiledModels

few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    return CompiledModels.of_project(tmp_path_factory.mktemp("compiled"))


bpms = st.integers(min_value=30, max_value=220).map(float)
gaps = st.sampled_from([1, 1, 1, 2, 5, 9, 10, 11, 60, 300])


@st.composite
def streams(draw: st.DrawFn, most: int = 60) -> list[tuple[int, float]]:
    """(second, bpm) with gaps of all sorts."""
    found, second = [], draw(st.integers(min_value=0, max_value=4000))
    for gap in draw(st.lists(gaps, min_size=2, max_size=most)):
        found.append((second, draw(bpms)))
        second += gap
    return found


def credited(stream: list[tuple[int, float]], end: int) -> float:
    """The seconds that a recording's samples earn: to the next one, 10 at most, the last to the end."""
    seconds = [second for second, _ in stream] + [end]
    return sum(min(after - before, 10) for before, after in pairwise(seconds))


@few
@given(stream=streams())
def test_seconds_in_zones_and_below_them_sum_to_the_covered_time(
    models: CompiledModels, stream: list[tuple[int, float]]
) -> None:
    end = stream[-1][0] + 4
    inputs = activity(samples(stream), end)
    (row,) = models.run("activity_heart_rate", inputs)
    assert row["covered_seconds"] == credited(stream, end)
    by_zone = {r["zone"]: r["seconds"] for r in models.run("activity_zones", inputs) if r["scheme"] == "%HRmax"}
    below = credited([s for s in stream if s[1] < 95], end) if all(bpm < 95 for _, bpm in stream) else None
    hearts = models.run("int_activity_bpm_seconds", inputs)
    assert sum(by_zone.values()) + sum(h["seconds"] for h in hearts if h["bpm"] < 95) == row["covered_seconds"]
    if below is not None:
        assert (sum(by_zone.values()), row["covered_seconds"]) == (0, below)


@few
@given(band=streams(), watch=streams(), strap=streams())
def test_overlapping_sources_cover_no_second_twice_and_lose_none(
    models: CompiledModels, band: list[Any], watch: list[Any], strap: list[Any]
) -> None:
    """Against a plain second-by-second model: the best source that covers half a second has it."""
    feeds = [
        (samples(strap), 1), (samples(band, provider="fitbit", feed="continuous"), 3),
        (samples(watch, provider="polar", feed="continuous"), 4),
    ]  # fmt: skip
    rows = models.run("int_heart_rate_intervals", {"int_heart_rate_samples": [s for feed, _ in feeds for s in feed]})
    got: dict[int, float] = {}
    for row in rows:
        start, end = round(2 * row["from_second"]), round(2 * (row["from_second"] + row["seconds"]))
        for half in range(start, end):
            assert half not in got, "counted twice"
            got[half] = row["bpm"]
    cadence = {(r["provider"], r["feed"]): r["cadence_seconds"] for r in rows}
    expected: dict[int, float] = {}
    for feed, _ in sorted(feeds, key=lambda item: -item[1]):
        key = (feed[0]["provider"], feed[0]["feed"])
        cap = 10 if key[1] == "activity" else 1.5 * cadence[key]
        for now, after in pairwise([*feed, None]):
            assert now is not None
            gap = math.inf if after is None else after["sampled_second"] - now["sampled_second"]
            for half in range(2 * now["sampled_second"], round(2 * (now["sampled_second"] + min(gap, cap)))):
                expected[half] = now["bpm"]
    assert got == expected
    assert sum(row["is_sample"] for row in rows) == len(strap) + len(band) + len(watch)


@few
@given(stream=streams(), hours=st.integers(min_value=-11, max_value=13))
def test_another_time_zone_leaves_facts_in_utc_as_they_were(
    models: CompiledModels, stream: list[tuple[int, float]], hours: int
) -> None:
    """Whole hours, so that the local hours begin together; a recording, because a feed's cadence is one of its day."""
    keys = ("hour_start_utc", "max_bpm", "avg_bpm", "min_bpm", "sample_count", "covered_minutes")

    def utc_facts(offset: int) -> list[tuple[Any, ...]]:
        hearts = samples(stream, utc_offset_seconds=offset)
        rows = models.run("heart_rate_hourly", {"int_heart_rate_samples": hearts})
        return sorted(tuple(row[key] for key in keys) for row in rows)

    assert utc_facts(hours * 3600) == utc_facts(0)


@few
@given(stream=streams(), quarters=st.integers(min_value=-48, max_value=56))
def test_a_zone_of_any_quarter_hour_leaves_the_totals_as_they_were(
    models: CompiledModels, stream: list[tuple[int, float]], quarters: int
) -> None:
    """Kathmandu's hours begin at a quarter past, and its days are others: rows differ, what they add up to does not."""
    end = stream[-1][0] + 4
    zone_names = [f"zone_{zone}_seconds" for zone in range(1, 6)]

    def totals(offset: int) -> tuple[Any, ...]:
        inputs = activity(samples(stream, utc_offset_seconds=offset), end)
        hours, days = (models.run(model, inputs) for model in ("heart_rate_hourly", "heart_rate_daily"))
        return (
            *(sum(day[name] for day in days) for name in zone_names),
            *((sum(r["sample_count"] for r in rows), max(r["max_bpm"] for r in rows), min(r["min_bpm"] for r in rows))
              for rows in (hours, days)),
            (sum(hour["covered_minutes"] for hour in hours), len(hours)),
            (sum(day["worn_minutes"] for day in days), len(days)),
        )  # fmt: skip

    moved, still = totals(quarters * 900), totals(0)
    assert moved[:-2] == still[:-2]
    for (minutes, rows), (others, other_rows) in zip(moved[-2:], still[-2:], strict=True):
        # Each row is rounded to the hundredth: half of one may be lost in each, on both sides.
        assert minutes == pytest.approx(others, abs=0.0051 * (rows + other_rows))


@few
@given(stream=streams(), share=st.floats(min_value=0.1, max_value=0.9))
def test_a_recording_in_two_parts_has_the_totals_of_the_whole(
    models: CompiledModels, stream: list[tuple[int, float]], share: float
) -> None:
    """The first part ends where the second begins: a sample there belongs to the second."""
    cut = stream[round((len(stream) - 1) * share)][0]
    end = stream[-1][0] + 7
    whole = samples(stream, known_end_second=NOON + end)
    parts = [
        *samples([s for s in stream if s[0] < cut], known_end_second=NOON + cut),
        *samples([s for s in stream if s[0] >= cut], known_end_second=NOON + end),
    ]

    def totals(hearts: list[dict[str, Any]]) -> dict[float, float]:
        rows = models.run("int_heart_rate_by_bpm", {"int_heart_rate_samples": hearts})
        return {row["bpm"]: row["seconds"] for row in rows}

    assert totals(parts) == totals(whole)

    def of_the_activity(hearts: list[dict[str, Any]]) -> tuple[Any, ...]:
        inputs = activity(hearts, end)
        (facts,) = models.run("activity_heart_rate", inputs)
        in_zones = {(row["scheme"], row["zone"]): row["seconds"] for row in models.run("activity_zones", inputs)}
        return facts["covered_seconds"], pytest.approx(facts["trimp"], abs=2e-6), in_zones

    covered, trimp, in_zones = of_the_activity(parts)
    assert (covered, trimp.expected, in_zones) == of_the_activity(whole)


@few
@given(
    loads=st.dictionaries(
        st.integers(min_value=0, max_value=4500), st.floats(min_value=0, max_value=500), min_size=1, max_size=40
    )
)
def test_fitness_and_fatigue_equal_their_closed_form_over_twelve_years(
    models: CompiledModels, loads: dict[int, float]
) -> None:
    """Against the recursion itself, day by day, from 2013 on: in the sum of e^(i/7) alone day 4,970 would overflow."""
    first = date(2013, 1, 1)
    rows = models.run(
        "training_load_daily",
        {
            "activities": [
                {"activity_id": str(day), "athlete_id": "ada", "local_date": first + timedelta(days=day)}
                for day in loads
            ],
            "activity_heart_rate": [
                {"activity_id": str(day), "athlete_id": "ada", "trimp": trimp} for day, trimp in loads.items()
            ],
            "athletes": [{"athlete_id": "ada", "sex": "female"}],
        },
    )
    rows.sort(key=lambda row: row["local_date"])
    ctl = atl = 0.0
    for row in rows:
        assert row["tsb"] == pytest.approx(ctl - atl, abs=2e-6)
        load = loads.get((row["local_date"] - first).days, 0.0)
        ctl += (load - ctl) * (1 - math.exp(-1 / 42))
        atl += (load - atl) * (1 - math.exp(-1 / 7))
        assert (row["ctl"], row["atl"]) == (pytest.approx(ctl, abs=2e-6), pytest.approx(atl, abs=2e-6))
    assert len(rows) == (date(2026, 4, 30) - first).days - min(loads) + 1
