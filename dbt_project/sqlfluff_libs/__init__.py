"""Stand-ins for what dbt gives a model, for sqlfluff, which renders the models without dbt."""

from __future__ import annotations

from pathlib import Path

import yaml

_VARS = yaml.safe_load((Path(__file__).parent.parent / "dbt_project.yml").read_text())["vars"]


def var(name: str, default: object = "item") -> object:
    """The variable as dbt_project.yml has it; one that is null there stands for anything."""
    value = _VARS.get(name)
    return default if value is None else value


def env_var(_name: str, default: str = "") -> str:
    """Nothing is set."""
    return default
