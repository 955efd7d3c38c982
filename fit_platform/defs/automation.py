"""What follows by itself, and when.

Loads follow when a day's landed content changed, dbt when a load changed something, the published copy when the marts
did. Late days count as much as today's, and nothing passes a failed blocking check.
"""

import dagster as dg

from fit_platform.providers.registry import PROVIDERS
from fit_platform.settings import load_settings

C = dg.AutomationCondition
_LOADS = dg.AssetSelection.groups(*(f"load_{provider}" for provider in PROVIDERS))
# The table of athletes has no days: following it would mean every day of the day-ranged models, at each small edit.
_ATHLETES = dg.AssetSelection.groups("load_accounts")

_MAY_RUN = ~C.any_deps_in_progress() & ~C.in_progress() & C.all_deps_blocking_checks_passed()

_CHANGED = C.any_deps_match(C.data_version_changed())
# Between two ticks a day was pulled by one run and loaded by another: which of the two came last, nobody can tell.
_CHANGED_AROUND_A_LOAD = C.any_deps_match(C.data_version_changed() & ~C.executed_with_root_target()) & C.newly_updated()
_HANDLED_LATER = (C.newly_requested() | C.newly_updated()) & ~_CHANGED_AROUND_A_LOAD

AFTER_RAW = ((_CHANGED.since_last_handled() | _CHANGED_AROUND_A_LOAD.since(_HANDLED_LATER)) & _MAY_RUN).with_label(
    "after_raw"
)
"""A load follows its raw asset, on exactly the days whose content hash changed.

A day that was loaded in the same tick by a run that did not pull it is loaded again; when it is unchanged, that is
noticed by its hash and costs nothing further.
"""

AFTER_LOADS = (
    (
        C.any_deps_match(C.data_version_changed() | C.will_be_requested()).allow(_LOADS)
        | C.any_deps_updated().ignore(_LOADS | _ATHLETES)
    ).since_last_handled()
    & _MAY_RUN
).with_label("after_loads")
"""dbt and what comes after it. Days that a provider never gave do not hold it up: not everybody has every provider."""

STATUS = dg.DefaultSensorStatus.RUNNING if load_settings().automation else dg.DefaultSensorStatus.STOPPED
SCHEDULE_STATUS = dg.DefaultScheduleStatus.RUNNING if load_settings().automation else dg.DefaultScheduleStatus.STOPPED

automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=10,
    default_status=STATUS,
    description="Starts loads, dbt and publishing when something upstream changed.",
)
