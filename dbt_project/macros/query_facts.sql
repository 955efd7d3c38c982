{# What stands in front of every query, as JSON: on BigQuery each key becomes a label of the job. #}
{% macro query_facts(node) %}
    {%- set facts = {"app": "fit-platform", "step": "dbt", "dbt_run": invocation_id} -%}
    {%- if env_var("FIT_RUN_ID", "") -%}
        {%- do facts.update({"run": env_var("FIT_RUN_ID")}) -%}
    {%- endif -%}
    {%- if node is not none and node -%}
        {%- do facts.update({"model": node.name[:63]}) -%}
    {%- endif -%}
    {% do return(tojson(facts)) %}
{% endmacro %}
