{# Heart-rate arithmetic that more than one model needs. #}
{# Zone 1..5 of 50/60/70/80/90 % of maximum; 0 below, null without a maximum. A value on a limit is in the upper zone.
   Whole-number arithmetic, because 0.7 * 190 need not be 133. #}
{% macro heart_rate_zone(bpm, max_hr_bpm) -%}
    case
        when {{ max_hr_bpm }} is null
        then null
        {%- for zone in [5, 4, 3, 2, 1] %}
            when {{ bpm }} * 10 >= {{ max_hr_bpm }} * {{ zone + 4 }} then {{ zone }}
        {%- endfor %}
        else 0
    end
{%- endmacro %}

{# Five sums, zone_1_seconds to zone_5_seconds; null where the maximum heart rate is unknown. #}
{% macro zone_seconds_columns(bpm, max_hr_bpm, seconds) -%}
    {%- for zone in range(1, 6) %}
        {{
            as_float(
                "sum(case when "
                ~ max_hr_bpm
                ~ " is null then null when "
                ~ heart_rate_zone(bpm, max_hr_bpm)
                ~ " = "
                ~ zone
                ~ " then "
                ~ seconds
                ~ " else 0 end)"
            )
        }} as zone_{{ zone }}_seconds{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# CTEs that end in `heart_rate_intervals`: one row per valid sample, with the interval that it earns.

   own_end_second: to the source's next sample, at most the cap (10 s in activities, else 1.5 x cadence).
   union_end_second: from this sample to the athlete's next sample of any source, as far as any source's interval
   reaches. So these intervals never overlap, and each second counts for the newest sample.

   Three partition days more are read in front: the night before the first rebuilt day, the cadence of that night's
   local day, and the zones east of UTC. #}
{% macro heart_rate_interval_ctes() -%}
    samples as (
        select
            athlete_id,
            provider,
            feed,
            sampled_second,
            utc_offset_seconds,
            bpm,
            lead(sampled_second) over (
                partition by athlete_id, provider, feed
                order by sampled_second, fetched_at, bpm
            ) as next_second
        from {{ ref("int_heart_rate_samples") }}
        where {{ in_load_window("dt", before=3, after=2) }}
    ),

    -- One sample per source and second: the last received. The next one is by then in a
    -- later second.
    unique_samples as (
        select
            *,
            {{ int_div("sampled_second + utc_offset_seconds", 86400) }} as local_day,
            next_second - sampled_second as gap_seconds
        from samples
        where next_second is null or next_second > sampled_second
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
        where gap_seconds <= 900
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

    own_intervals as (
        select
            unique_samples.athlete_id,
            unique_samples.provider,
            unique_samples.feed,
            unique_samples.sampled_second,
            unique_samples.utc_offset_seconds,
            unique_samples.local_day,
            unique_samples.bpm,
            cadences.cadence_seconds,
            unique_samples.sampled_second + least(
                coalesce(unique_samples.gap_seconds, 3600),
                case
                    when unique_samples.feed = 'activity'
                    then 10
                    else coalesce(1.5 * cadences.cadence_seconds, 0)
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

    -- Of two samples in one second the activity's comes last, so that it holds until
    -- the next.
    timeline as (
        select
            *,
            lead(sampled_second) over (
                partition by athlete_id
                order by sampled_second, feed desc, provider desc
            ) as next_any_second,
            max(own_end_second) over (
                partition by athlete_id
                order by sampled_second, feed desc, provider desc
                rows between unbounded preceding and current row
            ) as covered_until_second
        from own_intervals
    ),

    heart_rate_intervals as (
        select
            *,
            case
                when next_any_second < covered_until_second
                then next_any_second
                else covered_until_second
            end as union_end_second
        from timeline
    )
{%- endmacro %}
