with sessions as ({{ latest_version(source("fitbit", "fitbit_sleep"), "sleep_id") }})

select
    athlete_id,
    dt,
    sleep_id,
    local_date,
    started_at,
    ended_at,
    start_utc_offset_seconds,
    end_utc_offset_seconds,
    coalesce(is_main, false) as is_main,
    coalesce(is_nap, false) as is_nap,
    asleep_minutes,
    awake_minutes,
    deep_minutes,
    light_minutes,
    rem_minutes
from sessions
