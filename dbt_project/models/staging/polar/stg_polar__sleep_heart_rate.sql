select athlete_id, local_date, sample_index, sampled_at, bpm
from {{ source("polar", "polar_sleep_heart_rate") }}
where {{ every_day("dt") }}
