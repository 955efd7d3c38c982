{# A record longer than this many days is compared on its first days only. #}
{% set longest_days = var("match_longest_days") | int %}
{% set slack = var("match_shift_slack_seconds") %}

with
    -- A record without length still has a second.
    records as (
        select
            *,
            {{ epoch_seconds("started_at") }} as started_second,
            greatest(
                {{ epoch_seconds("ended_at") }}, {{ epoch_seconds("started_at") }} + 1
            ) as ended_second
        from {{ ref("int_activity_records") }}
    ),

    days as (
        select
            records.*,
            {{ int_div("records.started_second", 86400) }} + days_on.n as epoch_day_of
        from records
        cross join {{ whole_numbers(longest_days) }} as days_on
        where
            {{ int_div("records.started_second", 86400) }} + days_on.n
            <= {{ int_div("records.ended_second", 86400) }}
    ),

    -- The left side is the better source.
    touching as (
        select one.record_id, other.record_id as other_record_id
        from days as one
        inner join
            days as other
            on one.athlete_id = other.athlete_id
            and one.epoch_day_of = other.epoch_day_of
        where
            one.started_second < other.ended_second
            and other.started_second < one.ended_second
            and {{ comes_first("one", "other") }}
    ),

    -- As long as each other, whole quarter hours apart; or one start time is hidden.
    shifted as (
        select one.record_id, other.record_id as other_record_id
        from records as one
        cross join {{ whole_numbers(3) }} as days_apart
        inner join
            records as other
            on one.athlete_id = other.athlete_id
            and {{ int_div("one.started_second", 86400) }} + days_apart.n - 1
            = {{ int_div("other.started_second", 86400) }}
        where
            one.source_slot != other.source_slot
            and {{ comes_first("one", "other") }}
            and not one.is_manual
            and not other.is_manual
            and least(
                one.ended_second - one.started_second,
                other.ended_second - other.started_second
            ) >= greatest(
                {{ var("match_shift_min_seconds") }},
                {{ var("match_shift_min_duration_ratio") }} * greatest(
                    one.ended_second - one.started_second,
                    other.ended_second - other.started_second
                )
            )
            and (
                one.is_start_hidden
                or other.is_start_hidden
                or (
                    abs(other.started_second - one.started_second)
                    between 900
                    - {{ slack }} and 900 * {{ var("match_shift_max_quarters") }}
                    + {{ slack }}
                    and mod(
                        abs(other.started_second - one.started_second) + {{ slack }},
                        900
                    )
                    <= 2 * {{ slack }}
                )
            )
    ),

    -- A relay keeps the recording's name: Strava's external_id holds the id of the
    -- exercise it copies.
    same_file as (
        select one.record_id, other.record_id as other_record_id
        from records as one
        inner join
            records as other
            on one.athlete_id = other.athlete_id
            and one.provider_activity_id = regexp_extract(other.external_id, '^[^.]+')
        where one.provider != other.provider and {{ comes_first("one", "other") }}
    ),

    -- What a person decided is compared too, however far apart.
    decided as (
        select record_id, other_record_id from {{ ref("int_activity_overrides") }}
    ),

    candidates as (
        select record_id, other_record_id
        from touching
        union distinct
        select record_id, other_record_id
        from shifted
        union distinct
        select record_id, other_record_id
        from same_file
        union distinct
        select record_id, other_record_id
        from decided
    )

select
    one.athlete_id,
    one.dt,
    candidates.record_id,
    candidates.other_record_id,
    other.dt as other_dt,
    one.started_second,
    one.ended_second,
    other.started_second as other_started_second,
    other.ended_second as other_ended_second,
    -- What the clock of one of the two would be wrong by, to the minute: quarter hours,
    -- or whatever hides a hidden start. Null where this cannot be.
    case
        when shifted.record_id is null
        then null
        when one.is_start_hidden or other.is_start_hidden
        then cast(round((other.started_second - one.started_second) / 60.0) as int64)
        else
            15
            * cast(round((other.started_second - one.started_second) / 900.0) as int64)
    end as shift_minutes
from candidates
inner join records as one on candidates.record_id = one.record_id
inner join records as other on candidates.other_record_id = other.record_id
left join
    shifted
    on candidates.record_id = shifted.record_id
    and candidates.other_record_id = shifted.other_record_id
