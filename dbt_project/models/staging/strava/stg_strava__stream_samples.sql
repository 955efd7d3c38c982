select
    samples.athlete_id,
    samples.dt,
    samples.activity_id,
    samples.sampled_at,
    samples.heart_rate_bpm,
    samples.speed_mps,
    samples.power_w,
    samples.altitude_m,
    samples.distance_m,
    samples.cadence_rpm,
    samples.latitude_deg,
    samples.longitude_deg,
    samples.fetched_at
from {{ source("strava", "strava_stream_samples") }} as samples
inner join
    {{ ref("stg_strava__activities") }} as activities
    on samples.athlete_id = activities.athlete_id
    and samples.activity_id = activities.activity_id
    and samples.dt = activities.dt
where {{ every_day("samples.dt") }}
