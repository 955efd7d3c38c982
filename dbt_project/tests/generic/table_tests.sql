{# Whole-table tests: one query each, however many columns. All are blocking (severity error). #}
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
