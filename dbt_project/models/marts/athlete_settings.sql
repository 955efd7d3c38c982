{# A value holds from its date until the next line that has one, for its sport; what a sport lacks it takes from `any`. #}
{% set values = [
    "max_hr_bpm",
    "resting_hr_bpm",
    "threshold_hr_bpm",
    "weight_kg",
    "zone_1_lower_bpm",
    "zone_2_lower_bpm",
    "zone_3_lower_bpm",
    "zone_4_lower_bpm",
    "zone_5_lower_bpm",
] %}

with
    -- The undated values of the athlete hold until the first dated ones.
    given as (
        select
            athlete_id,
            date '1900-01-01' as valid_from,
            'any' as sport,
            {{ as_float("max_hr_bpm") }} as max_hr_bpm,
            {{ as_float("resting_hr_bpm") }} as resting_hr_bpm,
            {%- for value in values[2:] %}
                {{ as_float("null") }} as {{ value }}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ ref("stg_accounts__athletes") }}
        union all
        select
            settings.athlete_id,
            settings.valid_from,
            settings.sport,
            {%- for value in values %}
                {{ as_float("settings." ~ value) }}
                as {{ value }}{{ "," if not loop.last }}
            {%- endfor %}
        from {{ ref("stg_accounts__athlete_settings") }} as settings
        inner join
            {{ ref("stg_accounts__athletes") }} as athletes
            on settings.athlete_id = athletes.athlete_id
    ),

    sports as (select distinct athlete_id, sport from given),

    changes as (
        select distinct sports.athlete_id, sports.sport, given.valid_from
        from sports
        inner join
            given
            on sports.athlete_id = given.athlete_id
            and given.sport in (sports.sport, 'any')
    ),

    carried as (
        select
            changes.athlete_id,
            changes.sport,
            changes.valid_from,
            {%- for value in values %}
                coalesce(
                    last_value(of_sport.{{ value }} ignore nulls) over (
                        partition by changes.athlete_id, changes.sport
                        order by changes.valid_from
                        rows between unbounded preceding and current row
                    ),
                    last_value(of_any.{{ value }} ignore nulls) over (
                        partition by changes.athlete_id, changes.sport
                        order by changes.valid_from
                        rows between unbounded preceding and current row
                    )
                ) as {{ value }},
            {%- endfor %}
            lead(changes.valid_from) over (
                partition by changes.athlete_id, changes.sport
                order by changes.valid_from
            ) as valid_to
        from changes
        left join
            given as of_sport
            on changes.athlete_id = of_sport.athlete_id
            and changes.sport = of_sport.sport
            and changes.valid_from = of_sport.valid_from
        left join
            given as of_any
            on changes.athlete_id = of_any.athlete_id
            and changes.valid_from = of_any.valid_from
            and of_any.sport = 'any'
    )

select athlete_id, sport, valid_from, valid_to, {{ values | join(", ") }}
from carried
