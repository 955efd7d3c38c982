{{ by_day_range("dt", before=1) }}

{% set recording = "athlete_id, dt, provider, provider_activity_id" %}

with
    -- Seconds in which the heart is known and the athlete works: a stop is no work, and
    -- coasting on a power meter is.
    worked as (
        select
            {{ recording }},
            sampled_second,
            bpm,
            'power' as basis,
            power_w as work,
            heart_rate_seconds as seconds
        from {{ ref("int_activity_samples") }}
        where
            {{ in_load_window("dt", before=1) }}
            and bpm is not null
            and power_w is not null
        union all
        select
            {{ recording }},
            sampled_second,
            bpm,
            'speed' as basis,
            speed_mps as work,
            heart_rate_seconds as seconds
        from {{ ref("int_activity_samples") }}
        where {{ in_load_window("dt", before=1) }} and bpm is not null and speed_mps > 0
    ),

    timed as (
        select
            *,
            sum(seconds) over (
                partition by {{ recording }}, basis
                order by sampled_second
                rows between unbounded preceding and current row
            ) as seconds_to_here,
            sum(seconds) over (partition by {{ recording }}, basis) as all_seconds
        from worked
    ),

    -- The sample in the middle belongs to both halves, with its part in each.
    halves as (
        select
            *,
            greatest(
                {{ as_float(0) }},
                least(seconds, all_seconds / 2 - (seconds_to_here - seconds))
            ) as first_seconds
        from timed
    ),

    sums as (
        select
            {{ recording }},
            basis,
            max(all_seconds) as seconds,
            sum(first_seconds * work)
            / nullif(sum(first_seconds * bpm), 0) as first_ratio,
            sum((seconds - first_seconds) * work)
            / nullif(sum((seconds - first_seconds) * bpm), 0) as second_ratio
        from halves
        group by {{ recording }}, basis
    )

-- Power where it was recorded, else speed. Rounded, because the last digits of a sum of
-- floats depend on the order of reading.
select
    {{ recording }},
    basis,
    seconds,
    round(100 * (first_ratio - second_ratio) / first_ratio, 6) as decoupling_percent
from sums
where first_ratio > 0 and second_ratio is not null
qualify row_number() over (partition by {{ recording }} order by basis) = 1
