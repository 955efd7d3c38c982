{# Whole-table tests: one query each, however many columns. All block (severity error), but those that a model's
   YAML sets to warn. #}
{# No two rows share the grain, and no part of it is null. #}
{% test unique_grain(model, columns) %}
    select {{ columns | join(", ") }}, count(*) as row_count
    from {{ model }}
    group by {{ columns | join(", ") }}
    having
        count(*) > 1 {%- for column in columns %} or {{ column }} is null {%- endfor %}
{% endtest %}

{# None of the columns is null. #}
{% test never_null(model, columns) %}
    select *
    from {{ model }}
    where
        {% for column in columns %}
            {{ column }} is null{{ " or " if not loop.last }}
        {% endfor %}
{% endtest %}

{# Each condition holds in every row, or is null. #}
{% test always_true(model, conditions) %}
    select *
    from {{ model }}
    where
        {% for condition in conditions %}
            not ({{ condition }}){{ " or " if not loop.last }}
        {% endfor %}
{% endtest %}

{# A heart rate above the set maximum: the maximum is too low, or a sensor was wrong. #}
{% test below_set_maximum(model, columns) %}
    select *
    from {{ model }}
    where
        {% for column in columns %}
            {{ column }}{{ " or " if not loop.last }}
        {% endfor %}
{% endtest %}

{# The athlete has a row for every day between the first and the last. #}
{% test no_missing_days(model, day) %}
    select athlete_id, count(*) as day_count
    from {{ model }}
    group by athlete_id
    having count(*) != max({{ epoch_day(day) }}) - min({{ epoch_day(day) }}) + 1
{% endtest %}

{# Of an athlete's pairs that may be one activity, few are left for a person. Both numbers: dbt_project.yml. #}
{% test few_possible(model) %}
    with
        pairs as (
            select
                athlete_id,
                case
                    when relation = 'possible' and activity_id != other_activity_id
                    then 1
                    else 0
                end as is_left
            from {{ model }}
            where relation != 'different'
        )

    select athlete_id, count(*) as pair_count, sum(is_left) as left_count
    from pairs
    group by athlete_id
    having
        count(*) >= {{ var("possible_min_pairs") }}
        and sum(is_left) > {{ var("possible_max_share") }} * count(*)
{% endtest %}

{# One decision for a pair of records, in whichever order they stand. #}
{% test unique_pair(model) %}
    with
        records as (
            select
                athlete_id,
                provider_a || ':' || provider_activity_id_a as a,
                provider_b || ':' || provider_activity_id_b as b
            from {{ model }}
        )

    select
        athlete_id,
        least(a, b) as record,
        greatest(a, b) as other_record,
        count(*) as decision_count
    from records
    group by athlete_id, least(a, b), greatest(a, b)
    having count(*) > 1
{% endtest %}
