with
    records as (
        select
            *,
            {{ epoch_seconds("started_at") }} as started_second,
            {{ epoch_seconds("ended_at") }} as ended_second,
            {{ int_div(epoch_seconds("started_at"), 86400) }} as started_day
        from {{ ref("int_activity_records") }}
    ),

    -- Blocking: same athlete, start days at most two apart, spans that touch. The left
    -- side is the better source.
    touching as (
        select left_side.record_id, right_side.record_id as other_record_id
        from records as left_side
        cross join {{ whole_numbers(5) }} as days_apart
        inner join
            records as right_side
            on left_side.athlete_id = right_side.athlete_id
            and left_side.started_day + days_apart.n - 2 = right_side.started_day
        where
            left_side.started_second < right_side.ended_second
            and right_side.started_second < left_side.ended_second
            and (
                left_side.source_rank < right_side.source_rank
                or (
                    left_side.source_rank = right_side.source_rank
                    and left_side.record_id < right_side.record_id
                )
            )
    ),

    -- A relay keeps the recording's name: Strava's external_id is "<Polar exercise
    -- id>.fit".
    same_file as (
        select polar.record_id, strava.record_id as other_record_id
        from records as polar
        inner join
            records as strava
            on polar.athlete_id = strava.athlete_id
            and polar.provider_activity_id
            = regexp_extract(strava.external_id, '^[^.]+')
        where polar.provider = 'polar' and strava.provider = 'strava'
    ),

    candidates as (
        select record_id, other_record_id
        from touching
        union distinct
        select record_id, other_record_id
        from same_file
    ),

    features as (
        select
            candidates.record_id,
            candidates.other_record_id,
            one.athlete_id,
            one.source_slot = other.source_slot as is_one_source,
            coalesce(
                one.provider = 'polar'
                and other.provider = 'strava'
                and length(one.provider_activity_id) >= 6
                and strpos(
                    {{ as_tokens("other.external_id") }},
                    {{ as_tokens("one.provider_activity_id") }}
                )
                > 0,
                false
            ) as has_provenance,
            one.sport_family = other.sport_family
            or one.sport_family = 'other'
            or other.sport_family = 'other' as has_fitting_sport,
            (one.sport_family = other.sport_family and one.sport_family != 'other')
            or one.sport_family = 'multisport'
            or other.sport_family = 'multisport' as has_same_sport,
            one.ended_second - one.started_second as seconds,
            other.ended_second - other.started_second as other_seconds,
            greatest(
                0,
                least(one.ended_second, other.ended_second)
                - greatest(one.started_second, other.started_second)
            ) as overlap_seconds
        from candidates
        inner join records as one on candidates.record_id = one.record_id
        inner join records as other on candidates.other_record_id = other.record_id
    ),

    scores as (
        select
            *,
            coalesce(
                {{ as_float("overlap_seconds") }}
                / nullif(seconds + other_seconds - overlap_seconds, 0),
                0
            ) as overlap_over_union,
            coalesce(
                {{ as_float("overlap_seconds") }}
                / nullif(least(seconds, other_seconds), 0),
                0
            ) as containment
        from features
    )

select
    athlete_id,
    record_id,
    other_record_id,
    case
        -- One provider's two records are never one recording; they may still be the
        -- same session.
        when is_one_source and containment >= 0.3 and has_fitting_sport
        then 'possible'
        when is_one_source
        then 'different'
        when has_provenance and overlap_seconds = 0
        then 'shifted_copy'
        when has_provenance and containment >= 0.9 and overlap_over_union < 0.6
        then 'part_of'
        when has_provenance
        then 'same'
        when has_fitting_sport and overlap_over_union >= 0.6
        then 'same'
        when has_same_sport and containment >= 0.9
        then 'part_of'
        when has_fitting_sport and containment >= 0.3
        then 'possible'
        else 'different'
    end as relation,
    case when has_provenance then 'provenance' else 'overlap' end as matched_by,
    round(
        case when has_provenance then 1 else overlap_over_union end, 4
    ) as match_score,
    round(overlap_over_union, 4) as overlap_over_union,
    round(containment, 4) as containment,
    overlap_seconds,
    has_fitting_sport,
    is_one_source,
    1 as rule_version
from scores
