select
    athlete_id,
    dt as snapshot_date,
    modified_at,
    sex,
    birth_date,
    weight_kg,
    weight_source,
    height_cm,
    max_hr_bpm,
    resting_hr_bpm,
    aerobic_threshold_bpm,
    anaerobic_threshold_bpm,
    vo2_max,
    training_background,
    typical_day,
    sleep_goal_seconds
from {{ source("polar", "polar_physical_info") }}
