select athlete_id, local_date, entry_index, started_at, ended_at, stage, stage_code
from {{ source("polar", "polar_sleep_stages") }}
where {{ every_day("dt") }}
