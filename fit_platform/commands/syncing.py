"""`sync` and `rebuild` as the command line runs them: with progress, and with what was asked beside what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from fit_platform.commands.terminal import watching
from fit_platform.providers.base import Window
from fit_platform.providers.registry import resources
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings
from fit_platform.sync import SyncResult, rebuild, sync

Asked = dict[tuple[str, str], int]
"""Athlete-days to be pulled, by (provider, resource)."""


def run_sync(
    settings: Settings, window: Window, providers: Sequence[str], athletes: Sequence[str]
) -> tuple[Runtime, SyncResult, Asked, list[str]]:
    """Sync with progress on stderr. Also: the opened rooms, what was asked, and dbt's own words on what failed."""
    runtime = Runtime(settings)
    days = len(window.days())
    asked = {
        resource.key: days * len(runtime.linked(resource.provider, athletes))
        for resource in resources(settings)
        if resource.provider in providers
    }
    with watching(asked, len(resources(settings)), lambda provider: quota_words(runtime, provider)) as watcher:
        result = _unless_stopped(sync(runtime, window, providers=providers, athletes=athletes, watcher=watcher))
    return runtime, result, asked, list(watcher.dbt_errors)


def quota_words(runtime: Runtime, provider: str) -> str:
    """What a backfill may still ask of a provider, by the budget nearest to its end; empty before the first call."""
    used = [entry for entry in runtime.quota.remaining(provider) if entry.used and entry.resets_at]
    if not used:
        return ""
    tight = min(used, key=lambda entry: (entry.left - entry.kept_for_webhooks) / entry.limit)
    left = max(0, tight.left - tight.kept_for_webhooks)
    words = f"{left:,} of {tight.limit:,} calls left, all again {tight.resets_at:%d %b %H:%M} UTC"
    return f"{provider} {tight.budget}: {words}"


def run_rebuild(settings: Settings) -> tuple[SyncResult, list[str]]:
    """Rebuild with progress on stderr. Also: dbt's own words on what failed."""
    with watching({}, len(resources(settings))) as watcher:
        result = _unless_stopped(rebuild(Runtime(settings), watcher=watcher))
    return result, list(watcher.dbt_errors)


def _unless_stopped(result: SyncResult) -> SyncResult:
    """KeyboardInterrupt when a person stopped it: Dagster catches Ctrl-C and reports it as one more failed step."""
    if any("DagsterExecutionInterruptedError" in failure for failure in result.step_failures):
        raise KeyboardInterrupt
    return result
