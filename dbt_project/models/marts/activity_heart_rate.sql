{{ config(tags=["heart_rate"]) }}

with
    minutes as (
        select
            hearts.activity_id,
            hearts.athlete_id,
            hearts.bpm,
            hearts.seconds,
            settings.sex,
            settings.max_hr_bpm,
            settings.resting_hr_bpm,
            settings.threshold_hr_bpm,
            {{
                heart_rate_reserve(
                    "hearts.bpm", "settings.max_hr_bpm", "settings.resting_hr_bpm"
                )
            }} as reserve,
            {{
                heart_rate_reserve(
                    "settings.threshold_hr_bpm",
                    "settings.max_hr_bpm",
                    "settings.resting_hr_bpm",
                )
            }} as threshold_reserve
        from {{ ref("int_activity_bpm_seconds") }} as hearts
        inner join
            {{ ref("int_activity_settings") }} as settings
            on hearts.activity_id = settings.activity_id
    ),

    sums as (
        select
            activity_id,
            athlete_id,
            sum(seconds) as covered_seconds,
            max(bpm) as max_bpm,
            min(bpm) as min_bpm,
            sum(seconds * bpm) / sum(seconds) as avg_bpm,
            max(max_hr_bpm) as set_max_hr_bpm,
            max(resting_hr_bpm) as set_resting_hr_bpm,
            sum(seconds / 60 * {{ banister_per_minute("reserve", "sex") }}) as trimp,
            max(
                60 * {{ banister_per_minute("threshold_reserve", "sex") }}
            ) as threshold_hour_trimp
        from minutes
        group by activity_id, athlete_id
    ),

    zones as (
        select
            activity_id,
            sum(
                case when scheme = '%HRmax' then seconds / 60 * zone end
            ) as edwards_trimp,
            sum(
                case
                    when scheme = 'fitbit' and zone = 2
                    then seconds / 60
                    when scheme = 'fitbit' and zone in (3, 4)
                    then seconds / 60 * 2
                    when scheme = 'fitbit'
                    then 0
                end
            ) as active_zone_minutes
        from {{ ref("activity_zones") }}
        group by activity_id
    ),

    -- Of an activity's records the best one that has heart rate beside speed or power.
    decoupling as (
        select sources.activity_id, halves.basis, halves.decoupling_percent
        from {{ ref("int_activity_decoupling") }} as halves
        inner join
            {{ ref("activity_sources") }} as sources
            on halves.athlete_id = sources.athlete_id
            and halves.provider = sources.provider
            and halves.provider_activity_id = sources.provider_activity_id
        qualify
            row_number() over (
                partition by sources.activity_id
                order by
                    case when sources.relation = 'part_of' then 1 else 0 end,
                    halves.seconds desc,
                    sources.provider,
                    sources.provider_activity_id
            )
            = 1
    )

-- Sums of floats depend on the order of reading in their last digits; rounded, they
-- do not.
select
    sums.activity_id,
    sums.athlete_id,
    activities.local_date,
    sums.covered_seconds,
    round(
        100 * sums.covered_seconds / nullif(activities.elapsed_seconds, 0), 1
    ) as covered_percent,
    round(sums.avg_bpm, 2) as avg_bpm,
    sums.max_bpm,
    sums.min_bpm,
    sums.set_max_hr_bpm,
    sums.max_bpm > sums.set_max_hr_bpm as is_above_set_max,
    {{
        as_float(
            "round("
            ~ heart_rate_reserve(
                "sums.avg_bpm", "sums.set_max_hr_bpm", "sums.set_resting_hr_bpm"
            )
            ~ ", 6)"
        )
    }} as avg_heart_rate_reserve,
    {{ as_float("round(sums.trimp, 6)") }} as trimp,
    {{ as_float("round(100 * sums.trimp / nullif(sums.threshold_hour_trimp, 0), 6)") }}
    as hrtss,
    {{ as_float("round(zones.edwards_trimp, 6)") }} as edwards_trimp,
    {{ as_float("round(zones.active_zone_minutes, 6)") }} as active_zone_minutes,
    {{ as_float("round(decoupling.decoupling_percent, 6)") }} as decoupling_percent,
    decoupling.basis as decoupling_basis
from sums
inner join
    {{ ref("activities") }} as activities on sums.activity_id = activities.activity_id
left join zones on sums.activity_id = zones.activity_id
left join decoupling on sums.activity_id = decoupling.activity_id
