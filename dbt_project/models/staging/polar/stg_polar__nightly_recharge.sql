with
    versions as (
        {{ latest_version(source("polar", "polar_nightly_recharge"), "local_date") }}
    )
select
    athlete_id,
    local_date,
    avg_hr_bpm,
    beat_to_beat_ms,
    hrv_rmssd_ms,
    breathing_rate_per_minute,
    recharge_status,
    ans_charge,
    ans_charge_status
from versions
