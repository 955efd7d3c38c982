{# Heart-rate arithmetic that more than one model needs. Definitions, sources and worked numbers: docs/metrics.md. #}
{# 30 to 250 bpm, both included. Sensors send 0 for "no contact" and 255 for "no value". #}
{% macro is_valid_bpm(bpm) -%} {{ bpm }} between 30 and 250 {%- endmacro %}

{# How much a source is trusted, 1 first: a recording (strap or watch at 1 Hz) before an all-day feed. #}
{% macro heart_rate_source_rank(provider, feed) -%}
    case
        {%- for source_provider, source_feed in [
            ("polar", "activity"),
            ("strava", "activity"),
            ("fitbit", "continuous"),
            ("polar", "continuous"),
        ] %}
            when
                {{ provider }} = '{{ source_provider }}'
                and {{ feed }} = '{{ source_feed }}'
            then {{ loop.index }}
        {%- endfor %}
        else 9
    end
{%- endmacro %}

{# Heart rate as a part of the reserve: 0 at rest, 1 at the maximum, cut to that range. Null where a limit is unknown. #}
{% macro heart_rate_reserve(bpm, max_hr_bpm, resting_hr_bpm) -%}
    case
        when {{ max_hr_bpm }} is null or {{ resting_hr_bpm }} is null
        then null
        when {{ bpm }} <= {{ resting_hr_bpm }}
        then 0
        when {{ bpm }} >= {{ max_hr_bpm }}
        then 1
        else
            {{ as_float("(" ~ bpm ~ " - " ~ resting_hr_bpm ~ ")") }}
            / ({{ max_hr_bpm }} - {{ resting_hr_bpm }})
    end
{%- endmacro %}

{# Banister's training impulse per minute at a part of the reserve. Sex has no default: null where it is not known. #}
{% macro banister_per_minute(reserve, sex) -%}
    case
        {{ sex }}
        when 'male'
        then {{ reserve }} * 0.64 * exp(1.92 * {{ reserve }})
        when 'female'
        then {{ reserve }} * 0.86 * exp(1.67 * {{ reserve }})
    end
{%- endmacro %}

{# Root mean square of successive differences of beat-to-beat times, in milliseconds. Never to be mixed with SDNN,
   the standard deviation. Takes the difference of each beat to the one before. #}
{% macro rmssd_ms(rr_difference_ms) -%}
    sqrt(avg({{ rr_difference_ms }} * {{ rr_difference_ms }}))
{%- endmacro %}

{# Five sums, zone_1_seconds to zone_5_seconds, of zones with a limit every 10 % from 50 % of the maximum; null where it
   is unknown. A value on a limit is in the upper zone: multiplied, because 0.7 * 190 need not be 133. #}
{% macro zone_seconds_columns(bpm, max_hr_bpm, seconds) -%}
    {%- for zone in range(1, 6) %}
        sum(
            case
                when {{ max_hr_bpm }} is null
                then null
                when
                    {{ bpm }} * 10 >= {{ max_hr_bpm }} * {{ zone + 4 }}
                    {%- if zone < 5 %}
                        and {{ bpm }} * 10 < {{ max_hr_bpm }} * {{ zone + 5 }}
                    {%- endif %}
                then {{ seconds }}
                else 0
            end
        ) as zone_{{ zone }}_seconds{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# A Fitbit exercise carries no series: its heart rate is the band's, from its start day and the day after. The days
   are the exercise's own column: where the join computed them from both sides, it compared every sample with every
   exercise. #}
{% macro band_heart_rate() -%}
    select
        exercises.athlete_id,
        exercises.dt,
        exercises.exercise_id,
        exercises.ended_at,
        samples.sampled_at,
        samples.bpm,
        samples.fetched_at
    from
        (
            select
                sessions.athlete_id,
                sessions.dt,
                sessions.exercise_id,
                sessions.started_at,
                sessions.ended_at,
                {{ date_of_epoch_day(epoch_day("sessions.dt") ~ " + days_on.n") }}
                as sampled_dt
            from {{ ref("stg_fitbit__exercises") }} as sessions
            cross join {{ whole_numbers(2) }} as days_on
            where
                {{ in_load_window("sessions.dt", before=1) }} and not sessions.is_mirror
        ) as exercises
    inner join
        {{ ref("stg_fitbit__heart_rate") }} as samples
        on exercises.athlete_id = samples.athlete_id
        and exercises.sampled_dt = samples.dt
        and exercises.started_at <= samples.sampled_at
        and exercises.ended_at > samples.sampled_at
    where
        {{ in_load_window("samples.dt", before=1, after=1) }} and not samples.is_mirror
{%- endmacro %}
