select
    athlete_id,
    dt as snapshot_date,
    device_id,
    device_type,
    product_name,
    battery_percent,
    battery_status,
    last_synced_at
from {{ source("fitbit", "fitbit_paired_devices") }}
