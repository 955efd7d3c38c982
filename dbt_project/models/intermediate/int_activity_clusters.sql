{# One file: each step seats records that the step before left, and the unit tests judge who sits where in the end. #}
{% set source_slots = ["polar", "strava", "fitbit", "fitbit mirror"] %}
{# Rivals for one seat: the second round seats who lost the first to somebody better. #}
{% set rounds = 2 %}
{# Parts of parts, and chains of forced pairs, are followed over so many steps. #}
{% set steps = 4 %}

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
        select
            record_id,
            other_record_id,
            relation,
            matched_by,
            match_score,
            containment,
            has_two_bodies,
            decision,
            has_fitting_sport,
            left_running_record_id
        from {{ ref("int_activity_pairs") }}
        union all
        select
            other_record_id,
            record_id,
            relation,
            matched_by,
            match_score,
            containment,
            has_two_bodies,
            decision,
            has_fitting_sport,
            left_running_record_id
        from {{ ref("int_activity_pairs") }}
    ),

    copies as (select * from links where relation in ('same', 'shifted_copy')),

    -- Never in one session, not even through a third record.
    vetoes as (
        select record_id, other_record_id, decision
        from links
        where relation = 'different' and (has_two_bodies or decision is not null)
    ),

    -- Source after source, best source first, each record may join one session, and
    -- each session takes one record of a source: those that are each other's best. A
    -- record that joins none opens a session of its own.
    seats_1 as (
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
        {% set slot = loop.index + 1 %}
        allowed_{{ slot }} as (
            select
                records.record_id,
                seats.session_id,
                copies.relation,
                copies.matched_by,
                copies.match_score,
                -- A partner at the same time goes before one at another.
                copies.relation = 'shifted_copy'
                and copies.matched_by not in ('provenance', 'override') as is_far
            from records
            inner join copies on records.record_id = copies.record_id
            inner join
                seats_{{ slot - 1 }} as seats
                on copies.other_record_id = seats.record_id
            where records.source_slot = '{{ source_slot }}'
            qualify
                row_number() over (
                    partition by records.record_id, seats.session_id
                    order by
                        copies.match_score desc, copies.matched_by desc, copies.relation
                )
                = 1
        ),

        vetoed_{{ slot }} as (
            select distinct vetoes.record_id, seats.session_id
            from vetoes
            inner join
                seats_{{ slot - 1 }} as seats
                on vetoes.other_record_id = seats.record_id
        ),

        offers_{{ slot }} as (
            select allowed.*
            from allowed_{{ slot }} as allowed
            left join
                vetoed_{{ slot }} as vetoed
                on allowed.record_id = vetoed.record_id
                and allowed.session_id = vetoed.session_id
            where vetoed.record_id is null
        ),

        {% for round in range(1, rounds + 1) %}
            matched_{{ slot }}_{{ round }} as (
                select offers.*
                from offers_{{ slot }} as offers
                {% for earlier in range(1, round) %}
                    left join
                        matched_{{ slot }}_{{ earlier }} as record_{{ earlier }}
                        on offers.record_id = record_{{ earlier }}.record_id
                    left join
                        matched_{{ slot }}_{{ earlier }} as session_{{ earlier }}
                        on offers.session_id = session_{{ earlier }}.session_id
                {% endfor %}
                where
                    true
                    {% for earlier in range(1, round) %}
                        and record_{{ earlier }}.record_id is null
                        and session_{{ earlier }}.session_id is null
                    {% endfor %}
                qualify
                    row_number() over (
                        partition by offers.record_id
                        order by
                            offers.is_far, offers.match_score desc, offers.session_id
                    )
                    = 1
                    and row_number() over (
                        partition by offers.session_id
                        order by
                            offers.is_far, offers.match_score desc, offers.record_id
                    )
                    = 1
            ),
        {% endfor %}

        matched_{{ slot }} as (
            {% for round in range(1, rounds + 1) %}
                select *
                from matched_{{ slot }}_{{ round }} {{ "union all" if not loop.last }}
            {% endfor %}
        ),

        seats_{{ slot }} as (
            select *
            from seats_{{ slot - 1 }}
            union all
            select
                records.record_id,
                coalesce(matched.session_id, records.record_id) as session_id,
                coalesce(matched.relation, 'same') as relation,
                coalesce(matched.matched_by, 'primary') as matched_by,
                coalesce(matched.match_score, 1) as match_score
            from records
            left join
                matched_{{ slot }} as matched on records.record_id = matched.record_id
            where records.source_slot = '{{ source_slot }}'
        ),
    {% endfor %}

    seats as (
        select
            seats.*,
            records.seconds,
            max(records.seconds) over (partition by seats.session_id) as session_seconds
        from seats_{{ source_slots | length }} as seats
        inner join records on seats.record_id = records.record_id
    ),

    vetoed_sessions as (
        select distinct one.session_id, other.session_id as other_session_id
        from vetoes
        inner join seats as one on vetoes.record_id = one.record_id
        inner join seats as other on vetoes.other_record_id = other.record_id
    ),

    -- A record that was left running holds the one that stopped in time, and nothing
    -- that came after it.
    left_running as (
        select left_running_record_id as record_id, max(match_score) as match_score
        from links
        where
            left_running_record_id = record_id
            and relation in ('same', 'part_of', 'shifted_copy')
        group by left_running_record_id
    ),

    -- A band that noticed by itself, or a record of no sport, over several sessions:
    -- over sports that clash, or, noticed, over two recordings of one source.
    covered as (
        select
            links.other_record_id as whole_record_id,
            whole.is_detected as is_whole_detected,
            part.*,
            seats.session_id
        from links
        inner join records as part on links.record_id = part.record_id
        inner join records as whole on links.other_record_id = whole.record_id
        inner join seats on part.record_id = seats.record_id
        where
            (
                links.relation != 'different'
                or links.containment >= {{ var("match_part_min_containment") }}
            )
            and not part.is_manual
            and not part.is_detected
            and (whole.is_detected or whole.sport_family = 'other')
            and part.seconds < whole.seconds
    ),

    spanning as (
        select distinct one.whole_record_id as record_id
        from covered as one
        inner join
            covered as other
            on one.whole_record_id = other.whole_record_id
            and one.session_id != other.session_id
            and one.started_at < other.started_at
        where
            -- Nearly one after the other.
            {{ epoch_seconds("one.ended_at") }}
            - {{ epoch_seconds("other.started_at") }}
            < {{ var("match_possible_min_containment") }}
            * least(one.seconds, other.seconds)
            and (
                {{ sport_fit("one.sport_family", "other.sport_family") }} = 'clash'
                or (one.is_whole_detected and one.source_slot = other.source_slot)
            )
    ),

    -- The shorter session of a part_of pair belongs to the longer one, and so does a
    -- further upload of a known file. The longest whole wins.
    homes_0 as (
        select
            part.session_id,
            whole.session_id as whole_session_id,
            links.matched_by,
            links.match_score
        from links
        inner join seats as part on links.record_id = part.record_id
        inner join seats as whole on links.other_record_id = whole.record_id
        left join left_running on whole.record_id = left_running.record_id
        left join spanning on whole.record_id = spanning.record_id
        left join
            vetoed_sessions
            on part.session_id = vetoed_sessions.session_id
            and whole.session_id = vetoed_sessions.other_session_id
        where
            (links.relation = 'part_of' or links.matched_by = 'provenance')
            and spanning.record_id is null
            and vetoed_sessions.session_id is null
            and part.session_id != whole.session_id
            and (
                part.seconds < whole.seconds
                or (part.seconds = whole.seconds and part.record_id > whole.record_id)
            )
            and (
                part.session_seconds < whole.session_seconds
                or (
                    part.session_seconds = whole.session_seconds
                    and part.session_id > whole.session_id
                )
            )
            and (
                left_running.record_id is null
                or links.left_running_record_id = whole.record_id
                and links.match_score = left_running.match_score
            )
        qualify
            row_number() over (
                partition by part.session_id
                order by
                    whole.session_seconds desc,
                    links.match_score desc,
                    whole.session_id,
                    links.matched_by desc
            )
            = 1
    ),

    -- A part of a part is a part of the whole. Each step leads to a longer session, so
    -- there are no circles.
    {% for step in range(1, steps + 1) %}
        homes_{{ step }} as (
            select
                homes.session_id,
                coalesce(
                    further.whole_session_id, homes.whole_session_id
                ) as whole_session_id,
                homes.matched_by,
                homes.match_score
            from homes_{{ step - 1 }} as homes
            left join
                homes_{{ step - 1 }} as further
                on homes.whole_session_id = further.session_id
        ),
    {% endfor %}

    placed as (
        select
            seats.record_id,
            coalesce(homes.whole_session_id, seats.session_id) as session_id,
            case
                when homes.session_id is null then seats.relation else 'part_of'
            end as relation,
            case
                when homes.session_id is null or seats.matched_by != 'primary'
                then seats.matched_by
                else homes.matched_by
            end as matched_by,
            case
                when homes.session_id is null or seats.matched_by != 'primary'
                then seats.match_score
                else homes.match_score
            end as match_score
        from seats
        left join homes_{{ steps }} as homes on seats.session_id = homes.session_id
    ),

    -- What a person calls the same is one session, through chains too: each session
    -- takes the least name that it reaches.
    forced as (
        select one.session_id, other.session_id as other_session_id
        from links
        inner join placed as one on links.record_id = one.record_id
        inner join placed as other on links.other_record_id = other.record_id
        where links.decision = 'force_same'
        group by one.session_id, other.session_id
    ),

    names_0 as (select session_id, session_id as name from forced group by session_id),

    {% for step in range(1, steps + 1) %}
        near_{{ step }} as (
            select names.session_id, least(names.name, min(neighbours.name)) as name
            from names_{{ step - 1 }} as names
            inner join forced on names.session_id = forced.session_id
            inner join
                names_{{ step - 1 }} as neighbours
                on forced.other_session_id = neighbours.session_id
            group by names.session_id, names.name
        ),

        -- The name's own name doubles the reach of each step.
        names_{{ step }} as (
            select near.session_id, further.name
            from near_{{ step }} as near
            inner join near_{{ step }} as further on near.name = further.session_id
        ),
    {% endfor %}

    united as (
        select
            placed.record_id,
            coalesce(names.name, placed.session_id) as session_id,
            placed.relation,
            placed.matched_by,
            placed.match_score,
            coalesce(names.name != placed.session_id, false) as is_forced
        from placed
        left join names_{{ steps }} as names on placed.session_id = names.session_id
    ),

    -- Whom a veto still finds in one session, through a whole that holds both: the
    -- lesser source leaves and counts for itself.
    evicted as (
        select distinct other.record_id
        from vetoes
        inner join united as one on vetoes.record_id = one.record_id
        inner join
            united as other
            on vetoes.other_record_id = other.record_id
            and one.session_id = other.session_id
        inner join records as one_record on one.record_id = one_record.record_id
        inner join records as other_record on other.record_id = other_record.record_id
        where {{ comes_first("one_record", "other_record") }}
    ),

    members as (
        select
            records.*,
            case
                when evicted.record_id is null
                then united.session_id
                else 'apart:' || united.record_id
            end as group_id,
            case
                when evicted.record_id is null then united.relation else 'same'
            end as relation,
            case
                when evicted.record_id is not null
                then 'primary'
                when united.is_forced and united.matched_by = 'primary'
                then 'override'
                else united.matched_by
            end as matched_by,
            case
                when evicted.record_id is null then united.match_score else 1
            end as match_score
        from records
        inner join united on records.record_id = united.record_id
        left join evicted on records.record_id = evicted.record_id
    ),

    runners as (
        select distinct links.left_running_record_id as record_id
        from links
        inner join members as one on links.record_id = one.record_id
        inner join
            members as other
            on links.other_record_id = other.record_id
            and one.group_id = other.group_id
        where links.left_running_record_id is not null
        union distinct
        select record_id
        from spanning
    ),

    -- The times come from a recording that was stopped in time, was started by a
    -- person, and is not much shorter than another such.
    measured as (
        select
            members.*,
            runners.record_id is not null as was_left_running,
            max(
                case
                    when
                        runners.record_id is null
                        and not members.is_manual
                        and not members.is_detected
                    then members.seconds
                end
            ) over (partition by members.group_id) as longest_seconds,
            max(
                case
                    when runners.record_id is null and not members.is_manual
                    then members.seconds
                end
            ) over (partition by members.group_id) as longest_recorded_seconds
        from members
        left join runners on members.record_id = runners.record_id
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by group_id
                order by
                    is_manual
                    and coalesce(longest_recorded_seconds, 0)
                    >= {{ var("match_manual_min_length_share") }} * seconds,
                    was_left_running,
                    relation = 'part_of',
                    seconds * 1.0
                    < {{ var("match_primary_min_length_share") }}
                    * coalesce(longest_seconds, 0),
                    case when relation = 'part_of' then seconds else 0 end desc,
                    source_rank,
                    record_id
            ) as place,
            count(*) over (partition by group_id) as session_size
        from measured
    ),

    -- A second record of a provider in one session is a part of it, whatever else it
    -- is.
    named as (
        select
            *,
            first_value(record_id) over (
                partition by group_id order by place
            ) as session_id,
            row_number() over (
                partition by group_id, provider
                order by
                    case when place = 1 then 0 else 1 end,
                    relation = 'part_of',
                    source_rank,
                    place
            ) as provider_place
        from ranked
    ),

    recorded_slots as (
        select distinct group_id, source_slot
        from named
        where not is_manual and not is_detected
    ),

    vetoed_groups as (
        select distinct vetoes.record_id, named.group_id
        from vetoes
        inner join named on vetoes.other_record_id = named.record_id
    ),

    -- Doubtful pairs that no session unites. The better side: more copies, then the
    -- better source. Two recordings of one source at one time are two people on one
    -- account, until something proves that they are one.
    doubts as (
        select weak.record_id, strong.record_id as other_record_id
        from links
        inner join named as weak on links.record_id = weak.record_id
        inner join named as strong on links.other_record_id = strong.record_id
        left join
            recorded_slots as rivals
            on strong.group_id = rivals.group_id
            and weak.source_slot = rivals.source_slot
            and not weak.is_manual
            and not weak.is_detected
        left join
            vetoed_groups
            on weak.record_id = vetoed_groups.record_id
            and strong.group_id = vetoed_groups.group_id
        where
            rivals.group_id is null
            and vetoed_groups.record_id is null
            and links.relation != 'different'
            and links.has_fitting_sport
            and weak.group_id != strong.group_id
            and weak.source_slot != strong.source_slot
            and weak.session_size = 1
            and not strong.was_left_running
            and (
                strong.session_size > 1
                or strong.source_rank < weak.source_rank
                or weak.was_left_running
            )
    ),

    -- Held back: one record alone that may be a copy of a counted session. Counting
    -- both could count one twice. Where the sports do not fit, both are counted: a lost
    -- session is worse.
    doubtful_records as (select distinct record_id from doubts),

    held_back as (
        select distinct doubts.record_id
        from doubts
        left join
            doubtful_records on doubts.other_record_id = doubtful_records.record_id
        where doubtful_records.record_id is null
    )

select
    named.record_id,
    named.session_id,
    {{
        md5_hex(
            "first_value(named.athlete_id || ':' || named.provider || ':' || named.provider_activity_id) over "
            ~ "(partition by named.group_id order by named.first_fetched_at, named.source_rank, named.record_id)"
        )
    }}
    as activity_id,
    named.athlete_id,
    case
        when named.place = 1
        then 'same'
        when named.was_left_running or named.provider_place > 1
        then 'part_of'
        else named.relation
    end as relation,
    named.place = 1 as is_primary,
    case
        when named.place = 1
        then 'primary'
        when named.matched_by = 'primary'
        then 'overlap'
        else named.matched_by
    end as matched_by,
    named.match_score,
    held_back.record_id is not null as is_held_back
from named
left join held_back on named.record_id = held_back.record_id
