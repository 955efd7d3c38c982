"""How long the definitions take to load, against a bare `import dagster, dagster_dbt` in the same run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

BARE = "import dagster, dagster_dbt"
OURS = "from fit_platform.definitions import defs; defs()"
RUNS = 7


def seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
    return time.perf_counter() - started


def main() -> None:
    seconds(OURS)  # the manifest is current, the file cache warm
    pairs = [(seconds(BARE), seconds(OURS)) for _ in range(RUNS)]
    table = Table(title=f"loading the definitions, {RUNS} paired runs, seconds")
    for column in ("", "min", "median", "max"):
        table.add_column(column, justify="right" if column else "left")
    rows = {
        BARE: [bare for bare, _ in pairs],
        "fit_platform.definitions": [ours for _, ours in pairs],
        "ratio (bar: 1.50)": [ours / bare for bare, ours in pairs],
    }
    for name, values in rows.items():
        table.add_row(name, *(f"{f(values):.2f}" for f in (min, statistics.median, max)))
    Console().print(table)


if __name__ == "__main__":
    main()
