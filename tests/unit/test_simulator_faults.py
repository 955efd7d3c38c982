"""Scenarios: which request a fault strikes, and what is left of the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from fit_platform.simulator.faults import HTML_PAGE, NEW_SPORT, Fault, Faults, asked_days, spoil
from fit_platform.simulator.scenario import Poison, Scenario, load_scenario

DAY = date(2026, 3, 2)
HEART_RATE = "/fitbit/v4/users/me/dataTypes/heart-rate/dataPoints?filter="


@pytest.mark.parametrize(("text", "days"), [
    ("/polar/v3/users/sleep/2026-03-02", (DAY, DAY)),
    ("/polar/v3/users/activities?from=2026-03-01&to=2026-03-03", (date(2026, 3, 1), date(2026, 3, 3))),
    ('a.b >= "2026-03-01" AND a.b < "2026-03-03"', (date(2026, 3, 1), DAY)),
    ('a.b >= "2026-03-01T00:00:00Z" AND a.b < "2026-03-03T00:00:00Z"', (date(2026, 3, 1), DAY)),
    ('a.b >= "2026-03-02T00:00:00Z" AND a.b < "2026-03-02T12:00:00Z"', (DAY, DAY)),
    ("/strava/api/v3/athlete/activities?after=1772409599&before=1772496000", (DAY, DAY)),
    ("/polar/v3/exercises?samples=true", None),
])  # fmt: skip
def test_the_days_of_a_request_are_read_from_its_path_and_query(text: str, days: tuple[date, date] | None) -> None:
    assert asked_days(text) == days


def test_poison_strikes_only_the_chosen_provider_path_athlete_and_day() -> None:
    poison = Poison(provider="fitbit", kind="html_200", path_contains="heart-rate", day=DAY, athlete="ada")
    faults = Faults(Scenario(poison=(poison,)))
    hit = HEART_RATE + 'x >= "2026-03-02T00:00:00Z" AND x < "2026-03-04T00:00:00Z"'
    miss = HEART_RATE + 'x >= "2026-03-03T00:00:00Z" AND x < "2026-03-04T00:00:00Z"'
    assert faults.strike("fitbit", "ada", hit, b"{}") is not None
    assert faults.strike("fitbit", "ada", hit.replace("heart-rate", "steps"), b"{}") is None
    assert faults.strike("fitbit", "ben", hit, b"{}") is None
    assert faults.strike("polar", "ada", hit, b"{}") is None
    assert faults.strike("fitbit", "ada", miss, b"{}") is None


def test_a_request_without_dates_is_struck_when_its_answer_shows_the_day() -> None:
    faults = Faults(Scenario(poison=(Poison(provider="polar", kind="malformed_json", day=DAY),)))
    assert faults.strike("polar", "ada", "/polar/v3/exercises", b'[{"start_time":"2026-03-02T10:00:00"}]') is not None
    assert faults.strike("polar", "ada", "/polar/v3/exercises", b'[{"start_time":"2026-03-03T10:00:00"}]') is None


def test_poison_is_spent_after_its_times() -> None:
    faults = Faults(Scenario(poison=(Poison(provider="strava", kind="status_500", times=2),)))
    struck = [faults.strike("strava", "ada", "/strava/api/v3/athlete", b"{}") is not None for _ in range(4)]
    assert struck == [True, True, False, False]


def test_random_faults_come_at_their_rate_and_at_the_same_calls_again() -> None:
    scenario = Scenario(seed=3, status_500=0.1, malformed_json=0.05)

    def kinds() -> list[str | None]:
        faults = Faults(scenario)
        struck = [faults.strike("polar", "ada", "/x", b"{}") for _ in range(2000)]
        return [fault.kind if fault else None for fault in struck]

    first = kinds()
    assert first == kinds()
    assert 150 < first.count("status_500") < 250
    assert 60 < first.count("malformed_json") < 140


def _spoilt(kind: str, answer: Any, **poison: Any) -> Any:
    fault = Fault(kind, 0, Poison(provider="polar", kind=kind, **poison))  # type: ignore[arg-type]
    return json.loads(spoil(fault, json.dumps(answer).encode()))


def test_each_kind_leaves_its_own_mark() -> None:
    rows = [
        {"start_time": "2026-03-01T08:00:00", "sport": "RUNNING"},
        {"start_time": "2026-03-02T08:00:00", "sport": "YOGA"},
    ]
    assert _spoilt("missing_key", rows, day=DAY) == [rows[0], {"sport": "YOGA"}]
    assert _spoilt("unknown_sport", rows, day=DAY)[1]["sport"] == NEW_SPORT
    assert _spoilt("sentinel", rows, key="sport", value=-1, records=2) == [{**row, "sport": -1} for row in rows]
    assert _spoilt("empty", rows) == []
    assert _spoilt("empty", {"dataPoints": rows, "nextPageToken": "x"}) == {"dataPoints": []}
    assert spoil(Fault("html_200", 0), b"[]") == HTML_PAGE
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(spoil(Fault("malformed_json", 0), json.dumps(rows).encode()))


def test_a_nested_member_can_be_spoilt() -> None:
    answer = {"dataPoints": [{"heartRate": {"sampleTime": {}, "beatsPerMinute": "72"}}]}
    spoilt = _spoilt("sentinel", answer, key="heartRate.beatsPerMinute", value="many")
    assert spoilt["dataPoints"][0]["heartRate"]["beatsPerMinute"] == "many"


def test_a_scenario_is_read_from_yaml_and_json_and_mistakes_are_named(tmp_path: Path) -> None:
    file = tmp_path / "scenario"
    file.write_text("status_500: 0.1\npoison:\n- {provider: fitbit, kind: html_200, day: 2026-03-02}\n")
    assert load_scenario(file).poison[0].day == DAY
    file.write_text('{"latency_ms": 3}')
    assert load_scenario(file).latency_ms == 3
    file.write_text("status_5000: 0.1\n")
    with pytest.raises(ValidationError, match="status_5000"):
        load_scenario(file)
    with pytest.raises(ValueError, match="scenario"):
        load_scenario(tmp_path / "absent")
    with pytest.raises(ValidationError, match="add up"):
        Scenario(status_500=0.6, status_429=0.6)


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield prefix + name
        for part in (info.annotation, *get_args(info.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _keys(part, f"{prefix}{name}.")


def _written(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield from _written(value[0], prefix)
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield prefix + name
        yield from _written(inner, f"{prefix}{name}.")


def test_the_scenario_of_the_docs_loads_and_names_every_key(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text()
    text = page.partition("```yaml\n")[2].partition("```")[0]
    file = tmp_path / "scenario.yaml"
    file.write_text(text)
    scenario = load_scenario(file)
    assert scenario.churn.late.max_days == 120
    assert scenario.poison[0].day == date(2026, 3, 28)
    assert sorted(_written(msgspec.yaml.decode(text))) == sorted(_keys(Scenario))
