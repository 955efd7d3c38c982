select
    sleep_stages.athlete_id,
    sleep_stages.sleep_id,
    sleep_stages.started_at,
    sleep_stages.ended_at,
    sleep_stages.utc_offset_seconds,
    sleep_stages.stage
from {{ source("fitbit", "fitbit_sleep_stages") }} as sleep_stages
inner join
    {{ ref("stg_fitbit__sleep") }} as sleeps
    on sleep_stages.athlete_id = sleeps.athlete_id
    and sleep_stages.sleep_id = sleeps.sleep_id
    and sleep_stages.dt = sleeps.dt
