with
    days as (
        select distinct athlete_id, local_date
        from {{ ref("stg_polar__continuous_heart_rate") }}
    ),

    -- A segment as the wall clock showed it. Where the clock jumped ahead, the skipped
    -- times belong to the segment before: they read as if the clock had not been moved
    -- yet.
    wall_segments as (
        select
            athlete_id,
            from_second,
            from_second + utc_offset_seconds as from_wall_second,
            to_second + greatest(
                utc_offset_seconds,
                coalesce(
                    lead(utc_offset_seconds) over (
                        partition by athlete_id order by from_second
                    ),
                    utc_offset_seconds
                )
            ) as to_wall_second,
            utc_offset_seconds
        from {{ ref("int_utc_offset_segments") }}
    ),

    day_segments as (
        select
            days.athlete_id,
            days.local_date,
            wall_segments.from_second,
            greatest(
                wall_segments.from_wall_second
                - {{ epoch_day("days.local_date") }} * 86400,
                0
            ) as from_second_of_day,
            least(
                wall_segments.to_wall_second
                - {{ epoch_day("days.local_date") }} * 86400,
                86400
            ) as to_second_of_day,
            wall_segments.utc_offset_seconds
        from days
        inner join
            wall_segments
            on days.athlete_id = wall_segments.athlete_id
            and wall_segments.from_wall_second
            < ({{ epoch_day("days.local_date") }} + 1) * 86400
            and wall_segments.to_wall_second
            > {{ epoch_day("days.local_date") }} * 86400
    ),

    edges as (
        select athlete_id, local_date, from_second_of_day as second_of_day
        from day_segments
        union distinct
        select athlete_id, local_date, to_second_of_day
        from day_segments
    ),

    -- The day cut at every edge: inside a piece the possible offsets do not change.
    pieces as (
        select
            athlete_id,
            local_date,
            second_of_day as from_second_of_day,
            lead(second_of_day) over (
                partition by athlete_id, local_date order by second_of_day
            ) as to_second_of_day
        from edges
    )

select
    pieces.athlete_id,
    pieces.local_date,
    pieces.from_second_of_day,
    pieces.to_second_of_day,
    row_number() over (
        partition by pieces.athlete_id, pieces.local_date, pieces.from_second_of_day
        order by day_segments.from_second
    )
    - 1 as pass,
    count(*) over (
        partition by pieces.athlete_id, pieces.local_date, pieces.from_second_of_day
    ) as pass_count,
    day_segments.utc_offset_seconds
from pieces
inner join
    day_segments
    on pieces.athlete_id = day_segments.athlete_id
    and pieces.local_date = day_segments.local_date
    and pieces.from_second_of_day >= day_segments.from_second_of_day
    and pieces.from_second_of_day < day_segments.to_second_of_day
where pieces.to_second_of_day is not null
