with
    versions as (
        {{ latest_version(source("polar", "polar_skin_temperature"), "local_date") }}
    )
select athlete_id, local_date, temperature_c, deviation_c
from versions
