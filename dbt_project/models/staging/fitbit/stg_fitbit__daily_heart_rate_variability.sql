with
    days as (
        {{
            own_before_copied(
                source("fitbit", "fitbit_daily_heart_rate_variability"), "local_date"
            )
        }}
    )
select
    athlete_id,
    local_date,
    rmssd_ms,
    deep_sleep_rmssd_ms,
    non_rem_bpm,
    entropy,
    device_name,
    is_mirror
from days
