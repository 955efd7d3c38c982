with
    versions as (
        {{ latest_version(source("fitbit", "fitbit_total_calories"), "local_date") }}
    )
select athlete_id, local_date, total_kcal
from versions
