"""The one partitioning of the platform: days, in UTC, today included."""

from datetime import date

import dagster as dg

from fit_platform.providers.base import Window
from fit_platform.settings import load_settings

DAILY = dg.DailyPartitionsDefinition(start_date=load_settings().start_date.isoformat(), timezone="UTC", end_offset=1)
"""Days since FIT_START_DATE. `end_offset=1` makes today a partition, which is pulled while it is still under way."""


def window_of(context: dg.AssetExecutionContext) -> Window:
    """The run's partition days, one or many."""
    keys = context.partition_keys
    return Window(date.fromisoformat(keys[0]), date.fromisoformat(keys[-1]))
