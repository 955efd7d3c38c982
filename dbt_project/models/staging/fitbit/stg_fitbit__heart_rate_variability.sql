select
    athlete_id,
    sampled_at,
    utc_offset_seconds,
    rmssd_ms,
    sdnn_ms,
    device_name,
    coalesce(platform in ('HEALTH_CONNECT', 'HEALTH_KIT'), false) as is_mirror
from {{ source("fitbit", "fitbit_heart_rate_variability") }}
where {{ every_day("dt") }}
