"""Raw assets: one per provider and resource, a partition a day, pulled for every linked athlete into the landing zone.

What is pulled and how is in `providers/`; this is the wiring. One athlete's failure is a failed check and leaves the
others alone; when every athlete fails, the step fails, and whether Dagster may try again is the verdict's to say.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from fit_platform import run_tags
from fit_platform.defs.partitions import DAILY, window_of
from fit_platform.defs.resources import Platform
from fit_platform.errors import AccountNotLinked, AuthRevoked, QuotaExhausted
from fit_platform.feed.plan import PlannedRun, ask_again, will_pass
from fit_platform.pipeline.load import day_hash
from fit_platform.pipeline.observe import observer
from fit_platform.pipeline.pull import DAYS_PER_RUN, AthleteFailure, PullReport, pull
from fit_platform.providers.base import Resource
from fit_platform.providers.guides import GUIDES
from fit_platform.providers.registry import resources
from fit_platform.settings import load_settings

OWNER = "team:fit-platform"
_CHECK = "every_athlete_pulled"
_RETRY_SECONDS = 120
_PATIENCE_SECONDS = 75  # a minute's quota comes back sooner than a new step starts; longer windows free the slot
_RETRIES = {"no network": 30, "quota": 200, "transient": 3, "bad payload": 3}
"""How often Dagster may try a step again, by verdict: offline for an hour; used-up quotas for
a club's year of Strava streams, which takes days. A wait holds no slot and costs no call."""


def raw_key(resource: Resource) -> dg.AssetKey:
    """Asset key of a resource's landing days."""
    return dg.AssetKey(["raw", resource.provider, resource.name])


def build_raw_asset(resource: Resource) -> dg.AssetsDefinition:
    """The raw asset of one resource."""
    key = raw_key(resource)
    needs = [dg.AssetKey(["raw", resource.provider, name]) for name in resource.needs]

    @dg.asset(
        key=key,
        deps=needs,
        partitions_def=DAILY,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_PER_RUN),
        group_name=f"raw_{resource.provider}",
        kinds={resource.provider, "json"},
        owners=[OWNER],
        tags={"layer": "raw", "provider": resource.provider},
        description=_description(resource),
        pool=f"{resource.provider}_api",
        metadata={
            "landing": dg.MetadataValue.path(
                f"{load_settings().landing_dir}/raw/provider={resource.provider}/resource={resource.name}"
            ),
            "provider's documentation": dg.MetadataValue.url(GUIDES[resource.provider].api_docs),
            "explained in": dg.MetadataValue.path("docs/reference.md"),
        },
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK,
                asset=key,
                description="Every linked athlete's days were answered. When it fails: the metadata says who, why and "
                "what to do; the other athletes' days are landed.",
            )
        ],
    )
    def raw(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
        runtime = platform.runtime
        window = window_of(context)
        only = [name for name in context.run.tags.get(run_tags.ATHLETES, "").split(",") if name]
        is_news = context.run.tags.get(run_tags.NEWS) == "true"
        clients = runtime.clients(resource.provider, only)
        if is_news:  # purged days are built whatever became of the connection; what it misses, a new link finds
            clients = [client for client in clients if not runtime.is_broken(resource.provider, client.athlete_id)]
        report = pull(
            resource,
            window,
            clients,
            runtime.zone,
            progress=observer().on_progress,
            now=runtime.clock,
            limited=runtime.limited(resource.provider),
            patience_seconds=_PATIENCE_SECONDS,
        )
        observer().on_pull(report)
        for failure in report.failures:
            known = runtime.connections.get(resource.provider, failure.athlete_id)
            if known is None or known.broken is not None:
                continue
            if failure.verdict == AuthRevoked.verdict:
                runtime.custody.needs_consent(resource.provider, failure.athlete_id, failure.reason)
            elif failure.verdict == AccountNotLinked.verdict:
                runtime.custody.account_not_linked(resource.provider, failure.athlete_id, failure.reason)
        if is_news:
            attempt = int(context.run.tags.get(run_tags.ATTEMPT, "0"))
            planned = PlannedRun(window, (resource.name,), tuple(client.athlete_id for client in clients), attempt)
            ask_again(runtime, resource.provider, planned, [report])
        stop = _failure(context, report, athletes=len(clients))
        if stop is not None:
            raise stop
        landed = runtime.zone.hashes(resource.provider, resource.name, window.first, window.last)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(day_hash(landed)),
            metadata={
                "athletes": len(clients),
                "days": f"{window}",
                "objects": report.objects,
                "athlete_days_written": report.changed_days,
                "athlete_days_unchanged": len(report.written) - report.changed_days,
                "athlete_days_unavailable": len(report.unknown),
                "bytes_written": report.bytes_written,
                "landing": dg.MetadataValue.path(f"{runtime.settings.landing_dir}/raw/provider={resource.provider}"
                                                 f"/resource={resource.name}"),
            },
            check_results=[_athletes_check(key, report, len(clients))],
        )  # fmt: skip

    return raw


def retry_for(failures: Sequence[AthleteFailure]) -> dg.RetryRequested | None:
    """When and how often to try again, by what went wrong; None: that would not help."""
    retries = max((_RETRIES.get(failure.verdict, 0) for failure in failures), default=0)
    if not retries:
        return None
    retry_at = min((f.retry_at for f in failures if f.retry_at), default=None)
    wait_seconds = (retry_at - datetime.now(UTC)).total_seconds() if retry_at is not None else _RETRY_SECONDS
    return dg.RetryRequested(max_retries=retries, seconds_to_wait=max(1.0, wait_seconds))


def _description(resource: Resource) -> str:
    limits = [
        f"Partition day: {resource.day_of}.",
        f"The provider serves the last {resource.window_days} days." if resource.window_days else "",
        f"Cost: {resource.calls}." if resource.calls else "",
    ]
    return f"{resource.description}\n\n{' '.join(part for part in limits if part)}"


def _athletes_check(key: dg.AssetKey, report: PullReport, athletes: int) -> dg.AssetCheckResult:
    failures = {f.athlete_id: {"verdict": f.verdict, "message": f.message} for f in report.failures}
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=_CHECK,
        passed=not failures and not report.rejected,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "athletes": athletes,
            "failed": dg.MetadataValue.json(failures),
            "rejected_bodies": report.rejected,
        },
    )


def _failure(
    context: dg.AssetExecutionContext, report: PullReport, athletes: int
) -> dg.Failure | dg.RetryRequested | None:
    """The exception that tells Dagster whether, and when, to try again; None: what was landed stands as it is.

    A step that waits for quota has not pulled its window, however much of it has landed: without the retry its days
    would count as materialized, and nobody would ask for the rest. A run for news waits for nothing, as it would hold
    up the building of everything else: what it missed waits in the inbox.
    """
    is_news = context.run.tags.get(run_tags.NEWS) == "true"
    failures = [each for each in report.failures if not (is_news and will_pass(each))]
    verdicts = {failure.verdict for failure in failures}
    nothing_landed = bool(verdicts) and len(failures) == athletes and not report.written
    may_wait = context.run.tags.get(run_tags.INTERACTIVE) != "true"  # `sync` tells the person instead of waiting
    waits_for_quota = QuotaExhausted.verdict in verdicts and may_wait
    if not nothing_landed and not waits_for_quota:
        return None
    retry = retry_for(failures)
    if retry is not None and may_wait:
        return retry
    return dg.Failure("; ".join(failure.message for failure in failures), allow_retries=False)


raw_assets = [build_raw_asset(resource) for resource in resources(load_settings())]
