with
    activities as (
        {{ latest_version(source("strava", "strava_activities"), "activity_id") }}
    ),

    families as (
        select upper(sport) as sport, sport_family
        from {{ ref("sport_families") }}
        where provider = 'strava'
    )

select
    activities.athlete_id,
    activities.dt,
    activities.activity_id,
    activities.external_id,
    activities.title,
    activities.started_at,
    {{
        instant_of_micros(
            epoch_micros("activities.started_at")
            ~ " + cast(round(coalesce(activities.elapsed_seconds, 0) * 1000000) as int64)"
        )
    }}
    as ended_at,
    activities.utc_offset_seconds,
    activities.timezone as time_zone,
    activities.sport_type as sport,
    coalesce(families.sport_family, 'other') as sport_family,
    activities.distance_m,
    activities.moving_seconds,
    activities.elapsed_seconds,
    activities.ascent_m,
    activities.avg_hr_bpm,
    activities.max_hr_bpm,
    coalesce(
        activities.has_heart_rate, activities.avg_hr_bpm is not null
    ) as has_heart_rate,
    activities.start_latitude_deg is not null as has_gps,
    coalesce(activities.is_manual, false) as is_manual,
    activities.device_name,
    coalesce(activities.is_start_hidden, false) as is_start_hidden,
    activities.acquired_via,
    activities.fetched_at,
    activities.first_fetched_at
from activities
left join families on upper(activities.sport_type) = families.sport
