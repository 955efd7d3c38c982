select
    pairs.athlete_id,
    case
        when one.is_held_back then other.activity_id else one.activity_id
    end as activity_id,
    one_record.provider,
    one_record.provider_activity_id,
    other_record.provider as other_provider,
    other_record.provider_activity_id as other_provider_activity_id,
    'possible' as relation,
    pairs.match_score,
    pairs.matched_by,
    pairs.containment,
    cast(pairs.overlap_seconds as int64) as overlap_seconds,
    pairs.has_fitting_sport,
    one_record.started_at,
    one_record.ended_at,
    other_record.started_at as other_started_at,
    other_record.ended_at as other_ended_at,
    case
        when one.is_held_back
        then one_record.provider
        when other.is_held_back
        then other_record.provider
    end as held_back_provider,
    round(
        {{
            as_float(
                "case when one.is_held_back then "
                ~ epoch_seconds("one_record.ended_at")
                ~ " - "
                ~ epoch_seconds("one_record.started_at")
                ~ " when other.is_held_back then "
                ~ epoch_seconds("other_record.ended_at")
                ~ " - "
                ~ epoch_seconds("other_record.started_at")
                ~ " else 0 end"
            )
        }} / 60, 2
    ) as held_back_minutes,
    cast(pairs.rule_version as int64) as rule_version
from {{ ref("int_activity_pairs") }} as pairs
inner join {{ ref("int_activity_clusters") }} as one on pairs.record_id = one.record_id
inner join
    {{ ref("int_activity_clusters") }} as other
    on pairs.other_record_id = other.record_id
inner join
    {{ ref("int_activity_records") }} as one_record
    on pairs.record_id = one_record.record_id
inner join
    {{ ref("int_activity_records") }} as other_record
    on pairs.other_record_id = other_record.record_id
where pairs.relation != 'different' and one.session_id != other.session_id
