{{ config(materialized="view") }}

with
    strava_zones as (
        select athlete_id, time_zone
        from {{ ref("stg_strava__activities") }}
        where {{ is_known_zone("time_zone") }}
        group by athlete_id, time_zone
        qualify
            row_number() over (
                partition by athlete_id order by count(*) desc, time_zone
            )
            = 1
    ),

    athletes as (
        select athlete_id
        from {{ ref("stg_accounts__athletes") }}
        union distinct
        select athlete_id
        from {{ ref("int_utc_offset_observations") }}
    )

select
    athletes.athlete_id,
    coalesce(accounts.time_zone, strava_zones.time_zone, 'UTC') as time_zone
from athletes
left join
    {{ ref("stg_accounts__athletes") }} as accounts
    on athletes.athlete_id = accounts.athlete_id
    and {{ is_known_zone("accounts.time_zone") }}
left join strava_zones on athletes.athlete_id = strava_zones.athlete_id
