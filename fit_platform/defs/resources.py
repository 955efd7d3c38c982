"""Dagster resources: the rooms of the house, opened once a process, and dbt."""

import os
import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource
from packaging.version import Version
from pydantic import PrivateAttr

from fit_platform import dbt_process, run_tags
from fit_platform.dbt import DBT_DIR, dbt_environment, dbt_target
from fit_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime


class Platform(dg.ConfigurableResource):
    """Landing zone, warehouse, accounts and provider clients, as the settings name them."""

    _run_id: str | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Note which process executes the run: if it is killed, that is how the next one knows."""
        self._run_id = context.run.run_id if context.run is not None else None
        if context.run is not None and context.instance is not None and run_tags.PID not in context.run.tags:
            context.instance.add_run_tags(context.run.run_id, {run_tags.PID: str(os.getpid())})

    @cached_property
    def runtime(self) -> "Runtime":
        """The rooms. Opened, and imported, on first use, so that loading the definitions touches nothing."""
        from fit_platform.runtime import Runtime

        return Runtime(load_settings(), run_id=self._run_id)


class QuickDbtCliResource(DbtCliResource):
    """dbt's command line: it ends with us, and without two look-ups that cost 3 to 5 s a call and that nobody needs.

    Before each call the base class runs `dbt --version`, which asks the package index for news, and opens an adapter in
    this process for row counts, which on DuckDB would lock out the dbt process itself.
    """

    def cli(
        self,
        args: Sequence[str],
        *,
        context: dg.OpExecutionContext | dg.AssetExecutionContext | None = None,
        **options: Any,
    ) -> DbtCliInvocation:
        """Start dbt, which is told whose child it is and for which run it works."""
        dbt_process.hand_on(context.run.run_id if context is not None else "")
        return super().cli(args, context=context, **options)

    @cached_property
    def _cli_version(self) -> Version:
        return Version(installed_version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def resources(settings: Settings) -> dict[str, Any]:
    """Every resource, by the name that assets ask for."""
    dbt_environment(settings)
    executable, first_arguments = dbt_process.command(sys.executable)
    return {
        "platform": Platform(),
        "dbt": QuickDbtCliResource(
            project_dir=str(DBT_DIR),
            profiles_dir=str(DBT_DIR),
            target=dbt_target(settings),
            dbt_executable=executable,
            global_config_flags=first_arguments,
        ),
    }


def executor(settings: Settings) -> dg.ExecutorDefinition:
    """In this process on a laptop (four trivial steps: 0.7 s against 15 s in processes of their own)."""
    return dg.in_process_executor if settings.target == "local" else dg.multiprocess_executor
