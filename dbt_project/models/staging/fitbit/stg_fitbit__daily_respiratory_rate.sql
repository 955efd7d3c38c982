with
    days as (
        {{
            own_before_copied(
                source("fitbit", "fitbit_daily_respiratory_rate"), "local_date"
            )
        }}
    )
select athlete_id, local_date, breaths_per_minute, device_name, is_mirror
from days
