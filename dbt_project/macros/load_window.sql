{# Incremental rebuilds by day ranges: what is read, what is replaced.

   FIT_DAY_RANGES lists the partition days (dt) that were loaded, as JSON: [[first day, day after the last], ...]. In the
   environment, because another --vars makes dbt parse the whole project again, and another variable of the environment
   only the models that read it. By hand, start_date and end_date (exclusive) in --vars stand for one range. A sample of
   partition day D has a local date of D-1, D or D+1, so those local dates are rebuilt, from a few more days on each
   side. Several ranges, because what comes late lies far from today: one range from the one to the other would cost as
   many days as lie between. #}
{% macro load_ranges() %}
    {%- if env_var("FIT_DAY_RANGES", "") -%}
        {{ return(fromjson(env_var("FIT_DAY_RANGES"))) }}
    {%- elif var("start_date", none) is not none and var(
        "end_date", none
    ) is not none -%}
        {{ return([[var("start_date"), var("end_date")]]) }}
    {%- else -%} {{ return([]) }}
    {%- endif -%}
{% endmacro %}

{% macro has_load_window() %} {{ return(load_ranges() | length > 0) }} {% endmacro %}

{% macro day_shifted(day, days) -%}
    {{
        (
            modules.datetime.date.fromisoformat(day)
            + modules.datetime.timedelta(days=days)
        ).isoformat()
    }}
{%- endmacro %}

{# Predicate: `column` lies in one of the loaded ranges, widened by whole days. The outermost bounds stand alone, too:
   every warehouse skips what lies outside of those. #}
{% macro load_window(column, before=0, after=0) -%}
    {%- set ranges = load_ranges() -%}
    {%- set first = day_shifted(ranges | map("first") | min, -before) -%}
    {%- set end = day_shifted(ranges | map("last") | max, after) -%}
    {{ column }} >= date '{{ first }}' and {{ column }} < date '{{ end }}'
    {%- if ranges | length > 1 %}
        and (
            {%- for loaded in ranges %}
                (
                    {{ column }} >= date '{{ day_shifted(loaded | first, -before) }}'
                    and {{ column }} < date '{{ day_shifted(loaded | last, after) }}'
                )
                {{- " or" if not loop.last }}
            {%- endfor %}
        )
    {%- endif %}
{%- endmacro %}

{# The same for a model's own query: without a range, and on a first build, everything. #}
{% macro in_load_window(column, before=0, after=0) -%}
    {%- if is_incremental() and has_load_window() -%}
        {{ load_window(column, before, after) }}
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}

{# The config of a model that is rebuilt by ranges of `column`, of the loaded range widened by whole days.
   Without a range the model is built anew (full_refresh), so that no stale day can survive. #}
{% macro by_day_range(column, before=0, after=0) -%}
    {%- set has_range = has_load_window() -%}
    {%- if target.type == "bigquery" -%}
        {{
            config(
                materialized="incremental",
                incremental_strategy="insert_overwrite",
                partition_by={"field": column, "data_type": "date"},
                partitions=window_days(before, after) if has_range else none,
                cluster_by=["athlete_id"],
                on_schema_change="fail",
                full_refresh=none if has_range else true,
                tags=["by_day_range"],
            )
        }}
    {%- else -%}
        {{
            config(
                materialized="incremental",
                incremental_strategy="delete_range",
                incremental_predicates=(
                    [load_window(column, before, after)] if has_range else none
                ),
                on_schema_change="fail",
                full_refresh=none if has_range else true,
                tags=["by_day_range"],
            )
        }}
    {%- endif -%}
{%- endmacro %}

{# The replaced days as BigQuery date literals. #}
{% macro window_days(before=0, after=0) %}
    {% set days = [] %}
    {% for loaded in load_ranges() %}
        {% set first = modules.datetime.date.fromisoformat(
            day_shifted(loaded | first, -before)
        ) %}
        {% set end = modules.datetime.date.fromisoformat(
            day_shifted(loaded | last, after)
        ) %}
        {% for i in range((end - first).days) %}
            {% do days.append("date '" ~ day_shifted(first.isoformat(), i) ~ "'") %}
        {% endfor %}
    {% endfor %}
    {{ return(days | unique | list) }}
{% endmacro %}

{# DuckDB strategy: delete the range, then insert, in the materialisation's one transaction. Unlike delete+insert by
   key it also removes the rows of days that have become empty. #}
{% macro get_incremental_delete_range_sql(arg_dict) %}
    {%- set columns = get_quoted_csv(
        arg_dict["dest_columns"] | map(attribute="name")
    ) -%}
    {%- set predicates = arg_dict["incremental_predicates"] -%}
    {%- if not predicates -%}
        {{
            exceptions.raise_compiler_error(
                "delete_range needs incremental_predicates: the range it replaces"
            )
        }}
    {%- endif -%}
    {%- set target_relation = arg_dict["target_relation"] -%}
    {%- set range_predicate = predicates | join(" and ") -%}
    {{ "delete from " ~ target_relation ~ " where " ~ range_predicate ~ ";" }}
    {{
        (
            "insert into "
            ~ target_relation
            ~ " ("
            ~ columns
            ~ ") select "
            ~ columns
            ~ " from "
            ~ arg_dict["temp_relation"]
        )
    }}
{% endmacro %}

{# The newest version of every object: a provider id may stand in two partition days after its start was edited. #}
{% macro latest_version(relation, key) -%}
    select *
    from {{ relation }}
    where {{ every_day("dt") }}
    qualify
        row_number() over (
            partition by athlete_id, {{ key }} order by fetched_at desc, dt desc
        )
        = 1
{%- endmacro %}
