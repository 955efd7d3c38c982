with
    days as (
        {{
            own_before_copied(
                source("fitbit", "fitbit_daily_heart_rate_zones"), "local_date, zone"
            )
        }}
    )
select athlete_id, local_date, zone, min_bpm, max_bpm, device_name, is_mirror
from days
