select
    exercise_trackpoints.athlete_id,
    exercise_trackpoints.exercise_id,
    exercise_trackpoints.format,
    exercise_trackpoints.point_index,
    exercise_trackpoints.segment,
    exercise_trackpoints.sampled_at,
    exercise_trackpoints.latitude_deg,
    exercise_trackpoints.longitude_deg,
    exercise_trackpoints.altitude_m,
    exercise_trackpoints.distance_m,
    exercise_trackpoints.heart_rate_bpm,
    exercise_trackpoints.cadence_rpm,
    exercise_trackpoints.speed_mps,
    exercise_trackpoints.power_w
from {{ source("polar", "polar_exercise_trackpoints") }} as exercise_trackpoints
inner join
    {{ ref("stg_polar__exercises") }} as exercises
    on exercise_trackpoints.athlete_id = exercises.athlete_id
    and exercise_trackpoints.exercise_id = exercises.exercise_id
    and exercise_trackpoints.dt = exercises.dt
