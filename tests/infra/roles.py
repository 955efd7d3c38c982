"""What the image offers and asks for, read from its entry point, its Dockerfile and Dagster's configuration."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"


def arguments_of_entrypoint() -> set[str]:
    """The roles that `infra/entrypoint.sh` knows."""
    text = (INFRA / "entrypoint.sh").read_text()
    return set(re.findall(r"^  ([a-z-]+)\)$", text, re.MULTILINE))


def environment_names() -> set[str]:
    """The DAGSTER_ variables that the entry point and the two instances read."""
    files = [INFRA / "entrypoint.sh", *INFRA.glob("dagster/*/*.yaml")]
    return {name for file in files for name in re.findall(r"\bDAGSTER_[A-Z_]+\b", file.read_text())}
