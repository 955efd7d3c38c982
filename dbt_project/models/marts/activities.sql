{# Which record gives a field: the first that has it, parts after whole records, then by this order of providers. #}
{% set provider_orders = {
    "heart_rate": ["polar", "strava", "fitbit"],
    "distance": ["polar", "strava", "fitbit"],
    "title": ["strava", "fitbit", "polar"],
    "sport": ["polar", "strava", "fitbit"],
    "moving": ["strava", "fitbit", "polar"],
    "ascent": ["strava", "fitbit", "polar"],
    "energy": ["polar", "fitbit", "strava"],
} %}

with
    members as (
        select
            clusters.activity_id,
            clusters.relation,
            clusters.is_primary,
            {{ epoch_seconds("records.ended_at") }}
            - {{ epoch_seconds("records.started_at") }}
            < {{ var("match_primary_min_length_share") }}
            * max(
                case
                    when clusters.is_primary
                    then
                        {{ epoch_seconds("records.ended_at") }}
                        - {{ epoch_seconds("records.started_at") }}
                end
            ) over (partition by clusters.activity_id) as is_shorter,
            records.*
        from {{ ref("int_activity_clusters") }} as clusters
        inner join
            {{ ref("int_activity_records") }} as records
            on clusters.record_id = records.record_id
        where not clusters.is_held_back
    ),

    ranked as (
        select
            members.*,
            {{
                field_rank(
                    "heart_rate",
                    "not members.has_heart_rate",
                    provider_orders["heart_rate"],
                )
            }},
            {{
                field_rank(
                    "distance",
                    "members.distance_m is null",
                    provider_orders["distance"],
                )
            }},
            {{ field_rank("title", "members.title is null", provider_orders["title"]) }},
            {{ field_rank("sport", "members.sport is null", provider_orders["sport"]) }},
            {{
                field_rank(
                    "moving",
                    "members.moving_seconds is null",
                    provider_orders["moving"],
                )
            }},
            {{
                field_rank(
                    "ascent", "members.ascent_m is null", provider_orders["ascent"]
                )
            }},
            {{
                field_rank(
                    "energy", "members.energy_kcal is null", provider_orders["energy"]
                )
            }}
        from members
    )

select
    activity_id,
    max(case when is_primary then athlete_id end) as athlete_id,
    max(case when is_primary then started_at end) as started_at,
    max(case when is_primary then ended_at end) as ended_at,
    cast(
        max(case when is_primary then utc_offset_seconds end) as int64
    ) as utc_offset_seconds,
    max(
        case
            when is_primary then {{ local_date("started_at", "utc_offset_seconds") }}
        end
    ) as local_date,
    max(case when sport_rank = 1 then sport end) as sport,
    coalesce(
        max(case when sport_rank = 1 then sport_family end), 'other'
    ) as sport_family,
    max(case when title_rank = 1 then title end) as title,
    max(case when distance_rank = 1 then distance_m end) as distance_m,
    max(case when moving_rank = 1 then moving_seconds end) as moving_seconds,
    max(case when is_primary then elapsed_seconds end) as elapsed_seconds,
    max(case when ascent_rank = 1 then ascent_m end) as ascent_m,
    max(case when energy_rank = 1 then energy_kcal end) as energy_kcal,
    max(case when heart_rate_rank = 1 then avg_hr_bpm end) as avg_hr_bpm,
    max(case when heart_rate_rank = 1 then max_hr_bpm end) as max_hr_bpm,
    max(case when has_heart_rate then 1 else 0 end) = 1 as has_heart_rate,
    max(case when has_gps then 1 else 0 end) = 1 as has_gps,
    cast(count(*) as int64) as source_count,
    max(case when is_primary then provider end) as primary_provider,
    max(
        case when distance_rank = 1 and distance_m is not null then provider end
    ) as source_of_distance,
    max(
        case when heart_rate_rank = 1 and has_heart_rate then provider end
    ) as source_of_heart_rate,
    max(
        case when title_rank = 1 and title is not null then provider end
    ) as source_of_title,
    max(
        case when sport_rank = 1 and sport is not null then provider end
    ) as source_of_sport,
    max(
        case when moving_rank = 1 and moving_seconds is not null then provider end
    ) as source_of_moving,
    max(
        case when ascent_rank = 1 and ascent_m is not null then provider end
    ) as source_of_ascent,
    max(
        case when energy_rank = 1 and energy_kcal is not null then provider end
    ) as source_of_energy
from ranked
group by activity_id
