select athlete_id, dt as snapshot_date, health_user_id, legacy_user_id
from {{ source("fitbit", "fitbit_identity") }}
