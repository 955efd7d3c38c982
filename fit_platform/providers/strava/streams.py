"""Strava's streams as a DuckDB SELECT over the view `lines`: one row per sample, all series side by side.

An answer is an object by type (`key_by_type=true`) or a list of `{type, data}`; both are read. Which activity it is,
and when that started, stands in the line's `request`. Source: Strava API reference, streams.
"""

import json

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


def _series(stream_type: str) -> str:
    """One stream's data as a list of texts; NULL where the answer has no such stream."""
    in_list = f"list_filter(listed, lambda stream: stream.type = '{stream_type}')[1].data"
    return f"coalesce(keyed.{stream_type}.data, {in_list}) AS {stream_type}"


_KEYED = json.dumps({stream_type: {"data": ["VARCHAR"]} for stream_type in _TYPES})
_LISTED = json.dumps([{"type": "VARCHAR", "data": ["VARCHAR"]}])


def _wrong_number(stream_type: str) -> str:
    is_wrong = sql.wrong(stream_type, _NUMBERS[stream_type])
    return f"WHEN {is_wrong} THEN 'stream `{stream_type}`: a value is not a number'"


_STREAMS = f"""
WITH answers AS (
  SELECT {sql.LINE}, request->'activity'->>'id' AS activity_id,
    {sql.instant("(request->'activity'->>'start_date')")} AS started_at,
    CASE WHEN json_type(payload) = 'OBJECT' THEN json_transform(payload, '{_KEYED}') END AS keyed,
    CASE WHEN json_type(payload) = 'ARRAY' THEN json_transform(payload, '{_LISTED}') END AS listed
  FROM lines
),
series AS (
  SELECT * EXCLUDE (keyed, listed), {", ".join(_series(t) for t in _TYPES)}
  FROM answers
),
texts AS (
  SELECT {sql.LINE}, activity_id, started_at, {", ".join(f"unnest({t}) AS {t}" for t in _TYPES)}
  FROM series
),
samples AS (
  SELECT *, {sql.number("time")} AS elapsed_seconds,
    {", ".join(f"{sql.number(stream)} AS {column}" for stream, column in _NUMBERS.items())},
    {sql.number("position[1]")} AS latitude_deg,
    {sql.number("position[2]")} AS longitude_deg,
    TRY_CAST(moving AS BOOLEAN) AS is_moving
  FROM (SELECT *, string_split(regexp_extract(latlng, '^\\[(.*)\\]$', 1), ',') AS position FROM texts)
)
SELECT {sql.LINE}, activity_id, elapsed_seconds,
  {sql.plus_seconds("started_at", "elapsed_seconds")} AS sampled_at,
  {", ".join(_NUMBERS.values())}, latitude_deg, longitude_deg, is_moving,
  CASE
    WHEN started_at IS NULL THEN 'the activity has no readable start'
    WHEN time IS NULL THEN 'a sample without `time`'
    WHEN elapsed_seconds IS NULL THEN 'stream `time`: a value is not a number'
    {" ".join(_wrong_number(t) for t in _NUMBERS)}
    WHEN latlng NOT IN ('[]', 'null', '[null,null]') AND (latitude_deg IS NULL OR longitude_deg IS NULL)
      THEN 'stream `latlng`: a value is not a pair of numbers'
    WHEN {sql.wrong("moving", "is_moving")} THEN 'stream `moving`: a value is not true or false'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN CAST(
    json_object('activity_id', activity_id, 'time', time, {", ".join(f"'{t}', {t}" for t in _NUMBERS)}) AS VARCHAR
  ) END AS bad_value
FROM samples
"""

STREAMS = ColumnarParser(payload_type="JSON", selects={tables.STREAM_SAMPLES.name: _STREAMS})
