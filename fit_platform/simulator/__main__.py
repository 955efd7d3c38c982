"""`python -m fit_platform.simulator`: serve the three providers and say where, in one line of JSON."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from fit_platform.simulator.config import SimulatorConfig, WorldConfig
from fit_platform.simulator.scenario import Scenario, load_scenario
from fit_platform.simulator.server import environment, listen, server_for, url_of


def main() -> None:
    """Parse the command line, bind, print `{"base_url": ..., "environment": ...}`, serve until interrupted."""
    defaults = WorldConfig()
    parser = argparse.ArgumentParser(prog="python -m fit_platform.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--days", type=int, default=defaults.days)
    parser.add_argument("--end", type=date.fromisoformat, default=defaults.end, help="last full UTC day")
    parser.add_argument("--now", type=datetime.fromisoformat, help="frozen instant of the world (default: end + 30 h)")
    parser.add_argument("--athletes", type=int, default=defaults.athletes)
    parser.add_argument("--scenario", type=Path, metavar="F", help="faults, as YAML or JSON")
    parser.add_argument("--state-file", type=Path, metavar="F", help="keeps grants over a restart")
    asked = parser.parse_args()
    now = asked.now.replace(tzinfo=UTC) if asked.now is not None and asked.now.tzinfo is None else asked.now
    try:
        config = SimulatorConfig(
            world=WorldConfig(seed=asked.seed, days=asked.days, end=asked.end, athletes=asked.athletes, now=now),
            scenario=load_scenario(asked.scenario) if asked.scenario else Scenario(),
            state_file=asked.state_file,
        )
    except ValueError as error:
        parser.error(str(error))
    with listen(asked.host, asked.port) as listener:
        server = server_for(config)
        base_url = url_of(listener)
        sys.stdout.write(json.dumps({"base_url": base_url, "environment": environment(base_url, config)}) + "\n")
        sys.stdout.flush()
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
