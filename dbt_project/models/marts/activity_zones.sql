with
    activities_with_heart_rate as (
        select distinct activity_id from {{ ref("int_activity_bpm_seconds") }}
    ),

    counted as (
        select
            limits.activity_id,
            limits.scheme,
            limits.zone,
            sum(hearts.seconds) as seconds
        from {{ ref("int_activity_zone_limits") }} as limits
        inner join
            {{ ref("int_activity_bpm_seconds") }} as hearts
            on limits.activity_id = hearts.activity_id
            and limits.lower_bpm <= hearts.bpm
            and (limits.upper_bpm is null or limits.upper_bpm > hearts.bpm)
        group by limits.activity_id, limits.scheme, limits.zone
    )

select
    limits.activity_id,
    limits.athlete_id,
    limits.zone,
    {{ as_float("limits.lower_bpm") }} as lower_bpm,
    {{ as_float("limits.upper_bpm") }} as upper_bpm,
    {{ as_float("coalesce(limits.provider_seconds, counted.seconds, 0)") }} as seconds,
    limits.scheme
from {{ ref("int_activity_zone_limits") }} as limits
inner join
    activities_with_heart_rate
    on limits.activity_id = activities_with_heart_rate.activity_id
left join
    counted
    on limits.activity_id = counted.activity_id
    and limits.scheme = counted.scheme
    and limits.zone = counted.zone
