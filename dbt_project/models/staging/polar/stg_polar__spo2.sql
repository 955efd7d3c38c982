select
    athlete_id,
    tested_at,
    utc_offset_seconds,
    device_id,
    status,
    blood_oxygen_percent,
    spo2_class,
    deviation,
    quality_percent,
    avg_hr_bpm,
    hrv_ms,
    hrv_deviation,
    altitude_m
from {{ source("polar", "polar_spo2") }}
