{{ by_day_range("local_date", before=1, after=1) }}

with
    hours as (
        select
            *,
            {{ int_div(whole("from_second + utc_offset_seconds"), 3600) }} * 3600
            - utc_offset_seconds as hour_start_second
        from {{ ref("int_heart_rate_intervals") }}
        where {{ in_load_window("local_date", before=1, after=1) }}
    ),

    sources as (
        select
            athlete_id,
            hour_start_second,
            provider,
            feed,
            utc_offset_seconds,
            min(cadence_seconds) as cadence_seconds,
            sum(case when is_sample then 1 else 0 end) as sample_count,
            max(case when is_sample then bpm end) as max_bpm,
            min(case when is_sample then bpm end) as min_bpm,
            sum(seconds) as seconds,
            sum(seconds * bpm) as beats
        from hours
        group by athlete_id, hour_start_second, provider, feed, utc_offset_seconds
    ),

    best_sources as (
        select *
        from sources
        where sample_count > 0
        qualify
            row_number() over (
                partition by athlete_id, hour_start_second
                order by
                    seconds desc, sample_count desc, provider, feed, utc_offset_seconds
            )
            = 1
    ),

    totals as (
        select
            athlete_id,
            hour_start_second,
            max(max_bpm) as max_bpm,
            min(min_bpm) as min_bpm,
            sum(sample_count) as sample_count,
            sum(seconds) as seconds,
            sum(beats) as beats
        from sources
        group by athlete_id, hour_start_second
    )

select
    totals.athlete_id,
    {{ instant_of_seconds("totals.hour_start_second") }} as hour_start_utc,
    {{
        date_of_epoch_day(
            int_div(
                "totals.hour_start_second + best_sources.utc_offset_seconds", 86400
            )
        )
    }} as local_date,
    cast(
        {{
            int_div(
                "mod(totals.hour_start_second + best_sources.utc_offset_seconds, 86400)",
                3600,
            )
        }}
        as int64
    ) as local_hour,
    cast(best_sources.utc_offset_seconds as int64) as utc_offset_seconds,
    {{ as_float("totals.max_bpm") }} as max_bpm,
    -- Within the limits, which rounding errors of the sums could pass.
    greatest(
        totals.min_bpm,
        least(
            totals.max_bpm,
            round(
                coalesce(
                    {{ as_float("totals.beats") }} / nullif(totals.seconds, 0),
                    totals.max_bpm
                ),
                2
            )
        )
    ) as avg_bpm,
    {{ as_float("totals.min_bpm") }} as min_bpm,
    cast(totals.sample_count as int64) as sample_count,
    round({{ as_float("totals.seconds") }} / 60, 2) as covered_minutes,
    {{ as_float("best_sources.cadence_seconds") }} as cadence_seconds,
    best_sources.provider
from totals
inner join
    best_sources
    on totals.athlete_id = best_sources.athlete_id
    and totals.hour_start_second = best_sources.hour_start_second
