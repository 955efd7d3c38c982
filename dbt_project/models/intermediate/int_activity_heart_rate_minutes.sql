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
        where {{ in_load_window("dt", before=1) }} and heart_rate_bpm between 30 and 250

        union all

        select
            athlete_id,
            dt,
            'strava' as provider,
            activity_id as provider_activity_id,
            sampled_at,
            heart_rate_bpm as bpm
        from {{ ref("stg_strava__stream_samples") }}
        where {{ in_load_window("dt", before=1) }} and heart_rate_bpm between 30 and 250

        union all

        -- The band's, from the exercise's start day and the day after.
        select
            exercises.athlete_id,
            exercises.dt,
            'fitbit' as provider,
            exercises.exercise_id as provider_activity_id,
            samples.sampled_at,
            samples.bpm
        from {{ ref("stg_fitbit__exercises") }} as exercises
        cross join {{ whole_numbers(2) }} as days_on
        inner join
            {{ ref("stg_fitbit__heart_rate") }} as samples
            on exercises.athlete_id = samples.athlete_id
            and exercises.dt
            = {{ date_of_epoch_day(epoch_day("samples.dt") ~ " - days_on.n") }}
            and exercises.started_at <= samples.sampled_at
            and exercises.ended_at > samples.sampled_at
        where
            {{ in_load_window("exercises.dt", before=1) }}
            and {{ in_load_window("samples.dt", before=1, after=1) }}
            and not exercises.is_mirror
            and not samples.is_mirror
            and samples.bpm between 30 and 250
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
