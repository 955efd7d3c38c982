"""`fit-platform export …`: marts as CSV or Parquet, one activity as GPX or TCX."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from fit_platform.commands.usage import AsJson, UsageError, parse_day

if TYPE_CHECKING:
    from fit_platform.export.marts import Format, MartReader
    from fit_platform.export.recording import Recording
    from fit_platform.runtime import Runtime

app = typer.Typer(
    name="export",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Take data out: marts as CSV or Parquet, one activity as GPX or TCX.",
)

_FORMATS = ("csv", "parquet")
_TRACK_FORMATS = ("gpx", "tcx")


@app.command("marts")
def export_some_marts(
    mart: Annotated[list[str] | None, typer.Argument(help="These marts only.", show_default="all of them")] = None,
    out: Annotated[Path, typer.Option(help="Folder to write into, a file each.")] = Path("export"),
    file_format: Annotated[str, typer.Option("--format", metavar="csv|parquet", help="Kind of file.")] = "csv",
    athlete: Annotated[list[str] | None, typer.Option(help="This athlete only; may be repeated.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First athlete-local day.", show_default="the first")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last athlete-local day.", show_default="the last")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write marts into a folder, a CSV or Parquet file each, with `export.json` that says what was asked."""
    from fit_platform.commands.summary import print_json, print_table
    from fit_platform.export.marts import Wanted, export_marts
    from fit_platform.runtime import Runtime
    from fit_platform.settings import load_settings

    if file_format not in _FORMATS:
        raise UsageError(f"--format {file_format!r}: give csv or parquet")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)  # where the athletes are it may be tomorrow already
    first, last = _day("--from", from_, tomorrow), _day("--to", to, tomorrow)
    if first and last and first > last:
        raise UsageError(f"--from {first} is after --to {last}: swap them")
    runtime = Runtime(load_settings())
    _known(athlete or [], runtime)
    wanted = Wanted(tuple(mart or ()), tuple(athlete or ()), first, last)
    done = export_marts(_marts(runtime), wanted, out, cast("Format", file_format))
    if as_json:
        print_json([{"mart": e.mart, "path": str(e.path), "rows": e.rows, "is_dated": e.is_dated} for e in done])
        return
    print_table(["mart", "rows", "file"], [[e.mart, e.rows, str(e.path)] for e in done])
    whole = [e.mart for e in done if not e.is_dated]
    if whole and (first or last):
        typer.echo(f"note: without days of their own, so exported whole: {', '.join(whole)}", err=True)


@app.command("activity")
def export_activity(
    activity: Annotated[str, typer.Argument(help="Its activity_id, or how that begins.", show_default=False)],
    file_format: Annotated[
        str | None,
        typer.Option("--format", metavar="gpx|tcx", help="Kind of file.", show_default="gpx with a route, tcx without"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; - for stdout.", show_default="day, sport and id, here")
    ] = None,
) -> None:
    """Write one activity as GPX or TCX: the best recording of it, and in the file where each part comes from."""
    from fit_platform.export.marts import write_whole
    from fit_platform.export.recording import read_recording
    from fit_platform.export.tracks import as_gpx, as_tcx
    from fit_platform.runtime import Runtime
    from fit_platform.settings import load_settings

    if file_format is None and out is not None and out.suffix[1:].lower() in _TRACK_FORMATS:
        file_format = out.suffix[1:].lower()
    if file_format not in (None, *_TRACK_FORMATS):
        raise UsageError(f"--format {file_format!r}: give gpx or tcx")
    runtime = Runtime(load_settings())
    recording = read_recording(runtime.warehouse, activity)
    kind = file_format or ("gpx" if recording.has_route else "tcx")
    text = as_gpx(recording) if kind == "gpx" else as_tcx(recording)
    for note in _notes(recording, runtime):
        typer.echo(f"note: {note}", err=True)
    if out == Path("-"):
        typer.echo(text, nl=False)
        return
    path = out or Path(file_name(recording.facts, kind))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))
    points = sum(point.has_position or kind == "tcx" for point in recording.points)
    typer.echo(f"{path}: {points:,} points; {recording.provenance}")


def file_name(facts: dict[str, Any], kind: str) -> str:
    """`2026-11-08-cycling-14a9c0e9.gpx`."""
    return f"{facts['local_date']}-{facts['sport_family']}-{str(facts['activity_id'])[:8]}.{kind}"


def _notes(recording: Recording, runtime: Runtime) -> list[str]:
    """What the person should know about the file before giving it away."""
    notes = [] if recording.points else ["no provider recorded samples of it: the file holds its totals alone"]
    used = {source for source in (recording.track_of, recording.heart_rate_of) if source is not None}
    for provider in sorted({source.provider for source in used if source.acquired_via == "api"}):
        days = runtime.limited(provider).get(str(recording.facts["athlete_id"]))
        if days is not None:
            notes.append(
                f"it holds {provider} API data, which this connection may keep for {days} days: nobody but you can "
                "delete the file then"
            )
    return notes


def _marts(runtime: Runtime) -> MartReader:
    from fit_platform.export.marts import PublishedDataset, PublishedMarts

    if runtime.settings.target == "gcp":
        return PublishedDataset(runtime.bigquery)
    return PublishedMarts(runtime.settings.home_dir / "published")


def _day(option: str, text: str | None, last: date) -> date | None:
    return parse_day(option, text, last) if text else None


def _known(names: list[str], runtime: Runtime) -> None:
    known = sorted(athlete.athlete_id for athlete in runtime.athletes.list())
    for name in names:
        if name not in known:
            raise UsageError(f"unknown athlete {name!r}: there are {', '.join(known) or 'none yet'}")
