"""The demo: simulated providers, their invented athletes linked through the real OAuth flow, a real sync, a summary.

Everything between the simulated providers and the summary is the platform itself. A second run uses the same world
and finds nothing to do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import requests
import typer

from fit_platform.accounts.athletes import Profile
from fit_platform.accounts.connections import ConnectionStore, State
from fit_platform.accounts.link import link
from fit_platform.commands.demo_home import choose_demo_world, demo_folder, save_demo_world, simulated_providers
from fit_platform.commands.demo_score import MatchScore, score_matching
from fit_platform.commands.simulate import SimulatedWorld
from fit_platform.commands.summary import nothing_changed, print_checks, print_sync, print_table, sync_facts
from fit_platform.commands.syncing import run_sync
from fit_platform.errors import FitError
from fit_platform.providers.registry import PROVIDERS
from fit_platform.settings import Settings

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime
    from fit_platform.sync import SyncResult

_TIMEOUT_SECONDS = 60.0  # the whole truth of a long world takes the simulator some seconds


def run_demo(
    settings: Settings,
    today: date,
    *,
    days: int | None = None,
    athletes: int | None = None,
    seed: int | None = None,
    afterwards: Callable[[Settings], None] | None = None,
) -> int:
    """Do all of it and print what it built; the exit code of the sync.

    `afterwards` runs with the simulated providers still up, when the sync gave something to look at.
    """  # fmt: skip
    started = time.monotonic()
    world = choose_demo_world(settings, today, days=days, athletes=athletes, seed=seed)
    save_demo_world(settings, world)  # marked before anything else: a demo that is killed here is still a demo home
    typer.echo(f"simulated providers: {world.athletes} athletes, {world.window}", err=True)
    with simulated_providers(settings, world) as demo_settings:
        base_url = demo_settings.polar_api_url.removesuffix("/polar/v3")
        truth = _truth(demo_settings, world, base_url)
        linked = link_everyone(demo_settings, truth)
        typer.echo(f"linked: {linked}" if linked else "linked: everyone was linked already", err=True)
        runtime, result, asked, dbt_errors = run_sync(demo_settings, world.window, list(PROVIDERS), [])
        facts = sync_facts(result, asked)
        if result.published:
            print_demo(runtime, result, facts, truth)
        else:
            print_sync(result, facts, dbt_errors)
        typer.echo(f"\ntook {time.monotonic() - started:.0f} s; to look at it in the Dagster UI: make dev")
        if afterwards is not None and result.exit_code != 1:
            afterwards(demo_settings)
    return result.exit_code


def link_everyone(settings: Settings, truth: Mapping[str, Any]) -> str:
    """Link every athlete of this world with every provider, unless that link works; what was linked, in words."""
    store = ConnectionStore(settings.home_dir)
    now = datetime.now(UTC)
    new: dict[str, list[str]] = {}
    for athlete in truth["athletes"]:
        athlete_id = str(athlete["id"])
        profile = Profile(
            display_name=athlete["display_name"],
            timezone=athlete["timezone"],
            sex=athlete["sex"],
            birth_date=date.fromisoformat(athlete["birth_date"]),
            max_hr_bpm=athlete["max_hr_bpm"],
            resting_hr_bpm=athlete["resting_hr_bpm"],
        )
        for provider in PROVIDERS:
            known = store.get(provider, athlete_id)
            if known and known.state(now).state is State.WORKING:
                continue
            # `keep`: Strava's limit on how long API data may be held is about real athletes' data; this is invented.
            link(settings, provider, athlete_id, open_browser=consenting(athlete_id), profile=profile, retention="keep")
            new.setdefault(athlete_id, []).append(provider)
    return "; ".join(f"{athlete_id} with {', '.join(providers)}" for athlete_id, providers in new.items())


def consenting(athlete_id: str) -> Callable[[str], None]:
    """An athlete at a browser without a screen: opens the consent page, leaves all boxes ticked, and allows."""

    def browse(url: str) -> None:
        with requests.Session() as session:
            session.trust_env = False  # loopback only: no proxy
            page = session.get(url, timeout=_TIMEOUT_SECONDS)
            page.raise_for_status()
            form = _Form()
            form.feed(page.text)
            fields = [(name, value) for name, value in form.fields if name != "athlete"]
            answer = session.post(
                urljoin(page.url, form.action or page.url),
                data=[*fields, ("athlete", athlete_id), ("decision", "allow")],
                timeout=_TIMEOUT_SECONDS,
            )
            answer.raise_for_status()

    return browse


class _Form(HTMLParser):
    """The form of a page: where it goes, and the fields as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and given.get("name"):
            if given.get("type") in {"checkbox", "radio"} and "checked" not in given:
                return
            self.fields.append((given["name"], given.get("value", "on")))


