"""The Dagster instance of this FIT_HOME: made on first use, opened by `sync` and by the UI, cleared of dead runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from fit_platform import run_tags
from fit_platform.dbt import DBT_DIR
from fit_platform.errors import ConfigError
from fit_platform.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

INSTANCE_CONFIG = DBT_DIR.parent / "dagster.yaml"
_EVENT_BATCH_SIZE = 1000  # of the events that a run over many days writes for each; see event_log.py
_UNFINISHED = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"}


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The platform's Dagster instance, made on first use.

    Steps of this process are not captured to log files: their output belongs to the terminal.
    """
    import dagster as dg
    from dagster._core.instance import InstanceRef

    home = prepare_dagster_home(settings)
    return dg.DagsterInstance.from_ref(
        InstanceRef.from_dir(
            str(home),
            overrides={
                "compute_logs": {
                    "module": "dagster._core.storage.noop_compute_log_manager",
                    "class": "NoOpComputeLogManager",
                }
            },
        )
    )


def prepare_dagster_home(settings: Settings) -> Path:
    """DAGSTER_HOME: a server's as it is, else one under FIT_HOME with the instance's configuration in it."""
    home = settings.dagster_home
    os.environ["DAGSTER_HOME"] = str(home)  # dagster.yaml refers to it, in this process and in those it starts
    if settings.instance_home is not None:
        if not (home / "dagster.yaml").is_file():
            raise ConfigError(f"FIT_INSTANCE_HOME: there is no dagster.yaml in {home}; name a folder that has one")
        return home
    home.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(_EVENT_BATCH_SIZE))
    if not (home / "dagster.yaml").exists() or (home / "dagster.yaml").read_bytes() != INSTANCE_CONFIG.read_bytes():
        shutil.copyfile(INSTANCE_CONFIG, home / "dagster.yaml")
    return home


def runs_in_flight(settings: Settings) -> int:
    """How many Dagster runs are queued or under way on this home; those of killed processes are closed first."""
    import dagster as dg

    with open_instance(settings) as instance:
        close_dead_runs(settings, instance)
        unfinished = [status for status in dg.DagsterRunStatus if status.value in _UNFINISHED]
        return instance.get_runs_count(dg.RunsFilter(statuses=unfinished))


def close_dead_runs(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Mark runs whose process is gone as failed, and free the pool slots of whatever has ended.

    On an instance of this machine alone: elsewhere a process of that number may be another one, or out of sight.
    Without it the pools of a killed run stay taken, and the next run waits for ever; Dagster's own daemon frees them,
    but on a laptop it may never run again.
    """
    if settings.instance_home is not None:
        return
    for run in instance.get_runs(_under_way()):
        pid = run.tags.get(run_tags.PID)
        if pid is None or _is_alive(int(pid)):
            continue
        # It may have ended since it was listed; now that its process is gone, its state will not change any more.
        now = instance.get_run_by_id(run.run_id)
        if now is not None and not now.is_finished:
            instance.report_run_failed(run, f"process {pid} is gone; it was killed")
    _free_pools(instance)


def close_every_run(settings: Settings) -> int:
    """Mark every run that is under way as failed, and free the pools; says how many.

    For the start of a code server, which executes all runs: whatever was under way went down with the one before. Such
    a run counts as crashed, so that Dagster's daemon starts it again where `run_retries` say so.
    """
    import dagster as dg

    with open_instance(settings) as instance:
        runs = instance.get_runs(_under_way())
        for run in runs:
            if run.status is dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run)
            else:
                instance.report_run_failed(run, "the code server that executed it was started anew")
        _free_pools(instance)
    return len(runs)


def _under_way() -> dg.RunsFilter:
    import dagster as dg

    return dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
    )


def _free_pools(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        held_by = storage.get_concurrency_info(pool)
        for run_id in held_by.active_run_ids | held_by.pending_run_ids | held_by.assigned_run_ids:
            holder = instance.get_run_by_id(run_id)
            if holder is None or holder.is_finished:
                storage.free_concurrency_slots_for_run(run_id)


def pools_are_free(instance: dg.DagsterInstance) -> bool:
    """Does no run, of this process or another, hold a pool?

    Dagster's in-process executor waits for a slot in a loop that hears no Ctrl-C; whoever asks this first can be
    stopped.
    """
    storage = instance.event_log_storage
    return not any(storage.get_concurrency_info(pool).claimed_slots for pool in storage.get_concurrency_keys())


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
