"""`sync`, `update`, `rebuild`: raw → load → dbt → checks → publish, in this process, as Dagster runs.

The UI shows the runs afterwards. One sync at a time per FIT_HOME. Everything it does is idempotent, so the answer to a
crash is to run it again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from fit_platform import run_tags
from fit_platform.dbt import DBT_DIR, dbt_sources
from fit_platform.errors import BusyError
from fit_platform.feed.look import Look, Mode, look
from fit_platform.feed.plan import ask_again, finish, take
from fit_platform.instance import close_dead_runs, open_instance, pools_are_free
from fit_platform.pipeline.load import LoadReport, landed_days, unloaded_days
from fit_platform.pipeline.observe import Observer, observing
from fit_platform.pipeline.pull import DAYS_PER_RUN, PullProgress, PullReport
from fit_platform.pipeline.ranges import windows_of
from fit_platform.providers.base import Resource, Window
from fit_platform.providers.registry import resources
from fit_platform.retention.purge import purge_expired, purge_revoked
from fit_platform.runtime import Runtime

if TYPE_CHECKING:
    import dagster as dg

_REST_DAYS = 84  # a shorter rest joins the run before: each run asks every list of recent days again
_FEW_DAYS = 3  # a load of so few days may as well name every resource
_POOL_POLL_SECONDS = 1.0
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
        answered = any(pull.written or pull.unknown for pull in self.pulls) or (not self.pulls and self.published)
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
    """Pull a window for the linked athletes of these providers, then bring warehouse and marts up to date.

    What has reached its age goes first: where nothing runs in the background, this is its only occasion.
    """
    result = SyncResult(window)
    watcher = watcher or Observer()
    with one_at_a_time(runtime), observing(_Collector(result, watcher)):
        now = runtime.clock()
        purge_expired(runtime, now)
        purge_revoked(runtime, now)
        runner = _Runner(runtime, result)
        pulled = [resource for resource in resources(runtime.settings) if resource.provider in providers]
        started = time.monotonic()
        for chunk in raw_runs(window):
            runner.run([["raw", *resource.key] for resource in pulled], chunk, {run_tags.ATHLETES: ",".join(athletes)})
        result.seconds["pull"] = time.monotonic() - started
        _load_and_build(runtime, runner, result, window)
    return result


def raw_runs(window: Window) -> list[Window]:
    """The runs in which a window is pulled, oldest first."""
    runs = list(window.chunks(DAYS_PER_RUN))
    if len(runs) > 1 and len(runs[-1].days()) <= _REST_DAYS:
        rest = runs.pop()
        runs[-1] = Window(runs[-1].first, rest.last)
    return runs


def update(
    runtime: Runtime,
    *,
    providers: Sequence[str],
    mode: Mode | None = "new",
    athletes: Sequence[str] = (),
    watcher: Observer | None = None,
) -> tuple[SyncResult, list[Look]]:
    """Look at the providers for what changed, then do at once what the sensors do: pull those days, build, publish.

    Without a `mode` nobody looks: only what waits in the inbox already is acted on.
    """
    today = runtime.clock().date()
    result = SyncResult(Window(today, today))
    with one_at_a_time(runtime), observing(_Collector(result, watcher or Observer())):
        started = time.monotonic()
        looks = [look(runtime, provider, mode, athletes=athletes) for provider in providers] if mode else []
        result.seconds["look"] = time.monotonic() - started
        runner = _Runner(runtime, result)
        days = {today}
        for provider in providers:
            is_all = False
            while not is_all:
                tick = take(runtime, provider)
                for planned in tick.runs:
                    keys, known = [["raw", provider, name] for name in planned.resources], len(result.pulls)
                    runner.run(keys, planned.window, {run_tags.ATHLETES: ",".join(planned.athletes)})
                    ask_again(runtime, provider, planned, result.pulls[known:])
                    days.update((planned.window.first, planned.window.last))
                finish(runtime, tick.handled)
                is_all = tick.is_all
        purge_expired(runtime, runtime.clock())
        purge_revoked(runtime, runtime.clock())
        result.window = Window(min(days), max(days))
        result.seconds["pull"] = time.monotonic() - started - result.seconds["look"]
        _load_and_build(runtime, runner, result, result.window, only_if_changed=True)
    return result, looks


def rebuild(runtime: Runtime, *, watcher: Observer | None = None) -> SyncResult:
    """Make the warehouse anew from the landing zone alone. Asks no provider for anything."""
    days = sorted({day for resource in resources(runtime.settings) for day in landed_days(runtime.zone, resource)})
    today = date.today()  # noqa: DTZ011 only names the window when nothing has landed
    result = SyncResult(Window(days[0], days[-1]) if days else Window(today, today))
    with one_at_a_time(runtime), observing(_Collector(result, watcher or Observer())):
        runtime.drop_warehouse()
        _load_and_build(runtime, _Runner(runtime, result), result, result.window)
    return result


def _load_and_build(
    runtime: Runtime, runner: _Runner, result: SyncResult, window: Window, *, only_if_changed: bool = False
) -> None:
    """Load what is landed and not loaded, build what is loaded and not built, publish what is green.

    `only_if_changed`: where nothing is to be loaded or built, the checks are not run either.
    """
    started = time.monotonic()
    switched_on = resources(runtime.settings)
    with runtime.warehouse.session():
        runtime.prepare_warehouse()
        unloaded = {r.key: unloaded_days(r, runtime.zone, runtime.warehouse) for r in switched_on}
        landed = sum(day in window for resource in switched_on for day in landed_days(runtime.zone, resource))
        fingerprint = f"{_project_hash()} {runtime.athletes_hash()}"
        known = runtime.warehouse.last_build()
        is_built = known == fingerprint and not runtime.warehouse.pending_days()
    if only_if_changed and not any(unloaded.values()) and is_built:
        result.published, result.partitions_unchanged = True, landed
        return
    accounts = [["load", "accounts", name] for name in ("athletes", "athlete_settings", "activity_overrides")]
    loaded = True
    for chosen, days, is_last in load_runs(unloaded, window.last):
        keys = [["load", *key] for key in chosen]
        # Checks look at whole tables: they wait until all is loaded.
        loaded = loaded and runner.run([*keys, *accounts] if is_last else keys, days, with_checks=is_last)
    result.seconds["load"] = time.monotonic() - started
    result.partitions_unchanged = max(0, landed - result.partitions_replaced)
    if not loaded:
        return

    started = time.monotonic()
    full = known is not None and known.split()[0] != fingerprint.split()[0]
    waiting = runtime.warehouse.pending_days()
    if known == fingerprint and not waiting:
        result.published = True
    else:
        # The newest days that wait; the build takes the others along, as ranges of their own.
        days = windows_of(waiting or [window.last])[-1]
        tags = {run_tags.FULL_REFRESH: "true"} if full else {}
        result.built = result.published = runner.run_group(
            ["staging", "intermediate", "marts", "seeds", "published"], days, tags
        )
        if result.built:
            runtime.warehouse.record_build(fingerprint)
    result.seconds["build"] = time.monotonic() - started


def load_runs(
    unloaded: Mapping[tuple[str, str], Sequence[date]], last_day: date
) -> Iterator[tuple[list[tuple[str, str]], Window, bool]]:
    """The runs that load these days: (resources, days, is it the last), the last with every resource and its checks.

    A run writes an event for every asset and each of its days. So days that lie far apart are runs of their own, and
    a long range is run for the resources that have something in it; the others are checked on one day.
    """
    runs = [
        (window, [key for key, days in unloaded.items() if any(day in window for day in days)])
        for window in windows_of(day for days in unloaded.values() for day in days)
    ]
    final = Window(last_day, last_day)
    if runs:
        window, chosen = runs[-1]
        if len(window.days()) <= _FEW_DAYS or len(chosen) * 2 >= len(unloaded):
            final = runs.pop()[0]
    for window, chosen in runs:
        yield chosen, window, False
    yield list(unloaded), final, True


def _project_hash() -> str:
    """Content of the dbt project: another one means that every day is built again."""
    digest = hashlib.sha256()
    for path in dbt_sources():
        digest.update(path.relative_to(DBT_DIR).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def one_at_a_time(runtime: Runtime) -> Iterator[None]:
    """Refuse a second sync, or an erasure, on the same FIT_HOME while one is running."""
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
        close_dead_runs(runtime.settings, self.instance)
        self.settings = runtime.settings
        self.definitions = defs()
        self.job = self.definitions.resolve_implicit_global_asset_job_def()

    def run_group(self, layers: Iterable[str], window: Window, tags: dict[str, str]) -> bool:
        """Run every asset whose key begins with one of these layers."""
        wanted = set(layers)
        keys = [key.path for key in self.definitions.resolve_asset_graph().materializable_asset_keys]
        return self.run([list(key) for key in keys if key[0] in wanted], window, tags)

    def run(
        self,
        keys: Iterable[list[str]],
        window: Window,
        tags: dict[str, str] | None = None,
        *,
        with_checks: bool = True,
    ) -> bool:
        """Run assets for a window of days; True when every step did. Check results and failures join the result."""
        import dagster as dg

        while not pools_are_free(self.instance):  # a run that the daemon started; those that died were cleared
            time.sleep(_POOL_POLL_SECONDS)
            close_dead_runs(self.settings, self.instance)
        chosen = self.job.get_subset(
            asset_selection={dg.AssetKey(key) for key in keys}, asset_check_selection=None if with_checks else set()
        )
        done = chosen.execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                **run_tags.range_tags(window),
                run_tags.INTERACTIVE: "true",
                run_tags.PID: str(os.getpid()),
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
