"""dbt as a process that ends with whoever started it: `python -m fit_platform.dbt_process ARGS...` is `dbt ARGS...`.

A run that is killed -9 cannot end its dbt. Left alone, dbt would go on building: beside the next run, and on BigQuery,
where nothing locks it out, over what that one has built. dagster-dbt starts it with no pipe that could serve as a
lifeline (as in `commands/children.py`), so it looks whose child it is.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

PARENT_VARIABLE = "FIT_DBT_PARENT"
"""The process that starts dbt; told, because it may be gone before dbt can look."""
RUN_VARIABLE = "FIT_RUN_ID"
"""The Dagster run that dbt builds for: a label of its jobs on BigQuery."""
RANGES_VARIABLE = "FIT_DAY_RANGES"
"""The days that dbt builds, as JSON; the macro `load_ranges` reads it."""
WAREHOUSE_VARIABLE = "FIT_WAREHOUSE_PATH"
_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 10.0


def command(interpreter: str) -> tuple[str, list[str]]:
    """The executable and its first arguments that stand for `dbt`. `-P`: dbt's folder is no place to import from."""
    return interpreter, ["-P", "-m", __name__]


def hand_on(run_id: str) -> None:
    """Tell a dbt that we start next whose child it is, and for which run it works: it inherits our environment."""
    os.environ[PARENT_VARIABLE] = str(os.getpid())
    os.environ[RUN_VARIABLE] = run_id


def hand_on_days(ranges: str) -> None:
    """Tell a dbt that we start next on which days it works, as JSON; an empty text: on all."""
    if ranges:
        os.environ[RANGES_VARIABLE] = ranges
    else:  # empty is another value than none, and would make dbt parse models again
        os.environ.pop(RANGES_VARIABLE, None)


def _go_to_warehouse() -> None:
    """Name the DuckDB file from its own folder.

    What dbt has parsed serves every call with the same profile; with the file's full path in it, of that one home only.
    """
    path = Path(os.environ.get(WAREHOUSE_VARIABLE, ""))
    if path.is_absolute():
        os.environ[WAREHOUSE_VARIABLE] = path.name
        if path.parent.is_dir():  # before the first build there is none, and parsing opens none
            os.chdir(path.parent)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)  # dbt cancels the statements that it has under way
    time.sleep(_PATIENCE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run dbt."""
    # A shell starts background jobs with SIGINT ignored, which every descendant would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if parent := os.environ.get(PARENT_VARIABLE):
        threading.Thread(target=_end_with, args=(int(parent),), name="lifeline", daemon=True).start()
    _go_to_warehouse()
    from dbt.cli.main import cli

    sys.exit(cli())


if __name__ == "__main__":
    main()
