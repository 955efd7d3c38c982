select
    exercise_tcx.athlete_id,
    exercise_tcx.exercise_id,
    exercise_tcx.size_bytes,
    exercise_tcx.sha256,
    exercise_tcx.point_count
from {{ source("fitbit", "fitbit_exercise_tcx") }} as exercise_tcx
inner join
    {{ ref("stg_fitbit__exercises") }} as exercises
    on exercise_tcx.athlete_id = exercises.athlete_id
    and exercise_tcx.exercise_id = exercises.exercise_id
    and exercise_tcx.dt = exercises.dt
