with
    -- The maximum that was set on the day; zones of a whole day are of any sport.
    maxima as (
        select
            by_bpm.athlete_id,
            by_bpm.local_date,
            by_bpm.bpm,
            by_bpm.seconds,
            settings.max_hr_bpm
        from {{ ref("int_heart_rate_by_bpm") }} as by_bpm
        left join
            {{ ref("athlete_settings") }} as settings
            on by_bpm.athlete_id = settings.athlete_id
            and settings.sport = 'any'
            and by_bpm.local_date >= settings.valid_from
            and (settings.valid_to is null or by_bpm.local_date < settings.valid_to)
    ),

    zones as (
        select
            athlete_id,
            local_date,
            {{ zone_seconds_columns("bpm", "max_hr_bpm", "seconds") }}
        from maxima
        group by athlete_id, local_date
    )

select
    days.athlete_id,
    days.local_date,
    {{ as_float("days.max_bpm") }} as max_bpm,
    {{ as_float("days.avg_bpm") }} as avg_bpm,
    {{ as_float("days.min_bpm") }} as min_bpm,
    days.resting_bpm,
    {{ as_float("provider_days.resting_bpm") }} as resting_bpm_provider,
    days.worn_minutes,
    {% for zone in range(1, 6) %}
        {{ as_float("zones.zone_" ~ zone ~ "_seconds") }} as zone_{{ zone }}_seconds,
    {% endfor %}
    days.sample_count
from {{ ref("int_heart_rate_days") }} as days
left join
    zones on days.athlete_id = zones.athlete_id and days.local_date = zones.local_date
left join
    {{ ref("stg_fitbit__daily_resting_heart_rate") }} as provider_days
    on days.athlete_id = provider_days.athlete_id
    and days.local_date = provider_days.local_date
