select athlete_id, period_started_at, started_at, ended_at, alertness_level, validity
from {{ source("polar", "polar_alertness_hours") }}
