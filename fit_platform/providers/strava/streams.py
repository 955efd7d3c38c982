"""Strava's streams as a DuckDB SELECT over the view `lines`: one row per sample, all series side by side.

An answer is an object by type (`key_by_type=true`) or a list of `{type, data}`; both are read. Which activity it is,
and when that started, stands in the line's `request`. Source: Strava API reference, streams.
"""

import json
from collections.abc import Callable

from fit_platform.providers import sql
from fit_platform.providers.base import ColumnarParser
from fit_platform.providers.strava import tables

# stream type -> our column; all of them are numbers, one a sample
_NUMBERS = {
    "heartrate": "heart_rate_bpm",
    "velocity_smooth": "speed_mps",
    "cadence": "cadence_rpm",
    "altitude": "altitude_m",
    "watts": "power_w",
    "distance": "distance_m",
    "temp": "temperature_c",
    "grade_smooth": "grade_percent",
}
_TYPES = ("time", *_NUMBERS, "latlng", "moving")


def _keyed(leaf: str, pair: object, truth: str) -> str:
    """The structure of an answer by type, for json_transform."""
    leaves: dict[str, object] = dict.fromkeys(_TYPES, leaf) | {"latlng": pair, "moving": truth}
    return json.dumps({stream_type: {"data": [of]} for stream_type, of in leaves.items()})


def _series(stream_type: str) -> str:
    """One stream's data as a list of texts; NULL where the answer has no such stream."""
    in_list = f"list_filter(listed, lambda stream: stream.type = '{stream_type}')[1].data"
    return f"coalesce(keyed.{stream_type}.data, {in_list}) AS {stream_type}"


def _holds_only(stream_type: str, *found: str) -> str:
    """Is the stream not there, or does its list hold only this, as `structure` says?"""
    allowed = ", ".join(f"'{one}'" for one in found)
    return f"coalesce(json_extract(structure, '$.{stream_type}.data')::VARCHAR IN ({allowed}, '[\"NULL\"]'), true)"


_NUMBER_TYPES = ("UBIGINT", "BIGINT", "DOUBLE", "NULL")  # as DuckDB calls what a list of JSON holds
_HOLDS_NUMBERS = " AND ".join(
    (
        *(_holds_only(stream_type, *(f'["{of}"]' for of in _NUMBER_TYPES)) for stream_type in ("time", *_NUMBERS)),
        _holds_only("latlng", *(f'[["{of}"]]' for of in _NUMBER_TYPES)),
        _holds_only("moving", '["BOOLEAN"]'),
    )
)
"""Nothing but numbers where numbers belong: such an answer need not become text first, which takes most of the time."""
_IS_FINITE = " AND ".join(
    f"isfinite(coalesce(list_sum({values}), 0))"
    for values in (*(f"keyed.{t}.data" for t in ("time", *_NUMBERS)), "flatten(keyed.latlng.data)")
)
"""DuckDB reads 1e400 as infinity; a sum that is finite has no such part."""

_LISTED = json.dumps([{"type": "VARCHAR", "data": ["VARCHAR"]}])
_ANSWER = f"{sql.LINE}, activity_id, started_at"


def _unnested(source: str, series: Callable[[str], str]) -> str:
    """A row for each sample, what the answer says of it side by side."""
    return f"SELECT {_ANSWER}, {', '.join(f'unnest({series(t)}) AS {t}' for t in _TYPES)} FROM {source}"


def _wrong(stream_type: str, column: str, expected: str) -> str:
    is_wrong = sql.wrong(stream_type, column)
    return f"WHEN {is_wrong} THEN 'stream `{stream_type}`: a value is not {expected}'"


_WRONG_VALUES = " ".join(
    (
        "WHEN elapsed_seconds IS NULL THEN 'stream `time`: a value is not a number'",
        *(_wrong(stream_type, column, "a number") for stream_type, column in _NUMBERS.items()),
    )
)


def _samples(
    source: str, number: Callable[[str], str], *, is_moving: str, has_no_position: str, wrong_values: str = ""
) -> str:
    """Samples with their values, and what is wrong with them beside the values as they came."""
    return f"""
SELECT {sql.LINE}, activity_id, {number("time")} AS elapsed_seconds,
  {sql.plus_seconds("started_at", "elapsed_seconds")} AS sampled_at,
  {", ".join(f"{number(stream)} AS {column}" for stream, column in _NUMBERS.items())},
  {number("position[1]")} AS latitude_deg,
  {number("position[2]")} AS longitude_deg,
  {is_moving} AS is_moving,
  CASE
    WHEN started_at IS NULL THEN 'the activity has no readable start'
    WHEN time IS NULL THEN 'a sample without `time`'
    {wrong_values}
    WHEN (latitude_deg IS NULL OR longitude_deg IS NULL) AND NOT ({has_no_position})
      THEN 'stream `latlng`: a value is not a pair of numbers'
    {_wrong("moving", "is_moving", "true or false")}
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN CAST(
    json_object('activity_id', activity_id, 'time', CAST(time AS VARCHAR),
      {", ".join(f"'{t}', CAST({t} AS VARCHAR)" for t in _NUMBERS)}) AS VARCHAR
  ) END AS bad_value
FROM {source}
"""


_NO_PAIR = "latlng IS NULL OR len(latlng) = 0 OR (len(latlng) = 2 AND latlng[1] IS NULL AND latlng[2] IS NULL)"
_STREAMS = f"""
WITH structures AS (
  SELECT *, TRY(json_structure(payload)) AS structure FROM lines
),
numbers AS (
  SELECT {sql.LINE}, payload, request->'activity'->>'id' AS activity_id,
    {sql.instant("(request->'activity'->>'start_date')")} AS started_at,
    CASE WHEN json_type(structure) = 'OBJECT' AND {_HOLDS_NUMBERS}
      THEN json_transform(payload, '{_keyed("DOUBLE", ["DOUBLE"], "BOOLEAN")}') END AS keyed
  FROM structures
),
answers AS MATERIALIZED (
  SELECT *, keyed IS NOT NULL AND {_IS_FINITE} AS is_plain FROM numbers
),
others AS (
  SELECT {_ANSWER},
    CASE WHEN json_type(payload) = 'OBJECT'
      THEN json_transform(payload, '{_keyed("VARCHAR", "VARCHAR", "VARCHAR")}') END AS keyed,
    CASE WHEN json_type(payload) = 'ARRAY' THEN json_transform(payload, '{_LISTED}') END AS listed
  FROM answers WHERE NOT is_plain
),
series AS (
  SELECT {_ANSWER}, {", ".join(_series(t) for t in _TYPES)} FROM others
),
values AS (
  SELECT *, latlng AS position
  FROM ({_unnested("answers", lambda t: f"keyed.{t}.data")} WHERE is_plain)
),
texts AS (
  SELECT *, string_split(regexp_extract(latlng, '^\\[(.*)\\]$', 1), ',') AS position
  FROM ({_unnested("series", lambda t: t)})
)
{_samples("values", str, is_moving="moving", has_no_position=_NO_PAIR)}
UNION ALL
{
    _samples(
        "texts",
        sql.number,
        is_moving="TRY_CAST(moving AS BOOLEAN)",
        has_no_position="latlng IS NULL OR latlng IN ('[]', 'null', '[null,null]')",
        wrong_values=_WRONG_VALUES,
    )
}
"""

STREAMS = ColumnarParser(payload_type="JSON", selects={tables.STREAM_SAMPLES.name: _STREAMS})
