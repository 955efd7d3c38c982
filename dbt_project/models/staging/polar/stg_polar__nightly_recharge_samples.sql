select
    athlete_id,
    local_date,
    series,
    sample_index,
    wall_date,
    second_of_day,
    hrv_rmssd_ms,
    breathing_rate_per_minute
from {{ source("polar", "polar_nightly_recharge_samples") }}
where {{ every_day("dt") }}
