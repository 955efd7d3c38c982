"""The reference page of the docs, made from the code: `python -m fit_platform.commands.reference > docs/reference.md`.

A test compares the page with what this prints, so that it cannot drift.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import typer

from fit_platform.cli import app
from fit_platform.providers.base import Resource
from fit_platform.providers.registry import PROVIDERS, resources
from fit_platform.settings import Settings


def reference() -> str:
    """The whole page, as Markdown."""
    parts = [
        "# Reference",
        "Made from the code by `python -m fit_platform.commands.reference`; a test keeps it true.",
        "## Commands",
        *_commands(),
        "## Settings",
        "Read from the environment or from `.env` in the working directory. URLs include the version path and may name "
        "any host.",
        _table(("variable", "default", "meaning"), _settings()),
        "## What is pulled",
        _table(("provider", "resource", "what", "partition day", "reaches back", "cost"), map(_coverage, resources())),
        "## Base tables",
        "Schema `base` of the warehouse. Every table also has `athlete_id`, `dt` and its provenance: `acquired_via`, "
        "`fetched_at`, `first_fetched_at`, `landing_object`.",
        *_tables(),
    ]
    return "\n\n".join(parts) + "\n"


def _commands() -> Iterator[str]:
    group = typer.main.get_group(app)
    with group.context_class(group, info_name="fit-platform") as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            usage = " ".join(command.collect_usage_pieces(command.context_class(command, info_name=name)))
            yield f"### `fit-platform {name} {usage}`\n\n{(command.help or '').strip()}"
            options = [
                (
                    f"`{' / '.join([*option.opts, *option.secondary_opts])}`",
                    (getattr(option, "help", None) or "").strip(),
                )
                for option in command.params
                if option.param_type_name == "option" and option.name != "help"
            ]
            if options:
                yield _table(("option", "meaning"), options)


def _settings() -> Iterator[tuple[str, str, str]]:
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        yield f"`FIT_{name.upper()}`", default, field.description or ""


def _coverage(resource: Resource) -> tuple[str, ...]:
    reach = f"{resource.window_days} days" if resource.window_days else "no limit known"
    return resource.provider, resource.name, resource.description, str(resource.day_of), reach, resource.calls


def _tables() -> Iterator[str]:
    for provider in PROVIDERS.values():
        for resource in provider:
            for table in resource.tables:
                yield f"### `{table.name}`\n\n{table.description} One row per {', '.join(f'`{k}`' for k in table.key)}."
                columns = ((f"`{c.name}`", c.type.value, c.description) for c in table.columns)
                yield _table(("column", "type", "meaning"), columns)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, str]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )


if __name__ == "__main__":
    sys.stdout.write(reference())
