"""After runs that were killed: their news waits in the inbox again, and on a laptop they give up their pools."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from fit_platform import run_tags
from fit_platform.defs.automation import STATUS
from fit_platform.defs.publish import PUBLISHED_KEY
from fit_platform.defs.resources import Platform
from fit_platform.feed.plan import PlannedRun, ask_again
from fit_platform.instance import close_dead_runs
from fit_platform.pipeline.pull import AthleteFailure, PullReport
from fit_platform.providers.base import Window
from fit_platform.providers.registry import resource

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

_LOOK_SECONDS = 60
_PUBLISHING = PUBLISHED_KEY.to_python_identifier()


@dg.run_failure_sensor(
    name="news_of_failed_runs",
    default_status=STATUS,
    description="What a run for news did not pull because it was killed, or never began, waits in the inbox again.",
)
def news_of_failed_runs(context: dg.RunFailureSensorContext, platform: Platform) -> None:
    """Put back the news of a failed run."""
    put_back(platform.runtime, context.instance, context.dagster_run)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.CANCELED,
    name="news_of_canceled_runs",
    default_status=STATUS,
    description="What a run for news did not pull because it was canceled waits in the inbox again.",
)
def news_of_canceled_runs(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Put back the news of a canceled run."""
    put_back(platform.runtime, context.instance, context.dagster_run)


@dg.sensor(
    name="dead_runs",
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=STATUS,
    description="On a laptop: ends runs whose process is gone, which else would hold their pools for ever.",
)
def dead_runs(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SkipReason:
    """Close what was killed together with the code server that watched over it."""
    close_dead_runs(platform.runtime.settings, context.instance)
    return dg.SkipReason("looked")


def put_back(runtime: "Runtime", instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    """Put back into the inbox what a run for news has not reported on; returns how many events.

    A step that ended has seen to its own news, whether it succeeded or was refused for good. Of a run that was killed
    before it had built, all its news waits again: the checks that it had planned count as not passed until they run,
    and automation builds nothing that hangs on them.
    """
    pulled = [key.path for key in run.asset_selection or () if key.path[0] == "raw"]
    first, last = run_tags.days_of_run(run.tags)
    if run.tags.get(run_tags.NEWS) != "true" or not pulled or not first:
        return 0
    provider = pulled[0][1]
    ends = _step_ends(instance, run.run_id)
    is_unbuilt = (
        PUBLISHED_KEY in (run.asset_selection or ())
        and not any(event.is_step_failure for event in ends)
        and _PUBLISHING not in {event.step_key for event in ends}
    )
    reports = [
        PullReport(resource(provider, name), failures=[_REFUSED] if is_refused else [])
        for name, is_refused in _reported(ends).items()
        if is_refused or not is_unbuilt
    ]
    planned = PlannedRun(
        Window(date.fromisoformat(first), date.fromisoformat(last)),
        tuple(name for _, _, name in pulled),
        tuple(name for name in run.tags.get(run_tags.ATHLETES, "").split(",") if name),
        int(run.tags.get(run_tags.ATTEMPT, "0")),
        int(run.tags.get(run_tags.DEATHS, "0")),
    )
    return ask_again(runtime, provider, planned, reports)


_REFUSED = AthleteFailure("", "permanent", "its step failed on purpose")


def _step_ends(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    """How the run's steps ended, those that ended by themselves."""
    ends = {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=ends)]
    return [event for event in events if event is not None and event.step_key is not None]


def _reported(ends: Iterable[dg.DagsterEvent]) -> dict[str, bool]:
    """The resources whose raw steps ended; was the step refused for good?"""
    ended: dict[str, bool] = {}
    for event in ends:
        if event.step_key is None or not event.step_key.startswith("raw__"):
            continue
        name = event.step_key.split("__", 2)[2]
        if event.is_step_success:
            ended[name] = False
            continue
        error = event.step_failure_data.error
        cause = error.cause or error if error is not None else None
        if cause is not None and cause.cls_name == "Failure":
            ended[name] = True
    return ended
