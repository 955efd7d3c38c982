with
    zones as (select n + 1 as zone from {{ whole_numbers(5) }} as numbers),

    heart_rate_sources as (
        select
            sources.activity_id,
            sources.athlete_id,
            samples.zone_max_hr_bpm,
            samples.zone_1_seconds,
            samples.zone_2_seconds,
            samples.zone_3_seconds,
            samples.zone_4_seconds,
            samples.zone_5_seconds
        from {{ ref("activity_sources") }} as sources
        inner join
            {{ ref("int_activity_records") }} as records
            on sources.athlete_id = records.athlete_id
            and sources.provider = records.provider
            and sources.provider_activity_id = records.provider_activity_id
        inner join
            {{ ref("int_activity_heart_rate") }} as samples
            on records.athlete_id = samples.athlete_id
            and records.dt = samples.dt
            and records.provider = samples.provider
            and records.provider_activity_id = samples.provider_activity_id
        where samples.zone_max_hr_bpm is not null
        qualify
            row_number() over (
                partition by sources.activity_id
                order by
                    case when sources.relation = 'part_of' then 1 else 0 end,
                    records.source_rank,
                    records.record_id
            )
            = 1
    )

select
    heart_rate_sources.activity_id,
    heart_rate_sources.athlete_id,
    cast(zones.zone as int64) as zone,
    {{ as_float("heart_rate_sources.zone_max_hr_bpm * (zones.zone + 4)") }}
    / 10 as lower_bpm,
    case
        when zones.zone < 5
        then
            {{ as_float("heart_rate_sources.zone_max_hr_bpm * (zones.zone + 5)") }} / 10
    end as upper_bpm,
    case
        zones.zone
        when 1
        then heart_rate_sources.zone_1_seconds
        when 2
        then heart_rate_sources.zone_2_seconds
        when 3
        then heart_rate_sources.zone_3_seconds
        when 4
        then heart_rate_sources.zone_4_seconds
        else heart_rate_sources.zone_5_seconds
    end as seconds,
    '%HRmax' as scheme
from heart_rate_sources
cross join zones
