select
    laps.athlete_id,
    laps.activity_id,
    laps.lap_number,
    laps.lap_id,
    laps.name,
    laps.started_at,
    laps.elapsed_seconds,
    laps.moving_seconds,
    laps.distance_m,
    laps.ascent_m,
    laps.avg_speed_mps,
    laps.max_speed_mps,
    laps.avg_hr_bpm,
    laps.max_hr_bpm,
    laps.avg_cadence_rpm,
    laps.avg_power_w,
    laps.first_sample,
    laps.last_sample
from {{ source("strava", "strava_laps") }} as laps
inner join
    {{ ref("stg_strava__activities") }} as activities
    on laps.athlete_id = activities.athlete_id
    and laps.activity_id = activities.activity_id
    and laps.dt = activities.dt
