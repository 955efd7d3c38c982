{# Schema names are exactly `staging`, `intermediate` and `marts`; on BigQuery they carry the dataset prefix. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%} {{ target.schema }}
    {%- elif target.type == "bigquery" -%}
        {{ env_var("FIT_BIGQUERY_DATASET_PREFIX", "") }}{{ custom_schema_name | trim }}
    {%- else -%} {{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}
