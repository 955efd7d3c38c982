with
    decisions as (
        select
            athlete_id,
            provider_a,
            provider_activity_id_a,
            provider_b,
            provider_activity_id_b,
            decision,
            1 as place
        from {{ ref("stg_accounts__activity_overrides") }}
        union all
        select
            athlete_id,
            provider_a,
            provider_activity_id_a,
            provider_b,
            provider_activity_id_b,
            decision,
            2 as place
        from {{ ref("activity_overrides") }}
    ),

    named as (
        select
            place,
            decision,
            athlete_id || ':' || provider_a || ':' || provider_activity_id_a as a,
            athlete_id || ':' || provider_b || ':' || provider_activity_id_b as b
        from decisions
    ),

    -- The better source first, as everywhere. Of two decisions on one pair the
    -- operator's file wins over the seed.
    pairs as (
        select one.record_id, other.record_id as other_record_id, named.decision
        from named
        inner join
            {{ ref("int_activity_records") }} as one
            on one.record_id in (named.a, named.b)
        inner join
            {{ ref("int_activity_records") }} as other
            on other.record_id in (named.a, named.b)
        where {{ comes_first("one", "other") }}
        qualify
            row_number() over (
                partition by one.record_id, other.record_id
                order by named.place, named.decision
            )
            = 1
    )

select record_id, other_record_id, decision
from pairs
