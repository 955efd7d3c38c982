-- The athlete's settings on the local day of each activity: its sport's, else those of
-- any sport.
select
    activities.activity_id,
    activities.athlete_id,
    activities.local_date,
    athletes.sex,
    settings.max_hr_bpm,
    settings.resting_hr_bpm,
    settings.threshold_hr_bpm,
    settings.zone_1_lower_bpm,
    settings.zone_2_lower_bpm,
    settings.zone_3_lower_bpm,
    settings.zone_4_lower_bpm,
    settings.zone_5_lower_bpm
from {{ ref("activities") }} as activities
inner join
    {{ ref("athletes") }} as athletes on activities.athlete_id = athletes.athlete_id
inner join
    {{ ref("athlete_settings") }} as settings
    on activities.athlete_id = settings.athlete_id
    and settings.sport in (activities.sport_family, 'any')
    and activities.local_date >= settings.valid_from
    and (settings.valid_to is null or activities.local_date < settings.valid_to)
qualify
    row_number() over (
        partition by activities.activity_id
        order by case when settings.sport = 'any' then 1 else 0 end
    )
    = 1
