{{ by_day_range("local_date", before=1, after=1) }}

with
    {{ heart_rate_interval_ctes() }},

    days as (
        select
            intervals.*,
            athletes.max_hr_bpm as zone_max_hr_bpm,
            (intervals.local_day + 1) * 86400
            - intervals.utc_offset_seconds as day_end_second
        from heart_rate_intervals as intervals
        left join
            {{ ref("stg_accounts__athletes") }} as athletes
            on intervals.athlete_id = athletes.athlete_id
    ),

    -- An interval that runs past midnight is credited to both days.
    parts as (
        select
            athlete_id,
            local_day,
            zone_max_hr_bpm,
            1 as sample_count,
            bpm,
            least(union_end_second, day_end_second) - sampled_second as union_seconds
        from days
        union all
        select
            athlete_id,
            local_day + 1 as local_day,
            zone_max_hr_bpm,
            0 as sample_count,
            bpm,
            union_end_second - day_end_second as union_seconds
        from days
        where union_end_second > day_end_second
    ),

    totals as (
        select
            athlete_id,
            local_day,
            max(case when sample_count = 1 then bpm end) as max_bpm,
            min(case when sample_count = 1 then bpm end) as min_bpm,
            sum(union_seconds * bpm) as beats,
            sum(union_seconds) as union_seconds,
            sum(sample_count) as sample_count,
            {{ zone_seconds_columns("bpm", "zone_max_hr_bpm", "union_seconds") }}
        from parts
        group by athlete_id, local_day
        having sum(sample_count) > 0
    ),

    -- Local night 22:00 to 08:00, dated by the day it ends; minute by minute.
    night_intervals as (
        select athlete_id, sampled_second, union_end_second, utc_offset_seconds, bpm
        from heart_rate_intervals
        where
            mod(sampled_second + utc_offset_seconds, 86400) < 28800
            or mod(sampled_second + utc_offset_seconds, 86400) >= 77400
    ),

    night_minutes as (
        select
            night_intervals.athlete_id,
            {{ int_div("night_intervals.sampled_second", 60) }}
            + minutes_on.n as utc_minute,
            {{
                int_div(
                    "("
                    ~ int_div("night_intervals.sampled_second", 60)
                    ~ " + minutes_on.n) * 60 + night_intervals.utc_offset_seconds + 7200",
                    86400,
                )
            }}
            as night_day,
            mod(
                ({{ int_div("night_intervals.sampled_second", 60) }} + minutes_on.n)
                * 60
                + night_intervals.utc_offset_seconds
                + 7200,
                86400
            ) as second_of_night,
            night_intervals.bpm,
            least(
                night_intervals.union_end_second,
                ({{ int_div("night_intervals.sampled_second", 60) }} + minutes_on.n + 1)
                * 60
            ) - greatest(
                night_intervals.sampled_second,
                ({{ int_div("night_intervals.sampled_second", 60) }} + minutes_on.n)
                * 60
            ) as seconds
        from night_intervals
        inner join
            {{ whole_numbers(24) }} as minutes_on
            on ({{ int_div("night_intervals.sampled_second", 60) }} + minutes_on.n) * 60
            < night_intervals.union_end_second
    ),

    minutes as (
        select
            athlete_id,
            night_day,
            utc_minute,
            sum(seconds) as seconds,
            sum(seconds * bpm) as beats
        from night_minutes
        where second_of_night < 36000
        group by athlete_id, night_day, utc_minute
    ),

    half_hours as (
        select
            athlete_id,
            night_day,
            sum(seconds) over (
                partition by athlete_id, night_day
                order by utc_minute
                range between current row and 29 following
            ) as seconds,
            sum(beats) over (
                partition by athlete_id, night_day
                order by utc_minute
                range between current row and 29 following
            ) as beats,
            sum(seconds) over (partition by athlete_id, night_day) as night_seconds
        from minutes
    ),

    resting as (
        select athlete_id, night_day, min(beats / seconds) as resting_bpm
        from half_hours
        where seconds >= 0.8 * 1800 and night_seconds >= 3 * 3600
        group by athlete_id, night_day
    ),

    daily as (
        select
            totals.athlete_id,
            {{ date_of_epoch_day("totals.local_day") }} as local_date,
            {{ as_float("totals.max_bpm") }} as max_bpm,
            round(
                coalesce(
                    totals.beats / nullif(totals.union_seconds, 0), totals.max_bpm
                ),
                2
            ) as avg_bpm,
            {{ as_float("totals.min_bpm") }} as min_bpm,
            round({{ as_float("resting.resting_bpm") }}, 2) as resting_bpm,
            round({{ as_float("totals.union_seconds") }} / 60, 2) as worn_minutes,
            totals.zone_1_seconds,
            totals.zone_2_seconds,
            totals.zone_3_seconds,
            totals.zone_4_seconds,
            totals.zone_5_seconds,
            cast(totals.sample_count as int64) as sample_count
        from totals
        left join
            resting
            on totals.athlete_id = resting.athlete_id
            and totals.local_day = resting.night_day
    )

select
    daily.athlete_id,
    daily.local_date,
    daily.max_bpm,
    daily.avg_bpm,
    daily.min_bpm,
    daily.resting_bpm,
    {{ as_float("provider_days.resting_bpm") }} as resting_bpm_provider,
    daily.worn_minutes,
    daily.zone_1_seconds,
    daily.zone_2_seconds,
    daily.zone_3_seconds,
    daily.zone_4_seconds,
    daily.zone_5_seconds,
    daily.sample_count
from daily
left join
    {{ ref("stg_fitbit__daily_resting_heart_rate") }} as provider_days
    on daily.athlete_id = provider_days.athlete_id
    and daily.local_date = provider_days.local_date
where {{ in_load_window("daily.local_date", before=1, after=1) }}
