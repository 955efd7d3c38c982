-- The night of the second day after a loaded one begins in an evening whose cadence
-- that day may set.
{{ by_day_range("local_date", before=1, after=2) }}

{# The night of resting heart rate: 22:00 to 08:00, dated by the day it ends. #}
{% set night_start_second = 79200 %}
{% set night_seconds = 36000 %}

with
    -- The evening before the first rebuilt day belongs to that day's night.
    intervals as (
        select *
        from {{ ref("int_heart_rate_intervals") }}
        where {{ in_load_window("local_date", before=2, after=2) }}
    ),

    totals as (
        select
            athlete_id,
            local_date,
            max(case when is_sample then bpm end) as max_bpm,
            min(case when is_sample then bpm end) as min_bpm,
            sum(seconds * bpm) as beats,
            sum(seconds) as seconds,
            sum(case when is_sample then 1 else 0 end) as sample_count
        from intervals
        group by athlete_id, local_date
    ),

    -- Seconds since the last 22:00 on the wall clock, cut into minutes of UTC.
    night_intervals as (
        select
            *,
            {{ whole("from_second + utc_offset_seconds") }}
            + {{ 86400 - night_start_second }} as second_from_22
        from intervals
        where seconds > 0
    ),

    -- Most intervals lie in one minute; only the others are cut.
    night_minutes as (
        select
            athlete_id,
            {{ int_div("second_from_22", 86400) }} as night_day,
            {{ int_div(whole("from_second"), 60) }} as utc_minute,
            seconds,
            bpm
        from night_intervals
        where
            mod(second_from_22, 86400) < {{ night_seconds }}
            and from_second + seconds
            <= ({{ int_div(whole("from_second"), 60) }} + 1) * 60
        union all
        select
            night_intervals.athlete_id,
            {{ int_div("night_intervals.second_from_22", 86400) }} as night_day,
            numbers.n as utc_minute,
            least(
                night_intervals.from_second + night_intervals.seconds,
                {{ as_float("(numbers.n + 1) * 60") }}
            ) - greatest(
                night_intervals.from_second, {{ as_float("numbers.n * 60") }}
            ) as seconds,
            night_intervals.bpm
        from
            night_intervals
            {{
                each_number(
                    int_div(whole("night_intervals.from_second"), 60),
                    int_div(
                        whole(
                            "night_intervals.from_second + night_intervals.seconds"
                        ),
                        60,
                    ),
                )
            }}
        where
            mod(night_intervals.second_from_22, 86400) < {{ night_seconds }}
            and night_intervals.from_second + night_intervals.seconds
            > ({{ int_div(whole("night_intervals.from_second"), 60) }} + 1) * 60
            and numbers.n * 60 < night_intervals.from_second + night_intervals.seconds
    ),

    minutes as (
        select
            athlete_id,
            night_day,
            utc_minute,
            sum(seconds) as seconds,
            sum(seconds * bpm) as beats
        from night_minutes
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
            sum(seconds) over (
                partition by athlete_id, night_day
            ) as covered_night_seconds
        from minutes
    ),

    resting as (
        select athlete_id, night_day, min(beats / seconds) as resting_bpm
        from half_hours
        where seconds >= 0.8 * 1800 and covered_night_seconds >= 3 * 3600
        group by athlete_id, night_day
    )

select
    totals.athlete_id,
    totals.local_date,
    totals.max_bpm,
    greatest(
        totals.min_bpm,
        least(
            totals.max_bpm,
            round(coalesce(totals.beats / nullif(totals.seconds, 0), totals.max_bpm), 2)
        )
    ) as avg_bpm,
    totals.min_bpm,
    round({{ as_float("resting.resting_bpm") }}, 2) as resting_bpm,
    round(totals.seconds / 60, 2) as worn_minutes,
    cast(totals.sample_count as int64) as sample_count
from totals
left join
    resting
    on totals.athlete_id = resting.athlete_id
    and {{ epoch_day("totals.local_date") }} = resting.night_day
where
    totals.sample_count > 0
    and {{ in_load_window("totals.local_date", before=1, after=2) }}
