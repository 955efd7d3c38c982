{# One row for each key: of several sources the athlete's own device before a copy that another app wrote into Health
   Connect or HealthKit, then the last received. The other columns are the source's; is_mirror says which it is. #}
{% macro own_before_copied(relation, key) -%}
    {%- set is_mirror = (
        "coalesce(platform in ('HEALTH_CONNECT', 'HEALTH_KIT'), false)"
    ) -%}
    select *, {{ is_mirror }} as is_mirror
    from {{ relation }}
    qualify
        row_number() over (
            partition by athlete_id, {{ key }}
            order by {{ is_mirror }}, fetched_at desc, device_name, source_package
        )
        = 1
{%- endmacro %}
