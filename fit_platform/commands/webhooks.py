"""`fit-platform webhooks …`: run the receiver, make and see the subscriptions at the providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fit_platform.commands.usage import FAILED, AsJson, UsageError, known_providers

if TYPE_CHECKING:
    from fit_platform.feed.subscriptions import SubscriptionReport
    from fit_platform.settings import Settings

app = typer.Typer(
    name="webhooks",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Hear of changes at once: the receiver, and the subscriptions at the providers.",
)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 in a container.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8090,
) -> None:
    """The webhook receiver, until stopped. Put a proxy that speaks https in front of it."""
    from fit_platform.feed.serve import serve as serve_receiver

    try:
        serve_receiver(_settings(), host, port)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


@app.command()
def subscribe(
    provider: Annotated[str, typer.Argument(help="polar, strava or fitbit.", show_default=False)],
    url: Annotated[
        str | None,
        typer.Option(help="The receiver's public https address, without a path.", show_default="FIT_WEBHOOK_URL"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the provider post to the receiver, which must be running. Again: put right what is not."""
    from fit_platform.commands.demo_home import providers_of
    from fit_platform.commands.summary import print_json
    from fit_platform.feed import subscriptions

    known_providers([provider], subscriptions.CLIENTS)
    settings = _settings()
    address = url or settings.webhook_url
    if not address:
        raise UsageError("where is the receiver? Give its public address: --url https://…, or set FIT_WEBHOOK_URL")
    with providers_of(settings) as effective:
        report = subscriptions.subscribe(effective, provider, address)
    print_json(report.facts()) if as_json else _tell([report])
    raise typer.Exit(0 if report.is_fine else FAILED)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """How the subscriptions stand at the providers. Exit 1 if one does not deliver."""
    from fit_platform.commands.demo_home import providers_of
    from fit_platform.commands.summary import print_json
    from fit_platform.feed.subscriptions import list_subscriptions

    with providers_of(_settings()) as effective:
        reports = list_subscriptions(effective)
    print_json([report.facts() for report in reports]) if as_json else _tell(reports)
    raise typer.Exit(0 if all(report.is_fine for report in reports) else FAILED)


def _tell(reports: list[SubscriptionReport]) -> None:
    from fit_platform.commands.summary import print_table

    rows = [[report.provider, report.state, report.url or "", report.done or report.detail] for report in reports]
    print_table(["provider", "state", "public address", "what"], rows)
    for report in reports:
        if report.fix:
            typer.echo(f"{report.provider}: to mend: {report.fix}")


def _settings() -> Settings:
    from fit_platform.settings import load_settings

    return load_settings()
