"""The simulator's own world as a stratum of the matching benchmark: its truth, its records, its bands."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from fit_platform.simulator.config import WorldConfig
from fit_platform.simulator.world import Person, World
from fit_platform.simulator.world.activity import Record as TrueRecord
from fit_platform.simulator.world.activity import TrueActivity
from fit_platform.simulator.world.clock import day_start, utc_day
from tests.bench.matching_world import STEP_S, Floats, Record, Scene, Session

STRATUM = "simulated_world"


class SimulatedScene(Scene):
    """One person of the simulator's world."""

    def __init__(self, person: Person) -> None:
        """All of the person's visible activities."""
        super().__init__(STRATUM, f"world-{person.athlete.athlete_id}", person.config.begin, np.random.default_rng(0))
        self._person = person
        for activity in person.activities:
            session = Session(
                activity.true_id,
                activity.session.sport,
                activity.session.started_at,
                activity.session.seconds,
                activity.session.is_trap,
            )
            self.sessions.append(session)
            self.records += [self._recorded(session, activity, record) for record in activity.records]

    def _recorded(self, session: Session, activity: TrueActivity, record: TrueRecord) -> Record:
        sport, kind = session.sport, record.kind
        seconds = record.ended_at - record.started_at
        has_gps = sport.has_gps and kind not in ("manual", "detected")
        bpm: Floats | None = None
        if record.has_heart_rate:
            served = self._person.devices.recorded_heart_rate(activity, record)[::STEP_S]
            bpm = np.where(served > 0, served, np.nan).astype(float)
        row = {
            "distance_m": sport.speed_mps * session.seconds * record.distance_factor or None,
            "has_gps": has_gps,
            "avg_hr_bpm": float(np.nanmean(bpm)) if bpm is not None else None,
            "max_hr_bpm": float(np.nanmax(bpm)) if bpm is not None else None,
        }
        if record.provider == "strava":
            row |= {"is_manual": kind == "manual"}
            row |= {"external_id": f"{record.polar_exercise_id}.fit"} if kind == "relay" else {}
        if kind == "detected":
            row |= {"recording_method": "PASSIVELY_MEASURED", "sport": sport.detected or sport.fitbit}
        return Record(
            self.athlete, record.provider, record.provider_activity_id, session, record.started_at, seconds, "same",
            bpm, row, distance_factor=record.distance_factor,
        )  # fmt: skip

    def band_feed(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """The band's samples on the days of its exercises."""
        days = {utc_day(record.started + part) for record in self.records for part in (0, record.seconds)}
        days |= {day + timedelta(days=1) for day in days}
        seconds, bpm = [np.zeros(0, np.int64)], [np.zeros(0)]
        for day in sorted(days):
            feed = self._person.devices.band_samples(day)
            seconds.append(feed.second_of_day + day_start(day) - self.begin)
            bpm.append(feed.bpm.astype(float))
        return np.concatenate(seconds), np.concatenate(bpm)


def simulated(seed: int, days: int, athletes: int) -> list[Scene]:
    """The world of a seed."""
    world = World(WorldConfig(seed=seed, days=days, athletes=athletes))
    return [SimulatedScene(person) for person in world.people.values()]
