"""`sync`: raw → load → dbt → checks → publish in this process, as Dagster runs that the UI shows afterwards.

One sync at a time per FIT_HOME. Everything it does is idempotent, so the answer to a crash is to run it again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from fit_platform.dbt import DBT_DIR, dbt_sources
from fit_platform.errors import BusyError
from fit_platform.pipeline.load import LoadReport, landed_days, unloaded_days
from fit_platform.pipeline.observe import Observer, observing
from fit_platform.pipeline.pull import PullProgress, PullReport
from fit_platform.providers.base import Resource, Window
from fit_platform.providers.registry import resources
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

INSTANCE_CONFIG = DBT_DIR.parent / "dagster.yaml"
_RAW_DAYS_PER_RUN = 364  # a year less a day, whole 28-day ranges: each run asks every list of recent days again
_PID_TAG = "fit/pid"
_DBT_ERRORS_TITLE = "Errors parsed from dbt logs:"


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One asset check's result."""

    asset: str
    name: str
    passed: bool
    is_error: bool  # an error stops the marts from being published; a warning does not
    advice: str = ""  # what to do when it fails, from the check's own description


@dataclass
class SyncResult:
    """What a sync came to."""

    window: Window
    pulls: list[PullReport] = field(default_factory=list)
    loads: list[tuple[Resource, LoadReport]] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)
    step_failures: list[str] = field(default_factory=list)
    partitions_unchanged: int = 0
    built: bool = False
    published: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def objects_written(self) -> int:
        """Landing objects that were written."""
        return sum(pull.changed_days for pull in self.pulls)

    @property
    def partitions_replaced(self) -> int:
        """Warehouse partitions that were replaced."""
        return sum(len(load.loaded) for _, load in self.loads)

    @property
    def problems(self) -> list[str]:
        """Everything that is not as it should be, one line each."""
        athletes = [
            f"{pull.resource.name} of {failure.athlete_id}: {failure.message}"
            for pull in self.pulls
            for failure in pull.failures
        ]
        rejected = [
            f"{pull.resource.provider} {pull.resource.name}: {pull.rejected} answers were not what was promised; "
            "they are in quarantine and will be asked for again"
            for pull in self.pulls
            if pull.rejected
        ]
        return list(dict.fromkeys([*athletes, *rejected, *self.step_failures]))

    @property
    def exit_code(self) -> int:
        """0 all good, 1 failed, 3 partly done."""
        if not self.problems:
            return 0
        answered = any(pull.written or pull.unknown for pull in self.pulls) or (not self.pulls and self.built)
        return 3 if answered and self.published else 1


class _Collector(Observer):
    """Keeps the reports and hands live progress on."""

    def __init__(self, result: SyncResult, watcher: Observer) -> None:
        self.result, self.watcher = result, watcher

    def on_progress(self, progress: PullProgress) -> None:
        self.watcher.on_progress(progress)

    def on_pull(self, report: PullReport) -> None:
        self.result.pulls.append(report)
        self.watcher.on_pull(report)

    def on_load(self, resource: Resource, report: LoadReport) -> None:
        self.result.loads.append((resource, report))
        self.watcher.on_load(resource, report)


def sync(
    runtime: Runtime,
    window: Window,
    *,
    providers: Sequence[str],
    athletes: Sequence[str] = (),
    watcher: Observer | None = None,
) -> SyncResult:
    """Pull a window for the linked athletes of these providers, then bring warehouse and marts up to date."""
    result = SyncResult(window)
    watcher = watcher or Observer()
    with _one_at_a_time(runtime), observing(_Collector(result, watcher)):
        runner = _Runner(runtime, result)
        pulled = [resource for resource in resources() if resource.provider in providers]
        started = time.monotonic()
        for chunk in window.chunks(_RAW_DAYS_PER_RUN):
            runner.run([["raw", *resource.key] for resource in pulled], chunk, {"fit/athletes": ",".join(athletes)})
        result.seconds["pull"] = time.monotonic() - started
        _load_and_build(runtime, runner, result, window)
    return result


def rebuild(runtime: Runtime, *, watcher: Observer | None = None) -> SyncResult:
    """Make the warehouse anew from the landing zone alone. Asks no provider for anything."""
    days = sorted({day for resource in resources() for day in landed_days(runtime.zone, resource)})
    today = date.today()  # noqa: DTZ011 only names the window when nothing has landed
    result = SyncResult(Window(days[0], days[-1]) if days else Window(today, today))
    with _one_at_a_time(runtime), observing(_Collector(result, watcher or Observer())):
        runtime.warehouse.drop()
        _load_and_build(runtime, _Runner(runtime, result), result, result.window)
    return result


