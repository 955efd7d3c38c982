"""The change feed in Dagster: a sensor per provider that turns change events into runs, and the schedules that look.

A quiet look starts no run: it happens in the schedule's own tick and only writes events. What the tick has no time for
is left to a run of the same job that a person can start by hand.
"""

import json
from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from fit_platform import run_tags
from fit_platform.defs.automation import SCHEDULE_STATUS, STATUS
from fit_platform.defs.load import load_key
from fit_platform.defs.publish import PUBLISHED_KEY
from fit_platform.defs.raw import raw_key, retry_for
from fit_platform.defs.resources import Platform
from fit_platform.defs.retention import RECEIPTS_KEY
from fit_platform.defs.transform import dbt_day_ranges, dbt_tables
from fit_platform.feed.look import Mode, look
from fit_platform.feed.plan import PlannedRun, finish, take
from fit_platform.feed.roster import share_links
from fit_platform.providers.registry import PROVIDERS, resources
from fit_platform.settings import load_settings

_SENSOR_SECONDS = 10
_TICK_BUDGET = timedelta(seconds=35)  # Dagster gives a tick 60 s; the last call may take 13
_BUILT_KEYS = sorted({PUBLISHED_KEY, *dbt_tables.keys, *dbt_day_ranges.keys})


def build_change_sensor(provider: str) -> dg.SensorDefinition:
    """The sensor that turns one provider's change events into runs."""

    @dg.sensor(
        name=f"{provider}_changes",
        target=[*_pulled_and_loaded(provider, None), *_BUILT_KEYS, RECEIPTS_KEY],
        minimum_interval_seconds=_SENSOR_SECONDS,
        default_status=STATUS,
        description=f"Pulls, loads and builds the days that a change event in `inbox/{provider}/` is about. An event "
        "leaves the inbox when the tick that asked for its run is recorded, so that none is lost and none is hidden.",
    )
    def changes(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SensorResult:
        runtime = platform.runtime
        share_links(runtime)
        finish(runtime, json.loads(context.cursor or "[]"))  # that the cursor was stored proves that the runs were
        tick = take(runtime, provider, deadline=runtime.clock() + _TICK_BUDGET)
        for name, reason in tick.rejected.items():
            context.log.error(f"{name} is no event that can be acted on and was put into inbox/_rejected: {reason}")
        last = max((name.rpartition("/")[2] for name in tick.handled), default="")
        skipped = "nothing new" if not tick.put_off else f"{tick.put_off} events put off: their provider cannot say yet"
        requests = [_request(provider, run, last, is_last=run is tick.runs[-1]) for run in tick.runs]
        if tick.revoked:
            requests.append(dg.RunRequest(run_key=f"purge:{last}", asset_selection=[RECEIPTS_KEY]))
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(skipped),
            cursor=json.dumps(tick.handled),
        )

    return changes


def _pulled_and_loaded(provider: str, names: Sequence[str] | None) -> list[dg.AssetKey]:
    """Raw and load assets of these resources; without names, of all that are pulled."""
    pulled = [resource for resource in resources(load_settings()) if resource.provider == provider]
    chosen = [resource for resource in pulled if names is None or resource.name in names]
    return [key for resource in chosen for key in (raw_key(resource), load_key(resource))]


def _request(provider: str, run: PlannedRun, last: str, *, is_last: bool) -> dg.RunRequest:
    """A run that pulls and loads; its key is made of its days and the newest event: the same news never runs twice.

    The tick's last run builds and publishes as well, whatever was loaded until then: each run costs seconds before it
    does anything, and automation would take one for every layer. What it comes too early for, automation builds.
    """
    keys = _pulled_and_loaded(provider, run.resources)
    is_one_day = run.window.first == run.window.last
    return dg.RunRequest(
        run_key=f"{run.span}:{last}",
        partition_key=run.window.first.isoformat() if is_one_day else None,
        asset_selection=[*keys, *_BUILT_KEYS] if is_last else keys,
        tags={
            "provider": provider,
            run_tags.NEWS: "true",
            run_tags.MAX_RETRIES: "0",  # if it is killed, its news waits in the inbox again
            run_tags.ATHLETES: ",".join(run.athletes),
            **({run_tags.ATTEMPT: str(run.attempt)} if run.attempt else {}),
            **({run_tags.DEATHS: str(run.deaths)} if run.deaths else {}),
            **({} if is_one_day else run_tags.range_tags(run.window)),
        },
    )


