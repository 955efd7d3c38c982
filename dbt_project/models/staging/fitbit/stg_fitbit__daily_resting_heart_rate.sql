with
    days as (
        {{
            latest_version(
                source("fitbit", "fitbit_daily_resting_heart_rate"), "local_date"
            )
        }}
    )

select athlete_id, local_date, bpm as resting_bpm, calculation_method
from days
