{{ config(materialized="view") }}

select
    athlete_id,
    dt,
    'fitbit' as provider,
    'continuous' as feed,
    {{ epoch_seconds("sampled_at") }} as sampled_second,
    cast(null as int64) as known_end_second,
    utc_offset_seconds,
    bpm,
    fetched_at
from {{ ref("stg_fitbit__heart_rate") }}
where {{ is_valid_bpm("bpm") }} and not is_mirror and utc_offset_seconds is not null

union all

select
    samples.athlete_id,
    samples.dt,
    'fitbit' as provider,
    'continuous' as feed,
    {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
    cast(null as int64) as known_end_second,
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
    {{ is_valid_bpm("samples.bpm") }}
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
    cast(null as int64) as known_end_second,
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
where {{ is_valid_bpm("samples.bpm") }}

union all

select
    samples.athlete_id,
    samples.dt,
    'polar' as provider,
    'activity' as feed,
    {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
    {{ epoch_seconds("records.ended_at") }} as known_end_second,
    records.utc_offset_seconds,
    samples.heart_rate_bpm as bpm,
    samples.fetched_at
from {{ ref("stg_polar__exercise_samples") }} as samples
inner join
    {{ ref("int_activity_records") }} as records
    on samples.athlete_id = records.athlete_id
    and samples.exercise_id = records.provider_activity_id
    and records.provider = 'polar'
left join
    {{ ref("int_heart_rate_repeats") }} as repeats
    on samples.athlete_id = repeats.athlete_id
    and samples.exercise_id = repeats.provider_activity_id
    and repeats.provider = 'polar'
where {{ is_valid_bpm("samples.heart_rate_bpm") }} and repeats.athlete_id is null

union all

select
    samples.athlete_id,
    samples.dt,
    'strava' as provider,
    'activity' as feed,
    {{ epoch_seconds("samples.sampled_at") }} as sampled_second,
    {{ epoch_seconds("records.ended_at") }} as known_end_second,
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
    {{ ref("int_heart_rate_repeats") }} as repeats
    on samples.athlete_id = repeats.athlete_id
    and samples.activity_id = repeats.provider_activity_id
    and repeats.provider = 'strava'
where {{ is_valid_bpm("samples.heart_rate_bpm") }} and repeats.athlete_id is null
