with
    versions as (
        {{ latest_version(source("polar", "polar_cardio_load"), "local_date") }}
    )
select
    athlete_id,
    local_date,
    status,
    cardio_load,
    strain,
    tolerance,
    cardio_load_ratio,
    level_very_low,
    level_low,
    level_medium,
    level_high,
    level_very_high
from versions
