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
            samples.speed_mps,
            samples.power_w,
            samples.fetched_at
        from {{ ref("stg_polar__exercise_samples") }} as samples
        inner join
            {{ ref("stg_polar__exercises") }} as exercises
            on samples.athlete_id = exercises.athlete_id
            and samples.exercise_id = exercises.exercise_id
        where {{ in_load_window("samples.dt", before=1) }}

        union all

        select
            samples.athlete_id,
            samples.dt,
            'strava' as provider,
            samples.activity_id as provider_activity_id,
            {{ epoch_seconds("activities.ended_at") }} as ended_second,
            {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
            samples.heart_rate_bpm as bpm,
            samples.speed_mps,
            samples.power_w,
            samples.fetched_at
        from {{ ref("stg_strava__stream_samples") }} as samples
        inner join
            {{ ref("stg_strava__activities") }} as activities
            on samples.athlete_id = activities.athlete_id
            and samples.activity_id = activities.activity_id
        where {{ in_load_window("samples.dt", before=1) }}

        union all

        select
            athlete_id,
            dt,
            'fitbit' as provider,
            exercise_id as provider_activity_id,
            {{ epoch_seconds("ended_at") }} as ended_second,
            {{ epoch_seconds("sampled_at") }} as sampled_second,
            bpm,
            {{ as_float("null") }} as speed_mps,
            {{ as_float("null") }} as power_w,
            fetched_at
        from ({{ band_heart_rate() }}) as band
    ),

    -- Invalid heart rates are none, negative speeds neither.
    cleaned as (
        select
            athlete_id,
            dt,
            provider,
            provider_activity_id,
            ended_second,
            sampled_second,
            case when {{ is_valid_bpm("bpm") }} then bpm end as bpm,
            case when speed_mps >= 0 then speed_mps end as speed_mps,
            case when power_w >= 0 then power_w end as power_w,
            fetched_at
        from recorded
    ),

    -- One sample per second: the last received, one with heart rate before one without.
    ordered as (
        select
            *,
            lead(sampled_second) over (
                partition by dt, athlete_id, provider, provider_activity_id
                order by
                    sampled_second,
                    case when bpm is null then 0 else 1 end,
                    fetched_at,
                    bpm
            ) as next_second
        from cleaned
    ),

    samples as (
        select * from ordered where next_second is null or next_second > sampled_second
    ),

    hearts as (
        select
            *,
            lead(sampled_second) over (
                partition by
                    dt, athlete_id, provider, provider_activity_id, bpm is not null
                order by sampled_second
            ) as next_heart_second
        from samples
    ),

    cadences as (
        select
            athlete_id,
            dt,
            provider,
            provider_activity_id,
            {{ median("next_heart_second - sampled_second") }} as cadence_seconds
        from hearts
        where provider = 'fitbit' and bpm is not null
        group by athlete_id, dt, provider, provider_activity_id
    )

-- A heart rate holds to the next one or to the end of the recording: 10 s at most in a
-- recording, 1.5 times the cadence in the band's all-day feed.
select
    hearts.athlete_id,
    hearts.dt,
    hearts.provider,
    hearts.provider_activity_id,
    hearts.ended_second,
    hearts.sampled_second,
    hearts.bpm,
    hearts.speed_mps,
    hearts.power_w,
    case
        when hearts.bpm is not null
        then
            greatest(
                {{ as_float(0) }},
                least(
                    {{
                        as_float(
                            "coalesce(hearts.next_heart_second, hearts.ended_second) - hearts.sampled_second"
                        )
                    }},
                    case
                        when hearts.provider = 'fitbit'
                        then
                            {{ as_float("coalesce(cadences.cadence_seconds, 0)") }}
                            * 1.5
                        else {{ as_float(10) }}
                    end
                )
            )
    end as heart_rate_seconds
from hearts
left join
    cadences
    on hearts.athlete_id = cadences.athlete_id
    and hearts.dt = cadences.dt
    and hearts.provider = cadences.provider
    and hearts.provider_activity_id = cadences.provider_activity_id
