"""A FIT_HOME that holds the demo's invented data: its mark, and its simulated providers while they are needed.

Invented and real data never share a home: the demo refuses a home with real connections, and linking a real account
refuses a demo home. Every later command on a demo home starts the same simulated providers again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path

from fit_platform.accounts.connections import ConnectionStore
from fit_platform.commands.simulate import SimulatedWorld, is_free, simulator
from fit_platform.commands.usage import UsageError
from fit_platform.errors import ConfigError
from fit_platform.settings import Settings, load_settings


def demo_folder(settings: Settings) -> Path:
    """Where the demo keeps its own files."""
    return settings.home_dir / "demo"


def read_demo_world(settings: Settings) -> SimulatedWorld | None:
    """The world of this home; None: not a demo home."""
    path = demo_folder(settings) / "demo.json"
    try:
        content = json.loads(path.read_text())
        return SimulatedWorld(**{**content, "end": date.fromisoformat(content["end"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise ConfigError(f"{path} is damaged; remove {settings.home_dir} and run `fit-platform demo` again") from None


def save_demo_world(settings: Settings, world: SimulatedWorld) -> None:
    """Mark this home as a demo home."""
    path = demo_folder(settings) / "demo.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({**asdict(world), "end": world.end.isoformat()}, indent=2) + "\n")
    temporary.replace(path)


def choose_demo_world(
    settings: Settings, today: date, *, days: int | None, athletes: int | None, seed: int | None
) -> SimulatedWorld:
    """This home's world, or a new one that ends yesterday.

    UsageError when the home is someone's real one, or holds another world than the options ask for.
    """
    known = read_demo_world(settings)
    if known is None:
        real = [
            f"{connection.provider} of {connection.athlete_id}"
            for connection in ConnectionStore(settings.home_dir).list()
        ]
        if real:
            raise UsageError(
                f"{settings.home_dir} holds real connections ({', '.join(real[:3])}), which the demo must not mix with "
                "invented data; name another folder: FIT_HOME=./.fit-demo fit-platform demo"
            )
        return SimulatedWorld(seed=7 if seed is None else seed, days=days or 90, athletes=athletes or 2,
                         end=today - timedelta(days=1))  # fmt: skip
    asked = {"days": days, "athletes": athletes, "seed": seed}
    other = [
        f"--{name} {getattr(known, name)}" for name, value in asked.items() if value not in (None, getattr(known, name))
    ]
    if other:
        raise UsageError(
            f"{settings.home_dir} already holds a demo world of {', '.join(other)}; leave the option out, or name "
            "another folder with FIT_HOME"
        )
    return known


def refuse_real_account(settings: Settings) -> None:
    """UsageError when this home is the demo's and its providers are simulated."""
    if read_demo_world(settings) and not _names_providers(settings):
        raise UsageError(
            f"{settings.home_dir} holds the demo's invented data; link real accounts in another folder: set FIT_HOME"
        )


@contextmanager
def providers_of(settings: Settings) -> Iterator[Settings]:
    """The settings to work with: on a demo home, those of its simulated providers, which run while the block does.

    Where the environment names provider addresses, the operator has decided, and nothing is started.
    """
    world = read_demo_world(settings)
    if world is None or _names_providers(settings):
        yield settings
        return
    with simulated_providers(settings, world) as demo_settings:
        yield demo_settings


@contextmanager
def simulated_providers(settings: Settings, world: SimulatedWorld) -> Iterator[Settings]:
    """Run the simulated providers of a demo home; the settings that point at them."""
    world = replace(world, port=world.port if is_free(world.port) else 0)
    with simulator(world, state_file=demo_folder(settings) / "simulator.json") as running:
        save_demo_world(settings, replace(world, port=int(running.base_url.rsplit(":", 1)[1])))
        # The environment, not an object: dbt, Dagster's steps and code servers all build their settings from it.
        world_begins = {"FIT_START_DATE": str(world.window.first)}  # no partitions before there is a world
        with environment_with({**running.environment, **world_begins, "FIT_HOME": str(settings.home_dir)}):
            yield load_settings()


def _names_providers(settings: Settings) -> bool:
    """Does the environment or `.env` say where providers are?"""
    return any(name.endswith("_api_url") for name in settings.model_fields_set)


@contextmanager
def environment_with(variables: Mapping[str, str]) -> Iterator[None]:
    """Settings come from the environment: set these variables for as long as the block lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
