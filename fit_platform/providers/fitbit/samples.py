"""Google Health's samples and intervals as DuckDB SELECTs over the view `lines`, one row per point.

A line holds one day's points, `{"dataPoints": [...]}`. Points are read as text member by member, so that a point of
the wrong shape becomes a reason and never an exception. Source: Google Health API reference.
"""

import json
from typing import Any

from fit_platform.providers import sql
from fit_platform.providers.base import ColumnarParser
from fit_platform.providers.fitbit import tables
from fit_platform.warehouse.schema import Table


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

_VARIABILITY_POINT = {
    "heartRateVariability": {
        "rootMeanSquareOfSuccessiveDifferencesMilliseconds": "VARCHAR",
        "standardDeviationMilliseconds": "VARCHAR",
        "sampleTime": {"physicalTime": "VARCHAR", "utcOffset": "VARCHAR"},
    },
    "dataSource": {"platform": "VARCHAR", "device": {"displayName": "VARCHAR"}},
}
_VARIABILITY = f"""
WITH {_points(_VARIABILITY_POINT)},
texts AS (
  SELECT * EXCLUDE (point),
    point.heartRateVariability.rootMeanSquareOfSuccessiveDifferencesMilliseconds AS rmssd_text,
    point.heartRateVariability.standardDeviationMilliseconds AS sdnn_text,
    point.heartRateVariability.sampleTime.physicalTime AS time_text,
    point.heartRateVariability.sampleTime.utcOffset AS offset_text,
    point.dataSource.platform AS platform, point.dataSource.device.displayName AS device_name
  FROM points
),
read AS (
  SELECT *, {sql.number("rmssd_text")} AS rmssd_ms, {sql.number("sdnn_text")} AS sdnn_ms,
    {sql.instant("time_text")} AS sampled_at, {sql.proto_seconds("offset_text")} AS utc_offset_seconds
  FROM texts
)
SELECT {sql.LINE}, sampled_at, utc_offset_seconds, rmssd_ms, sdnn_ms, platform, device_name,
  CASE
    WHEN sampled_at IS NULL THEN '`heartRateVariability.sampleTime.physicalTime` is missing or not a time'
    WHEN {sql.wrong("rmssd_text", "rmssd_ms")} OR {sql.wrong("sdnn_text", "sdnn_ms")}
      THEN 'a value of `heartRateVariability` is not a number'
    WHEN rmssd_ms IS NULL AND sdnn_ms IS NULL THEN 'a point of `heartRateVariability` without a value'
    WHEN {sql.wrong("offset_text", "utc_offset_seconds")}
      THEN '`heartRateVariability.sampleTime.utcOffset` is not a duration'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN {_GIVEN} END AS bad_value
FROM read
"""

_INTERVAL = {
    "startTime": "VARCHAR",
    "startUtcOffset": "VARCHAR",
    "endTime": "VARCHAR",
    "civilStartTime": {"date": {"year": "VARCHAR", "month": "VARCHAR", "day": "VARCHAR"}},
}
# A day that the calendar does not have becomes NULL by way of text; make_date would raise.
_CIVIL_DATE = "TRY_CAST(civil.year || '-' || lpad(civil.month, 2, '0') || '-' || lpad(civil.day, 2, '0') AS DATE)"


def _intervals(kind: str, member: str, columns: str, extra: str = "") -> str:
    """Rows of an interval type. `columns` are made of the whole number `amount`, and of `extra`, a member as text."""
    shape = {kind: {member: "VARCHAR", "interval": _INTERVAL, **({extra: "VARCHAR"} if extra else {})}}
    return f"""
WITH {_points(shape)},
texts AS (
  SELECT * EXCLUDE (point), point.{kind}.{member} AS amount_text, point.{kind}.interval.startTime AS start_text,
    point.{kind}.interval.endTime AS end_text, point.{kind}.interval.startUtcOffset AS offset_text,
    point.{kind}.interval.civilStartTime.date AS civil{f", point.{kind}.{extra} AS extra" if extra else ""}
  FROM points
),
read AS (
  SELECT *,
    -- a point without its value was worn and still: a true zero
    CASE WHEN amount_text IS NULL THEN 0 ELSE TRY_CAST(amount_text AS BIGINT) END AS amount,
    {sql.instant("start_text")} AS started_at, {sql.instant("end_text")} AS ended_at,
    {sql.proto_seconds("offset_text")} AS utc_offset_seconds
  FROM texts
)
SELECT {sql.LINE}, started_at, ended_at, utc_offset_seconds,
  coalesce(
    {_CIVIL_DATE},
    CAST(({sql.plus_seconds("started_at", "coalesce(utc_offset_seconds, 0)")}) AT TIME ZONE 'UTC' AS DATE)
  ) AS local_date,
  {columns},
  CASE
    WHEN started_at IS NULL THEN '`{kind}.interval.startTime` is missing or not a time'
    WHEN ended_at IS NULL THEN '`{kind}.interval.endTime` is missing or not a time'
    WHEN amount IS NULL THEN '`{kind}.{member}` is not a whole number'
    WHEN {sql.wrong("offset_text", "utc_offset_seconds")} THEN '`{kind}.interval.startUtcOffset` is not a duration'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN {_GIVEN} END AS bad_value
FROM read
"""


def _parser(table: Table, select: str) -> ColumnarParser:
    return ColumnarParser(payload_type="JSON", selects={table.name: select})


HEART_RATE = _parser(tables.HEART_RATE, _HEART_RATE)
HEART_RATE_VARIABILITY = _parser(tables.HEART_RATE_VARIABILITY, _VARIABILITY)
STEPS = _parser(tables.STEPS, _intervals("steps", "count", "amount AS steps"))
DISTANCE = _parser(tables.DISTANCE, _intervals("distance", "millimeters", "amount / 1000.0 AS distance_m"))
ACTIVE_ZONE_MINUTES = _parser(
    tables.ACTIVE_ZONE_MINUTES,
    _intervals(
        "activeZoneMinutes",
        "activeZoneMinutes",
        "extra AS zone, amount AS active_zone_minutes",
        extra="heartRateZone",
    ),
)
