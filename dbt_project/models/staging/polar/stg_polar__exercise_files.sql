select
    exercise_files.athlete_id,
    exercise_files.exercise_id,
    exercise_files.format,
    exercise_files.size_bytes,
    exercise_files.sha256
from {{ source("polar", "polar_exercise_files") }} as exercise_files
inner join
    {{ ref("stg_polar__exercises") }} as exercises
    on exercise_files.athlete_id = exercises.athlete_id
    and exercise_files.exercise_id = exercises.exercise_id
    and exercise_files.dt = exercises.dt
