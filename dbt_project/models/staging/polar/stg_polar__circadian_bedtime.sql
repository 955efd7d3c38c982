select
    athlete_id,
    period_started_at,
    period_ended_at,
    preferred_sleep_started_at,
    preferred_sleep_ended_at,
    sleep_gate_started_at,
    sleep_gate_ended_at,
    utc_offset_seconds,
    validity,
    quality,
    result_type
from {{ source("polar", "polar_circadian_bedtime") }}
