select
    athlete_id,
    valid_from,
    sport,
    max_hr_bpm,
    resting_hr_bpm,
    threshold_hr_bpm,
    weight_kg,
    zone_1_lower_bpm,
    zone_2_lower_bpm,
    zone_3_lower_bpm,
    zone_4_lower_bpm,
    zone_5_lower_bpm
from {{ source("accounts", "accounts_athlete_settings") }}
