"""How cost grows with history: the same refresh after one year and after ten, the build from nothing, and the load.

Fixtures (see `growth_fixture`) are written once under --home and reused; writing them is not counted. Each step is a
process of its own, as `fit-platform rebuild` and `update` are, with Dagster, dbt and every check; its memory is that of
the whole process tree. Try it with `--years 0.1 0.5`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fit_platform.accounts.athletes import AthleteStore
from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from tests.bench.growth_fixture import ATHLETE, FIXTURE, session_of, write_days

END = date(2026, 11, 15)
NEW_DAY = END + timedelta(days=1)
BUILD_SECONDS, BUILD_GIB, REFRESH_RATIO, INGEST_RATIO = 600, 6.0, 1.3, 0.5
_STEP_TIMEOUT_SECONDS = 3600
_MEMORY_POLL_SECONDS = 0.2


@dataclass
class Step:
    """What one process came to."""

    name: str
    years: float
    seconds: float = 0.0  # of the whole process, from start to end
    cpu_seconds: float = 0.0  # of the process and all its children: other work on the machine changes it little
    peak_gib: float = 0.0  # of the process and all its children
    events: int = 0  # that Dagster's log grew by
    report: dict[str, float] = field(default_factory=dict)  # what the step itself measured


def days_of(years: float) -> list[date]:
    """The history, oldest first."""
    return [END - timedelta(days=back) for back in reversed(range(round(years * 365)))]


def edited_day(days_old: int) -> date:
    """The day with an activity that is about so old on the new day."""
    return next(day for back in range(10) if session_of(day := NEW_DAY - timedelta(days=days_old + back)))


def fixture(home: Path, years: float, console: Console) -> Path:
    """The landing zone of so many years; written where it is not there yet."""
    folder = home / f"fixture-{FIXTURE}-{years:g}y"
    if not (folder / "complete").exists():
        started = time.monotonic()
        write_days(LandingZone(FolderStore(folder / "landing")), days_of(years))
        (folder / "complete").touch()
        console.print(f"wrote a fixture of {years:g} years in {time.monotonic() - started:.0f} s, not counted")
    return folder / "landing"


def workplace(home: Path, years: float, console: Console) -> Path:
    """A fresh FIT_HOME over a hard-linked copy of the fixture: the platform replaces landing files, it never edits."""
    landing, work = fixture(home, years, console), home / f"run-{years:g}y"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copytree(landing, work / "landing", copy_function=os.link)
    AthleteStore(work).upsert(
        ATHLETE, {"timezone": "Europe/Berlin", "sex": "female", "max_hr_bpm": 190, "resting_hr_bpm": 50}
    )
    return work


# --- one step --------------------------------------------------------------------------------------------------------


def run_step(name: str, years: float, work: Path) -> Step:
    """Run a step in a process of its own and watch it."""
    step = Step(name, years)
    today = datetime(NEW_DAY.year, NEW_DAY.month, NEW_DAY.day, 12, tzinfo=UTC)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FIT_")},
        "FIT_HOME": str(work),
        "FIT_CLOCK_OFFSET_S": str((today - datetime.now(UTC)).total_seconds()),
    }
    environment |= {name: value for name, value in os.environ.items() if name.startswith("FIT_DUCKDB_")}
    before, used_before = events_in(work), _children_cpu_seconds()
    started = time.monotonic()
    with (work / f"{len(list(work.glob('*.log')))}-step.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.growth_step", name],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        watcher = threading.Thread(target=_watch_memory, args=(process, step), daemon=True)
        watcher.start()
        out, _ = process.communicate(timeout=_STEP_TIMEOUT_SECONDS)
    step.seconds, step.cpu_seconds = time.monotonic() - started, _children_cpu_seconds() - used_before
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(f"{name} after {years:g} years failed:\n{out[-3000:]}\n{Path(log.name).read_text()[-3000:]}")
    step.report = json.loads(out.strip().splitlines()[-1])
    step.events = events_in(work) - before
    return step


def _children_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch_memory(process: subprocess.Popen[str], step: Step) -> None:
    while process.poll() is None:
        step.peak_gib = max(step.peak_gib, sum(map(_resident_bytes, _tree(process.pid))) / 2**30)
        time.sleep(_MEMORY_POLL_SECONDS)


def _tree(pid: int) -> Iterator[int]:
    """A process and everything it started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # it ended while we looked
            continue
        for child in found:
            yield from _tree(int(child))


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def events_in(work: Path) -> int:
    """Rows of Dagster's event log."""
    count = 0
    for file in (work / "dagster").rglob("*.db"):
        with sqlite3.connect(file, timeout=10) as db:
            if db.execute("select 1 from sqlite_master where name = 'event_logs'").fetchone():
                count += db.execute("select count(*) from event_logs").fetchone()[0]
    return count


