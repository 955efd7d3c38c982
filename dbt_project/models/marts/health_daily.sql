-- Every value with the provider it is from; priority 1 wins where two have one for
-- the day. Never averaged over
-- providers: their methods differ.
{% set measures = [
    (
        "hrv",
        "rmssd_ms",
        "fitbit",
        1,
        ref("stg_fitbit__daily_heart_rate_variability"),
    ),
    ("hrv", "hrv_rmssd_ms", "polar", 2, ref("stg_polar__nightly_recharge")),
    (
        "breathing",
        "breaths_per_minute",
        "fitbit",
        1,
        ref("stg_fitbit__daily_respiratory_rate"),
    ),
    (
        "breathing",
        "breathing_rate_per_minute",
        "polar",
        2,
        ref("stg_polar__nightly_recharge"),
    ),
    (
        "oxygen",
        "average_percent",
        "fitbit",
        1,
        ref("stg_fitbit__daily_oxygen_saturation"),
    ),
    ("oxygen", "blood_oxygen_percent", "polar", 2, "oxygen_tests"),
    (
        "skin_temperature",
        "deviation_c",
        "polar",
        1,
        ref("stg_polar__skin_temperature"),
    ),
    ("weight", "weight_kg", "fitbit", 1, "last_weighings"),
    (
        "vo2_max",
        "vo2_max_ml_per_kg_min",
        "fitbit",
        1,
        ref("stg_fitbit__daily_vo2_max"),
    ),
] %}

with
    oxygen_tests as (
        select
            athlete_id,
            {{ local_date("tested_at", "coalesce(utc_offset_seconds, 0)") }}
            as local_date,
            round(avg(blood_oxygen_percent), 2) as blood_oxygen_percent
        from {{ ref("stg_polar__spo2") }}
        group by
            athlete_id, {{ local_date("tested_at", "coalesce(utc_offset_seconds, 0)") }}
    ),

    weighings as (
        select
            athlete_id,
            weight_id,
            measured_at,
            weight_kg,
            {{ local_date("measured_at", "coalesce(utc_offset_seconds, 0)") }}
            as local_date
        from {{ ref("stg_fitbit__weight") }}
    ),

    last_weighings as (
        select *
        from weighings
        qualify
            row_number() over (
                partition by athlete_id, local_date order by measured_at desc, weight_id
            )
            = 1
    ),

    measured as (
        {% for metric, value, provider, priority, relation in measures %}
            select
                athlete_id,
                local_date,
                '{{ metric }}' as metric,
                {{ as_float(value) }} as value,
                '{{ provider }}' as provider,
                {{ priority }} as priority
            from {{ relation }} {{ "union all" if not loop.last }}
        {% endfor %}
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
