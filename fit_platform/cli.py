"""`fit-platform`: the commands. Each reads its options and calls one room; heavy imports wait until they are needed.

Results go to stdout, progress and errors to stderr. Exit codes are in `usage`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fit_platform.commands import export, webhooks
from fit_platform.commands.dashboard import dashboard, viewers
from fit_platform.commands.init import init
from fit_platform.commands.linking import athletes, link, unlink
from fit_platform.commands.update import update
from fit_platform.commands.usage import (
    AsJson,
    AthleteId,
    OneLineErrors,
    UsageError,
    end_in_order_on_sigterm,
    known_athletes,
    known_providers,
    parse_day,
)

if TYPE_CHECKING:
    from fit_platform.settings import Settings

_DEFAULT_DAYS = 7  # what `sync` asks for without --from: a device that was forgotten over a weekend is caught up

app = typer.Typer(
    name="fit-platform",
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Polar, Strava and Fitbit in, one true training history out. Start with `fit-platform demo`.",
)

Days = Annotated[int | None, typer.Option(min=1, max=3660, help="Days of data.", show_default="90")]
Athletes = Annotated[int | None, typer.Option(min=1, max=10, help="How many athletes.", show_default="2")]
Seed = Annotated[int | None, typer.Option(min=0, help="Another seed is another world.", show_default="7")]
UiPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the Dagster UI.")]

app.add_typer(webhooks.app)
app.add_typer(export.app)
app.add_typer(viewers)


@app.callback()
def common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options that all commands have; `OneLineErrors` reads them."""


@app.command()
def demo(
    days: Days = None,
    athletes: Athletes = None,
    seed: Seed = None,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open the Dagster UI afterwards.")] = True,
    port: UiPort = 3000,
) -> None:
    """Simulated providers, invented athletes, everything: needs no account."""
    from fit_platform.commands.demo import run_demo
    from fit_platform.commands.devserver import check_port, serve_ui

    def show(settings: Settings) -> None:
        try:
            serve_ui(settings, port)
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)

    if serve:
        check_port(port)
    code = run_demo(_settings(), _today(), days=days, athletes=athletes, seed=seed, afterwards=show if serve else None)
    raise typer.Exit(code)


app.command()(init)


@app.command()
def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8089,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another world.")] = 7,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days of data.")] = 90,
    end: Annotated[str, typer.Option(help="Last day of data: YYYY-MM-DD, today or yesterday.")] = "yesterday",
    athletes: Annotated[int, typer.Option(min=1, max=10, help="How many athletes.")] = 2,
    scenario: Annotated[
        Path | None, typer.Option(help="What goes wrong and what changes: YAML or JSON, see docs/simulator.md.")
    ] = None,
) -> None:
    """The three providers on loopback, until stopped. Prints the settings that point at them."""
    from fit_platform.commands.simulate import SimulatedWorld, run_simulators

    last = parse_day("--end", end, _today())
    try:
        run_simulators(SimulatedWorld(seed, days, athletes, last, port), scenario)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


