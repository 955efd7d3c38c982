with versions as ({{ latest_version(source("fitbit", "fitbit_weight"), "weight_id") }})
select
    athlete_id,
    weight_id,
    measured_at,
    utc_offset_seconds,
    weight_kg,
    device_name,
    coalesce(platform in ('HEALTH_CONNECT', 'HEALTH_KIT'), false) as is_mirror
from versions
