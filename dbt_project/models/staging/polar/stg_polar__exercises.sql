with
    exercises as (
        {{ latest_version(source("polar", "polar_exercises"), "exercise_id") }}
    ),

    families as (
        select upper(sport) as sport, sport_family
        from {{ ref("sport_families") }}
        where provider = 'polar'
    )

select
    exercises.athlete_id,
    exercises.dt,
    exercises.exercise_id,
    exercises.started_at,
    {{
        instant_of_micros(
            epoch_micros("exercises.started_at")
            ~ " + cast(round(coalesce(exercises.duration_seconds, 0) * 1000000) as int64)"
        )
    }}
    as ended_at,
    exercises.utc_offset_seconds,
    exercises.duration_seconds,
    coalesce(exercises.detailed_sport, exercises.sport) as sport,
    coalesce(detailed.sport_family, coarse.sport_family, 'other') as sport_family,
    exercises.distance_m,
    exercises.energy_kcal,
    exercises.avg_hr_bpm,
    exercises.max_hr_bpm,
    coalesce(exercises.has_route, false) as has_gps,
    exercises.device as device_name,
    exercises.acquired_via,
    exercises.fetched_at,
    exercises.first_fetched_at
from exercises
left join families as detailed on upper(exercises.detailed_sport) = detailed.sport
left join families as coarse on upper(exercises.sport) = coarse.sport
