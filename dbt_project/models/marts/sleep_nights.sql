with
    fitbit_nights as (
        select *
        from {{ ref("stg_fitbit__sleep") }}
        where not is_nap
        qualify
            row_number() over (
                partition by athlete_id, local_date
                order by
                    case when is_main then 0 else 1 end,
                    ended_at desc,
                    started_at,
                    sleep_id
            )
            = 1
    )

select
    athlete_id,
    local_date,
    'fitbit' as provider,
    started_at,
    ended_at,
    {{ as_float("asleep_minutes") }} as asleep_minutes,
    {{ as_float("deep_minutes") }} as deep_minutes,
    {{ as_float("light_minutes") }} as light_minutes,
    {{ as_float("rem_minutes") }} as rem_minutes,
    {{ as_float("awake_minutes") }} as awake_minutes
from fitbit_nights

union all

select
    athlete_id,
    local_date,
    'polar' as provider,
    started_at,
    ended_at,
    {{ as_float("asleep_minutes") }},
    {{ as_float("deep_minutes") }},
    {{ as_float("light_minutes") }},
    {{ as_float("rem_minutes") }},
    {{ as_float("awake_minutes") }}
from {{ ref("stg_polar__sleep") }}
