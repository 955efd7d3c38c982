{{ config(materialized="view") }}

-- The heart rate in the span of each activity's primary record, from whichever source
-- was best in each second.
select sources.activity_id, sources.athlete_id, by_bpm.bpm, by_bpm.seconds
from {{ ref("activity_sources") }} as sources
inner join
    {{ ref("int_activity_records") }} as records
    on sources.athlete_id = records.athlete_id
    and sources.provider = records.provider
    and sources.provider_activity_id = records.provider_activity_id
inner join
    {{ ref("int_activity_heart_rate_by_bpm") }} as by_bpm
    on records.athlete_id = by_bpm.athlete_id
    and records.dt = by_bpm.dt
    and records.provider = by_bpm.provider
    and records.provider_activity_id = by_bpm.provider_activity_id
where sources.is_primary
