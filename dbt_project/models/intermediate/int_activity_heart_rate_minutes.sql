{{ by_day_range("dt", before=1) }}

with
    recorded as (
        select
            athlete_id,
            dt,
            'polar' as provider,
            exercise_id as provider_activity_id,
            sampled_at,
            heart_rate_bpm as bpm
        from {{ ref("stg_polar__exercise_samples") }}
        where
            {{ in_load_window("dt", before=1) }}
            and {{ is_valid_bpm("heart_rate_bpm") }}

        union all

        select
            athlete_id,
            dt,
            'strava' as provider,
            activity_id as provider_activity_id,
            sampled_at,
            heart_rate_bpm as bpm
        from {{ ref("stg_strava__stream_samples") }}
        where
            {{ in_load_window("dt", before=1) }}
            and {{ is_valid_bpm("heart_rate_bpm") }}

        union all

        select
            athlete_id,
            dt,
            'fitbit' as provider,
            exercise_id as provider_activity_id,
            sampled_at,
            bpm
        from ({{ band_heart_rate() }}) as band
        where {{ is_valid_bpm("bpm") }}
    )

select
    athlete_id || ':' || provider || ':' || provider_activity_id as record_id,
    athlete_id,
    dt,
    {{ int_div(epoch_seconds("sampled_at"), 60) }} as epoch_minute,
    {{ as_float("avg(bpm)") }} as bpm
from recorded
group by
    athlete_id,
    dt,
    provider,
    provider_activity_id,
    {{ int_div(epoch_seconds("sampled_at"), 60) }}
