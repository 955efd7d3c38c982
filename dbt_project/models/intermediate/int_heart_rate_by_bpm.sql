{{ by_day_range("local_date", before=1, after=1) }}

select athlete_id, local_date, bpm, sum(seconds) as seconds
from {{ ref("int_heart_rate_intervals") }}
where {{ in_load_window("local_date", before=1, after=1) }} and seconds > 0
group by athlete_id, local_date, bpm
