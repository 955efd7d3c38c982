with
    fitbit_steps as (
        select athlete_id, local_date, sum(steps) as steps
        from {{ ref("stg_fitbit__steps") }}
        group by athlete_id, local_date
    ),

    fitbit_distance as (
        -- In Google's whole millimetres: the sum must not depend on the order in
        -- which days were loaded.
        select
            athlete_id,
            local_date,
            sum(cast(round(distance_m * 1000) as int64)) / 1000 as distance_m
        from {{ ref("stg_fitbit__distance") }}
        group by athlete_id, local_date
    ),

    floors as (select * from {{ ref("stg_fitbit__floors") }}),

    calories as (select * from {{ ref("stg_fitbit__total_calories") }}),

    polar_days as (select * from {{ ref("stg_polar__daily_activity") }}),

    -- Energy alone makes no day: the basal part is there on days without a device, too.
    worn as (
        select athlete_id, local_date
        from fitbit_steps
        union distinct
        select athlete_id, local_date
        from fitbit_distance
        union distinct
        select athlete_id, local_date
        from floors
        union distinct
        select athlete_id, local_date
        from polar_days
    ),

    days as (
        select
            worn.athlete_id,
            worn.local_date,
            fitbit_steps.steps as fitbit_steps,
            fitbit_distance.distance_m as fitbit_distance_m,
            calories.total_kcal as fitbit_total_kcal,
            floors.floors,
            polar_days.steps as polar_steps,
            polar_days.distance_m as polar_distance_m,
            polar_days.active_kcal,
            polar_days.total_kcal as polar_total_kcal,
            case
                when fitbit_steps.steps > 0
                then 'fitbit'
                when polar_days.steps is not null
                then 'polar'
                when fitbit_steps.steps is not null
                then 'fitbit'
            end as source_of_steps
        from worn
        left join
            fitbit_steps
            on worn.athlete_id = fitbit_steps.athlete_id
            and worn.local_date = fitbit_steps.local_date
        left join
            fitbit_distance
            on worn.athlete_id = fitbit_distance.athlete_id
            and worn.local_date = fitbit_distance.local_date
        left join
            floors
            on worn.athlete_id = floors.athlete_id
            and worn.local_date = floors.local_date
        left join
            calories
            on worn.athlete_id = calories.athlete_id
            and worn.local_date = calories.local_date
        left join
            polar_days
            on worn.athlete_id = polar_days.athlete_id
            and worn.local_date = polar_days.local_date
    )

select
    athlete_id,
    local_date,
    cast(
        case
            when source_of_steps = 'polar' then polar_steps else fitbit_steps
        end as int64
    ) as steps,
    {{
        as_float(
            "case when source_of_steps = 'polar' then coalesce(polar_distance_m, fitbit_distance_m) else coalesce(fitbit_distance_m, polar_distance_m) end"
        )
    }}
    as distance_m,
    {{ as_float("active_kcal") }} as active_kcal,
    {{
        as_float(
            "case when source_of_steps = 'polar' then coalesce(polar_total_kcal, fitbit_total_kcal) else coalesce(fitbit_total_kcal, polar_total_kcal) end"
        )
    }}
    as total_kcal,
    cast(floors as int64) as floors,
    source_of_steps
from days
