"""`init`: ask little, check each answer, write `.env`, and say what comes next."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fit_platform.commands.usage import UsageError, known_providers, parse_retention
from fit_platform.errors import ConfigError, FitError

if TYPE_CHECKING:
    from fit_platform.settings import Settings

_TRIES = 3
_SECRETS = ("SECRET", "KEY", "PASSWORD", "TOKEN", "SMTP", "SLACK")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person, or the options, said."""

    values: Mapping[str, str]
    providers: Sequence[str]


def init(
    provider: Annotated[list[str] | None, typer.Argument(help="Set up these: polar, strava, fitbit.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting; NAME=@FILE takes its value from a file. Repeat."),
    ] = None,
    env_file: Annotated[Path, typer.Option(help="The file to write; commands read `.env` where they are run.")] = Path(
        ".env"
    ),
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: use --set and the environment.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace other values in the file unasked.")] = False,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Ask the providers whether they know us.")] = True,
    show: Annotated[bool, typer.Option("--show", help="Only say what each provider wants, and stop.")] = False,
) -> None:
    """Set up this folder: where data live, and your API clients. Asks, checks each answer, writes `.env`."""
    from fit_platform.env_file import read_env
    from fit_platform.providers.guides import GUIDES
    from fit_platform.settings import environment_value

    names = known_providers(provider or [], GUIDES) if provider else []
    if show:
        for name in names or GUIDES:
            tell_guide(name, typer.echo)
        return
    known = read_env(env_file)
    given = _given(set_ or [])
    if not yes and not _is_somebody_there():
        raise UsageError("there is nobody to ask here: give --yes, and settings with --set NAME=VALUE")
    values = _unasked(given, names, known) if yes else _ask(given, names, known, check)
    settings = _validated({**known, **values})
    check_home(settings)
    problems = _check_clients(settings, check) if yes else 0
    changed = {name: value for name, value in values.items() if known.get(name) != value}
    for name in [name for name in changed if name in known]:
        if not (overwrite or (not yes and typer.confirm(f"{env_file} has another {name}; replace it?"))):
            typer.echo(f"kept: {name} as it stands in {env_file}" + (" (--overwrite replaces it)" if yes else ""))
            del changed[name]
    write(env_file, changed)
    typer.echo(f"{env_file}: {', '.join(changed) if changed else 'nothing to change'}")
    for name, value in changed.items():
        if environment_value(name) not in (None, value):
            typer.echo(f"note: {name} is also set in the environment, which wins over {env_file}", err=True)
    _say_next(_validated({**known, **changed}))
    raise typer.Exit(1 if problems else 0)


def tell_guide(provider: str, say: Callable[[str], object]) -> None:
    """Where to get a provider's client id and secret, and what it demands."""
    from fit_platform.accounts.oauth import oauth_of
    from fit_platform.providers.guides import GUIDES

    guide = GUIDES[provider]
    say(f"{guide.name}: how to get a client id and secret")
    for line in guide.lines():
        say(f"  {line}")
    say(f"  Scopes that are asked for: {' '.join(oauth_of(provider).SCOPES)}")


def write(path: Path, values: Mapping[str, str]) -> None:
    """Set these in the file, which only its owner may read from then on."""
    from fit_platform.accounts.files import write_private
    from fit_platform.env_file import with_values

    path = path.resolve()  # a link stays a link
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if values or not path.exists():
        write_private(path, with_values(text, values).encode())
    path.chmod(0o600)


