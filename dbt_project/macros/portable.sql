{# What DuckDB and BigQuery spell differently. Models hold no other dialect differences.
   DuckDB's whole-number division is written divide(): sqlfmt takes // for a comment. #}
{% macro epoch_micros(instant) %}
    {{ return(adapter.dispatch("epoch_micros")(instant)) }}
{% endmacro %}
{% macro duckdb__epoch_micros(instant) %} epoch_us({{ instant }}){% endmacro %}
{% macro bigquery__epoch_micros(instant) %} unix_micros({{ instant }}){% endmacro %}

{# Whole seconds since 1970, the fraction cut off. #}
{% macro epoch_seconds(instant) %}
    {{ return(adapter.dispatch("epoch_seconds")(instant)) }}
{% endmacro %}
{% macro duckdb__epoch_seconds(instant) %}
    divide(epoch_us({{ instant }}), 1000000)
{% endmacro %}
{% macro bigquery__epoch_seconds(instant) %} unix_seconds({{ instant }}){% endmacro %}

{% macro instant_of_micros(micros) %}
    {{ return(adapter.dispatch("instant_of_micros")(micros)) }}
{% endmacro %}
{% macro duckdb__instant_of_micros(micros) %}
    make_timestamptz(cast({{ micros }} as int64))
{% endmacro %}
{% macro bigquery__instant_of_micros(micros) %}
    timestamp_micros(cast({{ micros }} as int64))
{% endmacro %}

{% macro instant_of_seconds(seconds) %}
    {{ instant_of_micros("(" ~ seconds ~ ") * 1000000") }}
{% endmacro %}

{# Days since 1970-01-01 of a date, and back: integers are far cheaper than dates in million-row arithmetic. #}
{% macro epoch_day(day) %}
    {{ return(adapter.dispatch("epoch_day")(day)) }}
{% endmacro %}
{% macro duckdb__epoch_day(day) %}
    date_diff('day', date '1970-01-01', {{ day }})
{% endmacro %}
{% macro bigquery__epoch_day(day) %} unix_date({{ day }}){% endmacro %}

{% macro date_of_epoch_day(day) %}
    {{ return(adapter.dispatch("date_of_epoch_day")(day)) }}
{% endmacro %}
{% macro duckdb__date_of_epoch_day(day) %}
    (date '1970-01-01' + cast({{ day }} as integer))
{% endmacro %}
{% macro bigquery__date_of_epoch_day(day) %}
    date_from_unix_date({{ day }})
{% endmacro %}

{# Whole-number division of two non-negative integers. #}
{% macro int_div(dividend, divisor) %}
    {{ return(adapter.dispatch("int_div")(dividend, divisor)) }}
{% endmacro %}
{% macro duckdb__int_div(dividend, divisor) %}
    divide({{ dividend }}, {{ divisor }})
{% endmacro %}
{% macro bigquery__int_div(dividend, divisor) %}
    div(({{ dividend }}), ({{ divisor }}))
{% endmacro %}

{# Local civil date of an instant, given its offset from UTC. #}
{% macro local_date(instant, utc_offset_seconds) %}
    {{
        date_of_epoch_day(
            int_div(epoch_seconds(instant) ~ " + " ~ utc_offset_seconds, 86400)
        )
    }}
{% endmacro %}

{# Predicate "every day". BigQuery's big tables refuse queries that do not say which days they mean; a constant range
   on the partition column satisfies them, and a narrower one of the caller's still prunes. #}
{% macro every_day(column) %}
    {{ return(adapter.dispatch("every_day")(column)) }}
{% endmacro %}
{% macro duckdb__every_day(column) %} true{% endmacro %}
{% macro bigquery__every_day(column) %} {{ column }} >= date '0001-01-01'{% endmacro %}


{# The UTC date of now; the variable `today` stands in for it where a build is to be repeated. #}
{% macro today() %}
    {%- if var("today", none) is none -%} current_date
    {%- else -%} date '{{ var("today") }}'
    {%- endif -%}
{% endmacro %}

{# Whole years from one date to a later one, as ages are counted. #}
{% macro years_between(first, last) -%}
    extract(year from {{ last }})
    - extract(year from {{ first }})
    - case
        when
            extract(month from {{ last }}) * 100 + extract(day from {{ last }})
            < extract(month from {{ first }}) * 100 + extract(day from {{ first }})
        then 1
        else 0
    end
{%- endmacro %}

{# What a zone's clocks showed at an instant, minus UTC. The zone must be a known IANA name. #}
{% macro zone_offset_seconds(instant, zone) %}
    {{ return(adapter.dispatch("zone_offset_seconds")(instant, zone)) }}
{% endmacro %}
{% macro duckdb__zone_offset_seconds(instant, zone) -%}
    divide(
        epoch_us(timezone({{ zone }}, {{ instant }})) - epoch_us({{ instant }}), 1000000
    )
{%- endmacro %}
{% macro bigquery__zone_offset_seconds(instant, zone) -%}
    datetime_diff(
        extract(datetime from {{ instant }} at time zone {{ zone }}),
        datetime({{ instant }}, 'UTC'),
        second
    )
{%- endmacro %}

{# BigQuery has no list of its zones; there the shape of the name has to do. #}
{% macro is_known_zone(zone) %}
    {{ return(adapter.dispatch("is_known_zone")(zone)) }}
{% endmacro %}
{% macro duckdb__is_known_zone(zone) %}
    {{ zone }} in (select name from pg_timezone_names())
{% endmacro %}
{% macro bigquery__is_known_zone(zone) %}
    regexp_contains({{ zone }}, '^([A-Z][A-Za-z_]+/[A-Za-z_+/0-9-]+|UTC)$')
{% endmacro %}

{# Exact on DuckDB. BigQuery's is approximate for more than about a thousand different values; gaps have few. #}
{% macro median(value) %} {{ return(adapter.dispatch("median")(value)) }}{% endmacro %}
{% macro duckdb__median(value) %} median({{ value }}){% endmacro %}
{% macro bigquery__median(value) %}
    approx_quantiles({{ value }}, 2)[offset(1)]
{% endmacro %}

{# A relation with one column `n`: 0, 1, ... count - 1. #}
{% macro whole_numbers(count) %}
    {{ return(adapter.dispatch("whole_numbers")(count)) }}
{% endmacro %}
{% macro duckdb__whole_numbers(count) %}
    (select range as n from range(0, {{ count }}))
{% endmacro %}
{% macro bigquery__whole_numbers(count) %}
    (select n from unnest(generate_array(0, {{ count }} - 1)) as n)
{% endmacro %}

{# Joins each row with the whole numbers first to last, as `numbers.n`: a correlated join, written after `from`. #}
{% macro each_number(first, last) %}
    {{ return(adapter.dispatch("each_number")(first, last)) }}
{% endmacro %}
{% macro duckdb__each_number(first, last) %}
    cross join unnest(range({{ first }}, {{ last }} + 1)) as numbers(n)
{% endmacro %}
{% macro bigquery__each_number(first, last) %}
    cross join
        unnest(
            array(
                select as struct n
                from unnest(generate_array({{ first }}, {{ last }})) as n
            )
        ) as numbers
{% endmacro %}

{# Whole part of a non-negative number. #}
{% macro whole(value) %} cast(floor({{ value }}) as int64) {% endmacro %}

{# DuckDB and BigQuery agree on int64, string, bool and date, not on the name of a 64-bit float. #}
{% macro as_float(value) %}
    {{ return(adapter.dispatch("as_float")(value)) }}
{% endmacro %}
{% macro duckdb__as_float(value) %} cast({{ value }} as double){% endmacro %}
{% macro bigquery__as_float(value) %} cast({{ value }} as float64){% endmacro %}

{% macro md5_hex(text) %} {{ return(adapter.dispatch("md5_hex")(text)) }}{% endmacro %}
{% macro duckdb__md5_hex(text) %} md5({{ text }}){% endmacro %}
{% macro bigquery__md5_hex(text) %} to_hex(md5({{ text }})){% endmacro %}
