"""The Dagster UI on this home's state, with the simulated providers when the home is the demo's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import typer

from fit_platform.commands.children import child
from fit_platform.commands.demo_home import providers_of
from fit_platform.commands.simulate import is_free
from fit_platform.errors import ConfigError, FitError
from fit_platform.settings import Settings

_WORKSPACE = Path(__file__).resolve().parents[2] / "workspace.yaml"


def serve(settings: Settings, port: int) -> None:
    """Run the UI until the person stops it, or until it ends by itself, which is an error."""
    check_port(port)
    with providers_of(settings) as effective:
        serve_ui(effective, port)


def check_port(port: int) -> None:
    """ConfigError when somebody listens on this port."""
    if not is_free(port):
        raise ConfigError(f"port {port} of 127.0.0.1 is taken; stop what uses it, or choose another with --port")


def serve_ui(settings: Settings, port: int) -> None:
    """`dagster dev` as a child, until interrupted. The environment must name the providers already."""
    from fit_platform.instance import prepare_dagster_home

    environment = {
        "DAGSTER_HOME": str(prepare_dagster_home(settings)),
        "FIT_HOME": str(settings.home_dir),  # absolute: code servers need not share our working directory
        # `dg dev`, its successor, is a development tool that an installation need not have.
        "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded",
    }
    arguments = ["dagster", "dev", "-h", "127.0.0.1", "-p", str(port), "-w", str(_WORKSPACE)]
    typer.echo(f"Dagster UI: http://127.0.0.1:{port}  (Ctrl-C stops it)")
    with child(arguments, environment=environment) as process:
        _wait(process)


def _wait(process: subprocess.Popen[str]) -> None:
    code = process.wait()
    raise FitError(f"the Dagster UI ended by itself (exit code {code}); its last lines above say why")
