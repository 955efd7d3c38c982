{{ by_day_range("local_date", before=1, after=1) }}

{# A cut at every quarter of an hour: local hours and days begin on one, whatever the offset. #}
{% set piece_seconds = 900 %}
{# No gap between samples longer than this makes a cadence. #}
{% set longest_cadence_seconds = 900 %}

with
    -- Three partition days more are read in front: the night before the first rebuilt
    -- day, the cadence of that night's local day, and the zones east of UTC.
    samples as (
        select
            athlete_id,
            provider,
            feed,
            sampled_second,
            known_end_second,
            utc_offset_seconds,
            bpm,
            {{ int_div("sampled_second", 86400) }} as utc_day,
            lead(sampled_second) over (
                partition by
                    athlete_id, provider, feed, {{ int_div("sampled_second", 86400) }}
                order by sampled_second, fetched_at, bpm
            ) as next_of_day
        from {{ ref("int_heart_rate_samples") }}
        where {{ in_load_window("dt", before=3, after=2) }}
    ),

    -- The last sample of a day looks at the first of the next one. Day by day, because
    -- ten years in one window do not fit into memory.
    days as (
        select
            athlete_id,
            provider,
            feed,
            utc_day,
            lead(min(sampled_second)) over (
                partition by athlete_id, provider, feed order by utc_day
            ) as next_day_second
        from samples
        group by athlete_id, provider, feed, utc_day
    ),

    -- One sample per source and second: the last received. The next one is by then in a
    -- later second.
    unique_samples as (
        select
            samples.*,
            coalesce(samples.next_of_day, days.next_day_second) as next_second,
            {{ int_div("samples.sampled_second + samples.utc_offset_seconds", 86400) }}
            as local_day,
            coalesce(samples.next_of_day, days.next_day_second)
            - samples.sampled_second as gap_seconds
        from samples
        inner join
            days
            on samples.athlete_id = days.athlete_id
            and samples.provider = days.provider
            and samples.feed = days.feed
            and samples.utc_day = days.utc_day
        where
            samples.next_of_day is null or samples.next_of_day > samples.sampled_second
    ),

    -- Cadence: the gap in which the median second of the source's local day lies. By
    -- time, not by number of gaps: an hour of 1-second bursts (Polar has them) must not
    -- make a 5-minute feed look like a 1-second one. Gaps over 6 minutes are pauses in
    -- wearing and have no weight; where there are no others, the shortest is the
    -- cadence.
    gap_weights as (
        select
            athlete_id,
            provider,
            feed,
            local_day,
            gap_seconds,
            sum(case when gap_seconds <= 360 then gap_seconds else 0 end) as seconds
        from unique_samples
        where gap_seconds <= {{ longest_cadence_seconds }}
        group by athlete_id, provider, feed, local_day, gap_seconds
    ),

    gaps_by_length as (
        select
            *,
            sum(seconds) over (
                partition by athlete_id, provider, feed, local_day
                order by gap_seconds
                rows between unbounded preceding and current row
            ) as seconds_to_here,
            sum(seconds) over (
                partition by athlete_id, provider, feed, local_day
            ) as all_seconds
        from gap_weights
    ),

    cadences as (
        select
            athlete_id, provider, feed, local_day, min(gap_seconds) as cadence_seconds
        from gaps_by_length
        where seconds_to_here * 2 >= all_seconds
        group by athlete_id, provider, feed, local_day
    ),

    -- What each sample earns on its own: the time to its source's next sample, at most
    -- 10 s in a recording, which it does not outlive, and 1.5 x cadence in a feed.
    own_intervals as (
        select
            unique_samples.athlete_id,
            unique_samples.provider,
            unique_samples.feed,
            {{
                heart_rate_source_rank(
                    "unique_samples.provider", "unique_samples.feed"
                )
            }} as source_rank,
            unique_samples.sampled_second,
            unique_samples.next_second,
            unique_samples.utc_offset_seconds,
            unique_samples.bpm,
            cadences.cadence_seconds,
            {{ as_float("unique_samples.sampled_second") }} + least(
                {{
                    as_float(
                        "coalesce(unique_samples.gap_seconds, "
                        ~ 2 * longest_cadence_seconds
                        ~ ")"
                    )
                }},
                case
                    when unique_samples.feed = 'activity'
                    then {{ as_float(10) }}
                    else {{ as_float("coalesce(cadences.cadence_seconds, 0)") }} * 1.5
                end,
                case
                    when unique_samples.known_end_second is null
                    then {{ as_float(2 * longest_cadence_seconds) }}
                    when unique_samples.known_end_second > unique_samples.sampled_second
                    then
                        {{
                            as_float(
                                "unique_samples.known_end_second - unique_samples.sampled_second"
                            )
                        }}
                    else {{ as_float(0) }}
                end
            ) as own_end_second
        from unique_samples
        left join
            cadences
            on unique_samples.athlete_id = cadences.athlete_id
            and unique_samples.provider = cadences.provider
            and unique_samples.feed = cadences.feed
            and unique_samples.local_day = cadences.local_day
    ),

    -- Stretches that a source covers without a break: one ends where a sample's
    -- interval does not reach the next sample, and that sample begins the next.
    breaks as (
        select
            athlete_id,
            provider,
            feed,
            source_rank,
            sampled_second,
            own_end_second,
            next_second
        from own_intervals
        where next_second is null or own_end_second < next_second
    ),

    first_samples as (
        select athlete_id, provider, feed, min(sampled_second) as first_second
        from own_intervals
        group by athlete_id, provider, feed
    ),

    stretches as (
        select
            breaks.athlete_id,
            breaks.source_rank,
            coalesce(
                {{
                    as_float(
                        "lag(breaks.next_second) over (partition by breaks.athlete_id, breaks.provider, breaks.feed order by breaks.sampled_second)"
                    )
                }},
                {{ as_float("first_samples.first_second") }}
            ) as from_second,
            breaks.own_end_second as to_second
        from breaks
        inner join
            first_samples
            on breaks.athlete_id = first_samples.athlete_id
            and breaks.provider = first_samples.provider
            and breaks.feed = first_samples.feed
    ),

    -- The same, cut into quarters of an hour.
    pieces as (
        select
            stretches.athlete_id,
            stretches.source_rank,
            numbers.n as piece,
            greatest(
                stretches.from_second, {{ as_float("numbers.n * " ~ piece_seconds) }}
            ) as from_second,
            least(
                stretches.to_second,
                {{ as_float("(numbers.n + 1) * " ~ piece_seconds) }}
            ) as to_second
        from
            stretches
            {{
                each_number(
                    int_div(whole("stretches.from_second"), piece_seconds),
                    int_div(whole("stretches.to_second"), piece_seconds),
                )
            }}
        where
            stretches.from_second < stretches.to_second
            and numbers.n * {{ piece_seconds }} < stretches.to_second
    ),

    edges as (
        select athlete_id, piece, from_second as edge_second
        from pieces
        union distinct
        select athlete_id, piece, to_second
        from pieces
    ),

    spans as (
        select
            athlete_id,
            piece,
            edge_second as from_second,
            lead(edge_second) over (
                partition by athlete_id, piece order by edge_second
            ) as to_second
        from edges
    ),

    -- Between two edges the same sources cover every second: the best of them has it.
    won_spans as (
        select
            spans.athlete_id,
            spans.piece,
            spans.from_second,
            spans.to_second,
            min(pieces.source_rank) as source_rank
        from spans
        inner join
            pieces
            on spans.athlete_id = pieces.athlete_id
            and spans.piece = pieces.piece
            and spans.from_second >= pieces.from_second
            and spans.to_second <= pieces.to_second
        group by spans.athlete_id, spans.piece, spans.from_second, spans.to_second
    ),

    -- A sample's interval reaches into three quarters of an hour at most.
    intervals_by_piece as (
        select
            own_intervals.*,
            {{ int_div("own_intervals.sampled_second", piece_seconds) }}
            + reach.n as piece,
            reach.n = 0 as is_first_piece
        from own_intervals
        inner join
            {{ whole_numbers(3) }} as reach
            on reach.n = 0
            or ({{ int_div("own_intervals.sampled_second", piece_seconds) }} + reach.n)
            * {{ piece_seconds }}
            < own_intervals.own_end_second
    ),

    credited as (
        select
            intervals.athlete_id,
            intervals.provider,
            intervals.feed,
            intervals.utc_offset_seconds,
            intervals.bpm,
            intervals.cadence_seconds,
            greatest(
                {{ as_float("intervals.sampled_second") }},
                coalesce(
                    won_spans.from_second, {{ as_float("intervals.sampled_second") }}
                )
            ) as from_second,
            case
                when won_spans.source_rank = intervals.source_rank
                then
                    least(intervals.own_end_second, won_spans.to_second) - greatest(
                        {{ as_float("intervals.sampled_second") }},
                        won_spans.from_second
                    )
                else 0
            end as seconds,
            intervals.is_first_piece
            and coalesce(won_spans.from_second, intervals.sampled_second)
            <= intervals.sampled_second as is_sample
        from intervals_by_piece as intervals
        left join
            won_spans
            on intervals.athlete_id = won_spans.athlete_id
            and intervals.piece = won_spans.piece
            and intervals.own_end_second > won_spans.from_second
            and intervals.sampled_second < won_spans.to_second
    ),

    dated as (
        select
            athlete_id,
            {{
                date_of_epoch_day(
                    int_div(whole("from_second + utc_offset_seconds"), 86400)
                )
            }} as local_date,
            provider,
            feed,
            {{ as_float("from_second") }} as from_second,
            utc_offset_seconds,
            {{ as_float("bpm") }} as bpm,
            cadence_seconds,
            is_sample,
            {{ as_float("seconds") }} as seconds
        from credited
        where is_sample or seconds > 0
    )

select *
from dated
where {{ in_load_window("local_date", before=1, after=1) }}
