{{ by_day_range("dt", before=1) }}

select
    athlete_id,
    dt,
    provider,
    provider_activity_id,
    count(*) as sample_count,
    sum(heart_rate_seconds) as covered_seconds,
    {{ as_float("max(bpm)") }} as max_bpm,
    {{
        as_float(
            "round(sum(bpm * heart_rate_seconds) / nullif(sum(heart_rate_seconds), 0), 2)"
        )
    }}
    as avg_bpm
from {{ ref("int_activity_samples") }}
where {{ in_load_window("dt", before=1) }} and bpm is not null
group by athlete_id, dt, provider, provider_activity_id