def _load_and_build(runtime: Runtime, runner: _Runner, result: SyncResult, window: Window) -> None:
    """Load what is landed and not loaded, build what is loaded and not built, publish what is green."""
    started = time.monotonic()
    with runtime.warehouse.session():
        runtime.prepare_warehouse()
        unloaded = [day for resource in resources() for day in unloaded_days(resource, runtime.zone, runtime.warehouse)]
        landed = sum(day in window for resource in resources() for day in landed_days(runtime.zone, resource))
    # With nothing to load one day is enough to run the checks: every further one would be an event that says nothing.
    loading = Window(min([window.first, *unloaded]) if unloaded else window.last, max([window.last, *unloaded]))
    keys = [["load", *resource.key] for resource in resources()]
    loaded = runner.run([*keys, ["load", "accounts", "athletes"]], loading)
    result.seconds["load"] = time.monotonic() - started
    result.partitions_unchanged = max(0, landed - result.partitions_replaced)
    if not loaded:
        return

    started = time.monotonic()
    fingerprint = f"{_project_hash()} {runtime.athletes_hash()}"
    known = runtime.warehouse.last_build()
    full = known is not None and known.split()[0] != fingerprint.split()[0]
    waiting = runtime.warehouse.pending_days()
    if known == fingerprint and not waiting:
        result.published = True
    else:
        days = Window(min([window.first, *waiting]), max([window.last, *waiting]))
        from fit_platform.defs.transform import FULL_REFRESH_TAG

        tags = {FULL_REFRESH_TAG: "true"} if full else {}
        result.built = result.published = runner.run_group(
            ["staging", "intermediate", "marts", "seeds", "published"], days, tags
        )
        if result.built:
            runtime.warehouse.record_build(fingerprint)
    result.seconds["build"] = time.monotonic() - started


def _project_hash() -> str:
    """Content of the dbt project: another one means that every day is built again."""
    digest = hashlib.sha256()
    for path in dbt_sources():
        digest.update(path.relative_to(DBT_DIR).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _one_at_a_time(runtime: Runtime) -> Iterator[None]:
    """Refuse a second sync on the same FIT_HOME while one is running."""
    path = runtime.settings.home_dir / "state" / "sync.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise BusyError(
                f"another sync is running here (process {file.read().strip() or 'unknown'}); wait for it to end"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


class _Runner:
    """Runs selections of assets, with their checks, in this process on the platform's Dagster instance."""

    def __init__(self, runtime: Runtime, result: SyncResult) -> None:
        from fit_platform.definitions import defs

        self.result = result
        self.instance = open_instance(runtime.settings)
        _close_dead_runs(self.instance)
        self.definitions = defs()
        self.job = self.definitions.resolve_implicit_global_asset_job_def()

    def run_group(self, layers: Iterable[str], window: Window, tags: dict[str, str]) -> bool:
        """Run every asset whose key begins with one of these layers."""
        wanted = set(layers)
        keys = [key.path for key in self.definitions.resolve_asset_graph().materializable_asset_keys]
        return self.run([list(key) for key in keys if key[0] in wanted], window, tags)

    def run(self, keys: Iterable[list[str]], window: Window, tags: dict[str, str] | None = None) -> bool:
        """Run assets for a window of days; True when every step did. Check results and failures join the result."""
        import dagster as dg

        done = self.job.execute_in_process(
            asset_selection=[dg.AssetKey(key) for key in keys],
            instance=self.instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                "dagster/asset_partition_range_start": window.first.isoformat(),
                "dagster/asset_partition_range_end": window.last.isoformat(),
                "fit/interactive": "true",
                _PID_TAG: str(os.getpid()),
                **{name: value for name, value in (tags or {}).items() if value},
            },
        )
        for evaluation in done.get_asset_check_evaluations():
            self.result.checks.append(
                CheckOutcome(
                    "/".join(evaluation.asset_key.path),
                    evaluation.check_name,
                    evaluation.passed,
                    evaluation.severity == dg.AssetCheckSeverity.ERROR,
                    "" if evaluation.passed else self._advice(evaluation.asset_check_key),
                )
            )
        self.result.step_failures.extend(_failures(done))
        return bool(done.success)

    def _advice(self, key: dg.AssetCheckKey) -> str:
        graph = self.definitions.resolve_asset_graph()
        text = (graph.get_check_spec(key).description if key in graph.asset_check_keys else None) or ""
        _, _, what_to_do = text.partition("When it fails: ")
        return " ".join((what_to_do or text).split())


def _failures(done: dg.ExecuteInProcessResult) -> list[str]:
    """The failed steps' messages, one line each; a step that failed on purpose has said why in its report."""
    lines = []
    for event in done.filter_events(lambda event: event.is_step_failure):
        error = event.step_failure_data.error
        cause = error.cause or error if error is not None else None
        if cause is not None and cause.cls_name == "Failure":
            continue
        lines.append(f"{event.step_key}: {_first_words(str(cause.message)) if cause is not None else 'failed'}")
    return lines


def _first_words(message: str) -> str:
    """The line that says what happened. dagster-dbt's messages begin with the command; dbt's own words come later."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    after_title = lines[lines.index(_DBT_ERRORS_TITLE) + 1 :] if _DBT_ERRORS_TITLE in lines else lines
    return after_title[0] if after_title else lines[0]


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
    """DAGSTER_HOME under FIT_HOME, with the instance's configuration in it."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)  # dagster.yaml refers to it, in this process and in those it starts
    if not (home / "dagster.yaml").exists() or (home / "dagster.yaml").read_bytes() != INSTANCE_CONFIG.read_bytes():
        shutil.copyfile(INSTANCE_CONFIG, home / "dagster.yaml")
    return home


def _close_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of killed syncs as failed and free their pool slots; otherwise the pools stay taken for ever."""
    import dagster as dg

    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    for run in instance.get_runs(unfinished):
        pid = run.tags.get(_PID_TAG)
        if pid is None or _is_alive(int(pid)):
            continue
        instance.report_run_failed(run, f"process {pid} is gone; the sync was killed")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
