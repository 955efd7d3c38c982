with
    exercises as (
        {{ latest_version(source("fitbit", "fitbit_exercises"), "exercise_id") }}
    ),

    families as (
        select upper(sport) as sport, sport_family
        from {{ ref("sport_families") }}
        where provider = 'fitbit'
    )

select
    exercises.athlete_id,
    exercises.dt,
    exercises.exercise_id,
    exercises.started_at,
    exercises.ended_at,
    exercises.utc_offset_seconds,
    exercises.end_utc_offset_seconds,
    exercises.exercise_type as sport,
    coalesce(families.sport_family, 'other') as sport_family,
    exercises.title,
    exercises.active_seconds,
    exercises.distance_m,
    exercises.energy_kcal,
    exercises.ascent_m,
    exercises.avg_hr_bpm,
    coalesce(exercises.has_gps, false) as has_gps,
    coalesce(
        exercises.platform in ('HEALTH_CONNECT', 'HEALTH_KIT'), false
    ) as is_mirror,
    exercises.device_name,
    exercises.recording_method,
    exercises.acquired_via,
    exercises.fetched_at,
    exercises.first_fetched_at
from exercises
left join families on upper(exercises.exercise_type) = families.sport
