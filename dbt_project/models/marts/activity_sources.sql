select
    clusters.activity_id,
    clusters.athlete_id,
    records.provider,
    records.provider_activity_id,
    records.acquired_via,
    clusters.relation,
    clusters.is_primary,
    clusters.match_score,
    clusters.matched_by,
    records.started_at,
    records.ended_at,
    records.distance_m
from {{ ref("int_activity_clusters") }} as clusters
inner join
    {{ ref("int_activity_records") }} as records
    on clusters.record_id = records.record_id
where not clusters.is_held_back
