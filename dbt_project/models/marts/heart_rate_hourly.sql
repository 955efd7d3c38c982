{{ by_day_range("local_date", before=1, after=1) }}

with
    {{ heart_rate_interval_ctes() }},

    hours as (
        select
            *,
            ({{ int_div("sampled_second + utc_offset_seconds", 3600) }} + 1) * 3600
            - utc_offset_seconds as hour_end_second
        from heart_rate_intervals
    ),

    -- An interval that runs into the next hour is credited to both.
    parts as (
        select
            athlete_id,
            provider,
            feed,
            utc_offset_seconds,
            cadence_seconds,
            hour_end_second - 3600 as hour_start_second,
            1 as sample_count,
            bpm,
            least(own_end_second, hour_end_second) - sampled_second as own_seconds,
            least(union_end_second, hour_end_second) - sampled_second as union_seconds
        from hours
        union all
        select
            athlete_id,
            provider,
            feed,
            utc_offset_seconds,
            cadence_seconds,
            hour_end_second as hour_start_second,
            0 as sample_count,
            bpm,
            greatest(own_end_second - hour_end_second, 0) as own_seconds,
            greatest(union_end_second - hour_end_second, 0) as union_seconds
        from hours
        where own_end_second > hour_end_second or union_end_second > hour_end_second
    ),

    sources as (
        select
            athlete_id,
            hour_start_second,
            provider,
            feed,
            utc_offset_seconds,
            min(cadence_seconds) as cadence_seconds,
            sum(sample_count) as sample_count,
            max(case when sample_count = 1 then bpm end) as max_bpm,
            min(case when sample_count = 1 then bpm end) as min_bpm,
            sum(own_seconds) as own_seconds,
            sum(union_seconds) as union_seconds,
            sum(union_seconds * bpm) as beats
        from parts
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
                    own_seconds desc,
                    sample_count desc,
                    provider,
                    feed,
                    utc_offset_seconds
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
            sum(union_seconds) as union_seconds,
            sum(beats) as beats
        from sources
        group by athlete_id, hour_start_second
    ),

    hourly as (
        select
            totals.athlete_id,
            {{ instant_of_seconds("totals.hour_start_second") }} as hour_start_utc,
            {{
                date_of_epoch_day(
                    int_div(
                        "totals.hour_start_second + best_sources.utc_offset_seconds",
                        86400,
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
            round(
                coalesce(
                    totals.beats / nullif(totals.union_seconds, 0), totals.max_bpm
                ),
                2
            ) as avg_bpm,
            {{ as_float("totals.min_bpm") }} as min_bpm,
            cast(totals.sample_count as int64) as sample_count,
            round({{ as_float("totals.union_seconds") }} / 60, 2) as covered_minutes,
            {{ as_float("best_sources.cadence_seconds") }} as cadence_seconds,
            best_sources.provider
        from totals
        inner join
            best_sources
            on totals.athlete_id = best_sources.athlete_id
            and totals.hour_start_second = best_sources.hour_start_second
    )

select *
from hourly
where {{ in_load_window("local_date", before=1, after=1) }}
