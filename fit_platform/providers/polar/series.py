"""Polar's sample series as DuckDB SELECTs over the view `lines`: exercise samples, GPS route, continuous heart rate.

Series are comma-separated text; a null or empty item holds its place (the sensor was off). Sources: Polar AccessLink v3
docs; sample types by number: 0 heart rate, 1 speed km/h, 2 cadence, 3 altitude m, 4 power W, 8 running cadence,
9 temperature, 10 distance m.
"""

from fit_platform.providers import sql
from fit_platform.providers.base import ColumnarParser
from fit_platform.providers.polar import tables

_START = "payload->>'start_time'"
_OFFSET_MINUTES = "TRY_CAST(coalesce(payload->>'start_time_utc_offset', payload->>'start-time-utc-offset') AS DOUBLE)"
_SHIFT_SECONDS = f"CASE WHEN {sql.has_zone(_START)} THEN 0 ELSE -60 * coalesce({_OFFSET_MINUTES}, 0) END"

_EXERCISES = f"""
exercises AS (
  SELECT {sql.LINE}, row_number() OVER () AS exercise_number, payload->>'id' AS exercise_id, payload,
    {sql.plus_seconds(sql.instant(_START), _SHIFT_SECONDS)} AS started_at
  FROM lines
)"""

_SAMPLES = f"""
WITH {_EXERCISES},
series AS (
  SELECT exercise_number,
    TRY_CAST(coalesce(s."sample_type", s."sample-type") AS INTEGER) AS sample_type,
    TRY_CAST(coalesce(s."recording_rate", s."recording-rate") AS DOUBLE) AS rate_seconds,
    string_split(regexp_replace(s."data", '[\\[\\]"\\s]', '', 'g'), ',') AS items
  FROM (
    SELECT exercise_number, unnest(json_transform(
      coalesce(payload->'samples'->'sample', payload->'samples'),
      '[{{"recording_rate":"VARCHAR","recording-rate":"VARCHAR","sample_type":"VARCHAR","sample-type":"VARCHAR",'
      || '"data":"VARCHAR"}}]'
    )) AS s
    FROM exercises
    -- an exercise without id or start is in quarantine already, as a whole
    WHERE exercise_id IS NOT NULL AND started_at IS NOT NULL
  )
  WHERE nullif(s."data", '') IS NOT NULL
),
cells AS (
  SELECT exercise_number, sample_type, (position - 1) * rate_seconds AS elapsed_seconds, item,
    {sql.number("item")} AS value
  FROM (
    SELECT exercise_number, sample_type, rate_seconds, generate_subscripts(items, 1) AS position,
      unnest(list_transform(items, lambda i: CASE WHEN lower(i) NOT IN ('', 'null') THEN i END)) AS item
    FROM series
    WHERE sample_type IN (0, 1, 2, 3, 4, 8, 9, 10) AND rate_seconds > 0
  )
),
samples AS (
  SELECT exercise_number, elapsed_seconds,
    max(value) FILTER (sample_type = 0) AS heart_rate_bpm,
    max(value) FILTER (sample_type = 1) AS speed_kmh,
    max(value) FILTER (sample_type = 2) AS cadence_rpm,
    max(value) FILTER (sample_type = 8) AS running_cadence_spm,
    max(value) FILTER (sample_type = 3) AS altitude_m,
    max(value) FILTER (sample_type = 4) AS power_w,
    max(value) FILTER (sample_type = 10) AS distance_m,
    max(value) FILTER (sample_type = 9) AS temperature_c,
    min(sample_type) FILTER ({sql.wrong("item", "value")}) AS wrong_type,
    first(item) FILTER ({sql.wrong("item", "value")}) AS wrong_item
  FROM cells
  GROUP BY exercise_number, elapsed_seconds
)
SELECT {sql.LINE}, exercise_id, elapsed_seconds,
  {sql.plus_seconds("started_at", "elapsed_seconds")} AS sampled_at,
  nullif(heart_rate_bpm, 0) AS heart_rate_bpm,
  speed_kmh / 3.6 AS speed_mps,
  coalesce(cadence_rpm, running_cadence_spm) AS cadence_rpm,
  altitude_m, power_w, distance_m, temperature_c,
  CASE WHEN wrong_type IS NOT NULL
    THEN 'samples: an item of type ' || wrong_type || ' is not a number' END AS bad_reason,
  CASE WHEN wrong_type IS NOT NULL THEN CAST(
    json_object('exercise_id', exercise_id, 'elapsed_seconds', elapsed_seconds, 'item', wrong_item) AS VARCHAR
  ) END AS bad_value
FROM samples JOIN exercises USING (exercise_number)
UNION ALL
SELECT {sql.LINE}, exercise_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  'samples: a series of type ' || sample_type || ' has no recording_rate' AS bad_reason,
  CAST(json_object('exercise_id', exercise_id, 'items', len(items)) AS VARCHAR) AS bad_value
FROM series JOIN exercises USING (exercise_number)
WHERE sample_type IN (0, 1, 2, 3, 4, 8, 9, 10) AND coalesce(rate_seconds, 0) <= 0
"""

