select
    athlete_id,
    period_started_at,
    period_ended_at,
    sleep_started_at,
    sleep_ended_at,
    utc_offset_seconds,
    grade,
    grade_type,
    grade_classification,
    validity,
    sleep_inertia,
    sleep_type,
    result_type
from {{ source("polar", "polar_alertness") }}
