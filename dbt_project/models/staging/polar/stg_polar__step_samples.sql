select
    athlete_id, local_date, sample_index, second_of_day, fold, interval_seconds, steps
from {{ source("polar", "polar_step_samples") }}
where {{ every_day("dt") }}
