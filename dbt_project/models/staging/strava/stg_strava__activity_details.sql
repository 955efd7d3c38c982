select
    activity_details.athlete_id,
    activity_details.activity_id,
    activity_details.calories_kcal,
    activity_details.device_name,
    activity_details.perceived_exertion,
    activity_details.lap_count
from {{ source("strava", "strava_activity_details") }} as activity_details
inner join
    {{ ref("stg_strava__activities") }} as activities
    on activity_details.athlete_id = activities.athlete_id
    and activity_details.activity_id = activities.activity_id
    and activity_details.dt = activities.dt
