with
    athletes as (
        {{ latest_version(source("accounts", "accounts_athletes"), "athlete_id") }}
    )

select
    athlete_id,
    display_name,
    timezone as time_zone,
    sex,
    birth_date,
    max_hr_bpm,
    resting_hr_bpm
from athletes