def _truth(settings: Settings, world: SimulatedWorld, base_url: str) -> dict[str, Any]:
    """The truth of the world, asked of the simulator once and kept in `demo/truth.json`."""
    path = demo_folder(settings) / "truth.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        return kept
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{base_url}/_sim/truth", timeout=_TIMEOUT_SECONDS)
    if not answer.ok:
        raise FitError(f"the simulated providers do not tell the truth of {world.window} ({answer.status_code})")
    temporary = path.with_suffix(".tmp")
    temporary.write_text(answer.text)
    temporary.replace(path)
    truth: dict[str, Any] = answer.json()
    return truth


def print_demo(runtime: Runtime, result: SyncResult, facts: Mapping[str, Any], truth: Mapping[str, Any]) -> None:
    """What the demo built."""
    settings = runtime.settings
    if not nothing_changed(result, facts):
        loaded = f"{facts['rows_loaded']:,} rows in {result.partitions_replaced:,} partitions"
        typer.echo(f"landed {result.objects_written:,} objects, loaded {loaded}")
    rows = mart_rows(runtime)
    print_table(["mart", "rows"], sorted(rows.items()))
    typer.echo(_matching_words(runtime, result, truth))
    print_checks(facts)
    for problem in facts["problems"]:
        typer.echo(f"problem: {problem}")
    objects, megabytes = _size(Path(settings.landing_dir))
    typer.echo(f"landing:   {settings.landing_dir}  ({objects:,} objects, {megabytes:.1f} MB)")
    typer.echo(f"warehouse: {settings.warehouse_path}")
    typer.echo(f"published: {settings.home_dir / 'published' / 'current'}  (for DuckDB, and as Parquet)")
    typer.echo(f"truth:     {demo_folder(settings) / 'truth.json'}")


def mart_rows(runtime: Runtime) -> dict[str, int]:
    """How many rows each mart has."""
    names = runtime.warehouse.query(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'marts' ORDER BY table_name"
    ).column("table_name")
    counts = ", ".join(f'(SELECT count(*) FROM marts."{name}") AS "{name}"' for name in names.to_pylist())
    return dict(runtime.warehouse.query(f"SELECT {counts}").to_pylist()[0]) if counts else {}


def _matching_words(runtime: Runtime, result: SyncResult, truth: Mapping[str, Any]) -> str:
    """Activities before and after, and how well the records were matched."""
    rows = runtime.warehouse.query(
        "SELECT activity_id, athlete_id, provider, provider_activity_id FROM marts.activity_sources"
    ).to_pylist()
    activities = runtime.warehouse.query("SELECT count(*) AS n FROM marts.activities").column("n")[0].as_py()
    score: MatchScore = score_matching(truth, rows, result.window)
    return (
        f"activities: {len(rows):,} provider records are {activities:,} real activities "
        f"({score.activities:,} in truth); "
        f"pairs matched: {score.precision_words} right, {score.recall_words} found"
    )


def _size(folder: Path) -> tuple[int, float]:
    """Objects and megabytes of the landing zone; superseded versions do not count."""
    sizes = [path.stat().st_size for path in (folder / "raw").rglob("*.gz")]
    return len(sizes), sum(sizes) / 1e6
