{{ by_day_range("dt", before=1) }}

with
    recorded as (
        select
            samples.athlete_id,
            samples.dt,
            'polar' as provider,
            samples.exercise_id as provider_activity_id,
            {{ epoch_seconds("exercises.ended_at") }} as ended_second,
            {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
            samples.heart_rate_bpm as bpm,
            samples.fetched_at
        from {{ ref("stg_polar__exercise_samples") }} as samples
        inner join
            {{ ref("stg_polar__exercises") }} as exercises
            on samples.athlete_id = exercises.athlete_id
            and samples.exercise_id = exercises.exercise_id
        where
            {{ in_load_window("samples.dt", before=1) }}
            and samples.heart_rate_bpm between 30 and 250

        union all

        select
            samples.athlete_id,
            samples.dt,
            'strava' as provider,
            samples.activity_id as provider_activity_id,
            {{ epoch_seconds("activities.ended_at") }} as ended_second,
            {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
            samples.heart_rate_bpm as bpm,
            samples.fetched_at
        from {{ ref("stg_strava__stream_samples") }} as samples
        inner join
            {{ ref("stg_strava__activities") }} as activities
            on samples.athlete_id = activities.athlete_id
            and samples.activity_id = activities.activity_id
        where
            {{ in_load_window("samples.dt", before=1) }}
            and samples.heart_rate_bpm between 30 and 250

        union all

        -- A Fitbit exercise carries no series: its heart rate is the band's, from its
        -- start day and the day after.
        select
            exercises.athlete_id,
            exercises.dt,
            'fitbit' as provider,
            exercises.exercise_id as provider_activity_id,
            {{ epoch_seconds("exercises.ended_at") }} as ended_second,
            {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
            samples.bpm,
            samples.fetched_at
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
    ),

    ordered as (
        select
            *,
            lead(sampled_second) over (
                partition by athlete_id, provider, provider_activity_id
                order by sampled_second, fetched_at, bpm
            ) as next_second
        from recorded
    ),

    -- One sample per second: the last received. The next one is by then in a later
    -- second.
    samples as (
        select *, next_second - sampled_second as gap_seconds
        from ordered
        where next_second is null or next_second > sampled_second
    ),

    cadences as (
        select
            athlete_id,
            provider,
            provider_activity_id,
            {{ median("gap_seconds") }} as cadence_seconds
        from samples
        where provider = 'fitbit'
        group by athlete_id, provider, provider_activity_id
    ),

    -- A sample earns the time to the next one or to the end of the recording: 10 s at
    -- most in a recording, 1.5 times the cadence in the band's all-day feed.
    credited as (
        select
            samples.athlete_id,
            samples.dt,
            samples.provider,
            samples.provider_activity_id,
            samples.bpm,
            athletes.max_hr_bpm,
            greatest(
                0,
                least(
                    coalesce(samples.next_second, samples.ended_second)
                    - samples.sampled_second,
                    case
                        when samples.provider = 'fitbit'
                        then coalesce(1.5 * cadences.cadence_seconds, 0)
                        else 10
                    end
                )
            ) as credited_seconds
        from samples
        left join
            cadences
            on samples.athlete_id = cadences.athlete_id
            and samples.provider = cadences.provider
            and samples.provider_activity_id = cadences.provider_activity_id
        left join
            {{ ref("stg_accounts__athletes") }} as athletes
            on samples.athlete_id = athletes.athlete_id
    )

select
    athlete_id,
    dt,
    provider,
    provider_activity_id,
    max(max_hr_bpm) as zone_max_hr_bpm,
    count(*) as sample_count,
    {{ as_float("sum(credited_seconds)") }} as covered_seconds,
    {{ as_float("max(bpm)") }} as max_bpm,
    {{ zone_seconds_columns("bpm", "max_hr_bpm", "credited_seconds") }}
from credited
group by athlete_id, dt, provider, provider_activity_id
