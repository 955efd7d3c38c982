"""One running simulation: world, clock, grants, limits, faults and call counts, shared by the three servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from fit_platform.simulator.changes import (
    DeleteOp,
    EditOp,
    HideOp,
    Op,
    ProfileOp,
    ResetOp,
    RevealOp,
    RevokeOp,
    SplitOp,
)
from fit_platform.simulator.config import Limits, Provider, SimulatorConfig
from fit_platform.simulator.faults import Faults
from fit_platform.simulator.grants import Clock, Grants
from fit_platform.simulator.limits import FitbitLimits, PolarLimits, StravaLimits
from fit_platform.simulator.outbox import Outbox
from fit_platform.simulator.scenario import Scenario
from fit_platform.simulator.world import World
from fit_platform.simulator.world.happenings import Happening, happenings
from fit_platform.simulator.world.history import Change, DayChange, Edit, History


class Simulation:
    """Everything that a request may need to know. `world` is replaced whenever time passes in it or it changes."""

    def __init__(self, config: SimulatorConfig) -> None:
        """Cheap: the world is generated as it is asked for."""
        self.config = config
        self.world = World(config.world, History(churn=config.scenario.churn))
        self.clock = Clock()
        self.grants = Grants(self.clock, config.state_file)
        self.faults = Faults(config.scenario)
        self.polar_limits = PolarLimits()
        self.strava_limits = StravaLimits()
        self.fitbit_limits = FitbitLimits()
        self.calls: Counter[tuple[Provider, str]] = Counter()
        self.changes: list[Happening] = []
        self.listeners: list[Callable[[Happening], None]] = []
        self.rotate_keys: Callable[..., None] = lambda **_: None  # set by the provider that has keys
        self.outbox = Outbox(self.clock, lambda: self.scenario.webhooks, config.scenario.seed)

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

    @property
    def now(self) -> int:
        """The world's now, in epoch seconds: what is not over or not uploaded by then cannot be seen."""
        return self.world.config.now_epoch

    def play(self, scenario: Scenario) -> None:
        """Switch to another scenario; its counts start at zero. The world's now stays where it is."""
        self.faults = Faults(scenario)
        if scenario.churn != self.world.history.churn:
            self.world = self.world.at(self.now, replace(self.world.history, churn=scenario.churn))

    def advance(self, seconds: float) -> None:
        """Move the servers' clock, and the world with it if the scenario says so."""
        self.clock.advance(seconds)
        if self.scenario.world_moves:
            self.move_to(self.now + round(seconds))

    def move_to(self, now: int) -> None:
        """Let the world's time pass (or turn it back), and tell what happened meanwhile."""
        before = self.now
        self.world = self.world.at(now, self.world.history)
        self._tell(happenings(self.world, before, now) if now > before else [])

    def apply(self, op: Op) -> None:
        """Change the world. Raises ValueError for an athlete or a record that is not there."""
        if isinstance(op, ResetOp):
            self.world = self.world.at(self.config.world.now_epoch, History(churn=self.scenario.churn))
            return
        if op.athlete not in self.world.people:
            raise ValueError(f"there is no athlete {op.athlete}; there are {', '.join(self.world.people)}")
        history = self.world.history
        if isinstance(op, RevokeOp):
            self._revoke(op)
        elif isinstance(op, SplitOp):
            self._become(replace(history, split=history.split | {(op.athlete, op.day)}))
        elif isinstance(op, ProfileOp):
            weights = {**dict(history.weights_kg), op.athlete: op.weight_kg}
            self._become(replace(history, weights_kg=tuple(weights.items())))
            for provider in ("polar", "strava"):
                self._tell([Happening(self.now, provider, op.athlete, "profile", "update", self.now, self.now)])
        else:
            self._change(op)

    def _change(self, op: DeleteOp | HideOp | RevealOp | EditOp) -> None:
        history = self.world.history
        at = self.now if op.at is None else int(op.at.timestamp())
        if at < self.now:
            raise ValueError(f"the world has passed {op.at} already")
        if op.record is not None:
            ids = {
                step.record.provider_activity_id
                for activity in self.world.people[op.athlete].planned()
                for planned in activity.records
                if planned.provider == op.provider
                for step in self.world.people[op.athlete].steps(planned)
                if step.record is not None
            }
            known = ids | {change.record_id for change in history.changes}
            if op.record not in known:
                raise ValueError(f"{op.athlete} has no activity {op.record} at {op.provider}")
            edit = Edit()
            if isinstance(op, EditOp):
                edit = Edit(op.title, op.sport, op.distance_factor, op.trim_seconds, op.private)
            change = Change(at, op.op, op.provider, op.record, edit)
            self._become(replace(history, changes=(*history.changes, change)))
        elif op.day is not None:
            if op.op not in ("hide", "reveal"):
                raise ValueError(f"a day cannot be the object of {op.op}")
            hidden = DayChange(at, op.op == "hide", op.provider, op.athlete, op.day)
            self._become(replace(history, days=(*history.days, hidden)))

    def _become(self, history: History) -> None:
        """Take on another history, and tell what it changed at this instant."""
        before = self.world
        self.world = before.at(self.now, history)
        known = set(happenings(before, self.now - 1, self.now))
        self._tell([h for h in happenings(self.world, self.now - 1, self.now) if h not in known])

    def _revoke(self, op: RevokeOp) -> None:
        was_connected = op.athlete in self.grants.granted(op.provider)
        consent = Happening(self.now, op.provider, op.athlete, "consent", "delete", self.now, self.now)
        self._tell([consent] if was_connected else [])
        self.grants.kill_athlete(op.provider, op.athlete)

    def _tell(self, found: list[Happening]) -> None:
        self.changes += found
        for happening in found:
            for listener in self.listeners:
                listener(happening)
