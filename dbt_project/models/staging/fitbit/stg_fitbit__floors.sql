with versions as ({{ latest_version(source("fitbit", "fitbit_floors"), "local_date") }})
select athlete_id, local_date, floors
from versions
