"""`fit-platform update`: what the schedules and sensors do, once and at once, for a machine where no daemon runs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fit_platform.commands.usage import AsJson, UsageError, known_providers

if TYPE_CHECKING:
    from fit_platform.feed.look import Mode
    from fit_platform.pipeline.pull import PullReport


class LookMode(StrEnum):
    """How far to look."""

    NEW = "new"
    ALL = "all"
    INBOX = "inbox"


def update(
    provider: Annotated[list[str] | None, typer.Option(help="This provider only; may be repeated.")] = None,
    athlete: Annotated[list[str] | None, typer.Option(help="This athlete only; may be repeated.")] = None,
    mode: Annotated[
        LookMode,
        typer.Option(
            help="new: look at the last days. all: hold the whole history against the providers. "
            "inbox: ask nobody, act on the webhooks that have arrived."
        ),
    ] = LookMode.NEW,
    as_json: AsJson = False,
) -> None:
    """Look for what changed at the providers, pull those days, build and publish. Quick when nothing did."""
    from fit_platform.commands.demo_home import providers_of
    from fit_platform.commands.summary import print_json, print_sync, sync_facts
    from fit_platform.commands.terminal import watching
    from fit_platform.providers.registry import PROVIDERS, resources
    from fit_platform.runtime import Runtime
    from fit_platform.settings import load_settings
    from fit_platform.sync import update as bring_up_to_date

    wanted = known_providers(provider or [], PROVIDERS)
    with providers_of(load_settings()) as settings:
        runtime = Runtime(settings)
        linked = [name for name in wanted if runtime.linked(name, athlete or [])]
        if not linked:
            raise UsageError("nobody is linked here; run `fit-platform link PROVIDER ATHLETE`, or `fit-platform demo`")
        with watching({}, len(resources(settings))) as watcher:
            depth: dict[LookMode, Mode | None] = {LookMode.NEW: "new", LookMode.ALL: "all", LookMode.INBOX: None}
            result, looks = bring_up_to_date(
                runtime, providers=linked, mode=depth[mode], athletes=athlete or [], watcher=watcher
            )
    failures = [
        f"{each.provider} {failure.athlete_id}: {failure.message}" for each in looks for failure in each.failures
    ]
    asked = _asked(result.pulls)
    if as_json:
        facts = {**sync_facts(result, asked), "looks": [each.summary for each in looks], "look_failures": failures}
        print_json(facts)
    else:
        for each in looks:
            typer.echo(each.summary)
        if result.pulls or result.loads or result.built:
            print_sync(result, sync_facts(result, asked), list(watcher.dbt_errors))
        elif result.published:
            typer.echo("up to date")
        for failure in failures:
            typer.echo(f"error: {failure}", err=True)
    code = result.exit_code
    raise typer.Exit(3 if code == 0 and failures else code)


def _asked(pulls: Sequence[PullReport]) -> dict[tuple[str, str], int]:
    """Athlete-days that were asked for, by (provider, resource)."""
    asked: dict[tuple[str, str], int] = {}
    for pull in pulls:
        days = len(pull.written) + len(pull.unknown)
        asked[pull.resource.key] = asked.get(pull.resource.key, 0) + days
    return asked
