{{ config(materialized="view") }}

-- Polar keeps samples and positions apart, each with its own clock: rows of either
-- kind.
select
    athlete_id,
    dt,
    'polar' as provider,
    exercise_id as provider_activity_id,
    sampled_at,
    heart_rate_bpm,
    speed_mps,
    altitude_m,
    distance_m,
    cadence_rpm,
    power_w,
    {{ as_float("null") }} as latitude_deg,
    {{ as_float("null") }} as longitude_deg
from {{ ref("stg_polar__exercise_samples") }}

union all

select
    routes.athlete_id,
    exercises.dt,
    'polar' as provider,
    routes.exercise_id as provider_activity_id,
    {{
        instant_of_micros(
            epoch_micros("exercises.started_at")
            ~ " + "
            ~ whole("routes.elapsed_seconds")
            ~ " * 1000000"
        )
    }} as sampled_at,
    {{ as_float("null") }},
    {{ as_float("null") }},
    {{ as_float("null") }},
    {{ as_float("null") }},
    {{ as_float("null") }},
    {{ as_float("null") }},
    routes.latitude_deg,
    routes.longitude_deg
from {{ ref("stg_polar__exercise_route") }} as routes
inner join
    {{ ref("stg_polar__exercises") }} as exercises
    on routes.athlete_id = exercises.athlete_id
    and routes.exercise_id = exercises.exercise_id

union all

select
    athlete_id,
    dt,
    'strava' as provider,
    activity_id as provider_activity_id,
    sampled_at,
    heart_rate_bpm,
    speed_mps,
    altitude_m,
    distance_m,
    cadence_rpm,
    power_w,
    latitude_deg,
    longitude_deg
from {{ ref("stg_strava__stream_samples") }}

union all

-- Heart rate beside Fitbit's positions is the band's feed: int_heart_rate_samples.
select
    points.athlete_id,
    exercises.dt,
    'fitbit' as provider,
    points.exercise_id as provider_activity_id,
    points.sampled_at,
    {{ as_float("null") }},
    points.speed_mps,
    points.altitude_m,
    points.distance_m,
    points.cadence_rpm,
    points.power_w,
    points.latitude_deg,
    points.longitude_deg
from {{ ref("stg_fitbit__exercise_trackpoints") }} as points
inner join
    {{ ref("stg_fitbit__exercises") }} as exercises
    on points.athlete_id = exercises.athlete_id
    and points.exercise_id = exercises.exercise_id
