{% set source_slots = ["polar", "strava", "fitbit", "fitbit mirror"] %}

with
    records as (
        select
            *,
            {{ epoch_seconds("ended_at") }}
            - {{ epoch_seconds("started_at") }} as seconds
        from {{ ref("int_activity_records") }}
    ),

    -- Every pair seen from both sides.
    links as (
        select record_id, other_record_id, relation, matched_by, match_score
        from {{ ref("int_activity_pairs") }}
        union all
        select other_record_id, record_id, relation, matched_by, match_score
        from {{ ref("int_activity_pairs") }}
    ),

    copies as (select * from links where relation in ('same', 'shifted_copy')),

    -- Source after source, best source first, each record may join one session, and
    -- each session takes one record of a source: those that are each other's best. A
    -- record that joins none opens a session of its own.
    sessions_1 as (
        select
            record_id,
            record_id as session_id,
            'same' as relation,
            'primary' as matched_by,
            {{ as_float(1) }} as match_score
        from records
        where source_slot = '{{ source_slots[0] }}'
    ),

    {% for source_slot in source_slots[1:] %}
        {% set step = loop.index + 1 %}
        offers_{{ step }} as (
            select
                records.record_id,
                sessions.session_id,
                copies.relation,
                copies.matched_by,
                copies.match_score
            from records
            inner join copies on records.record_id = copies.record_id
            inner join
                sessions_{{ step - 1 }} as sessions
                on copies.other_record_id = sessions.record_id
            where records.source_slot = '{{ source_slot }}'
            qualify
                row_number() over (
                    partition by records.record_id, sessions.session_id
                    order by
                        copies.match_score desc, copies.matched_by desc, copies.relation
                )
                = 1
        ),

        best_offers_{{ step }} as (
            select *
            from offers_{{ step }}
            qualify
                row_number() over (
                    partition by record_id order by match_score desc, session_id
                )
                = 1
                and row_number() over (
                    partition by session_id order by match_score desc, record_id
                )
                = 1
        ),

        sessions_{{ step }} as (
            select *
            from sessions_{{ step - 1 }}
            union all
            select
                records.record_id,
                coalesce(offers.session_id, records.record_id) as session_id,
                coalesce(offers.relation, 'same') as relation,
                coalesce(offers.matched_by, 'primary') as matched_by,
                coalesce(offers.match_score, 1) as match_score
            from records
            left join
                best_offers_{{ step }} as offers on records.record_id = offers.record_id
            where records.source_slot = '{{ source_slot }}'
        ),
    {% endfor %}

    sessions as (select * from sessions_{{ source_slots | length }}),

    -- The shorter record of a part_of pair takes its whole session into the longer
    -- record's session.
    parts as (
        select
            part.session_id,
            whole.session_id as whole_session_id,
            links.matched_by,
            links.match_score,
            whole_records.seconds as whole_seconds
        from links
        inner join records as part_records on links.record_id = part_records.record_id
        inner join
            records as whole_records on links.other_record_id = whole_records.record_id
        inner join sessions as part on links.record_id = part.record_id
        inner join sessions as whole on links.other_record_id = whole.record_id
        where
            links.relation = 'part_of'
            and part.session_id != whole.session_id
            and (
                part_records.seconds < whole_records.seconds
                or (
                    part_records.seconds = whole_records.seconds
                    and part_records.record_id > whole_records.record_id
                )
            )
    ),

    -- Only a session that is no part itself can hold parts: no chains, and no circles.
    part_sessions as (select distinct session_id from parts),

    homes_of_parts as (
        select parts.*
        from parts
        left join part_sessions on parts.whole_session_id = part_sessions.session_id
        where part_sessions.session_id is null
        qualify
            row_number() over (
                partition by parts.session_id
                order by
                    parts.whole_seconds desc,
                    parts.match_score desc,
                    parts.whole_session_id
            )
            = 1
    ),

    members as (
        select
            records.record_id,
            records.athlete_id,
            records.provider,
            records.source_slot,
            records.source_rank,
            records.provider_activity_id,
            records.first_fetched_at,
            records.seconds,
            coalesce(
                homes_of_parts.whole_session_id, sessions.session_id
            ) as session_id,
            case
                when homes_of_parts.session_id is null
                then sessions.relation
                else 'part_of'
            end as relation,
            case
                when
                    homes_of_parts.session_id is null
                    or sessions.matched_by != 'primary'
                then sessions.matched_by
                else homes_of_parts.matched_by
            end as matched_by,
            case
                when
                    homes_of_parts.session_id is null
                    or sessions.matched_by != 'primary'
                then sessions.match_score
                else homes_of_parts.match_score
            end as match_score
        from records
        inner join sessions on records.record_id = sessions.record_id
        left join homes_of_parts on sessions.session_id = homes_of_parts.session_id
    ),

    sized as (
        select *, count(*) over (partition by session_id) as session_size from members
    ),

    -- Doubtful pairs that no session unites. The better side: more copies, then the
    -- better source.
    doubts as (
        select
            weak.record_id,
            strong.record_id as other_record_id,
            strong.session_size as other_session_size,
            links.match_score
        from links
        inner join sized as weak on links.record_id = weak.record_id
        inner join sized as strong on links.other_record_id = strong.record_id
        where
            links.relation != 'different'
            and weak.session_id != strong.session_id
            and weak.source_slot != strong.source_slot
            and weak.session_size = 1
            and (strong.session_size > 1 or strong.source_rank < weak.source_rank)
    ),

    -- Held back: one record alone that may be a copy of a counted session. Counting
    -- both could count one twice.
    doubtful_records as (select distinct record_id from doubts),

    held_back as (
        select distinct doubts.record_id
        from doubts
        left join
            doubtful_records on doubts.other_record_id = doubtful_records.record_id
        where doubtful_records.record_id is null
    )

select
    sized.record_id,
    sized.session_id,
    {{
        md5_hex(
            "first_value(sized.athlete_id || ':' || sized.provider || ':' || sized.provider_activity_id) over "
            ~ "(partition by sized.session_id order by sized.first_fetched_at, sized.source_rank, sized.record_id)"
        )
    }}
    as activity_id,
    sized.athlete_id,
    sized.relation,
    sized.record_id = sized.session_id as is_primary,
    sized.matched_by,
    sized.match_score,
    held_back.record_id is not null as is_held_back
from sized
left join held_back on sized.record_id = held_back.record_id
