select
    exercise_splits.athlete_id,
    exercise_splits.exercise_id,
    exercise_splits.is_lap,
    exercise_splits.split_number,
    exercise_splits.started_at,
    exercise_splits.ended_at,
    exercise_splits.split_type,
    exercise_splits.active_seconds,
    exercise_splits.distance_m,
    exercise_splits.energy_kcal,
    exercise_splits.steps,
    exercise_splits.ascent_m,
    exercise_splits.avg_hr_bpm
from {{ source("fitbit", "fitbit_exercise_splits") }} as exercise_splits
inner join
    {{ ref("stg_fitbit__exercises") }} as exercises
    on exercise_splits.athlete_id = exercises.athlete_id
    and exercise_splits.exercise_id = exercises.exercise_id
    and exercise_splits.dt = exercises.dt
