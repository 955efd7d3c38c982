with
    days as (
        {{ own_before_copied(source("fitbit", "fitbit_daily_vo2_max"), "local_date") }}
    )
select
    athlete_id,
    local_date,
    vo2_max_ml_per_kg_min,
    cardio_fitness_level,
    is_estimated,
    device_name,
    is_mirror
from days
