{# Helpers of the activity matcher and of field survivorship. #}
{# "a-b_c.fit" as ".a.b.c.fit.", so that only whole parts of a file name are found in it. #}
{% macro as_tokens(name) %}
    '.' || replace(replace({{ name }}, '-', '.'), '_', '.') || '.'
{% endmacro %}

{# Rank of an activity's records for one field: a record that has it, whole records before parts, then by provider. #}
{% macro field_rank(field, lacks_it, provider_order) -%}
    row_number() over (
        partition by activity_id
        order by
            case when {{ lacks_it }} then 1 else 0 end,
            case when relation = 'part_of' then 1 else 0 end,
            {%- if field == "distance" %}
                case when has_gps then 0 else 1 end,
            {%- endif %}
            {%- if field == "sport" %}
                case when sport_family = 'other' then 1 else 0 end,
            {%- endif %}
            case
                provider
                {%- for provider in provider_order %}
                    when '{{ provider }}' then {{ loop.index }}
                {%- endfor %}
                else 9
            end,
            source_rank,
            record_id
    ) as {{ field }}_rank
{%- endmacro %}
