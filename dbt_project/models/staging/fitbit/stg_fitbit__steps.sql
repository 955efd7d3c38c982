with
    intervals as (
        {{ latest_version(source("fitbit", "fitbit_steps"), "started_at, ended_at") }}
    )

select athlete_id, local_date, started_at, ended_at, steps
from intervals