def check_home(settings: Settings) -> None:
    """A FitError unless real data can be written where the settings say."""
    from fit_platform.commands.demo_home import refuse_real_account

    home = settings.home_dir
    existing = next(path for path in (home, *home.parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        raise ConfigError(f"{existing} is not a folder we may write to; choose another one for FIT_HOME")
    refuse_real_account(settings)


def _is_somebody_there() -> bool:
    return sys.stdin.isatty()


def _given(options: Sequence[str]) -> dict[str, str]:
    """The settings of `--set`."""
    values = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not separator or not name:
            raise UsageError("--set wants NAME=VALUE, such as --set FIT_HOME=/srv/fit")
        if name not in known_settings():
            raise UsageError(f"--set {name}: there is no such setting; docs/reference.md lists all")
        values[name] = Path(value[1:]).read_text(encoding="utf-8").strip() if value.startswith("@") else value
    return values


def known_settings() -> set[str]:
    """The names of all settings."""
    from fit_platform.settings import Settings

    return {str(field.validation_alias or f"FIT_{name.upper()}") for name, field in Settings.model_fields.items()}


def _unasked(given: Mapping[str, str], names: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """What to write when nobody is asked: the options, and the named providers' clients from the environment."""
    from fit_platform.settings import environment_value

    values = dict(given)
    for name in names:
        for variable in client_variables(name):
            value = values.get(variable) or environment_value(variable) or known.get(variable)
            if not value:
                raise UsageError(f"{name}: give --set {variable}=…, or set it in the environment (see --show)")
            values[variable] = value
    return values


def client_variables(provider: str) -> tuple[str, str]:
    """The names of a provider's client id and secret."""
    return f"FIT_{provider.upper()}_CLIENT_ID", f"FIT_{provider.upper()}_CLIENT_SECRET"


def _ask(given: Mapping[str, str], names: Sequence[str], known: Mapping[str, str], check: bool) -> dict[str, str]:
    """What a person says. Each answer is checked before the next question."""
    from fit_platform.providers.guides import GUIDES

    values = dict(given)
    if "FIT_HOME" not in values:
        values["FIT_HOME"] = _ask_home(known)
    for name in GUIDES:
        guide, has = GUIDES[name], all(known.get(variable) for variable in client_variables(name))
        asked = name in names or (
            not names and typer.confirm(f"Set up {guide.name} now?{' (it is set up already)' if has else ''}", False)
        )
        if asked:
            tell_guide(name, typer.echo)
            values |= _ask_client(name, {**known, **values}, check)
        if asked and name == "strava":
            values |= _ask_retention(known)
    return values


def _ask_home(known: Mapping[str, str]) -> str:
    for _ in range(_TRIES):
        home = typer.prompt("Folder for data, tokens and state", default=known.get("FIT_HOME") or _a_folder())
        try:
            check_home(_validated({**known, "FIT_HOME": home}))
        except FitError as error:
            typer.echo(f"that will not do: {error}", err=True)
        else:
            return str(home)
    raise ConfigError("no folder was given that can be written to; nothing was changed")


def _a_folder() -> str:
    """The usual folder, unless the demo lives there: invented and real data never share one."""
    from fit_platform.commands.demo_home import read_demo_world

    return "fit-data" if read_demo_world(_validated({"FIT_HOME": ".fit"})) else ".fit"


def _ask_client(provider: str, known: Mapping[str, str], check: bool) -> dict[str, str]:
    """Client id and secret, until the provider knows them, or the person insists."""
    identity, secret = client_variables(provider)
    values: dict[str, str] = {}
    for _ in range(_TRIES):
        values = {
            identity: typer.prompt("Client id", default=values.get(identity) or known.get(identity)).strip(),
            secret: typer.prompt("Client secret (not shown)", hide_input=True).strip(),
        }
        if not check or _is_accepted(_validated({**known, **values}), provider):
            return values
    if typer.confirm("Keep it all the same?", default=False):
        return values
    return {}


def _ask_retention(known: Mapping[str, str]) -> dict[str, str]:
    """The choice that has no default: only an earlier one is proposed."""
    from fit_platform.accounts.oauth import oauth_of

    question = f"{oauth_of('strava').RETENTION_CHOICE}\nkeep, or a number of days"
    for _ in range(_TRIES):
        text = typer.prompt(question, default=known.get("FIT_STRAVA_API_RETENTION_DAYS") or None).strip()
        try:
            return {"FIT_STRAVA_API_RETENTION_DAYS": str(parse_retention(text))}
        except UsageError:
            typer.echo(f"that will not do: {text!r}; give `keep` or a whole number of days, 1 or more", err=True)
    raise ConfigError("it was not decided how long Strava data may be kept; nothing was changed")


def _is_accepted(settings: Settings, provider: str) -> bool:
    """Ask the provider, tell what it said; False only when it said no."""
    from fit_platform.accounts.client_check import check_client

    found = check_client(settings, provider)
    words = {"accepted": "accepted", "refused": "refused", "unknown": "not checked"}[found.state]
    typer.echo(f"{provider}: {words}: {found.detail}", err=True)
    return found.state != "refused"


def _check_clients(settings: Settings, check: bool) -> int:
    """How many providers refuse the client they are given."""
    from fit_platform.providers.guides import GUIDES

    with_client = [name for name in GUIDES if _has_client(settings, name)] if check else []
    return sum(not _is_accepted(settings, name) for name in with_client)


def _has_client(settings: Settings, provider: str) -> bool:
    own = settings.provider(provider)
    return bool(own.client_id and own.client_secret)


def _validated(values: Mapping[str, str]) -> Settings:
    """The settings with these values, the environment behind them; ConfigError for a bad one."""
    from pydantic import ValidationError

    from fit_platform.settings import settings_with

    try:
        return settings_with(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper().removeprefix("FIT_")
        shown = "" if any(word in name for word in _SECRETS) else f" (got {first.get('input')!r})"
        raise ConfigError(f"FIT_{name}: {first['msg']}{shown}") from None


def _say_next(settings: Settings) -> None:
    from fit_platform.accounts.oauth import oauth_of
    from fit_platform.providers.guides import GUIDES

    ready = [name for name in GUIDES if _has_client(settings, name)]
    typer.echo("next:")
    if not ready:
        typer.echo("  fit-platform demo                      everything on invented data, with no account")
        typer.echo("  fit-platform init polar|strava|fitbit  when you have an API client; --show says how to get one")
        return
    for name in ready:
        is_decided = bool(oauth_of(name).RETENTION_CHOICE) and settings.strava_api_retention_days is not None
        options = f" {GUIDES[name].link_options}" if GUIDES[name].link_options and not is_decided else ""
        typer.echo(f"  fit-platform link {name} ATHLETE{options} --timezone Europe/Berlin")
    typer.echo("  fit-platform sync --from YYYY-MM-DD    the first backfill; it resumes where it was stopped")
    typer.echo("  fit-platform doctor                    what is misconfigured, and the fix")
