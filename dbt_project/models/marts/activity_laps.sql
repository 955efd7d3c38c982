with
    laps as (
        select
            athlete_id,
            'strava' as provider,
            activity_id as provider_activity_id,
            lap_number,
            false as is_split,
            name as lap_name,
            started_at,
            elapsed_seconds,
            moving_seconds,
            distance_m,
            ascent_m,
            avg_hr_bpm,
            max_hr_bpm
        from {{ ref("stg_strava__laps") }}
        union all
        select
            athlete_id,
            'fitbit' as provider,
            exercise_id as provider_activity_id,
            split_number as lap_number,
            not is_lap as is_split,
            cast(null as string) as lap_name,
            started_at,
            {{
                as_float(
                    epoch_seconds("ended_at") ~ " - " ~ epoch_seconds("started_at")
                )
            }} as elapsed_seconds,
            active_seconds as moving_seconds,
            distance_m,
            ascent_m,
            avg_hr_bpm,
            {{ as_float("null") }} as max_hr_bpm
        from {{ ref("stg_fitbit__exercise_splits") }}
    )

select
    sources.activity_id,
    laps.athlete_id,
    laps.provider,
    laps.provider_activity_id,
    laps.is_split,
    cast(laps.lap_number as int64) as lap_number,
    laps.lap_name,
    laps.started_at,
    {{ as_float("laps.elapsed_seconds") }} as elapsed_seconds,
    {{ as_float("laps.moving_seconds") }} as moving_seconds,
    {{ as_float("laps.distance_m") }} as distance_m,
    {{ as_float("laps.ascent_m") }} as ascent_m,
    {{ as_float("laps.avg_hr_bpm") }} as avg_hr_bpm,
    {{ as_float("laps.max_hr_bpm") }} as max_hr_bpm
from laps
inner join
    {{ ref("activity_sources") }} as sources
    on laps.athlete_id = sources.athlete_id
    and laps.provider = sources.provider
    and laps.provider_activity_id = sources.provider_activity_id
