with
    days as (
        {{
            own_before_copied(
                source("fitbit", "fitbit_daily_oxygen_saturation"), "local_date"
            )
        }}
    )
select
    athlete_id,
    local_date,
    average_percent,
    lower_bound_percent,
    upper_bound_percent,
    deviation_percent,
    device_name,
    is_mirror
from days
