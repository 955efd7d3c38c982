with
    versions as (
        {{
            latest_version(
                source("fitbit", "fitbit_active_zone_minutes"),
                "started_at, ended_at, zone",
            )
        }}
    )
select
    athlete_id,
    started_at,
    ended_at,
    utc_offset_seconds,
    local_date,
    zone,
    active_zone_minutes
from versions
