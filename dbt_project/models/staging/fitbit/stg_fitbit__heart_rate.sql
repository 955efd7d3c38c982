select
    athlete_id,
    dt,
    sampled_at,
    utc_offset_seconds,
    bpm,
    coalesce(platform in ('HEALTH_CONNECT', 'HEALTH_KIT'), false) as is_mirror,
    fetched_at
from {{ source("fitbit", "fitbit_heart_rate") }}
where {{ every_day("dt") }}
