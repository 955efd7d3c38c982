"""Retention as a daily job: purge what reaches its age, finish revocations, and a check that nothing was left."""

from datetime import timedelta

import dagster as dg

from fit_platform.defs.automation import SCHEDULE_STATUS
from fit_platform.defs.publish import PUBLISHED_KEY
from fit_platform.defs.raw import OWNER
from fit_platform.defs.resources import Platform
from fit_platform.retention.receipts import receipts_folder

RECEIPTS_KEY = dg.AssetKey(["retention", "receipts"])
_A_DAY = timedelta(days=1)  # the job runs daily, so it takes what would come of age before its next run


@dg.asset(
    key=RECEIPTS_KEY,
    group_name="retention",
    kinds={"json"},
    owners=[OWNER],
    tags={"layer": "retention"},
    pool="duckdb_writer",
    description="Purges API data that reach the age their connection allows, and those of revoked connections, from "
    "the landing zone; one receipt each in FIT_HOME/receipts. The days concerned then go the way of every changed day.",
)
def retention_receipts(platform: Platform) -> dg.MaterializeResult:
    """Purge, and say how much."""
    from fit_platform.retention.purge import purge_expired, purge_revoked

    runtime = platform.runtime
    now = runtime.clock()
    receipts = [*purge_expired(runtime, now, horizon=_A_DAY), *purge_revoked(runtime, now)]
    return dg.MaterializeResult(
        metadata={
            "receipts": len(receipts),
            "athlete_days": sum(receipt.removed.days for receipt in receipts),
            "landing_objects": sum(receipt.removed.landing_objects for receipt in receipts),
            "landing_versions": sum(receipt.removed.landing_versions for receipt in receipts),
            "folder": dg.MetadataValue.path(str(receipts_folder(runtime.settings.home_dir))),
        }
    )


@dg.asset_check(
    asset=PUBLISHED_KEY,
    additional_deps=[RECEIPTS_KEY],  # in the daily job it looks after the purge, not beside it
    name="nothing_past_retention",
    pool="duckdb_writer",
    description="No API data are older than their connection allows: not in landing, quarantine, base tables, marts or "
    "published copies. When it fails: run the job `retention` and then `fit-platform sync`.",
)
def nothing_past_retention(platform: Platform) -> dg.AssetCheckResult:
    """Look at the data themselves."""
    from fit_platform.retention.overdue import overdue

    found = overdue(platform.runtime, platform.runtime.clock())
    return dg.AssetCheckResult(passed=not found, severity=dg.AssetCheckSeverity.ERROR, metadata=dict(found))


retention_job = dg.define_asset_job(
    "retention",
    selection=dg.AssetSelection.assets(RECEIPTS_KEY) | dg.AssetSelection.checks(nothing_past_retention),
    description="Daily: what may not be kept longer goes, and the proof that it went.",
)

retention_schedule = dg.ScheduleDefinition(
    name="retention_daily",
    job=retention_job,
    cron_schedule="20 3 * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Every night: purges what reaches its age, and looks that nothing is older than it may be.",
)
