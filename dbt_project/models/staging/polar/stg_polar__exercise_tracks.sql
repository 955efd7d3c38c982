select
    exercise_tracks.athlete_id,
    exercise_tracks.exercise_id,
    exercise_tracks.format,
    exercise_tracks.size_bytes,
    exercise_tracks.sha256,
    exercise_tracks.point_count
from {{ source("polar", "polar_exercise_tracks") }} as exercise_tracks
inner join
    {{ ref("stg_polar__exercises") }} as exercises
    on exercise_tracks.athlete_id = exercises.athlete_id
    and exercise_tracks.exercise_id = exercises.exercise_id
    and exercise_tracks.dt = exercises.dt
