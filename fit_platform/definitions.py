"""The only entry point: every definition under `defs/`, and what cuts across them: resources and executor."""

import warnings

import dagster as dg

warnings.filterwarnings("ignore", category=dg.BetaWarning)  # backfill policies: beta in name, in use for years
# A change sensor's runs pull, load and build, each with a backfill policy of its own; nobody backfills that job.
warnings.filterwarnings("ignore", message="Asset job __anonymous_asset_job_", category=UserWarning)


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, checks and resources of the platform.

    The modules are collected from the package, not by `load_from_defs_folder`: that one also imports every installed
    Dagster integration for its component types, and with them pandas and the BigQuery client, which doubles the time.
    """
    from fit_platform import defs as package
    from fit_platform.defs.accounts import accounts_changes
    from fit_platform.defs.alerts import alert_sensors
    from fit_platform.defs.automation import automation
    from fit_platform.defs.feed import change_sensors, look_jobs, schedules
    from fit_platform.defs.recovery import dead_runs, news_of_canceled_runs, news_of_failed_runs
    from fit_platform.defs.resources import executor, resources
    from fit_platform.defs.retention import retention_job, retention_schedule
    from fit_platform.settings import load_settings

    settings = load_settings()
    return dg.Definitions(
        assets=dg.load_assets_from_package_module(package),
        asset_checks=dg.load_asset_checks_from_package_module(package),
        jobs=[*look_jobs, retention_job],
        sensors=[
            automation,
            *change_sensors,
            accounts_changes,
            *alert_sensors,
            news_of_failed_runs,
            news_of_canceled_runs,
            dead_runs,
        ],
        schedules=[*schedules, retention_schedule],
        resources=resources(settings),
        executor=executor(settings),
    )
