"""Alerts in Dagster: runs that fail and recover, checks that fail, and what our own state shows."""

from collections.abc import Callable, Iterator

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.execution.stats import StepEventStatus
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as COMPLETED,
)

from fit_platform import run_tags
from fit_platform.alerts.alerter import Alerter
from fit_platform.alerts.incidents import Incident
from fit_platform.defs.automation import STATUS
from fit_platform.defs.resources import Platform

_BUILDS = frozenset({"dbt_day_ranges", "dbt_tables", "published__marts"})

RUNS = "runs"
CHECKS = "checks"
_LOOK_SECONDS = 300
_WEBHOOK_LOOK_SECONDS = 3600  # Polar gives up after seven days; each look is a call to every provider subscribed at


def _alerter(platform: Platform) -> Alerter:
    return Alerter(platform.runtime.settings, platform.runtime.clock)


def run_key(steps: set[str], tags: dict[str, str]) -> str:
    """What a failed run is about: its failed steps, and its days. Equal for every retry of it.

    A build has no days: the next one that succeeds, whichever days set it off, builds all that waits.
    """
    first, last = run_tags.days_of_run(tags) if not steps & _BUILDS else ("", "")
    return f"{first}..{last} {' '.join(sorted(steps))}"


def is_mended(key: str, steps: set[str], tags: dict[str, str]) -> bool:
    """Did a run that succeeded with these steps and tags do what an earlier one failed to?"""
    span, _, names = key.partition(" ")
    first, _, last = span.partition("..")
    done_first, _, done_last = run_key(set(), tags).strip().partition("..")
    return set(names.split(" ")) <= steps and (first == "" or (done_first <= first and last <= done_last))


@dg.run_failure_sensor(
    name="alert_run_failures",
    default_status=STATUS,
    description="A failed run is one incident, however often it is tried again.",
)
def alert_run_failures(context: dg.RunFailureSensorContext, platform: Platform) -> None:
    """Open the run's incident."""
    run = context.dagster_run
    steps = {event.step_key for event in context.get_step_failure_events() if event.step_key} or {run.job_name}
    for failed in filter(None, (steps & _BUILDS, steps - _BUILDS)):
        key = run_key(failed, dict(run.tags))
        span = key.split(" ", 1)[0].strip(".")
        title = f"a run failed in {', '.join(sorted(failed)[:5])}{f' for {span}' if span else ''}"
        _alerter(platform).add(Incident(RUNS, key, title, f"see run {run.run_id[:8]} in the Dagster UI"))


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    name="alert_run_recoveries",
    default_status=STATUS,
    description="A run that succeeds where an earlier one failed ends that incident.",
)
def alert_run_recoveries(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Close the incidents that this run has mended."""
    run = context.dagster_run
    stats = context.instance.get_run_step_stats(run.run_id)
    succeeded = {each.step_key for each in stats if each.status == StepEventStatus.SUCCESS} | {run.job_name}
    _alerter(platform).resolve(RUNS, lambda key: is_mended(key, succeeded, dict(run.tags)))


@dg.sensor(
    name="alert_state",
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=STATUS,
    description="Failing checks, dead connections, days that a provider will soon serve no more, and change events "
    "that nobody could act on.",
)
def alert_state(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SkipReason:
    """Look at everything that has a state, and report what is wrong now."""
    from fit_platform.alerts.watch import (
        CLIFF,
        CONNECTIONS,
        INBOX,
        cliff_incidents,
        connection_incidents,
        inbox_incidents,
    )

    alerter, runtime = _alerter(platform), platform.runtime
    assert context.repository_def is not None
    instance, graph = context.instance, context.repository_def.asset_graph
    looks: dict[str, Callable[[], Iterator[Incident]]] = {
        CHECKS: lambda: failing_checks(instance, graph),
        CONNECTIONS: lambda: connection_incidents(runtime, runtime.clock()),
        CLIFF: lambda: cliff_incidents(runtime, runtime.clock()),
        INBOX: lambda: inbox_incidents(runtime),
    }
    failed: list[Exception] = []
    for source, look in looks.items():
        try:
            alerter.report(source, list(look()))
        except Exception as error:  # one that cannot look must not silence the others; raised below
            context.log.exception(f"could not look at {source}")
            failed.append(error)
    if failed:
        raise failed[0]
    return dg.SkipReason(f"{len(alerter.book.open_incidents())} incidents open")


@dg.sensor(
    name="alert_webhooks",
    minimum_interval_seconds=_WEBHOOK_LOOK_SECONDS,
    default_status=STATUS,
    description="Asks the providers how our webhook subscriptions stand, and switches on again what was switched off.",
)
def alert_webhooks(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SkipReason:
    """Look after the subscriptions."""
    from fit_platform.alerts.watch import WEBHOOKS, webhook_incidents
    from fit_platform.feed.subscriptions import check_subscriptions

    alerter = _alerter(platform)
    reports = check_subscriptions(platform.runtime)
    known = [incident for incident, _ in alerter.book.open_incidents() if incident.source == WEBHOOKS]
    alerter.report(WEBHOOKS, list(webhook_incidents(reports, known)))
    return dg.SkipReason(f"{len(reports)} subscriptions looked at")


def failing_checks(instance: dg.DagsterInstance, graph: AssetGraph) -> Iterator[Incident]:
    """The checks whose latest result is a failure; what to do is in the check's own words, no value is repeated."""
    storage, keys = instance.event_log_storage, sorted(graph.asset_check_keys)
    latest = storage.get_latest_asset_check_execution_by_key(keys)
    for key in keys:
        record = latest.get(key)
        if record is not None and record.status not in COMPLETED:
            # A run plans its checks when it begins; one whose step is skipped stays planned and says nothing.
            record = next(iter(storage.get_asset_check_execution_history(key, limit=1, status=COMPLETED)), None)
        evaluation = record.evaluation if record is not None else None
        if evaluation is None or evaluation.passed:
            continue
        _, _, what_to_do = (graph.get_check_spec(key).description or "").partition("When it fails: ")
        is_error = evaluation.severity == dg.AssetCheckSeverity.ERROR
        name = f"{'/'.join(key.asset_key.path)} {key.name}"
        title = f"the check {key.name} of {'/'.join(key.asset_key.path)} fails"
        yield Incident(CHECKS, name, title, " ".join(what_to_do.split()), "error" if is_error else "warning")


alert_sensors = [alert_run_failures, alert_run_recoveries, alert_state, alert_webhooks]
