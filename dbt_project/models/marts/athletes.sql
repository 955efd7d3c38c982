select
    accounts.athlete_id,
    accounts.display_name,
    homes.time_zone as timezone,
    coalesce(accounts.sex, strava.sex) as sex,
    accounts.birth_date,
    cast(accounts.max_hr_bpm as int64) as max_hr_bpm,
    cast(accounts.resting_hr_bpm as int64) as resting_hr_bpm
from {{ ref("stg_accounts__athletes") }} as accounts
left join
    {{ ref("int_home_time_zones") }} as homes on accounts.athlete_id = homes.athlete_id
left join
    {{ ref("stg_strava__athletes") }} as strava
    on accounts.athlete_id = strava.athlete_id
