"""The three providers as local HTTP servers over one generated true world.

To try, to demo and to test without any account. It shares no code with the clients in `fit_platform.providers`, so
that the two cannot agree by accident.
"""

from fit_platform.simulator.config import Limits, SimulatorConfig, WorldConfig
from fit_platform.simulator.scenario import Poison, Scenario, StravaQuirks, load_scenario
from fit_platform.simulator.server import build_app, environment, running, serve
from fit_platform.simulator.world import World

__all__ = [
    "Limits",
    "Poison",
    "Scenario",
    "SimulatorConfig",
    "StravaQuirks",
    "World",
    "WorldConfig",
    "build_app",
    "environment",
    "load_scenario",
    "running",
    "serve",
]
