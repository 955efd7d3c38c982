"""The one partitioning of the platform: days, in UTC, today included."""

from datetime import date

import dagster as dg

from fit_platform.providers.base import Window
from fit_platform.settings import load_settings

DAILY = dg.DailyPartitionsDefinition(start_date=load_settings().start_date.isoformat(), timezone="UTC", end_offset=1)
"""Days since FIT_START_DATE. `end_offset=1` makes today a partition, which is pulled while it is still under way."""

RAW_DAYS_PER_RUN = 28
"""A backfill of raw days is cut into runs of this many days: long enough to use the providers' ranges, short enough
to lose little when a run dies, and never more than what one window of Strava's quota can hold for a busy athlete."""


def window_of(context: dg.AssetExecutionContext) -> Window:
    """The run's partition days, one or many."""
    keys = context.partition_keys
    return Window(date.fromisoformat(keys[0]), date.fromisoformat(keys[-1]))
