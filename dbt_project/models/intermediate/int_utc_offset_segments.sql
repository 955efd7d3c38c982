{# 2005-01-01 to 2045-01-01 UTC, in half weeks and half hours: zones change their clocks on such instants. #}
{% set first_second = 1104537600 %}
{% set half_week_seconds = 302400 %}
{% set half_weeks = 4174 %}
{% set at_home = 999999 %}

with
    zones as (select distinct time_zone from {{ ref("int_home_time_zones") }}),

    half_weeks as (
        select
            zones.time_zone,
            {{ first_second }} + steps.n * {{ half_week_seconds }} as from_second,
            {{
                zone_offset_seconds(
                    instant_of_seconds(
                        first_second ~ " + steps.n * " ~ half_week_seconds
                    ),
                    "zones.time_zone",
                )
            }} as utc_offset_seconds
        from zones
        cross join {{ whole_numbers(half_weeks) }} as steps
    ),

    half_weeks_with_change as (
        select
            *,
            lead(utc_offset_seconds) over (
                partition by time_zone order by from_second
            ) as next_utc_offset_seconds
        from half_weeks
        qualify utc_offset_seconds != next_utc_offset_seconds
    ),

    half_hours as (
        select
            half_weeks_with_change.time_zone,
            half_weeks_with_change.from_second as half_week_second,
            half_weeks_with_change.from_second + steps.n * 1800 as from_second,
            half_weeks_with_change.utc_offset_seconds as old_utc_offset_seconds,
            {{
                zone_offset_seconds(
                    instant_of_seconds(
                        "half_weeks_with_change.from_second + steps.n * 1800"
                    ),
                    "half_weeks_with_change.time_zone",
                )
            }} as utc_offset_seconds
        from half_weeks_with_change
        cross join {{ whole_numbers(169) }} as steps
    ),

    home_offsets as (
        select time_zone, min(from_second) as from_second, utc_offset_seconds
        from half_hours
        where utc_offset_seconds != old_utc_offset_seconds
        group by time_zone, half_week_second, utc_offset_seconds
        union all
        select time_zone, 0 as from_second, utc_offset_seconds
        from half_weeks
        where from_second = {{ first_second }}
    ),

    -- An observation is either "at home" or the offset away from home.
    observations as (
        select
            observations.athlete_id,
            observations.observed_second,
            case
                when
                    observations.utc_offset_seconds
                    = {{
                        zone_offset_seconds(
                            instant_of_seconds("observations.observed_second"),
                            "homes.time_zone",
                        )
                    }}
                then {{ at_home }}
                else observations.utc_offset_seconds
            end as whereabouts
        from {{ ref("int_utc_offset_observations") }} as observations
        inner join
            {{ ref("int_home_time_zones") }} as homes
            on observations.athlete_id = homes.athlete_id
    ),

    knots as (
        select
            athlete_id,
            observed_second as from_second,
            whereabouts,
            cast(null as int64) as home_offset_seconds
        from observations
        union all
        select
            homes.athlete_id,
            home_offsets.from_second,
            cast(null as int64) as whereabouts,
            home_offsets.utc_offset_seconds
        from home_offsets
        inner join
            {{ ref("int_home_time_zones") }} as homes
            on home_offsets.time_zone = homes.time_zone
    ),

    -- Of contradicting observations in one second, "at home" wins.
    knots_by_second as (
        select
            athlete_id,
            from_second,
            max(whereabouts) as whereabouts,
            max(home_offset_seconds) as home_offset_seconds
        from knots
        group by athlete_id, from_second
    ),

    carried as (
        select
            athlete_id,
            from_second,
            last_value(whereabouts ignore nulls) over (
                partition by athlete_id
                order by from_second
                rows between unbounded preceding and current row
            ) as whereabouts,
            last_value(home_offset_seconds ignore nulls) over (
                partition by athlete_id
                order by from_second
                rows between unbounded preceding and current row
            ) as home_offset_seconds
        from knots_by_second
    ),

    effective as (
        select
            athlete_id,
            from_second,
            case
                when whereabouts is null or whereabouts = {{ at_home }}
                then home_offset_seconds
                else whereabouts
            end as utc_offset_seconds
        from carried
    ),

    changes as (
        select
            *,
            lag(utc_offset_seconds) over (
                partition by athlete_id order by from_second
            ) as old_utc_offset_seconds
        from effective
    )

select
    athlete_id,
    from_second,
    coalesce(
        lead(from_second) over (partition by athlete_id order by from_second),
        9999999999
    ) as to_second,
    utc_offset_seconds
from changes
where old_utc_offset_seconds is null or utc_offset_seconds != old_utc_offset_seconds
