"""`fit-platform dashboard`: the athlete's pages over the published marts, and who may open them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fit_platform.commands.usage import AsJson, UsageError

if TYPE_CHECKING:
    from fit_platform.dashboard.app import Parts
    from fit_platform.dashboard.viewers import ViewerStore
    from fit_platform.settings import Settings

viewers = typer.Typer(
    name="viewers",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Who may open the dashboard, where it is shared.",
)


def dashboard(
    host: Annotated[
        str, typer.Option(help="Address to listen at; another than this machine's needs a sign-in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8088,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """The dashboard, until stopped: overview, heart rate, activities, sleep, pipeline."""
    from fit_platform.commands.devserver import check_port
    from fit_platform.dashboard.serve import serve
    from fit_platform.settings import load_settings

    settings = load_settings()
    parts = dashboard_parts(settings)
    check_port(port)
    address = settings.dashboard_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    typer.echo(f"dashboard: {address}  (Ctrl-C stops it)", err=True)
    if open_browser:
        import webbrowser

        webbrowser.open(address)
    try:
        serve(parts, host, port)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


def dashboard_parts(settings: Settings) -> Parts:
    """What the dashboard is made of, as the settings name it."""
    from fit_platform.commands.demo_home import read_demo_world
    from fit_platform.commands.pipeline_facts import pipeline_facts
    from fit_platform.dashboard.app import Parts
    from fit_platform.dashboard.sign_in import sign_in_of
    from fit_platform.dashboard.source import PublishedMarts, Source, WarehouseMarts
    from fit_platform.runtime import Runtime

    runtime = Runtime(settings)
    published = settings.home_dir / "published"
    source: Source = WarehouseMarts(runtime.bigquery) if settings.target == "gcp" else PublishedMarts(published)
    return Parts(
        source=source,
        sign_in=sign_in_of(settings),
        overrides=runtime.overrides,
        pipeline=lambda: pipeline_facts(settings, runtime.clock()),
        clock=runtime.clock,
        public_url=settings.dashboard_url,
        is_demo=read_demo_world(settings) is not None,
        target=settings.target,
    )


@viewers.command()
def add(
    name: Annotated[str, typer.Argument(help="Mail address as the proxy tells it; with links, any name.")],
    athlete: Annotated[str | None, typer.Option(help="The athlete that they are.")] = None,
    shares: Annotated[
        list[str] | None, typer.Option(help="An athlete who lets them look too; may be repeated.")
    ] = None,
    owner: Annotated[bool, typer.Option("--owner", help="They run this installation: they see the pipeline.")] = False,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long a link is good for.")] = 365,
) -> None:
    """Let somebody in, in place of what they could see before. With FIT_DASHBOARD_SIGN_IN=link: prints their link."""
    from fit_platform.accounts.athletes import AthleteStore
    from fit_platform.dashboard.viewers import Viewer, ViewerStore
    from fit_platform.settings import load_settings

    settings = load_settings()
    known = {athlete.athlete_id for athlete in AthleteStore(settings.home_dir).list()}
    for asked in [*([athlete] if athlete else []), *(shares or [])]:
        if asked not in known:
            raise UsageError(f"unknown athlete {asked!r}: there are {', '.join(sorted(known)) or 'none yet'}")
    if not (athlete or shares or owner):
        raise UsageError("they would see nothing; give --athlete, --shares or --owner")
    viewer = Viewer(name=name, athlete_id=athlete, shared_with=tuple(shares or ()), is_owner=owner)
    store = ViewerStore(settings.home_dir)
    if settings.dashboard_sign_in == "link":
        token = store.add_link(viewer, days)
        address = settings.dashboard_url or "http://127.0.0.1:8088"
        typer.echo(f"their link, shown only now, good for {days} days:", err=True)
        typer.echo(f"{address}/enter#{token}")
    else:
        store.add(viewer)
        typer.echo(f"{name} may open the dashboard")


@viewers.command("list")
def list_(as_json: AsJson = False) -> None:
    """Who may open the dashboard, and what they see."""
    from fit_platform.commands.summary import print_json, print_table

    found = _store().list()
    if as_json:
        print_json([viewer.model_dump(mode="json", exclude={"token_sha256", "is_local"}) for viewer in found])
    elif not found:
        typer.echo("nobody yet; run `fit-platform viewers add NAME --athlete ATHLETE`")
    else:
        rows = [
            [
                viewer.name,
                viewer.athlete_id,
                ", ".join(viewer.shared_with),
                "yes" if viewer.is_owner else "",
                viewer.expires_at.date() if viewer.expires_at else None,
            ]
            for viewer in found
        ]
        print_table(["viewer", "athlete", "may also see", "owner", "link until"], rows)


@viewers.command()
def remove(name: Annotated[str, typer.Argument(help="As in `viewers list`.")]) -> None:
    """Let somebody in no more; their link ends at once."""
    if not _store().remove(name):
        raise UsageError(f"there is no viewer {name!r}; see `fit-platform viewers list`")
    typer.echo(f"{name} can no longer open the dashboard")


def _store() -> ViewerStore:
    from fit_platform.dashboard.viewers import ViewerStore
    from fit_platform.settings import load_settings

    return ViewerStore(load_settings().home_dir)
