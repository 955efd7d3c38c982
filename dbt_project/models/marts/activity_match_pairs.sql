select
    pairs.athlete_id,
    one_cluster.activity_id,
    other_cluster.activity_id as other_activity_id,
    one.provider,
    one.provider_activity_id,
    other.provider as other_provider,
    other.provider_activity_id as other_provider_activity_id,
    pairs.relation,
    pairs.matched_by,
    {{ as_float("pairs.match_score") }} as match_score,
    pairs.decision,
    {{ as_float("pairs.overlap_over_union") }} as overlap_over_union,
    {{ as_float("pairs.containment") }} as containment,
    cast(pairs.overlap_seconds as int64) as overlap_seconds,
    cast(pairs.start_difference_seconds as int64) as start_difference_seconds,
    cast(pairs.end_difference_seconds as int64) as end_difference_seconds,
    {{ as_float("pairs.duration_ratio") }} as duration_ratio,
    {{ as_float("pairs.distance_ratio") }} as distance_ratio,
    pairs.sport_fit,
    cast(pairs.shared_heart_rate_minutes as int64) as shared_heart_rate_minutes,
    {{ as_float("pairs.heart_rate_difference_bpm") }} as heart_rate_difference_bpm,
    {{ as_float("pairs.heart_rate_correlation") }} as heart_rate_correlation,
    pairs.has_one_body,
    pairs.has_two_bodies,
    pairs.has_provenance,
    pairs.is_one_device,
    cast(pairs.rule_version as int64) as rule_version
from {{ ref("int_activity_pairs") }} as pairs
inner join
    {{ ref("int_activity_clusters") }} as one_cluster
    on pairs.record_id = one_cluster.record_id
inner join
    {{ ref("int_activity_clusters") }} as other_cluster
    on pairs.other_record_id = other_cluster.record_id
inner join {{ ref("int_activity_records") }} as one on pairs.record_id = one.record_id
inner join
    {{ ref("int_activity_records") }} as other
    on pairs.other_record_id = other.record_id
