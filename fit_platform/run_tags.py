"""Tags of Dagster runs: what a run is told beside its assets, and what it tells of itself. No dagster import."""

from __future__ import annotations

from collections.abc import Mapping

from fit_platform.providers.base import Window

ATHLETES = "fit/athletes"
"""The athletes that the run pulls for, separated by commas; without it everyone."""
ATTEMPT = "fit/attempt"
"""How often the news that the run is for had to be put off; each time it is put off for longer."""
DEATHS = "fit/deaths"
"""How many runs for the same news in a row were killed or crashed."""
FULL_REFRESH = "fit/full_refresh"
"""`true`: the models changed, so every day is built again."""
INTERACTIVE = "fit/interactive"
"""`true`: a person is waiting, who is told of a used-up quota at once rather than made to wait."""
LEFT = "fit/left"
"""What a reconciliation could not ask yet, as athlete/resource, separated by commas."""
MAX_RETRIES = "dagster/max_retries"
"""Dagster's own: how often its daemon may start the run again when its process died."""
NEWS = "fit/news"
"""`true`: asked for by change events. It waits neither for a quota nor for a provider that cannot answer now (the inbox
does), and builds only when something was loaded."""
PID = "fit/pid"
"""The process that executes the run, so that a later one can tell whether it still lives."""
_PARTITION = "dagster/partition"
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"


def range_tags(window: Window) -> dict[str, str]:
    """Ask for all days of the window in one run."""
    return {_RANGE_START: window.first.isoformat(), _RANGE_END: window.last.isoformat()}


def days_of_run(tags: Mapping[str, str]) -> tuple[str, str]:
    """The run's first and last day as ISO dates, both empty for a run without partitions."""
    one = tags.get(_PARTITION, "")
    return tags.get(_RANGE_START, one), tags.get(_RANGE_END, one)
