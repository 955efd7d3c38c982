select
    athlete_id,
    dt as snapshot_date,
    time_zone,
    utc_offset_seconds,
    distance_unit,
    weight_unit,
    language_locale
from {{ source("fitbit", "fitbit_settings") }}
