with
    days as (
        {{ latest_version(source("polar", "polar_daily_activity"), "local_date") }}
    )

select athlete_id, local_date, steps, distance_m, active_kcal, total_kcal
from days
