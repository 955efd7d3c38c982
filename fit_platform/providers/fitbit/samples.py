"""Google Health's samples as DuckDB SELECTs over the view `lines`: heart rate and reconciled steps, one row per point.

A line holds one day's points, `{"dataPoints": [...]}`. Points are read as text member by member, so that a point of
the wrong shape becomes a reason and never an exception. Source: Google Health API reference.
"""

import json
from typing import Any

from fit_platform.providers import sql
from fit_platform.providers.base import ColumnarParser
from fit_platform.providers.fitbit import tables


def _points(shape: dict[str, Any]) -> str:
    """Every data point beside its line, read by `shape`, with its position for looking it up again."""
    wanted = json.dumps({"dataPoints": [shape]})
    return f"""
answers AS (
  SELECT {sql.LINE}, payload, json_transform(payload, '{wanted}').dataPoints AS points FROM lines
),
points AS (
  SELECT {sql.LINE}, payload, unnest(points) AS point, generate_subscripts(points, 1) AS position FROM answers
)"""


# The point as it came. Only evaluated for the few that are bad.
_GIVEN = "CAST(json_extract(payload, '$.dataPoints[' || (position - 1) || ']') AS VARCHAR)"

_HEART_RATE_POINT = {
    "heartRate": {"beatsPerMinute": "VARCHAR", "sampleTime": {"physicalTime": "VARCHAR", "utcOffset": "VARCHAR"}},
    "dataSource": {"platform": "VARCHAR", "device": {"displayName": "VARCHAR"}},
}
_HEART_RATE = f"""
WITH {_points(_HEART_RATE_POINT)},
texts AS (
  SELECT * EXCLUDE (point), point.heartRate.beatsPerMinute AS bpm_text,
    point.heartRate.sampleTime.physicalTime AS time_text, point.heartRate.sampleTime.utcOffset AS offset_text,
    point.dataSource.platform AS platform, point.dataSource.device.displayName AS device_name
  FROM points
),
read AS (
  SELECT *, {sql.number("bpm_text")} AS bpm, {sql.instant("time_text")} AS sampled_at,
    {sql.proto_seconds("offset_text")} AS utc_offset_seconds
  FROM texts
)
SELECT {sql.LINE}, sampled_at, utc_offset_seconds, bpm, platform, device_name,
  CASE
    WHEN sampled_at IS NULL THEN '`heartRate.sampleTime.physicalTime` is missing or not a time'
    WHEN bpm IS NULL THEN '`heartRate.beatsPerMinute` is missing or not a number'
    WHEN {sql.wrong("offset_text", "utc_offset_seconds")} THEN '`heartRate.sampleTime.utcOffset` is not a duration'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN {_GIVEN} END AS bad_value
FROM read
"""

_STEPS_POINT = {
    "steps": {
        "count": "VARCHAR",
        "interval": {
            "startTime": "VARCHAR",
            "startUtcOffset": "VARCHAR",
            "endTime": "VARCHAR",
            "civilStartTime": {"date": {"year": "VARCHAR", "month": "VARCHAR", "day": "VARCHAR"}},
        },
    }
}
# A day that the calendar does not have becomes NULL by way of text; make_date would raise.
_CIVIL_DATE = "TRY_CAST(civil.year || '-' || lpad(civil.month, 2, '0') || '-' || lpad(civil.day, 2, '0') AS DATE)"
_STEPS = f"""
WITH {_points(_STEPS_POINT)},
texts AS (
  SELECT * EXCLUDE (point), point.steps.count AS count_text, point.steps.interval.startTime AS start_text,
    point.steps.interval.endTime AS end_text, point.steps.interval.startUtcOffset AS offset_text,
    point.steps.interval.civilStartTime.date AS civil
  FROM points
),
read AS (
  SELECT *,
    -- a point without its value was worn and still: a true zero
    CASE WHEN count_text IS NULL THEN 0 ELSE TRY_CAST(count_text AS BIGINT) END AS steps,
    {sql.instant("start_text")} AS started_at, {sql.instant("end_text")} AS ended_at,
    {sql.proto_seconds("offset_text")} AS utc_offset_seconds
  FROM texts
)
SELECT {sql.LINE}, started_at, ended_at, utc_offset_seconds,
  coalesce(
    {_CIVIL_DATE},
    CAST(({sql.plus_seconds("started_at", "coalesce(utc_offset_seconds, 0)")}) AT TIME ZONE 'UTC' AS DATE)
  ) AS local_date,
  steps,
  CASE
    WHEN started_at IS NULL THEN '`steps.interval.startTime` is missing or not a time'
    WHEN ended_at IS NULL THEN '`steps.interval.endTime` is missing or not a time'
    WHEN steps IS NULL THEN '`steps.count` is not a whole number'
    WHEN {sql.wrong("offset_text", "utc_offset_seconds")} THEN '`steps.interval.startUtcOffset` is not a duration'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN {_GIVEN} END AS bad_value
FROM read
"""

HEART_RATE = ColumnarParser(payload_type="JSON", selects={tables.HEART_RATE.name: _HEART_RATE})
STEPS = ColumnarParser(payload_type="JSON", selects={tables.STEPS.name: _STEPS})
