select
    athlete_id,
    device_id,
    period_started_at,
    sampled_at,
    temperature_c,
    measurement_type,
    sensor_location
from {{ source("polar", "polar_body_temperature") }}
