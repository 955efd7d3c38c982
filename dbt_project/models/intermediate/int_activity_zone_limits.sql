{# Lower limits in percent, zones 1 to 5. Sources: docs/metrics.md. #}
{% set percent_of_max = [50, 60, 70, 80, 90] %}
{% set percent_of_threshold = [0, 68, 83, 94, 105] %}

with
    settings as (select * from {{ ref("int_activity_settings") }}),

    members as (
        select activity_id, athlete_id, provider, provider_activity_id, is_primary
        from {{ ref("activity_sources") }}
    ),

    -- Strava tells only today's zones: they hold from the day on which it told them,
    -- never
    -- before, whichever days were being pulled.
    strava_zones as (
        select
            *,
            {{ date_of_epoch_day(int_div(epoch_seconds("fetched_at"), 86400)) }}
            as told_on
        from {{ ref("stg_strava__zones") }}
        where kind = 'heart_rate'
        qualify
            row_number() over (
                partition by
                    athlete_id, zone, {{ int_div(epoch_seconds("fetched_at"), 86400) }}
                order by fetched_at desc, snapshot_date desc
            )
            = 1
    ),

    strava_days as (
        select settings.activity_id, settings.athlete_id, max(zones.told_on) as told_on
        from settings
        inner join
            strava_zones as zones
            on settings.athlete_id = zones.athlete_id
            and settings.local_date >= zones.told_on
        group by settings.activity_id, settings.athlete_id
    ),

    limits as (
        {% for zone in range(1, 6) %}
            select
                activity_id,
                athlete_id,
                '%HRmax' as scheme,
                {{ zone }} as zone,
                max_hr_bpm * {{ percent_of_max[zone - 1] }} / 100 as lower_bpm,
                {{ as_float("null") }} as provider_seconds
            from settings
            union all
            select
                activity_id,
                athlete_id,
                '%HRR' as scheme,
                {{ zone }} as zone,
                resting_hr_bpm
                + (max_hr_bpm - resting_hr_bpm)
                * {{ percent_of_max[zone - 1] }}
                / 100 as lower_bpm,
                {{ as_float("null") }} as provider_seconds
            from settings
            union all
            select
                activity_id,
                athlete_id,
                '%LTHR' as scheme,
                {{ zone }} as zone,
                threshold_hr_bpm
                * {{ percent_of_threshold[zone - 1] }}
                / 100 as lower_bpm,
                {{ as_float("null") }} as provider_seconds
            from settings
            union all
            select
                activity_id,
                athlete_id,
                'own' as scheme,
                {{ zone }} as zone,
                zone_{{ zone }}_lower_bpm as lower_bpm,
                {{ as_float("null") }} as provider_seconds
            from settings
            union all
        {% endfor %}

        -- Polar tells the limits that held in the exercise, and its own seconds.
        select
            members.activity_id,
            members.athlete_id,
            'polar' as scheme,
            zones.zone,
            zones.lower_bpm,
            zones.seconds as provider_seconds
        from {{ ref("stg_polar__exercise_zones") }} as zones
        inner join
            members
            on zones.athlete_id = members.athlete_id
            and zones.exercise_id = members.provider_activity_id
            and members.provider = 'polar'
            and members.is_primary

        union all

        select
            strava_days.activity_id,
            strava_days.athlete_id,
            'strava' as scheme,
            zones.zone,
            zones.lower_bpm,
            {{ as_float("null") }} as provider_seconds
        from strava_days
        inner join
            strava_zones as zones
            on strava_days.athlete_id = zones.athlete_id
            and strava_days.told_on = zones.told_on

        union all

        select
            settings.activity_id,
            settings.athlete_id,
            'fitbit' as scheme,
            case
                zones.zone
                when 'LIGHT'
                then 1
                when 'MODERATE'
                then 2
                when 'VIGOROUS'
                then 3
                when 'PEAK'
                then 4
            end as zone,
            {{ as_float("zones.min_bpm") }} as lower_bpm,
            {{ as_float("null") }} as provider_seconds
        from {{ ref("stg_fitbit__daily_heart_rate_zones") }} as zones
        inner join
            settings
            on zones.athlete_id = settings.athlete_id
            and zones.local_date = settings.local_date
    )

select
    activity_id,
    athlete_id,
    scheme,
    cast(zone as int64) as zone,
    lower_bpm,
    lead(lower_bpm) over (partition by activity_id, scheme order by zone) as upper_bpm,
    provider_seconds
from limits
where lower_bpm is not null and zone between 1 and 5
