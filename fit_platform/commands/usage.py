"""What all commands share: errors of one line, exit codes, and how days and names are read from the command line.

Exit codes: 0 all good, 1 failed, 2 wrong usage, 3 partly done, 130 stopped by the person (143 by a signal to end).
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from types import FrameType
from typing import Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from fit_platform.errors import FitError

FAILED = 1
USAGE = 2
STOPPED = 128 + signal.SIGINT
ENDED = 128 + signal.SIGTERM

AthleteId = Annotated[str, typer.Argument(help="Your name for the athlete: a-z, 0-9, _ and -.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]

_WORDS = {"today": 0, "yesterday": 1}


class UsageError(FitError):
    """The command line asks for something that there is not: an unknown provider, a day that has not begun."""


class Ended(KeyboardInterrupt):
    """SIGTERM: end in order, as after Ctrl-C."""


class OneLineErrors(TyperGroup):
    """A command group whose errors are one line on stderr that says what to do. `--debug` adds the traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; our own errors end it with their exit code."""
        try:
            return super().invoke(ctx)
        except (FitError, OSError) as error:  # OSError: a full disk, a folder that is not ours
            if ctx.params.get("debug"):
                traceback.print_exc()
            complain(error)
            raise typer.Exit(USAGE if isinstance(error, UsageError) else FAILED) from None
        except KeyboardInterrupt as interrupt:
            typer.echo("stopped; run the same command again, it resumes", err=True)
            raise typer.Exit(ENDED if isinstance(interrupt, Ended) else STOPPED) from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the whole program; a command line that cannot be parsed is one line, too."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except TyperException as error:
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "fit-platform"
            complain(f"{_one_line(error.format_message())}; see `{command} --help`")
            sys.exit(error.exit_code)
        except typer.Abort:
            complain("nothing was answered, so nothing was done")
            sys.exit(FAILED)
        sys.exit(code if isinstance(code, int) else 0)


def complain(error: object) -> None:
    """One line on stderr."""
    typer.echo(f"error: {_one_line(str(error))}", err=True)


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def end_in_order_on_sigterm() -> None:
    """Make SIGTERM end the program as Ctrl-C does: children are stopped, files are left whole."""

    def end(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise Ended

    signal.signal(signal.SIGTERM, end)


def parse_day(option: str, text: str, today: date) -> date:
    """An ISO date, `today` or `yesterday`, not after today (UTC)."""
    if (word := text.strip().lower()) in _WORDS:
        return today - timedelta(days=_WORDS[word])
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a day: give YYYY-MM-DD, `today` or `yesterday`") from None
    if day > today:
        raise UsageError(f"{option} {day} has not begun (days are UTC days; today is {today})")
    return day


def known_providers(names: Sequence[str], known: Iterable[str]) -> list[str]:
    """These providers, each once and in the house's order; all of them when none is named."""
    known = list(known)
    for name in names:
        if name not in known:
            raise UsageError(f"unknown provider {name!r}: use one of {', '.join(known)}")
    return [name for name in known if not names or name in names]


def known_athletes(names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse the name of an athlete whom we do not know."""
    for name in names:
        if name not in known:
            raise UsageError(
                f"unknown athlete {name!r}: there {'is' if len(known) == 1 else 'are'} {', '.join(known) or 'none yet'}"
            )


def parse_birth_date(text: str | None) -> date | None:
    """An ISO date for `--birth-date`."""
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise UsageError("--birth-date: give YYYY-MM-DD") from None  # the value is personal, so it is not repeated


def parse_retention(text: str | None) -> int | Literal["keep"] | None:
    """`keep` or a number of days, for `--strava-retention`."""
    if text is None:
        return None
    if text == "keep":
        return "keep"
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"--strava-retention {text!r}: give `keep` or a whole number of days, 1 or more")
    return int(text)
