with
    fitbit_days as (
        select athlete_id, local_date, sum(steps) as steps
        from {{ ref("stg_fitbit__steps") }}
        group by athlete_id, local_date
    ),

    polar_days as (select * from {{ ref("stg_polar__daily_activity") }}),

    days as (
        select athlete_id, local_date
        from fitbit_days
        union distinct
        select athlete_id, local_date
        from polar_days
    )

select
    days.athlete_id,
    days.local_date,
    cast(
        case
            when fitbit_days.steps > 0
            then fitbit_days.steps
            else coalesce(polar_days.steps, fitbit_days.steps)
        end as int64
    ) as steps,
    {{ as_float("polar_days.distance_m") }} as distance_m,
    {{ as_float("polar_days.active_kcal") }} as active_kcal,
    {{ as_float("polar_days.total_kcal") }} as total_kcal,
    cast(null as int64) as floors,
    case
        when fitbit_days.steps > 0
        then 'fitbit'
        when polar_days.steps is not null
        then 'polar'
        when fitbit_days.steps is not null
        then 'fitbit'
    end as source_of_steps
from days
left join
    fitbit_days
    on days.athlete_id = fitbit_days.athlete_id
    and days.local_date = fitbit_days.local_date
left join
    polar_days
    on days.athlete_id = polar_days.athlete_id
    and days.local_date = polar_days.local_date
