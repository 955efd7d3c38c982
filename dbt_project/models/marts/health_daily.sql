-- Every value with the provider it is from; priority 1 wins where two have one for
-- the day. Never averaged over
-- providers: their methods differ.
with
    measured as (
        select
            athlete_id,
            local_date,
            'hrv' as metric,
            {{ as_float("rmssd_ms") }} as value,
            'fitbit' as provider,
            1 as priority
        from {{ ref("stg_fitbit__daily_heart_rate_variability") }}
        union all
        select
            athlete_id,
            local_date,
            'hrv' as metric,
            {{ as_float("hrv_rmssd_ms") }} as value,
            'polar' as provider,
            2 as priority
        from {{ ref("stg_polar__nightly_recharge") }}
        union all
        select
            athlete_id,
            local_date,
            'breathing' as metric,
            {{ as_float("breaths_per_minute") }} as value,
            'fitbit' as provider,
            1 as priority
        from {{ ref("stg_fitbit__daily_respiratory_rate") }}
        union all
        select
            athlete_id,
            local_date,
            'breathing' as metric,
            {{ as_float("breathing_rate_per_minute") }} as value,
            'polar' as provider,
            2 as priority
        from {{ ref("stg_polar__nightly_recharge") }}
        union all
        select
            athlete_id,
            local_date,
            'oxygen' as metric,
            {{ as_float("average_percent") }} as value,
            'fitbit' as provider,
            1 as priority
        from {{ ref("stg_fitbit__daily_oxygen_saturation") }}
        union all
        select
            athlete_id,
            {{ local_date("tested_at", "coalesce(utc_offset_seconds, 0)") }}
            as local_date,
            'oxygen' as metric,
            {{ as_float("round(avg(blood_oxygen_percent), 2)") }} as value,
            'polar' as provider,
            2 as priority
        from {{ ref("stg_polar__spo2") }}
        group by
            athlete_id, {{ local_date("tested_at", "coalesce(utc_offset_seconds, 0)") }}
        union all
        select
            athlete_id,
            local_date,
            'skin_temperature' as metric,
            {{ as_float("deviation_c") }} as value,
            'polar' as provider,
            1 as priority
        from {{ ref("stg_polar__skin_temperature") }}
        union all
        select
            athlete_id,
            local_date,
            'weight' as metric,
            {{ as_float("weight_kg") }} as value,
            'fitbit' as provider,
            1 as priority
        from
            (
                select
                    athlete_id,
                    weight_id,
                    measured_at,
                    weight_kg,
                    {{ local_date("measured_at", "coalesce(utc_offset_seconds, 0)") }}
                    as local_date
                from {{ ref("stg_fitbit__weight") }}
            )
        qualify
            row_number() over (
                partition by athlete_id, local_date order by measured_at desc, weight_id
            )
            = 1
        union all
        select
            athlete_id,
            local_date,
            'vo2_max' as metric,
            {{ as_float("vo2_max_ml_per_kg_min") }} as value,
            'fitbit' as provider,
            1 as priority
        from {{ ref("stg_fitbit__daily_vo2_max") }}
    ),

    chosen as (
        select *
        from measured
        where
            (metric = 'skin_temperature' or value > 0)
            -- Google marks what it could not measure with 50.0.
            and (metric <> 'oxygen' or value > 50 and value <= 100)
        qualify
            row_number() over (
                partition by athlete_id, local_date, metric order by priority
            )
            = 1
    )

select
    athlete_id,
    local_date,
    max(case when metric = 'hrv' then value end) as hrv_rmssd_ms,
    max(case when metric = 'hrv' then provider end) as source_of_hrv,
    max(case when metric = 'oxygen' then value end) as blood_oxygen_percent,
    max(case when metric = 'oxygen' then provider end) as source_of_blood_oxygen,
    max(case when metric = 'breathing' then value end) as breathing_rate_per_minute,
    max(case when metric = 'breathing' then provider end) as source_of_breathing_rate,
    max(
        case when metric = 'skin_temperature' then value end
    ) as skin_temperature_deviation_c,
    max(case when metric = 'weight' then value end) as weight_kg,
    max(case when metric = 'vo2_max' then value end) as vo2_max_ml_per_kg_min
from chosen
group by athlete_id, local_date
