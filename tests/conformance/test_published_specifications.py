"""The simulators' answers against the providers' published specifications, where a folder of them is at hand.

`FIT_SPECS_DIR` names the folder; it holds `polar_accesslink_v3.yaml` (OpenAPI, from Polar's AccessLink documentation)
and `strava_swagger.json` (from developers.strava.com). They are the providers' own texts, so they are not kept here.
Strava's refers to definitions in other files: of it only paths, parameters and the types in its examples can be used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from fit_platform.simulator import World
from tests.conformance.conftest import CONFIG, Visitor, is_served
from tests.conformance.schemas import Schemas

# Read while tests are collected: during a test no setting of the machine is visible.
FOLDER = os.environ.get("FIT_SPECS_DIR")
DAY = date(2026, 11, 3)
NOT_SIMULATED = ("transaction", "webhook", "notifications", "/fit", "/tcx", "/gpx")

# Where live answers differ from Polar's specification the simulator follows the live answers, as other people's
# clients record them (polar-flow-api, polar-mcp and others).
LIVE_POLAR = {
    "heart_rate_zones[].in_zone: unknown": "hyphens in the specification",
    "heart_rate_zones[].lower_limit: unknown": "hyphens in the specification",
    "heart_rate_zones[].upper_limit: unknown": "hyphens in the specification",
    "samples[].recording_rate: unknown": "hyphens in the specification",
    "samples[].sample_type: unknown": "hyphens and text in the specification",
    "cardio_load_level.very_high: unknown": "a hyphen in the specification, in this one level only",
    "running_index: unknown": "a hyphen in the specification",
    "heart_rates: unknown": "a range is wrapped; the specification gives it the shape of one day",
}
# Here Strava's example is a list, and the schema that the same specification names is an object.
WRONG_STRAVA_EXAMPLES = ("/athlete/zones",)
# Members of Strava's examples that the invented athletes have no occasion for, or that Strava no longer sends.
NOT_SIMULATED_MEMBERS = {
    *("average_watts", "max_watts", "weighted_average_watts", "device_watts", "kilojoules"),  # no power meter here
    *("average_cadence", "average_temp"),  # the sensor of a bike computer
    *("gear", "splits_metric"),  # in the detail; the row has the gear's id
    *("highlighted_kudosers", "partner_brand_tag", "use_primary_photo"),
    *("leaderboard_opt_out", "segment_leaderboard_opt_out"),
}


def specification(name: str) -> dict[str, Any] | None:
    if FOLDER is None or not (Path(FOLDER) / name).is_file():
        return None
    text = (Path(FOLDER) / name).read_text()
    found: dict[str, Any] = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
    return found


POLAR = specification("polar_accesslink_v3.yaml")
STRAVA = specification("strava_swagger.json")
needs_polar = pytest.mark.skipif(POLAR is None, reason="no polar_accesslink_v3.yaml: FIT_SPECS_DIR names its folder")
needs_strava = pytest.mark.skipif(STRAVA is None, reason="no strava_swagger.json: FIT_SPECS_DIR names its folder")


def questions(document: dict[str, Any] | None, media: str | None) -> dict[str, dict[str, Any]]:
    """The GET operations with a described answer, by path."""
    found = {}
    for path, item in (document or {}).get("paths", {}).items():
        answers = item.get("get", {}).get("responses", {})
        answer = answers.get("200") or answers.get(200) or {}
        is_described = media in answer.get("content", {}) if media else "schema" in answer
        if is_described and not any(part in path for part in NOT_SIMULATED):
            found[path] = item["get"]
    return found


POLAR_QUESTIONS = questions(POLAR, "application/json")
STRAVA_QUESTIONS = questions(STRAVA, None)


@pytest.fixture(scope="module")
def polar(base_url: str) -> Visitor:
    return Visitor(base_url, "polar").login()


@pytest.fixture(scope="module")
def strava(base_url: str) -> Visitor:
    return Visitor(base_url, "strava").login()


@needs_polar
@pytest.mark.parametrize("path", POLAR_QUESTIONS or ["-"])
def test_polar_answers_fit_the_published_specification(polar: Visitor, path: str) -> None:
    assert POLAR is not None
    operation = POLAR_QUESTIONS[path]
    exercises = World(CONFIG.world).people["ada"].records("polar")
    values = {
        "exerciseId": exercises[5][1].provider_activity_id,
        "user-id": str(polar.token["x_user_id"]),
        "date": str(DAY),
        "days": "14",
        "months": "1",
    }
    names = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    query = dict.fromkeys(names - {"from", "to"}, "true")
    if "from" in names:
        query |= {"from": str(DAY), "to": str(DAY.replace(day=9))}
    address = path.removeprefix("/v3")
    for name, value in values.items():
        address = address.replace("{" + name + "}", value)
    answer = polar.get(address, **query)
    if not is_served(answer.text):
        pytest.skip(f"not simulated: {path}")
    answers = operation["responses"]
    if answer.status_code == 204 and "204" in answers:
        pytest.skip(f"no data, as the specification says it: {path}")
    assert answer.status_code == 200, answer.text
    schema = (answers.get("200") or answers[200])["content"]["application/json"]["schema"]
    problems = Schemas(POLAR["components"]["schemas"]).problems(answer.json(), schema)
    assert [p for p in problems if not any(p.endswith(f".{known}") for known in LIVE_POLAR)] == []


@needs_polar
def test_a_polar_refusal_fits_the_published_error(polar: Visitor) -> None:
    assert POLAR is not None
    refused = polar.get("/users/activities", **{"from": "2026-09-01", "to": str(DAY)})
    assert refused.status_code == 400
    assert Schemas(POLAR["components"]["schemas"]).problems(refused.json(), "error") == []


@needs_strava
@pytest.mark.parametrize("path", STRAVA_QUESTIONS or ["-"])
def test_strava_answers_have_the_types_of_the_published_examples(strava: Visitor, path: str) -> None:
    operation = STRAVA_QUESTIONS[path]
    example = operation["responses"]["200"].get("examples", {}).get("application/json")
    if example is None:
        pytest.skip(f"no example: {path}")
    row = next(r for r in strava.json("/athlete/activities") if r["start_latlng"] and r["has_heartrate"])
    gear = strava.json("/athlete")["bikes"][0]["id"]
    address = path.replace("{id}", gear if path.startswith("/gear") else str(row["id"]))
    answer = strava.get(address, **({"keys": "time,distance,heartrate"} if path.endswith("/streams") else {}))
    if not is_served(answer.text):
        pytest.skip(f"not simulated: {path}")
    assert answer.status_code == 200, answer.text
    if path in WRONG_STRAVA_EXAMPLES:
        pytest.skip(f"the example contradicts the schema: {path}")
    assert sorted(set(differences(answer.json(), example, "$"))) == []
    if path.startswith("/activities/"):
        assert missing_members(answer.json(), example) <= NOT_SIMULATED_MEMBERS


@needs_strava
def test_strava_takes_the_published_parameters(strava: Visitor) -> None:
    shared = STRAVA["parameters"] if STRAVA else {}
    listed = STRAVA_QUESTIONS["/athlete/activities"]["parameters"]
    names = {p.get("name") or shared[p["$ref"].rsplit("/", 1)[-1]]["name"] for p in listed}
    assert names == {"before", "after", "page", "per_page"}
    everything = strava.json("/athlete/activities", per_page=200)
    for name, value in (("page", 2), ("per_page", 3), ("before", 1), ("after", int(CONFIG.world.now_epoch))):
        assert strava.json("/athlete/activities", **{"per_page": 200, name: value}) != everything, name


def differences(value: Any, example: Any, at: str) -> Iterator[str]:
    """Where a member that both have is of another JSON type. What is null on one side says nothing."""
    if value is None or example is None:
        return
    if json_type(value) != json_type(example):
        yield f"{at}: {json_type(value)}, in the example {json_type(example)}"
    elif isinstance(value, Mapping):
        for name in value.keys() & example.keys():
            yield from differences(value[name], example[name], f"{at}.{name}")
    elif isinstance(value, list) and example:
        for item in value:
            yield from differences(item, example[0], f"{at}[]")


def missing_members(value: Any, example: Any) -> set[str]:
    """Names in the example, at any depth that both reach, that the answer does not have."""
    if isinstance(value, list) and isinstance(example, list):
        return set().union(*(missing_members(item, example[0]) for item in value)) if example else set()
    if not isinstance(value, dict) or not isinstance(example, dict):
        return set()
    deeper = (missing_members(value[name], example[name]) for name in value.keys() & example.keys())
    return (example.keys() - value.keys()).union(*deeper)


def json_type(value: Any) -> str:
    """Whole and broken numbers are one type."""
    if isinstance(value, bool):
        return "boolean"
    return {dict: "object", list: "array", str: "string"}.get(type(value), "number")