app.command()(link)
app.command()(unlink)
app.command()(athletes)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Connections and their honest state, newest data, quota left, last build."""
    from fit_platform.commands.status import print_status, status_facts
    from fit_platform.commands.summary import print_json

    facts = status_facts(_settings(), datetime.now(UTC))
    print_json(facts) if as_json else print_status(facts)


@app.command()
def sync(
    provider: Annotated[list[str] | None, typer.Option(help="This provider only; may be repeated.")] = None,
    athlete: Annotated[list[str] | None, typer.Option(help="This athlete only; may be repeated.")] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="DAY", help="First UTC day: YYYY-MM-DD.", show_default="7 days before --to"),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", metavar="DAY", help="Last UTC day: YYYY-MM-DD, today or yesterday.")
    ] = "today",
    as_json: AsJson = False,
) -> None:
    """Pull a window of days, load it, build and check the marts, publish them."""
    from fit_platform.accounts.connections import ConnectionStore
    from fit_platform.commands.demo_home import providers_of
    from fit_platform.providers.base import Window
    from fit_platform.providers.registry import PROVIDERS

    settings, today = _settings(), _today()
    wanted = known_providers(provider or [], PROVIDERS)
    last = parse_day("--to", to, today)
    first = (
        parse_day("--from", from_, today) if from_ else max(last - timedelta(days=_DEFAULT_DAYS), settings.start_date)
    )
    if first > last:
        raise UsageError(f"--from {first} is after --to {last}: swap them")
    if first < settings.start_date:
        raise UsageError(
            f"--from {first} is before the first partition; set FIT_START_DATE={first} (or earlier) for good"
        )
    connections = ConnectionStore(settings.home_dir).list()
    known_athletes(athlete or [], sorted({connection.athlete_id for connection in connections}))
    chosen = [c for c in connections if c.provider in wanted and (not athlete or c.athlete_id in athlete)]
    if not chosen:
        whom = f"{' and '.join(athlete)} with " if athlete else ""
        names = " or ".join(provider or PROVIDERS)
        raise UsageError(
            f"nothing links {whom}{names}; run `fit-platform link PROVIDER ATHLETE`, or `fit-platform demo`"
        )

    from fit_platform.commands.summary import print_json, print_sync, sync_facts
    from fit_platform.commands.syncing import run_sync

    with providers_of(settings) as effective:
        linked = [name for name in wanted if any(connection.provider == name for connection in chosen)]
        _, result, asked, dbt_errors = run_sync(effective, Window(first, last), linked, athlete or [])
    facts = sync_facts(result, asked)
    print_json(facts) if as_json else print_sync(result, facts, dbt_errors)
    raise typer.Exit(result.exit_code)


app.command()(update)


@app.command()
def erase(
    athlete: AthleteId,
    provider: Annotated[str | None, typer.Option(help="Only what came from this provider.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove an athlete everywhere, tokens included, and leave a receipt. Cannot be undone."""
    from fit_platform.commands.demo_home import providers_of
    from fit_platform.commands.erase import run_erase
    from fit_platform.providers.registry import PROVIDERS

    if provider is not None:
        known_providers([provider], PROVIDERS)
    what = f"what came from {provider} of {athlete}" if provider else f"{athlete} with all data, tokens and settings"
    if not yes and not typer.confirm(f"remove {what}? This cannot be undone"):
        raise typer.Abort
    with providers_of(_settings()) as settings:
        erased = run_erase(settings, athlete, provider, lambda line: typer.echo(line, err=True))
    for note in erased.notes:
        typer.echo(f"note: {note}", err=True)
    for problem in erased.problems:
        typer.echo(f"problem: {problem}; then run: fit-platform rebuild", err=True)
    for path in erased.left:
        typer.echo(f"still found in {path}; remove it, then run this command again", err=True)
    if erased.receipt is not None:
        typer.echo(f"removed {what}; receipt: {erased.receipt}")
    raise typer.Exit(erased.exit_code)


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Make the warehouse and the marts anew from the landing zone alone."""
    from fit_platform.commands.summary import print_json, print_sync, sync_facts
    from fit_platform.commands.syncing import run_rebuild

    result, dbt_errors = run_rebuild(_settings())
    facts = sync_facts(result, {})
    print_json(facts) if as_json else print_sync(result, facts, dbt_errors)
    raise typer.Exit(result.exit_code)


@app.command()
def doctor(
    as_json: AsJson = False,
    ask: Annotated[bool, typer.Option("--ask", help="Also ask each provider whether it knows our client.")] = False,
) -> None:
    """What is misconfigured, and the fix. Exit 1 if something is."""
    from fit_platform.commands.demo_home import providers_of
    from fit_platform.commands.doctor import ask_providers, examine
    from fit_platform.commands.summary import print_json, print_table

    settings = _settings()
    findings = examine(settings, datetime.now(UTC))
    if ask:
        with providers_of(settings) as effective:
            findings += ask_providers(effective)
    if as_json:
        print_json([finding.facts() for finding in findings])
    else:
        print_table(["level", "about", "finding"], [[f.level, f.about, f.detail] for f in findings if not f.fix])
        for finding in findings:
            if finding.fix:
                typer.echo(f"{finding.level}: {finding.about}: {finding.detail}\n    fix: {finding.fix}")
                for step in finding.steps:
                    typer.echo(f"      {step}")
    raise typer.Exit(int(any(finding.level == "problem" for finding in findings)))


@app.command()
def dev(port: UiPort = 3000) -> None:
    """The Dagster UI on this home's state, until stopped."""
    from fit_platform.commands.devserver import serve

    try:
        serve(_settings(), port)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


app.command()(dashboard)


@app.command()
def recover() -> None:
    """For the start of a code server: close the runs that went down with the one before, and free what they held."""
    from fit_platform.instance import close_every_run

    settings = _settings()
    if settings.instance_home is None:
        raise UsageError("this is for a server (FIT_INSTANCE_HOME); on one machine, every command looks for dead runs")
    typer.echo(f"{close_every_run(settings)} runs closed")


@app.command()
def version() -> None:
    """The version."""
    from importlib.metadata import version as installed

    typer.echo(f"fit-platform {installed('fit-platform')}")


def main() -> None:
    """The console script."""
    end_in_order_on_sigterm()
    app()


def _settings() -> Settings:
    from fit_platform.settings import load_settings

    return load_settings()


def _today() -> date:
    """The current UTC day: partitions are UTC days."""
    return datetime.now(UTC).date()


if __name__ == "__main__":
    main()
