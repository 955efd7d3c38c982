{{ config(materialized="view") }}

with
    observations as (
        select athlete_id, first_second as observed_second, utc_offset_seconds
        from {{ ref("int_fitbit_offset_spans") }}
        union all
        select athlete_id, last_second, utc_offset_seconds
        from {{ ref("int_fitbit_offset_spans") }}
        union all
        select athlete_id, {{ epoch_seconds("started_at") }}, start_utc_offset_seconds
        from {{ ref("stg_fitbit__sleep") }}
        union all
        select athlete_id, {{ epoch_seconds("ended_at") }}, end_utc_offset_seconds
        from {{ ref("stg_fitbit__sleep") }}
        union all
        select athlete_id, {{ epoch_seconds("started_at") }}, utc_offset_seconds
        from {{ ref("stg_fitbit__exercises") }}
        where not is_mirror
        union all
        select athlete_id, {{ epoch_seconds("ended_at") }}, end_utc_offset_seconds
        from {{ ref("stg_fitbit__exercises") }}
        where not is_mirror
        union all
        select athlete_id, {{ epoch_seconds("started_at") }}, start_utc_offset_seconds
        from {{ ref("stg_polar__sleep") }}
        union all
        select athlete_id, {{ epoch_seconds("ended_at") }}, end_utc_offset_seconds
        from {{ ref("stg_polar__sleep") }}
        union all
        select athlete_id, {{ epoch_seconds("started_at") }}, utc_offset_seconds
        from {{ ref("stg_polar__exercises") }}
        union all
        -- A typed-in activity tells where the keyboard was.
        select athlete_id, {{ epoch_seconds("started_at") }}, utc_offset_seconds
        from {{ ref("stg_strava__activities") }}
        where not is_manual
    )

select athlete_id, observed_second, utc_offset_seconds
from observations
where utc_offset_seconds is not null
