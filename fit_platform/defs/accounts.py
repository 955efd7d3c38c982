"""What the operator keeps by hand (athletes, their settings, overrides) reaches the marts when it is edited."""

import json

import dagster as dg

from fit_platform import run_tags
from fit_platform.defs.automation import STATUS
from fit_platform.defs.load import accounts_assets
from fit_platform.defs.publish import PUBLISHED_KEY
from fit_platform.defs.resources import Platform
from fit_platform.defs.transform import dbt_day_ranges, dbt_tables
from fit_platform.providers.base import Window

_LOOK_SECONDS = 30
BUILT_KEYS = sorted(
    {PUBLISHED_KEY, *(key for assets in (*accounts_assets, dbt_tables, dbt_day_ranges) for key in assets.keys)}
)
"""What is made anew after an edit. As a run and not by automation: the day-ranged models would be asked for each day
that there ever was, where today's is enough to bring everything behind them up to date."""


@dg.sensor(
    name="accounts_changes",
    target=dg.AssetSelection.assets(*BUILT_KEYS),
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=STATUS,
    description="Builds and publishes when `fit-platform athletes`, `athlete_settings.csv` or `overrides.csv` changed "
    "something. A file with a mistake fails the tick, which says the line; what is published stays as it was.",
)
def accounts_changes(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
    """Compare with the last look; the first one only remembers."""
    runtime = platform.runtime
    found = runtime.athletes_hash()
    known = json.loads(context.cursor) if context.cursor else None
    if known is None or known["hash"] == found:
        times = known["times"] if known else 0
        return dg.SensorResult(
            skip_reason=dg.SkipReason("nothing was edited"), cursor=json.dumps({"hash": found, "times": times})
        )
    times = known["times"] + 1
    today = runtime.clock().date()
    request = dg.RunRequest(
        run_key=f"{times}:{found}",  # an edit that is taken back is one more edit
        asset_selection=BUILT_KEYS,
        tags=run_tags.range_tags(Window(today, today)),
    )
    return dg.SensorResult(run_requests=[request], cursor=json.dumps({"hash": found, "times": times}))
