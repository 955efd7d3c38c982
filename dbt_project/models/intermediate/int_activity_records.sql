with
    records as (
        select
            athlete_id,
            dt,
            'polar' as provider,
            exercise_id as provider_activity_id,
            'polar' as source_slot,
            cast(null as string) as external_id,
            started_at,
            ended_at,
            utc_offset_seconds,
            sport,
            sport_family,
            cast(null as string) as title,
            distance_m,
            {{ as_float("null") }} as moving_seconds,
            duration_seconds as elapsed_seconds,
            {{ as_float("null") }} as ascent_m,
            energy_kcal,
            avg_hr_bpm,
            max_hr_bpm,
            coalesce(avg_hr_bpm between 30 and 250, false) as has_heart_rate,
            has_gps,
            false as is_manual,
            false as is_detected,
            false as is_start_hidden,
            device_name,
            acquired_via,
            fetched_at,
            first_fetched_at
        from {{ ref("stg_polar__exercises") }}

        union all

        -- Strava's kilojoules are mechanical work of rides, not energy burnt.
        select
            athlete_id,
            dt,
            'strava' as provider,
            activity_id as provider_activity_id,
            'strava' as source_slot,
            external_id,
            started_at,
            ended_at,
            utc_offset_seconds,
            sport,
            sport_family,
            title,
            distance_m,
            moving_seconds,
            elapsed_seconds,
            ascent_m,
            {{ as_float("null") }} as energy_kcal,
            avg_hr_bpm,
            max_hr_bpm,
            has_heart_rate,
            has_gps,
            is_manual,
            false as is_detected,
            is_start_hidden,
            device_name,
            acquired_via,
            fetched_at,
            first_fetched_at
        from {{ ref("stg_strava__activities") }}

        union all

        select
            athlete_id,
            dt,
            'fitbit' as provider,
            exercise_id as provider_activity_id,
            case when is_mirror then 'fitbit mirror' else 'fitbit' end as source_slot,
            cast(null as string) as external_id,
            started_at,
            ended_at,
            utc_offset_seconds,
            sport,
            sport_family,
            title,
            distance_m,
            active_seconds as moving_seconds,
            {{
                as_float(
                    epoch_seconds("ended_at") ~ " - " ~ epoch_seconds("started_at")
                )
            }} as elapsed_seconds,
            ascent_m,
            energy_kcal,
            avg_hr_bpm,
            {{ as_float("null") }} as max_hr_bpm,
            coalesce(avg_hr_bpm between 30 and 250, false) as has_heart_rate,
            has_gps,
            coalesce(recording_method = 'MANUAL', false) as is_manual,
            coalesce(
                recording_method in ('PASSIVELY_MEASURED', 'DERIVED'), false
            ) as is_detected,
            false as is_start_hidden,
            device_name,
            acquired_via,
            fetched_at,
            first_fetched_at
        from {{ ref("stg_fitbit__exercises") }}
    )

select
    records.athlete_id
    || ':'
    || records.provider
    || ':'
    || records.provider_activity_id as record_id,
    case
        records.source_slot
        when 'polar'
        then 1
        when 'strava'
        then 2
        when 'fitbit'
        then 3
        else 4
    end as source_rank,
    records.athlete_id,
    records.dt,
    records.provider,
    records.provider_activity_id,
    records.source_slot,
    records.external_id,
    records.started_at,
    greatest(records.ended_at, records.started_at) as ended_at,
    coalesce(
        records.utc_offset_seconds, segments.utc_offset_seconds, 0
    ) as utc_offset_seconds,
    records.sport,
    records.sport_family,
    records.title,
    records.distance_m,
    records.moving_seconds,
    records.elapsed_seconds,
    records.ascent_m,
    records.energy_kcal,
    -- A service's zero is no heart rate.
    coalesce(
        case when records.avg_hr_bpm between 30 and 250 then records.avg_hr_bpm end,
        samples.avg_bpm
    ) as avg_hr_bpm,
    coalesce(
        case when records.max_hr_bpm between 30 and 250 then records.max_hr_bpm end,
        samples.max_bpm
    ) as max_hr_bpm,
    records.has_heart_rate or samples.sample_count is not null as has_heart_rate,
    samples.sample_count is not null as has_heart_rate_samples,
    records.has_gps,
    records.is_manual,
    records.is_detected,
    records.is_start_hidden,
    records.device_name,
    records.acquired_via,
    records.fetched_at,
    records.first_fetched_at
from records
left join
    {{ ref("int_utc_offset_segments") }} as segments
    on records.athlete_id = segments.athlete_id
    and {{ epoch_seconds("records.started_at") }} >= segments.from_second
    and {{ epoch_seconds("records.started_at") }} < segments.to_second
left join
    {{ ref("int_activity_heart_rate") }} as samples
    on records.athlete_id = samples.athlete_id
    and records.dt = samples.dt
    and records.provider = samples.provider
    and records.provider_activity_id = samples.provider_activity_id
