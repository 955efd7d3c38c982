"""Who is connected: `link`, `unlink`, and `athletes`, which describes those whose data this is."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fit_platform.commands.usage import (
    AsJson,
    AthleteId,
    UsageError,
    known_athletes,
    known_providers,
    parse_birth_date,
    parse_retention,
)

if TYPE_CHECKING:
    from fit_platform.accounts.athletes import Profile
    from fit_platform.accounts.connections import Retention
    from fit_platform.settings import Settings

Provider = Annotated[str, typer.Argument(help="polar, strava or fitbit.", show_default=False)]
Timezone = Annotated[str | None, typer.Option(help="Home time zone, such as Europe/Berlin.")]
Sex = Annotated[str | None, typer.Option(help="male or female; training load needs it.")]
BirthDate = Annotated[str | None, typer.Option(help="YYYY-MM-DD.")]
MaxHr = Annotated[int | None, typer.Option(help="Highest heart rate, bpm.")]
RestingHr = Annotated[int | None, typer.Option(help="Resting heart rate, bpm.")]
Name = Annotated[str | None, typer.Option(help="Name to show.")]


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
    from fit_platform.settings import load_settings

    known_providers([provider], PROVIDERS)
    settings = load_settings()
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


def unlink(
    provider: Provider,
    athlete: AthleteId,
    force: Annotated[bool, typer.Option("--force", help="Forget it here even if the provider cannot be told.")] = False,
) -> None:
    """End a connection at the provider and forget its token. Data and athlete stay."""
    from fit_platform.accounts.link import unlink as end_connection
    from fit_platform.commands.demo_home import providers_of
    from fit_platform.providers.registry import PROVIDERS
    from fit_platform.settings import load_settings

    known_providers([provider], PROVIDERS)
    with providers_of(load_settings()) as settings:
        note = end_connection(settings, provider, athlete, force=force)
    typer.echo(f"{athlete} is no longer linked to {provider}")
    if note:
        typer.echo(f"note: {note}", err=True)


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
    from fit_platform.settings import load_settings

    settings = load_settings()
    store, connections = AthleteStore(settings.home_dir), ConnectionStore(settings.home_dir)
    profile = _profile(name, timezone, sex, birth_date, max_hr, resting_hr)
    given = any(value is not None for value in profile.values())
    if athlete is None and given:
        raise UsageError("which athlete? Give the name before the options: fit-platform athletes ATHLETE --timezone …")
    if athlete is not None:
        known_athletes([athlete], [known.athlete_id for known in store.list()])
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
    typer.echo("a browser opens for the consent; if it does not, open this address:", err=True)
    typer.echo(address, err=True)
    webbrowser.open(address)


def _show_address(address: str) -> None:
    typer.echo("open this address in a browser on this machine and allow access:", err=True)
    typer.echo(address, err=True)
