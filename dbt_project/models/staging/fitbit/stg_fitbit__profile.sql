select
    athlete_id,
    dt as snapshot_date,
    age_years,
    member_since,
    walking_stride_m,
    running_stride_m
from {{ source("fitbit", "fitbit_profile") }}
