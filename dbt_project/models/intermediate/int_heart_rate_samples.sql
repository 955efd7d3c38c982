{{ config(materialized="view") }}

with
    relays as (
        -- A Strava activity that is the relay of a Polar exercise repeats its samples.
        select strava.athlete_id, strava.provider_activity_id
        from {{ ref("int_activity_pairs") }} as pairs
        inner join
            {{ ref("int_activity_records") }} as polar
            on pairs.record_id = polar.record_id
            and polar.provider = 'polar'
            and polar.has_heart_rate_samples
        inner join
            {{ ref("int_activity_records") }} as strava
            on pairs.other_record_id = strava.record_id
            and strava.provider = 'strava'
        where pairs.matched_by = 'provenance' and pairs.relation = 'same'
        group by strava.athlete_id, strava.provider_activity_id
    )

select
    athlete_id,
    dt,
    'fitbit' as provider,
    'continuous' as feed,
    {{ epoch_seconds("sampled_at") }} as sampled_second,
    utc_offset_seconds,
    bpm,
    fetched_at
from {{ ref("stg_fitbit__heart_rate") }}
where bpm between 30 and 250 and not is_mirror and utc_offset_seconds is not null

union all

select
    samples.athlete_id,
    samples.dt,
    'fitbit' as provider,
    'continuous' as feed,
    {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
    segments.utc_offset_seconds,
    samples.bpm,
    samples.fetched_at
from {{ ref("stg_fitbit__heart_rate") }} as samples
inner join
    {{ ref("int_utc_offset_segments") }} as segments
    on samples.athlete_id = segments.athlete_id
    and {{ epoch_seconds("samples.sampled_at") }} >= segments.from_second
    and {{ epoch_seconds("samples.sampled_at") }} < segments.to_second
where
    samples.bpm between 30 and 250
    and not samples.is_mirror
    and samples.utc_offset_seconds is null

union all

select
    samples.athlete_id,
    samples.dt,
    'polar' as provider,
    'continuous' as feed,
    {{ epoch_day("samples.local_date") }} * 86400
    + samples.second_of_day
    - local_times.utc_offset_seconds as sampled_second,
    local_times.utc_offset_seconds,
    samples.bpm,
    samples.fetched_at
from {{ ref("stg_polar__continuous_heart_rate") }} as samples
inner join
    {{ ref("int_local_time_map") }} as local_times
    on samples.athlete_id = local_times.athlete_id
    and samples.local_date = local_times.local_date
    and samples.second_of_day >= local_times.from_second_of_day
    and samples.second_of_day < local_times.to_second_of_day
    and least(samples.fold, local_times.pass_count - 1) = local_times.pass
where samples.bpm between 30 and 250

union all

select
    samples.athlete_id,
    samples.dt,
    'polar' as provider,
    'activity' as feed,
    {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
    records.utc_offset_seconds,
    samples.heart_rate_bpm as bpm,
    samples.fetched_at
from {{ ref("stg_polar__exercise_samples") }} as samples
inner join
    {{ ref("int_activity_records") }} as records
    on samples.athlete_id = records.athlete_id
    and samples.exercise_id = records.provider_activity_id
    and records.provider = 'polar'
where samples.heart_rate_bpm between 30 and 250

union all

select
    samples.athlete_id,
    samples.dt,
    'strava' as provider,
    'activity' as feed,
    {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
    records.utc_offset_seconds,
    samples.heart_rate_bpm as bpm,
    samples.fetched_at
from {{ ref("stg_strava__stream_samples") }} as samples
inner join
    {{ ref("int_activity_records") }} as records
    on samples.athlete_id = records.athlete_id
    and samples.activity_id = records.provider_activity_id
    and records.provider = 'strava'
left join
    relays
    on samples.athlete_id = relays.athlete_id
    and samples.activity_id = relays.provider_activity_id
where samples.heart_rate_bpm between 30 and 250 and relays.athlete_id is null
