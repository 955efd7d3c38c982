select
    athlete_id,
    dt as snapshot_date,
    gear_id,
    kind,
    name,
    nickname,
    brand_name,
    model_name,
    distance_m,
    is_primary,
    is_retired
from {{ source("strava", "strava_gear") }}
