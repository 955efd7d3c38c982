with
    versions as (
        {{
            latest_version(
                source("fitbit", "fitbit_distance"), "started_at, ended_at"
            )
        }}
    )
select athlete_id, started_at, ended_at, utc_offset_seconds, local_date, distance_m
from versions
