-- Of an activity's records the best one that has the metric over that window, wholes
-- before parts: a better source that is too short for it says nothing.
select
    sources.activity_id,
    sources.athlete_id,
    efforts.metric,
    efforts.window_seconds,
    efforts.value
from {{ ref("int_activity_best_efforts") }} as efforts
inner join
    {{ ref("activity_sources") }} as sources
    on efforts.athlete_id = sources.athlete_id
    and efforts.provider = sources.provider
    and efforts.provider_activity_id = sources.provider_activity_id
inner join
    {{ ref("int_activity_records") }} as records
    on efforts.athlete_id = records.athlete_id
    and efforts.provider = records.provider
    and efforts.provider_activity_id = records.provider_activity_id
qualify
    row_number() over (
        partition by sources.activity_id, efforts.metric, efforts.window_seconds
        order by
            case when efforts.value is null then 1 else 0 end,
            case when sources.relation = 'part_of' then 1 else 0 end,
            records.source_rank,
            records.record_id
    )
    = 1