def measure(home: Path, years: float, console: Console) -> list[Step]:
    """Build from nothing, then refresh by one new day, by one edit, and by two days far apart."""
    work = workplace(home, years, console)
    zone = LandingZone(FolderStore(work / "landing"))
    steps = [run_step("ingest", years, work), run_step("build", years, work)]
    write_days(zone, [NEW_DAY])
    steps.append(run_step("new day", years, work))
    write_days(zone, [edited_day(30)], edit="Edited")
    steps.append(run_step("30-day-old edit", years, work))
    write_days(zone, [NEW_DAY, edited_day(round(min(16 * 30, years * 365 - 20)))], edit="Late")
    steps.append(run_step("today and a 16-month-old edit", years, work))
    return steps


# --- what it came to -------------------------------------------------------------------------------------------------


def bar(value: float, most: float, width: int = 24) -> str:
    """A bar to see."""
    return "█" * max(1, round(value / most * width))


def show(steps: list[Step], console: Console) -> bool:
    """Print the tables; True when every bar is kept."""
    longest = max(step.years for step in steps)
    shortest = min(step.years for step in steps)
    table = Table(title="one athlete, 5,500 heart-rate samples a day, 300 recordings a year")
    for column in ("step", "years", "s", "cpu s", "load s", "build s", "peak GiB", "events", ""):
        table.add_column(column, justify="left" if column in ("step", "") else "right")
    for name in dict.fromkeys(step.name for step in steps if step.name != "ingest"):
        same = [step for step in steps if step.name == name]
        for step in same:
            table.add_row(
                name,
                f"{step.years:g}",
                f"{step.seconds:.1f}",
                f"{step.cpu_seconds:.1f}",
                f"{step.report.get('load', 0):.1f}",
                f"{step.report.get('build', 0):.1f}",
                f"{step.peak_gib:.2f}",
                f"{step.events:,}",
                bar(step.seconds, max(other.seconds for other in same)),
                end_section=step is same[-1],
            )
    console.print(table)
    kept = True

    def verdict(what: str, value: float, limit: float, unit: str, *, at_least: bool = False) -> None:
        nonlocal kept
        is_kept = value >= limit if at_least else value <= limit
        kept &= is_kept
        bound = "at least" if at_least else "at most"
        console.print(f"{what}: {value:.2f}{unit} ({bound} {limit:g}{unit}): {'kept' if is_kept else 'MISSED'}")

    by = {(step.name, step.years): step for step in steps}
    whole = by["build", longest]
    verdict(f"load and build of {longest:g} years", whole.seconds, BUILD_SECONDS, " s")
    verdict(f"memory of it, all processes, {os.cpu_count()} cores", whole.peak_gib, BUILD_GIB, " GiB")
    if longest != shortest:
        for name in ("new day", "30-day-old edit"):
            ratio = by[name, longest].seconds / by[name, shortest].seconds
            verdict(f"{name}, {longest:g} years against {shortest:g}", ratio, REFRESH_RATIO, " times")
    ingest = by["ingest", longest].report
    for feed in ("fitbit/heart_rate", "strava/streams"):
        bare, ours = ingest[f"{feed} read_json s"], ingest[f"{feed} ours s"]
        console.print(
            f"ingest of {feed}, {ingest[f'{feed} MB']:.0f} MB of JSON, {ingest[f'{feed} rows']:,.0f} rows: "
            f"bare read_json {bare:.1f} s, landing to warehouse {ours:.1f} s"
        )
        verdict(f"  speed of {feed} against bare read_json", bare / ours, INGEST_RATIO, " times", at_least=True)
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--years", type=float, nargs="+", default=[1, 10], help="histories to compare")
    parser.add_argument("--home", type=Path, default=Path(".growth"), help="where fixtures and runs are kept")
    chosen = parser.parse_args()
    os.fsync = lambda _: None  # type: ignore[assignment]  # of the fixtures, which can be written again
    console = Console(width=130)
    home = chosen.home.absolute()
    steps = [step for years in sorted(set(chosen.years)) for step in measure(home, years, console)]
    return int(not show(steps, console))


if __name__ == "__main__":
    sys.exit(main())
