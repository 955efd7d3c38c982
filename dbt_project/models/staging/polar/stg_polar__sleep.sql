with nights as ({{ latest_version(source("polar", "polar_sleep"), "local_date") }})

select
    athlete_id,
    local_date,
    started_at,
    ended_at,
    start_utc_offset_seconds,
    end_utc_offset_seconds,
    {{
        as_float(
            "coalesce(light_seconds, 0) + coalesce(deep_seconds, 0) + coalesce(rem_seconds, 0)"
        )
    }}
    / 60
    + {{ as_float("coalesce(unrecognized_seconds, 0)") }} / 60 as asleep_minutes,
    {{ as_float("deep_seconds") }} / 60 as deep_minutes,
    {{ as_float("light_seconds") }} / 60 as light_minutes,
    {{ as_float("rem_seconds") }} / 60 as rem_minutes,
    {{ as_float("interruption_seconds") }} / 60 as awake_minutes
from nights
