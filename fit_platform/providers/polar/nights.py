"""Polar's series on "HH:MM" keys as DuckDB SELECTs over the view `lines`: hypnogram, sleep heart rate, recharge.

Keys are the wall clock where the night was recorded, in the order of the night and across midnight: never sorted, and
told from the step to the key before. In the night in which the clocks go back a key may stand there twice, so objects
are read as text and not as maps. Source: Polar AccessLink v3 docs, and live answers.
"""

from fit_platform.providers import sql
from fit_platform.providers.base import ColumnarParser
from fit_platform.providers.polar import tables


def _entries(series: str) -> str:
    """The entries of one "HH:MM" object of each night: position, clock, value, and the seconds since the last."""
    found = f"coalesce(payload->'{series}', payload->'{series.replace('_', '-')}')"
    return f"""
keyed AS (
  SELECT night, unnest(json_keys({found})) AS clock, unnest(json_extract({found}, '$.*')) AS value,
    generate_subscripts(json_keys({found}), 1) - 1 AS position
  FROM nights
),
clocked AS (
  SELECT *, {sql.number("CAST(value->>'$' AS VARCHAR)")} AS number, value->>'$' AS text,
    CASE WHEN regexp_full_match(clock, '\\d\\d:\\d\\d(:\\d\\d)?')
      THEN CAST(date_part('epoch', TRY_CAST(clock AS TIME)) AS BIGINT) END AS second_of_day
  FROM keyed
),
stepped AS (
  SELECT *, (
      second_of_day - lag(second_of_day IGNORE NULLS) OVER (PARTITION BY night ORDER BY position) + 86400
    ) % 86400 AS step
  FROM clocked
)"""


# Where a night begins and ends under different offsets the clocks were changed: in Europe at 01:00 UTC, elsewhere at
# 02:00 by the old clock nearly everywhere. Only asked for where the keys themselves do not show it.
_CHANGED_AT = """CASE
    WHEN abs(fallen_back) = 3600 AND least(start_offset, end_offset) BETWEEN -3600 AND 7200
      THEN (date_trunc('day', ended_at AT TIME ZONE 'UTC') + INTERVAL 1 HOUR) AT TIME ZONE 'UTC'
    ELSE (date_trunc('day', ended_at AT TIME ZONE 'UTC' + to_seconds(start_offset)) + INTERVAL 2 HOUR
      - to_seconds(start_offset)) AT TIME ZONE 'UTC'
  END"""


def _offset(text: str, instant: str) -> str:
    wall = f"TRY_CAST(regexp_replace({text}, '(Z|[+-]\\d\\d:?\\d\\d)$', '') AS TIMESTAMP)"
    return f"date_diff('second', {instant} AT TIME ZONE 'UTC', {wall})"


_START = "coalesce(payload->>'sleep_start_time', payload->>'sleep-start-time')"
_END = "coalesce(payload->>'sleep_end_time', payload->>'sleep-end-time')"


def _sleep_series(series: str) -> str:
    """CTEs up to `placed`: the entries with their instants.

    Each instant is the night's start plus the steps of the clock. Once the clock has been changed, the difference is
    made good: from the step back that shows it, or else from the time of the change on.
    """
    return f"""
WITH nights AS (
  SELECT *, {_offset("start_text", "started_at")} AS start_offset, {_offset("end_text", "ended_at")} AS end_offset,
    start_offset - end_offset AS fallen_back
  FROM (
    SELECT {sql.LINE}, row_number() OVER () AS night, payload, TRY_CAST(payload->>'date' AS DATE) AS local_date,
      {_START} AS start_text, {_END} AS end_text, {sql.instant(_START)} AS started_at, {sql.instant(_END)} AS ended_at
    FROM lines
  )
  -- a night without date, start or end is in quarantine already, as a whole
  WHERE local_date IS NOT NULL AND started_at IS NOT NULL AND ended_at IS NOT NULL
),
{_entries(series)},
begun AS (
  SELECT stepped.*, nights.* EXCLUDE (night, payload), date_trunc('minute', started_at) AS first_minute,
    CAST(date_part('epoch', first_minute) AS BIGINT) + start_offset AS first_wall
  FROM stepped JOIN nights USING (night)
),
turned AS (
  SELECT *, fallen_back > 0 AND coalesce(step = 0 OR step > 86400 - fallen_back, false) AS is_back,
    CASE
      -- the first key may lie a little before or after the start
      WHEN step IS NULL THEN (((second_of_day - first_wall) % 86400) + 129600) % 86400 - 43200
      WHEN is_back AND step > 0 THEN step - 86400
      ELSE step
    END AS clock_step
  FROM begun
),
walked AS (
  SELECT *, first_minute + to_seconds(CAST(sum(clock_step) OVER until_here AS BIGINT)) AS by_start_offset,
    bool_or(is_back) OVER until_here AS has_turned, bool_or(is_back) OVER (PARTITION BY night) AS shows_turn
  FROM turned
  WINDOW until_here AS (PARTITION BY night ORDER BY position)
),
placed AS (
  SELECT *, CASE
      WHEN CASE WHEN shows_turn THEN has_turned ELSE by_start_offset >= {_CHANGED_AT} END
        THEN by_start_offset + to_seconds(fallen_back)
      ELSE by_start_offset
    END AS sampled_at
  FROM walked
)"""


