select
    samples.athlete_id,
    samples.dt,
    samples.exercise_id,
    samples.sampled_at,
    samples.heart_rate_bpm,
    samples.speed_mps,
    samples.power_w,
    samples.altitude_m,
    samples.distance_m,
    samples.cadence_rpm,
    samples.fetched_at
from {{ source("polar", "polar_exercise_samples") }} as samples
inner join
    {{ ref("stg_polar__exercises") }} as exercises
    on samples.athlete_id = exercises.athlete_id
    and samples.exercise_id = exercises.exercise_id
    and samples.dt = exercises.dt
where {{ every_day("samples.dt") }}
