select athlete_id, dt, local_date, second_of_day, fold, bpm, fetched_at
from {{ source("polar", "polar_continuous_heart_rate") }}
where {{ every_day("dt") }}
