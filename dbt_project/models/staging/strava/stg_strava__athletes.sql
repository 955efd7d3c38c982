with
    snapshots as (
        select *
        from {{ source("strava", "strava_athletes") }}
        qualify
            row_number() over (
                partition by athlete_id order by dt desc, fetched_at desc
            )
            = 1
    )

select
    athlete_id,
    provider_athlete_id,
    case sex when 'M' then 'male' when 'F' then 'female' end as sex,
    weight_kg,
    ftp_w
from snapshots
