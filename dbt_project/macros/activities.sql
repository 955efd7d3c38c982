{# Helpers of the activity matcher and of field survivorship. #}
{# "a-b_c.fit" as ".a.b.c.fit.", so that only whole parts of a file name are found in it. #}
{% macro as_tokens(name) %}
    '.' || replace(replace({{ name }}, '-', '.'), '_', '.') || '.'
{% endmacro %}

{# Predicate: an uploaded file's name holds this provider id, as a whole part. Short ids are too common to prove it. #}
{% macro holds_id(file_name, provider_id) -%}
    coalesce(
        length({{ provider_id }}) >= {{ var("match_provenance_min_id_length") }}
        and strpos({{ as_tokens(file_name) }}, {{ as_tokens(provider_id) }}) > 0,
        false
    )
{%- endmacro %}

{# Predicate: of two records this one is the better source, or the first of one source: the left side of a pair. #}
{% macro comes_first(one, other) -%}
    (
        {{ one }}.source_rank < {{ other }}.source_rank
        or (
            {{ one }}.source_rank = {{ other }}.source_rank
            and {{ one }}.record_id < {{ other }}.record_id
        )
    )
{%- endmacro %}

{# How two sport families fit: same, kin (devices take one for the other), multisport, generic (one says nothing), clash. #}
{% macro sport_fit(family, other_family) -%}
    case
        when {{ family }} = {{ other_family }} and {{ family }} != 'other'
        then 'same'
        when {{ family }} = 'multisport' or {{ other_family }} = 'multisport'
        then 'multisport'
        when {{ family }} = 'other' or {{ other_family }} = 'other'
        then 'generic'
        when
            least({{ family }}, {{ other_family }})
            || '+'
            || greatest({{ family }}, {{ other_family }})
            in ('{{ var("match_kin_families") | join("', '") }}')
        then 'kin'
        else 'clash'
    end
{%- endmacro %}

{# Two sensors of one heart: the difference is steady, or both go up and down together; limits as in dbt_project.yml. #}
{% macro one_shape(prefix, limits) -%}
    (
        {%- for spread_bpm, correlation in var(limits) %}
            coalesce(
                {{ prefix }}_spread_bpm <= {{ spread_bpm }}
                and {{ prefix }}_correlation >= {{ correlation }},
                false
            )
            {{- " or" if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# Two sensors of two hearts: a difference that is too large for its steadiness; limits as in dbt_project.yml. #}
{% macro two_hearts(limits) -%}
    (
        {%- for difference_bpm, spread_bpm, correlation in var(limits) %}
            (
                coalesce(usual_difference_bpm, difference_bpm) > {{ difference_bpm }}
                and coalesce(usual_spread_bpm, 0) >= {{ spread_bpm }}
                and coalesce(usual_correlation, 0) < {{ correlation }}
            )
            {{- " or" if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# Mean of the features that are known, weighted as in dbt_project.yml. `features`: weight's name -> column, 0 to 1. #}
{% macro match_score(features) -%}
    (
        {%- for name, column in features.items() %}
            {{ var("match_weight_" ~ name) }} * coalesce({{ column }}, 0)
            {{- " +" if not loop.last }}
        {%- endfor %}
    ) / (
        {%- for name, column in features.items() %}
            case
                when {{ column }} is null then 0 else {{ var("match_weight_" ~ name) }}
            end
            {{- " +" if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# Rank of an activity's records for one field: a record that has it, whole records before parts, for sums those
   that are as long as the activity, then by provider. #}
{% macro field_rank(field, lacks_it, provider_order) -%}
    row_number() over (
        partition by activity_id
        order by
            case when {{ lacks_it }} then 1 else 0 end,
            case when relation = 'part_of' then 1 else 0 end,
            {%- if field in ["distance", "moving", "ascent", "energy"] %}
                case when is_shorter then 1 else 0 end,
            {%- endif %}
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
