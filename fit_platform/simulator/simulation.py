"""One running simulation: world, clock, grants, limits, faults and call counts, shared by the three servers."""

from __future__ import annotations

from collections import Counter

from fit_platform.simulator.config import Limits, Provider, Scenario, SimulatorConfig
from fit_platform.simulator.faults import Faults
from fit_platform.simulator.grants import Clock, Grants
from fit_platform.simulator.limits import FitbitLimits, PolarLimits, StravaLimits
from fit_platform.simulator.world import World


class Simulation:
    """Everything that a request may need to know."""

    def __init__(self, config: SimulatorConfig) -> None:
        """Cheap: the world is generated as it is asked for."""
        self.config = config
        self.world = World(config.world)
        self.clock = Clock()
        self.grants = Grants(self.clock, config.state_file)
        self.faults = Faults(config.scenario)
        self.polar_limits = PolarLimits()
        self.strava_limits = StravaLimits()
        self.fitbit_limits = FitbitLimits()
        self.calls: Counter[tuple[Provider, str]] = Counter()

    @property
    def scenario(self) -> Scenario:
        """The scenario that holds now."""
        return self.faults.scenario

    @property
    def limits(self) -> Limits:
        """The limits that hold now: the scenario's, else the simulation's."""
        return self.scenario.limits or self.config.limits

    @property
    def polar_window_days(self) -> int | None:
        """How far back Polar's lists reach; None: the whole world."""
        return self.scenario.polar_window_days or self.config.polar_window_days

    def play(self, scenario: Scenario) -> None:
        """Switch to another scenario; its counts start at zero."""
        self.faults = Faults(scenario)