_ROUTE = f"""
WITH {_EXERCISES},
points AS (
  SELECT * EXCLUDE (payload, started_at, exercise_number, point), point.latitude AS latitude,
    point.longitude AS longitude, point.time AS time, CAST(to_json(point) AS VARCHAR) AS given
  FROM (
    SELECT *, unnest(json_transform(
      payload->'route', '[{{"latitude":"VARCHAR","longitude":"VARCHAR","time":"VARCHAR"}}]'
    )) AS point
    FROM exercises
    WHERE exercise_id IS NOT NULL AND started_at IS NOT NULL
  )
),
read AS (
  SELECT *, {sql.iso_seconds("time")} AS elapsed_seconds, {sql.number("latitude")} AS latitude_deg,
    {sql.number("longitude")} AS longitude_deg
  FROM points
)
SELECT {sql.LINE}, exercise_id, elapsed_seconds, latitude_deg, longitude_deg,
  CASE
    WHEN elapsed_seconds IS NULL THEN 'route: `time` is missing or not a duration'
    WHEN {sql.wrong("latitude", "latitude_deg")} THEN 'route: `latitude` is not a number'
    WHEN {sql.wrong("longitude", "longitude_deg")} THEN 'route: `longitude` is not a number'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN given END AS bad_value
FROM read
"""

EXERCISE_SERIES = ColumnarParser(
    payload_type="JSON", selects={tables.EXERCISE_SAMPLES.name: _SAMPLES, tables.EXERCISE_ROUTE.name: _ROUTE}
)

_CONTINUOUS = f"""
WITH days AS (
  SELECT {sql.LINE}, row_number() OVER () AS day_number,
    json_transform(payload, '{{"date":"VARCHAR",'
      || '"heart_rate_samples":[{{"heart_rate":"VARCHAR","sample_time":"VARCHAR"}}],'
      || '"heart-rate-samples":[{{"heart-rate":"VARCHAR","sample-time":"VARCHAR"}}]}}') AS answer,
    json_type(payload) AS kind
  FROM lines
),
samples AS (
  SELECT * EXCLUDE (answer, kind),
    coalesce(TRY_CAST(answer.date AS DATE), dt) AS local_date,
    unnest(coalesce(answer."heart_rate_samples", answer."heart-rate-samples")) AS sample,
    generate_subscripts(coalesce(answer."heart_rate_samples", answer."heart-rate-samples"), 1) - 1 AS sample_index
  FROM days
),
read AS (
  SELECT * EXCLUDE (sample), CAST(to_json(sample) AS VARCHAR) AS given, sample.heart_rate AS bpm_text,
    {sql.number("sample.heart_rate")} AS bpm,
    CAST(date_part('epoch', TRY_CAST(sample.sample_time AS TIME)) AS BIGINT) AS second_of_day
  FROM samples
),
jumps AS (
  SELECT *,
    second_of_day < lag(second_of_day IGNORE NULLS) OVER (PARTITION BY day_number ORDER BY sample_index) AS jumped
  FROM read
)
SELECT {sql.LINE}, local_date, second_of_day, sample_index,
  CAST(count(*) FILTER (jumped) OVER (PARTITION BY day_number ORDER BY sample_index) AS BIGINT) AS fold,
  bpm,
  CASE
    WHEN second_of_day IS NULL OR second_of_day >= 86400 THEN '`sample_time` is missing or not a time of day'
    WHEN {sql.wrong("bpm_text", "bpm")} THEN '`heart_rate` is not a number'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN given END AS bad_value
FROM jumps
UNION ALL
SELECT {sql.LINE}, NULL, NULL, NULL, NULL, NULL, 'not an object' AS bad_reason, lower(kind) AS bad_value
FROM days WHERE kind <> 'OBJECT'
"""

CONTINUOUS_HEART_RATE = ColumnarParser(payload_type="JSON", selects={tables.CONTINUOUS_HEART_RATE.name: _CONTINUOUS})

_STEPS = f"""
WITH days AS (
  SELECT {sql.LINE}, row_number() OVER () AS day_number,
    -- of the day itself, as its row has it; an activity without a start is in quarantine already, as a whole
    TRY_CAST(left(coalesce(payload->>'start_time', payload->>'start-time'), 10) AS DATE) AS local_date,
    payload->'samples'->'steps' AS steps
  FROM lines
),
samples AS (
  SELECT * EXCLUDE (steps),
    {sql.number("coalesce(steps->>'interval_ms', steps->>'interval-ms')")} / 1000 AS interval_seconds,
    unnest(list) AS sample, generate_subscripts(list, 1) - 1 AS sample_index
  FROM (
    SELECT *, json_transform(steps->'samples', '[{{"steps":"VARCHAR","timestamp":"VARCHAR","time":"VARCHAR"}}]') AS list
    FROM days
    WHERE local_date IS NOT NULL
  )
),
read AS (
  SELECT * EXCLUDE (sample), CAST(to_json(sample) AS VARCHAR) AS given, sample.steps AS steps_text,
    {sql.number("sample.steps")} AS steps,
    -- device-local, though the spec says UTC; `2025-10-01T00:00`: zero seconds are left out
    CAST(date_part('epoch', TRY_CAST(
      coalesce(regexp_extract(sample.timestamp, 'T([\\d:.]+)', 1), sample.time) AS TIME
    )) AS BIGINT) AS second_of_day
  FROM samples
),
jumps AS (
  SELECT *,
    second_of_day < lag(second_of_day IGNORE NULLS) OVER (PARTITION BY day_number ORDER BY sample_index) AS jumped
  FROM read
)
SELECT {sql.LINE}, local_date, sample_index, second_of_day,
  CAST(count(*) FILTER (jumped) OVER (PARTITION BY day_number ORDER BY sample_index) AS BIGINT) AS fold,
  interval_seconds, steps,
  CASE
    WHEN second_of_day IS NULL OR second_of_day >= 86400 THEN 'steps: `timestamp` is missing or not a time'
    WHEN {sql.wrong("steps_text", "steps")} THEN 'steps: `steps` is not a number'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN given END AS bad_value
FROM jumps
"""

STEPS = ColumnarParser(payload_type="JSON", selects={tables.STEP_SAMPLES.name: _STEPS})