class LookConfig(dg.Config):
    """What a look by hand covers."""

    mode: str = "new"
    athletes: list[str] = []  # noqa: RUF012 dagster reads the default


def build_look_job(provider: str) -> dg.JobDefinition:
    """The job that looks at one provider, from the launchpad or when a tick was too short."""

    @dg.op(name=f"ask_{provider}", pool=f"{provider}_api")
    def ask(context: dg.OpExecutionContext, config: LookConfig, platform: Platform) -> None:
        mode: Mode = "all" if config.mode == "all" else "new"
        run = context.instance.get_run_by_id(context.run_id)
        left = run.tags.get(run_tags.LEFT) if run is not None else None
        result = look(
            platform.runtime, provider, mode, athletes=config.athletes, only=set(left.split(",")) if left else None
        )
        context.log.info(result.summary)
        for failure in result.failures:
            context.log.warning(f"{failure.athlete_id}: {failure.message}")
        context.add_output_metadata(
            {"athletes": len(result.athletes), "days_that_differ": result.changed_days, "events": len(result.events)}
        )
        if mode == "all":
            platform.runtime.inbox.forget_done(platform.runtime.clock())
            # The next one is a week away; what was answered is not asked again.
            if result.left and (retry := retry_for(result.failures)) is not None:
                context.instance.add_run_tags(context.run_id, {run_tags.LEFT: ",".join(result.left)})
                raise retry

    @dg.job(
        name=f"look_at_{provider}",
        description=f"Hold what {provider} shows against what has landed; differences become change events. "
        "Mode `new`: the last days. Mode `all`: the whole history, for late uploads, edits and deletions of any age.",
        tags={"provider": provider},
    )
    def job() -> None:
        ask()

    return job


def build_poll_schedule(provider: str, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """The schedule that looks for what is new. Starts a run only for athletes whom its tick did not reach."""

    @dg.schedule(
        name=f"{provider}_poll",
        job=job,
        cron_schedule=load_settings().poll_cron,
        default_status=SCHEDULE_STATUS,
        description=f"Looks at the last days of every athlete linked with {provider}, for those without webhooks. "
        "What differs becomes a change event; a quiet look starts no run.",
    )
    def poll(context: dg.ScheduleEvaluationContext, platform: Platform) -> dg.RunRequest | dg.SkipReason:
        runtime = platform.runtime
        result = look(runtime, provider, "new", deadline=runtime.clock() + _TICK_BUDGET)
        for failure in result.failures:
            context.log.warning(f"{failure.athlete_id}: {failure.message}")
        if not result.not_reached:
            return dg.SkipReason(result.summary)
        left = LookConfig(mode="new", athletes=result.not_reached)
        return dg.RunRequest(run_config=dg.RunConfig(ops={f"ask_{provider}": left}))

    return poll


def build_reconcile_schedule(provider: str, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """The schedule of the full reconciliation."""
    return dg.ScheduleDefinition(
        name=f"{provider}_reconcile",
        job=job,
        cron_schedule=load_settings().reconcile_cron,
        default_status=SCHEDULE_STATUS,
        run_config=dg.RunConfig(ops={f"ask_{provider}": LookConfig(mode="all")}),
        description=f"Holds the whole history at {provider} against what has landed: finds late uploads of any age, "
        "edits and deletions that nobody announced.",
    )


look_jobs = [build_look_job(provider) for provider in PROVIDERS]
change_sensors = [build_change_sensor(provider) for provider in PROVIDERS]
schedules = [
    build(provider, job)
    for provider, job in zip(PROVIDERS, look_jobs, strict=True)
    for build in (build_poll_schedule, build_reconcile_schedule)
]
