select
    athlete_id,
    provider_a,
    provider_activity_id_a,
    provider_b,
    provider_activity_id_b,
    decision
from {{ source("accounts", "accounts_activity_overrides") }}
