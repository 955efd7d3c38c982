{# The better record of a pair dates it, and may have begun so many days before the other one. #}
{% set longest_days = var("match_longest_days") | int %}
{{ by_day_range("dt", before=longest_days + 1, after=longest_days + 1) }}

{% set is_settled %}
    one.epoch_minute * 60 >= lags.started_second + {{ var("match_hr_climb_seconds") }}
    and other.epoch_minute * 60
    >= lags.other_started_second + {{ var("match_hr_climb_seconds") }}
{% endset %}

with
    pairs as (
        select
            *,
            abs(other_started_second - started_second)
            > {{ var("match_hr_off_seconds") }}
            or abs(other_ended_second - ended_second)
            > {{ var("match_hr_off_seconds") }} as is_off
        from {{ ref("int_activity_candidates") }}
        where
            {{ in_load_window("dt", before=longest_days + 1, after=longest_days + 1) }}
    ),

    -- Lags that are worth trying: a wrong clock where the times touch, a shift where it
    -- may be one.
    lags as (
        select
            pairs.record_id,
            pairs.other_record_id,
            pairs.started_second,
            pairs.other_started_second,
            false as is_shift,
            steps.n - {{ var("match_hr_max_lag_minutes") }} as lag_minutes
        from pairs
        cross join
            {{ whole_numbers(2 * var("match_hr_max_lag_minutes") | int + 1) }} as steps
        where
            pairs.started_second < pairs.other_ended_second
            and pairs.other_started_second < pairs.ended_second
            -- A clock that is wrong moves the start or the end as far.
            and abs(steps.n - {{ var("match_hr_max_lag_minutes") }}) * 60 <= case
                when pairs.is_off then {{ var("match_hr_lag_slack_seconds") }} else 0
            end
            + greatest(
                abs(pairs.other_started_second - pairs.started_second),
                abs(pairs.other_ended_second - pairs.ended_second)
            )
        union all
        select
            pairs.record_id,
            pairs.other_record_id,
            pairs.started_second,
            pairs.other_started_second,
            true as is_shift,
            pairs.shift_minutes + steps.n - 2 as lag_minutes
        from pairs
        cross join {{ whole_numbers(5) }} as steps
        -- A wrong zone is wrong by quarter hours exactly; only a hidden start leaves
        -- doubt about the minute.
        where
            pairs.shift_minutes is not null
            and (steps.n = 2 or mod(abs(pairs.shift_minutes), 15) != 0)
    ),

    minutes as (
        select record_id, epoch_minute, bpm
        from {{ ref("int_activity_heart_rate_minutes") }}
        where
            {{
                in_load_window(
                    "dt", before=2 * longest_days + 2, after=2 * longest_days + 2
                )
            }}
    ),

    sizes as (
        select record_id, count(*) as minute_count from minutes group by record_id
    ),

    -- Sums of floats depend on the order of reading in their last digits; rounded, they
    -- do not, and two lags that are as good stay so.
    compared as (
        select
            lags.record_id,
            lags.other_record_id,
            lags.is_shift,
            lags.lag_minutes,
            count(*) as shared_minutes,
            round(avg(abs(one.bpm - other.bpm)), 6) as difference_bpm,
            avg(
                case
                    when abs(one.bpm - other.bpm) <= {{ var("match_hr_agree_max_bpm") }}
                    then 1.0
                    else 0.0
                end
            ) as close_share,
            -- Every session begins with the same climb: what comes after it tells.
            count(case when {{ is_settled }} then 1 end) as settled_minutes,
            round(stddev_samp(one.bpm - other.bpm), 6) as spread_bpm,
            case
                when
                    max(case when {{ is_settled }} then one.bpm end)
                    > min(case when {{ is_settled }} then one.bpm end)
                    and max(case when {{ is_settled }} then other.bpm end)
                    > min(case when {{ is_settled }} then other.bpm end)
                then
                    round(
                        corr(
                            case when {{ is_settled }} then one.bpm end,
                            case when {{ is_settled }} then other.bpm end
                        ),
                        6
                    )
            end as correlation
        from lags
        inner join minutes as one on lags.record_id = one.record_id
        inner join
            minutes as other
            on lags.other_record_id = other.record_id
            and one.epoch_minute + lags.lag_minutes = other.epoch_minute
        group by lags.record_id, lags.other_record_id, lags.is_shift, lags.lag_minutes
    ),

    -- The best lag: the steadiest difference, over enough of what could be shared.
    best as (
        select *
        from
            (
                select
                    *,
                    max(shared_minutes) over (
                        partition by record_id, other_record_id, is_shift
                    ) as most_shared_minutes
                from compared
            ) as with_most
        where
            shared_minutes
            >= {{ var("match_hr_min_share_of_minutes") }} * most_shared_minutes
            and shared_minutes >= {{ var("match_hr_min_minutes") }}
        qualify
            row_number() over (
                partition by record_id, other_record_id, is_shift
                order by spread_bpm, abs(lag_minutes), lag_minutes
            )
            = 1
    ),

    -- A wrist loses the pulse for minutes. Without those that are furthest off, the
    -- others tell whether two sensors saw one heart.
    differing as (
        select
            best.record_id,
            best.other_record_id,
            best.is_shift,
            one.epoch_minute,
            one.bpm,
            other.bpm as other_bpm,
            round(
                avg(one.bpm - other.bpm) over (
                    partition by best.record_id, best.other_record_id, best.is_shift
                ),
                6
            ) as mean_difference_bpm
        from best
        inner join
            lags
            on best.record_id = lags.record_id
            and best.other_record_id = lags.other_record_id
            and best.is_shift = lags.is_shift
            and best.lag_minutes = lags.lag_minutes
        inner join minutes as one on best.record_id = one.record_id
        inner join
            minutes as other
            on best.other_record_id = other.record_id
            and one.epoch_minute + best.lag_minutes = other.epoch_minute
        where {{ is_settled }}
    ),

    usual_minutes as (
        select *
        from differing
        qualify
            row_number() over (
                partition by record_id, other_record_id, is_shift
                order by
                    round(abs(bpm - other_bpm - mean_difference_bpm), 6), epoch_minute
            )
            <= {{ var("match_hr_usual_share") }}
            * count(*) over (partition by record_id, other_record_id, is_shift)
    ),

    usual as (
        select
            record_id,
            other_record_id,
            is_shift,
            round(avg(abs(bpm - other_bpm)), 6) as difference_bpm,
            round(stddev_samp(bpm - other_bpm), 6) as spread_bpm,
            case
                when max(bpm) > min(bpm) and max(other_bpm) > min(other_bpm)
                then round(corr(bpm, other_bpm), 6)
            end as correlation
        from usual_minutes
        group by record_id, other_record_id, is_shift
    ),

    -- The heart of the longer record inside and outside of the shorter one: was it left
    -- running?
    longer as (
        select
            record_id,
            other_record_id,
            case
                when
                    ended_second - started_second
                    >= other_ended_second - other_started_second
                then record_id
                else other_record_id
            end as longer_record_id,
            greatest(started_second, other_started_second) as inside_from_second,
            least(ended_second, other_ended_second) as inside_to_second
        from pairs
        where
            started_second < other_ended_second
            and other_started_second < ended_second
            and is_off
    ),

    inside_outside as (
        select
            longer.record_id,
            longer.other_record_id,
            avg(
                case
                    when
                        minutes.epoch_minute * 60 >= longer.inside_from_second
                        and minutes.epoch_minute * 60 + 60 <= longer.inside_to_second
                    then minutes.bpm
                end
            ) as inside_bpm,
            avg(
                case
                    when
                        minutes.epoch_minute * 60 + 60 <= longer.inside_from_second
                        or minutes.epoch_minute * 60 >= longer.inside_to_second
                    then minutes.bpm
                end
            ) as outside_bpm
        from longer
        inner join minutes on longer.longer_record_id = minutes.record_id
        group by longer.record_id, longer.other_record_id
    )

select
    pairs.athlete_id,
    pairs.dt,
    pairs.record_id,
    pairs.other_record_id,
    near.shared_minutes,
    near.lag_minutes,
    {{ as_float("near.difference_bpm") }} as difference_bpm,
    {{ as_float("near.close_share") }} as close_share,
    {{ as_float("near.correlation") }} as correlation,
    near.settled_minutes,
    {{ as_float("usual.difference_bpm") }} as usual_difference_bpm,
    {{ as_float("usual.spread_bpm") }} as usual_spread_bpm,
    {{ as_float("usual.correlation") }} as usual_correlation,
    far.settled_minutes as shifted_settled_minutes,
    far.lag_minutes as shifted_lag_minutes,
    {{ as_float("far.difference_bpm") }} as shifted_difference_bpm,
    {{ as_float("far.correlation") }} as shifted_correlation,
    {{ as_float("far_usual.difference_bpm") }} as shifted_usual_difference_bpm,
    {{ as_float("far_usual.spread_bpm") }} as shifted_usual_spread_bpm,
    {{ as_float("far_usual.correlation") }} as shifted_usual_correlation,
    {{
        as_float(
            "1.0 * far.shared_minutes / least(one_size.minute_count, other_size.minute_count)"
        )
    }}
    as shifted_share,
    round({{ as_float("inside_outside.inside_bpm") }}, 6) as inside_bpm,
    round({{ as_float("inside_outside.outside_bpm") }}, 6) as outside_bpm
from pairs
left join
    best as near
    on pairs.record_id = near.record_id
    and pairs.other_record_id = near.other_record_id
    and not near.is_shift
left join
    best as far
    on pairs.record_id = far.record_id
    and pairs.other_record_id = far.other_record_id
    and far.is_shift
left join
    usual
    on pairs.record_id = usual.record_id
    and pairs.other_record_id = usual.other_record_id
    and not usual.is_shift
left join
    usual as far_usual
    on pairs.record_id = far_usual.record_id
    and pairs.other_record_id = far_usual.other_record_id
    and far_usual.is_shift
left join sizes as one_size on pairs.record_id = one_size.record_id
left join sizes as other_size on pairs.other_record_id = other_size.record_id
left join
    inside_outside
    on pairs.record_id = inside_outside.record_id
    and pairs.other_record_id = inside_outside.other_record_id