_STAGES = f"""
{_sleep_series("hypnogram")},
spans AS (
  SELECT *, coalesce(lead(CASE WHEN second_of_day IS NOT NULL THEN sampled_at END IGNORE NULLS)
    OVER (PARTITION BY night ORDER BY position), ended_at) AS next_at
  FROM placed
)
SELECT {sql.LINE}, local_date, position AS entry_index,
  CASE WHEN position = 0 THEN greatest(sampled_at, started_at) ELSE sampled_at END AS started_at,
  least(next_at, ended_at) AS ended_at,
  CASE number WHEN 0 THEN 'awake' WHEN 1 THEN 'rem' WHEN 2 THEN 'light' WHEN 3 THEN 'light' WHEN 4 THEN 'deep'
    WHEN 5 THEN 'unknown' END AS stage,
  TRY_CAST(number AS BIGINT) AS stage_code,
  CASE
    WHEN second_of_day IS NULL THEN 'hypnogram: a key is not a time of day'
    WHEN number IS NULL OR number NOT IN (0, 1, 2, 3, 4, 5) THEN 'hypnogram: an unknown stage'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN CAST(json_object(clock, value) AS VARCHAR) END AS bad_value
FROM spans
"""

_HEART_RATE = f"""
{_sleep_series("heart_rate_samples")}
SELECT {sql.LINE}, local_date, position AS sample_index, sampled_at, nullif(number, 0) AS bpm,
  CASE
    WHEN second_of_day IS NULL THEN 'heart_rate_samples: a key is not a time of day'
    WHEN {sql.wrong("text", "number")} THEN 'heart_rate_samples: a value is not a number'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN CAST(json_object(clock, value) AS VARCHAR) END AS bad_value
FROM placed
"""

SLEEP_SERIES = ColumnarParser(
    payload_type="JSON", selects={tables.SLEEP_STAGES.name: _STAGES, tables.SLEEP_HEART_RATE.name: _HEART_RATE}
)


def _recharge_series(series: str, name: str, column: str) -> str:
    """One series of nightly recharge, on the wall clock.

    The last sample is of the wake day; whatever stands before a step across midnight is of the day before. A step back
    of an hour or less is the clock that was put back, and no midnight.
    """
    values = ", ".join(
        f"{'nullif(number, 0)' if c == column else 'CAST(NULL AS DOUBLE)'} AS {c}"
        for c in ("hrv_rmssd_ms", "breathing_rate_per_minute")
    )
    return f"""
SELECT * FROM (
WITH nights AS (
  SELECT {sql.LINE}, row_number() OVER () AS night, payload, TRY_CAST(payload->>'date' AS DATE) AS local_date
  FROM lines
  -- a recharge without a date is in quarantine already, as a whole
  WHERE TRY_CAST(payload->>'date' AS DATE) IS NOT NULL
),
{_entries(series)},
dated AS (
  SELECT *, count(*) FILTER (second_of_day - step < 0 AND step <= 82800)
    OVER (PARTITION BY night ORDER BY position ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS midnights_ahead
  FROM stepped
)
SELECT {sql.LINE}, local_date, '{name}' AS series, position AS sample_index,
  local_date - CAST(midnights_ahead AS INTEGER) AS wall_date, second_of_day, {values},
  CASE
    WHEN second_of_day IS NULL THEN '{series}: a key is not a time of day'
    WHEN {sql.wrong("text", "number")} THEN '{series}: a value is not a number'
  END AS bad_reason,
  CASE WHEN bad_reason IS NOT NULL THEN CAST(json_object(clock, value) AS VARCHAR) END AS bad_value
FROM dated JOIN nights USING (night)
)"""


RECHARGE_SERIES = ColumnarParser(
    payload_type="JSON",
    selects={
        tables.NIGHTLY_RECHARGE_SAMPLES.name: _recharge_series("hrv_samples", "hrv", "hrv_rmssd_ms")
        + "UNION ALL"
        + _recharge_series("breathing_samples", "breathing", "breathing_rate_per_minute")
    },
)
