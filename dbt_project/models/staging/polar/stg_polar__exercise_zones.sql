select
    exercise_zones.athlete_id,
    exercise_zones.exercise_id,
    exercise_zones.zone,
    exercise_zones.lower_bpm,
    exercise_zones.upper_bpm,
    exercise_zones.seconds
from {{ source("polar", "polar_exercise_zones") }} as exercise_zones
inner join
    {{ ref("stg_polar__exercises") }} as exercises
    on exercise_zones.athlete_id = exercises.athlete_id
    and exercise_zones.exercise_id = exercises.exercise_id
    and exercise_zones.dt = exercises.dt
