{{ by_day_range("dt") }}

select
    athlete_id,
    dt,
    utc_offset_seconds,
    min({{ epoch_seconds("sampled_at") }}) as first_second,
    max({{ epoch_seconds("sampled_at") }}) as last_second
from {{ ref("stg_fitbit__heart_rate") }}
where {{ in_load_window("dt") }} and utc_offset_seconds is not null and not is_mirror
group by athlete_id, dt, utc_offset_seconds
