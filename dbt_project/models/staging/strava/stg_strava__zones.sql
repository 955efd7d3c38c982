select
    athlete_id,
    dt as snapshot_date,
    kind,
    zone,
    lower_bpm,
    upper_bpm,
    lower_w,
    upper_w,
    is_custom,
    fetched_at
from {{ source("strava", "strava_zones") }}
