{# Days are summed in blocks, each with its own origin, so that no exponent grows with the history. #}
{% set block_days = 100 %}
{% set time_constants = {"ctl": 42, "atl": 7} %}

with
    loads as (
        select
            activities.athlete_id,
            {{ epoch_day("activities.local_date") }} as day,
            sum(hearts.trimp) as trimp,
            count(*) as activity_count,
            sum(
                case when hearts.trimp is null then 1 else 0 end
            ) as activities_without_trimp
        from {{ ref("activities") }} as activities
        left join
            {{ ref("activity_heart_rate") }} as hearts
            on activities.activity_id = hearts.activity_id
        group by activities.athlete_id, {{ epoch_day("activities.local_date") }}
    ),

    -- From the first activity's day to today, or to the last activity's day if that is
    -- later.
    spans as (
        select
            athlete_id,
            min(day) as first_day,
            greatest(max(day), {{ epoch_day(today()) }}) as last_day
        from loads
        group by athlete_id
    ),

    days as (
        select
            spans.athlete_id,
            numbers.n as day,
            {{ int_div("numbers.n - spans.first_day", block_days) }} as block,
            mod(numbers.n - spans.first_day, {{ block_days }}) as day_of_block,
            coalesce(loads.trimp, 0) as trimp,
            coalesce(loads.activity_count, 0) as activity_count,
            coalesce(loads.activities_without_trimp, 0) as activities_without_trimp
        from spans {{ each_number("spans.first_day", "spans.last_day") }}
        left join loads on spans.athlete_id = loads.athlete_id and numbers.n = loads.day
    ),

    -- v += (load - v) * (1 - e^(-1/tau)) from 0 is, at day n, (1 - e^(-1/tau)) times
    -- the sum
    -- of load * e^(-(n - i)/tau) over the days i: no recursion.
    in_block as (
        select
            *
            {%- for name, days in time_constants.items() %}
                ,
                sum(trimp * exp(day_of_block / {{ days }}.0)) over (
                    partition by athlete_id, block
                    order by day
                    rows between unbounded preceding and current row
                ) as {{ name }}_sum
            {%- endfor %}
        from days
    ),

    block_ends as (
        select
            athlete_id,
            block
            {%- for name in time_constants %}
                , max({{ name }}_sum) as {{ name }}_sum
            {%- endfor %}
        from in_block
        group by athlete_id, block
    ),

    -- What the blocks before bring to the first day of a block.
    carried as (
        select
            later.athlete_id,
            later.block
            {%- for name, days in time_constants.items() %}
                ,
                sum(
                    earlier.{{ name }}_sum * exp(
                        (earlier.block - later.block) * {{ block_days }} / {{ days }}.0
                    )
                ) as {{ name }}_sum
            {%- endfor %}
        from block_ends as later
        inner join
            block_ends as earlier
            on later.athlete_id = earlier.athlete_id
            and later.block > earlier.block
        group by later.athlete_id, later.block
    ),

    averages as (
        select
            in_block.athlete_id,
            in_block.day,
            in_block.trimp,
            in_block.activity_count,
            in_block.activities_without_trimp
            {%- for name, days in time_constants.items() %}
                ,
                (1 - exp(-1 / {{ days }}.0))
                * exp(- in_block.day_of_block / {{ days }}.0)
                * (
                    in_block.{{ name }}_sum + coalesce(carried.{{ name }}_sum, 0)
                ) as {{ name }}
            {%- endfor %}
        from in_block
        left join
            carried
            on in_block.athlete_id = carried.athlete_id
            and in_block.block = carried.block
    ),

    -- Form is yesterday's fitness minus yesterday's fatigue; before the first day both
    -- are 0.
    formed as (
        select
            *,
            coalesce(
                lag(ctl - atl) over (partition by athlete_id order by day), 0
            ) as tsb
        from averages
    )

-- No load can be told without the athlete's sex: null, not a guess.
select
    formed.athlete_id,
    {{ date_of_epoch_day("formed.day") }} as local_date,
    case
        when athletes.sex is not null then {{ as_float("round(formed.trimp, 6)") }}
    end as trimp,
    case
        when athletes.sex is not null then {{ as_float("round(formed.ctl, 6)") }}
    end as ctl,
    case
        when athletes.sex is not null then {{ as_float("round(formed.atl, 6)") }}
    end as atl,
    case
        when athletes.sex is not null then {{ as_float("round(formed.tsb, 6)") }}
    end as tsb,
    cast(formed.activity_count as int64) as activity_count,
    cast(formed.activities_without_trimp as int64) as activities_without_trimp
from formed
left join {{ ref("athletes") }} as athletes on formed.athlete_id = athletes.athlete_id
