select
    exercise_route.athlete_id,
    exercise_route.exercise_id,
    exercise_route.elapsed_seconds,
    exercise_route.latitude_deg,
    exercise_route.longitude_deg
from {{ source("polar", "polar_exercise_route") }} as exercise_route
inner join
    {{ ref("stg_polar__exercises") }} as exercises
    on exercise_route.athlete_id = exercises.athlete_id
    and exercise_route.exercise_id = exercises.exercise_id
    and exercise_route.dt = exercises.dt
where {{ every_day("exercise_route.dt") }}
