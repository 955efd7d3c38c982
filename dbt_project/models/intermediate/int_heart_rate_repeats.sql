{{ config(materialized="view") }}

select members.athlete_id, members.dt, members.provider, members.provider_activity_id
from {{ ref("int_activity_clusters") }} as clusters
inner join
    {{ ref("int_activity_clusters") }} as primaries
    on clusters.activity_id = primaries.activity_id
    and primaries.is_primary
inner join
    {{ ref("int_activity_records") }} as members
    on clusters.record_id = members.record_id
inner join
    {{ ref("int_activity_records") }} as originals
    on primaries.record_id = originals.record_id
where
    not clusters.is_primary
    and originals.has_heart_rate_samples
    and (
        clusters.relation = 'shifted_copy'
        or (clusters.relation = 'same' and clusters.matched_by = 'provenance')
    )
group by members.athlete_id, members.dt, members.provider, members.provider_activity_id
