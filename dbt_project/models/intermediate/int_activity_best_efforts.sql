{{ by_day_range("dt", before=1) }}

{% set metrics = {"heart_rate": "bpm", "speed": "speed_mps", "power": "power_w"} %}
{% set windows_seconds = [5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600] %}
{# Values are summed in whole millionths: sums of floats would depend on what else is in the table. #}
{% set millionths = 1000000 %}
{# A value is carried this far, in seconds; in the band's feed as far as its cadence says. #}
{% set carry_seconds = 10 %}
{% set recording = "athlete_id, dt, provider, provider_activity_id" %}

with
    samples as (
        select *
        from {{ ref("int_activity_samples") }}
        where {{ in_load_window("dt", before=1) }}
    ),

    -- A number for each recording: rows of a second each should be narrow.
    recordings as (
        select
            {{ recording }}, row_number() over (order by {{ recording }}) as recording
        from samples
        group by {{ recording }}
    ),

    numbered as (
        select
            recordings.recording,
            samples.sampled_second,
            samples.ended_second,
            samples.heart_rate_seconds,
            samples.bpm,
            samples.speed_mps,
            samples.power_w
        from samples
        inner join
            recordings
            on samples.athlete_id = recordings.athlete_id
            and samples.dt = recordings.dt
            and samples.provider = recordings.provider
            and samples.provider_activity_id = recordings.provider_activity_id
    ),

    {% for metric, column in metrics.items() %}
        -- A second without a value carries the last one, within the cap.
        {{ metric }}_values as (
            select
                recording,
                sampled_second,
                cast(
                    round({{ column }} * {{ millionths }}) as int64
                ) as value_millionths,
                {% if metric == "heart_rate" -%} {{ whole("heart_rate_seconds") }}
                {%- else -%}
                    least(
                        coalesce(
                            lead(sampled_second) over (
                                partition by recording order by sampled_second
                            ),
                            greatest(ended_second, sampled_second)
                        )
                        - sampled_second,
                        {{ carry_seconds }}
                    )
                {%- endif %} as held_seconds
            from numbered
            where {{ column }} is not null
        ),

        -- One row per second. A number that is the same along seconds without a break:
        -- the second minus its rank.
        {{ metric }}_seconds as (
            select
                {{ metric }}_values.recording,
                {{ metric }}_values.value_millionths,
                {{ metric }}_values.sampled_second + numbers.n as at_second,
                {{ metric }}_values.sampled_second
                + numbers.n
                - row_number() over (
                    partition by {{ metric }}_values.recording
                    order by {{ metric }}_values.sampled_second + numbers.n
                ) as stretch
            from {{ metric }}_values {{ each_number("0", "held_seconds - 1") }}
        ),

        {{ metric }}_sums as (
            select
                recording,
                stretch,
                at_second,
                row_number() over (
                    partition by recording, stretch order by at_second
                ) as seconds_to_here,
                sum(value_millionths) over (
                    partition by recording, stretch
                    order by at_second
                    rows between unbounded preceding and current row
                ) as millionths_to_here
            from {{ metric }}_seconds
        ),

        {{ metric }}_means as (
            select
                recording
                {%- for seconds in windows_seconds %}
                    ,
                    case
                        when seconds_to_here >= {{ seconds }}
                        then
                            (
                                millionths_to_here - coalesce(
                                    lag(millionths_to_here, {{ seconds }}) over (
                                        partition by recording, stretch
                                        order by at_second
                                    ),
                                    0
                                )
                            )
                            / {{ seconds * millionths }}
                    end as mean_{{ seconds }}
                {%- endfor %}
            from {{ metric }}_sums
        ),

        {{ metric }}_best as (
            select
                recording
                {%- for seconds in windows_seconds %}
                    , max(mean_{{ seconds }}) as best_{{ seconds }}
                {%- endfor %}
            from {{ metric }}_means
            group by recording
        ),
    {% endfor %}

    efforts as (
        {% for metric in metrics %}
            {%- set outer = loop %}
            {% for seconds in windows_seconds %}
                select
                    recording,
                    '{{ metric }}' as metric,
                    {{ seconds }} as window_seconds,
                    best_{{ seconds }} as value
                from
                    {{ metric }}_best
                    {{ "union all" if not (loop.last and outer.last) }}
            {% endfor %}
        {% endfor %}
    )

select
    recordings.athlete_id,
    recordings.dt,
    recordings.provider,
    recordings.provider_activity_id,
    efforts.metric,
    cast(efforts.window_seconds as int64) as window_seconds,
    {{ as_float("efforts.value") }} as value
from efforts
inner join recordings on efforts.recording = recordings.recording
