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
from fit_platform.commands.update import update
from fit_platform.commands.usage import (
    OneLineErrors,
    UsageError,
    end_in_order_on_sigterm,
    known_providers,
    parse_birth_date,
    parse_day,
    parse_retention,
)

if TYPE_CHECKING:
    from fit_platform.accounts.athletes import Profile
    from fit_platform.accounts.connections import Retention
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

Provider = Annotated[str, typer.Argument(help="polar, strava or fitbit.", show_default=False)]
AthleteId = Annotated[str, typer.Argument(help="Your name for the athlete: a-z, 0-9, _ and -.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]
Timezone = Annotated[str | None, typer.Option(help="Home time zone, such as Europe/Berlin.")]
Sex = Annotated[str | None, typer.Option(help="male or female; training load needs it.")]
BirthDate = Annotated[str | None, typer.Option(help="YYYY-MM-DD.")]
MaxHr = Annotated[int | None, typer.Option(help="Highest heart rate, bpm.")]
RestingHr = Annotated[int | None, typer.Option(help="Resting heart rate, bpm.")]
Name = Annotated[str | None, typer.Option(help="Name to show.")]
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


@app.command()
def link(
    provider: Provider,
    athlete: AthleteId,
    token_file: Annotated[
        Path | None, typer.Option(help="Adopt an existing token (JSON) instead of opening a browser.")
    ] = None,
    timezone: Timezone = None,
    sex: Sex = None,
    birth_date: BirthDate = None,
    max_hr: MaxHr = None,
    resting_hr: RestingHr = None,
    name: Name = None,
    strava_retention: Annotated[
        str | None, typer.Option(metavar="keep|DAYS", help="How long Strava API data may be kept.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the consent page, or print it.")] = True,
    redirect_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Fixed port of the redirect address, if yours is registered.")
    ] = 0,
    allow_partial: Annotated[bool, typer.Option(help="Accept that the athlete does not grant everything.")] = False,
) -> None:
    """Connect an athlete with a provider: consent in the browser, or an existing token."""
    from fit_platform.accounts.adopt import adopt
    from fit_platform.accounts.link import chosen_retention
    from fit_platform.accounts.link import link as link_by_consent
    from fit_platform.accounts.oauth import oauth_of
    from fit_platform.commands.demo_home import refuse_real_account
    from fit_platform.providers.registry import PROVIDERS

    known_providers([provider], PROVIDERS)
    settings = _settings()
    refuse_real_account(settings)
    profile = _profile(name, timezone, sex, birth_date, max_hr, resting_hr)
    retention = _retention(settings, provider, strava_retention)
    if token_file is not None:
        linked = adopt(settings, provider, athlete, token_file, profile=profile, retention=retention)
    else:
        chosen_retention(settings, oauth_of(provider), retention)
        _explain_missing_client(settings, provider)
        linked = link_by_consent(
            settings,
            provider,
            athlete,
            open_browser=_open_browser if browser else _show_address,
            profile=profile,
            retention=retention,
            redirect_port=redirect_port,
            allow_partial=allow_partial,
        )
    typer.echo(f"{athlete} is linked to {provider}; next: fit-platform sync --athlete {athlete} --from YYYY-MM-DD")
    for note in linked.notes:
        typer.echo(f"note: {note}", err=True)


@app.command()
def unlink(
    provider: Provider,
    athlete: AthleteId,
    force: Annotated[bool, typer.Option("--force", help="Forget it here even if the provider cannot be told.")] = False,
) -> None:
    """End a connection at the provider and forget its token. Data and athlete stay."""
    from fit_platform.accounts.link import unlink as end_connection
    from fit_platform.commands.demo_home import providers_of
    from fit_platform.providers.registry import PROVIDERS

    known_providers([provider], PROVIDERS)
    with providers_of(_settings()) as settings:
        note = end_connection(settings, provider, athlete, force=force)
    typer.echo(f"{athlete} is no longer linked to {provider}")
    if note:
        typer.echo(f"note: {note}", err=True)


@app.command()
def athletes(
    athlete: Annotated[str | None, typer.Argument(help="Describe this athlete with the options below.")] = None,
    timezone: Timezone = None,
    sex: Sex = None,
    birth_date: BirthDate = None,
    max_hr: MaxHr = None,
    resting_hr: RestingHr = None,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """List the athletes, or describe one."""
    from fit_platform.accounts.athletes import AthleteStore
    from fit_platform.accounts.connections import ConnectionStore
    from fit_platform.commands.summary import print_json, print_table

    settings = _settings()
    store, connections = AthleteStore(settings.home_dir), ConnectionStore(settings.home_dir)
    profile = _profile(name, timezone, sex, birth_date, max_hr, resting_hr)
    given = any(value is not None for value in profile.values())
    if athlete is None and given:
        raise UsageError("which athlete? Give the name before the options: fit-platform athletes ATHLETE --timezone …")
    if athlete is not None:
        _known_athletes([athlete], [known.athlete_id for known in store.list()])
        if given:
            store.upsert(athlete, profile)
    facts = [
        {
            **known.model_dump(mode="json"),
            "providers": [connection.provider for connection in connections.list(athlete_id=known.athlete_id)],
        }
        for known in store.list()
        if athlete in (None, known.athlete_id)
    ]
    if as_json:
        print_json(facts)
    elif not facts:
        typer.echo("no athletes yet; run `fit-platform link PROVIDER ATHLETE`, or `fit-platform demo`")
    else:
        columns = ["athlete_id", "display_name", "timezone", "sex", "birth_date", "max_hr_bpm", "resting_hr_bpm"]
        rows = [[*(fact[column] for column in columns), ", ".join(fact["providers"])] for fact in facts]
        print_table([*columns, "linked with"], rows)


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
    _known_athletes(athlete or [], sorted({connection.athlete_id for connection in connections}))
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


def _known_athletes(names: list[str], known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise UsageError(
                f"unknown athlete {name!r}: there {'is' if len(known) == 1 else 'are'} {', '.join(known) or 'none yet'}"
            )


def _profile(
    name: str | None,
    timezone: str | None,
    sex: str | None,
    birth_date: str | None,
    max_hr: int | None,
    resting_hr: int | None,
) -> Profile:
    if sex not in (None, "male", "female"):
        raise UsageError(f"--sex {sex!r}: give male or female")
    return {
        "display_name": name,
        "timezone": timezone,
        "sex": sex,  # type: ignore[typeddict-item]  # checked above
        "birth_date": parse_birth_date(birth_date),
        "max_hr_bpm": max_hr,
        "resting_hr_bpm": resting_hr,
    }


def _retention(settings: Settings, provider: str, text: str | None) -> Retention | None:
    """How long this provider's data may be kept; asked for when it matters and there is somebody to ask."""
    import sys

    from fit_platform.accounts.oauth import oauth_of

    question = oauth_of(provider).RETENTION_CHOICE
    if text is not None and not question:
        raise UsageError(f"--strava-retention says nothing about {provider}; leave it out")
    undecided = text is None and settings.strava_api_retention_days is None
    if question and undecided and sys.stdin.isatty():
        text = typer.prompt(f"{question}\nkeep, or a number of days")
    return parse_retention(text)


def _explain_missing_client(settings: Settings, provider: str) -> None:
    """Without a client id and secret nobody can consent: say where to get them, then say that they are missing."""
    from fit_platform.commands.init import tell_guide
    from fit_platform.errors import ConfigError

    try:
        settings.provider(provider).credentials(provider)
    except ConfigError as error:
        tell_guide(provider, lambda line: typer.echo(line, err=True))
        raise ConfigError(
            f"{error}; or run `fit-platform init {provider}`, which asks for them and checks them"
        ) from None


def _open_browser(address: str) -> None:
    import webbrowser

    typer.echo("a browser opens for the consent; if it does not, open this address:", err=True)
    typer.echo(address, err=True)
    webbrowser.open(address)


def _show_address(address: str) -> None:
    typer.echo("open this address in a browser on this machine and allow access:", err=True)
    typer.echo(address, err=True)


if __name__ == "__main__":
    main()
