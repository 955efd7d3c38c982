{# A record may last so many days: its own day lies before, the days of its heart rate behind. #}
{% set longest_days = 11 %}
{{ by_day_range("dt", before=longest_days + 1, after=1) }}

{% set piece_seconds = 900 %}

with
    -- Typed-in activities have times that nobody measured.
    records as (
        select
            athlete_id,
            dt,
            provider,
            provider_activity_id,
            {{ epoch_seconds("started_at") }} as started_second,
            {{ epoch_seconds("ended_at") }} as ended_second
        from {{ ref("int_activity_records") }}
        where
            {{ in_load_window("dt", before=longest_days + 1, after=1) }}
            and not is_manual
    ),

    record_pieces as (
        select records.*, numbers.n as piece
        from
            records
            {{
                each_number(
                    int_div("records.started_second", piece_seconds),
                    int_div("records.ended_second", piece_seconds),
                )
            }}
    ),

    -- Intervals do not cross a quarter of an hour.
    intervals as (
        select
            athlete_id,
            {{ int_div(whole("from_second"), piece_seconds) }} as piece,
            from_second,
            from_second + seconds as to_second,
            bpm
        from {{ ref("int_heart_rate_intervals") }}
        where
            {{
                in_load_window(
                    "local_date", before=longest_days + 2, after=longest_days + 2
                )
            }} and seconds > 0
    )

select
    record_pieces.athlete_id,
    record_pieces.dt,
    record_pieces.provider,
    record_pieces.provider_activity_id,
    intervals.bpm,
    sum(
        least(
            intervals.to_second,
            {{ as_float("record_pieces.ended_second") }}
        ) - greatest(
            intervals.from_second, {{ as_float("record_pieces.started_second") }}
        )
    ) as seconds
from record_pieces
inner join
    intervals
    on record_pieces.athlete_id = intervals.athlete_id
    and record_pieces.piece = intervals.piece
    and record_pieces.ended_second > intervals.from_second
    and record_pieces.started_second < intervals.to_second
group by
    record_pieces.athlete_id,
    record_pieces.dt,
    record_pieces.provider,
    record_pieces.provider_activity_id,
    intervals.bpm
