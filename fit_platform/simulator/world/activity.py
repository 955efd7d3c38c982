"""True activities, and which provider recorded each of them how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fit_platform.simulator.config import Provider
from fit_platform.simulator.world.draw import digest
from fit_platform.simulator.world.night import Span
from fit_platform.simulator.world.sports import SPORTS, Sport

Kind = Literal["watch", "relay", "phone", "manual", "detected", "tracked"]
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Record:
    """One provider's record of a true activity.

    watch: Polar's own. relay: Strava's copy of it. phone: Strava's own recording. manual: typed in at Strava.
    detected, tracked: Fitbit noticed it by itself, or was told to record.
    """

    provider: Provider
    provider_activity_id: str
    kind: Kind
    started_at: int
    ended_at: int
    uploaded_at: int
    distance_factor: float
    has_heart_rate: bool
    polar_exercise_id: str | None = None  # of the recording that a relay copies
    title: str | None = None  # this and the rest: set by an edit
    sport_name: str | None = None
    is_private: bool | None = None
    updated_at: int | None = None

    def sport_of(self, activity: TrueActivity) -> Sport:
        """Under which sport the provider files it."""
        return SPORTS[self.sport_name] if self.sport_name else activity.session.sport


@dataclass(frozen=True, slots=True)
class Session:
    """What the athlete did, before anybody recorded it."""

    key: str
    sport: Sport
    started_at: int
    ended_at: int
    is_trap: bool  # stands beside another session that must not be merged with it

    @property
    def seconds(self) -> int:
        """Length."""
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class TrueActivity:
    """A session with all its records."""

    true_id: str
    athlete_index: int
    session: Session
    records: tuple[Record, ...]

    @property
    def span(self) -> Span:
        """The true interval, stretched over every record of it."""
        return Span(
            min([self.session.started_at, *(r.started_at for r in self.records)]),
            max([self.session.ended_at, *(r.ended_at for r in self.records)]),
        )

    def record_of(self, provider: Provider) -> Record | None:
        """The record of one provider, if it has one."""
        return next((record for record in self.records if record.provider == provider), None)


def record_session(
    session: Session, athlete_index: int, seed: int, *, on_strava: bool, by_hand: bool, rng: np.random.Generator
) -> TrueActivity:
    """Decide who recorded a session and how. Every session is recorded by somebody."""
    identity = digest(seed, athlete_index, session.key)
    sport = session.sport
    records: list[Record] = []
    if session.is_trap or rng.random() < 0.78:
        records.append(_by_watch(session, identity, rng))
    watch = records[0] if records else None
    if on_strava:
        if by_hand:
            records.append(_by_hand(session, athlete_index, identity, rng))
        elif watch is not None and (session.is_trap or rng.random() < 0.82):
            records.append(_relay(watch, athlete_index, identity, rng))
        else:
            records.append(_by_phone(session, athlete_index, identity, rng))
    chance = rng.random()
    if sport.detected and session.seconds >= 25 * 60 and not session.is_trap and chance < 0.6:
        records.append(_by_band(session, identity, rng, slack_s=240, kind="detected"))
    elif not session.is_trap and chance > 0.65:
        records.append(_by_band(session, identity, rng, slack_s=20, kind="tracked"))
    if not records:
        records.append(_by_watch(session, identity, rng))
    return TrueActivity(f"true-{identity:016x}", athlete_index, session, tuple(records))


def _by_watch(session: Session, identity: int, rng: np.random.Generator) -> Record:
    # Some uploads reach Polar half a day late: the watch syncs when its owner opens the phone.
    delay = rng.integers(6, 13) * 3600 if rng.random() < 0.15 else rng.integers(30, 900)
    return Record(
        "polar",
        polar_id(identity),
        "watch",
        session.started_at,
        session.ended_at,
        session.ended_at + int(delay),
        1.0,
        has_heart_rate=True,
    )


def _relay(watch: Record, athlete_index: int, identity: int, rng: np.random.Generator) -> Record:
    uploaded = watch.uploaded_at + int(rng.integers(20, 90))
    return Record(
        "strava",
        strava_id(uploaded, athlete_index, identity),
        "relay",
        watch.started_at,
        watch.ended_at,
        uploaded,
        watch.distance_factor,
        has_heart_rate=True,
        polar_exercise_id=watch.provider_activity_id,
    )


def _by_phone(session: Session, athlete_index: int, identity: int, rng: np.random.Generator) -> Record:
    started = session.started_at + int(rng.integers(3, 110))
    ended = session.ended_at - int(rng.integers(2, 110))
    uploaded = session.ended_at + int(rng.integers(40, 400))
    return Record(
        "strava",
        strava_id(uploaded, athlete_index, identity),
        "phone",
        started,
        ended,
        uploaded,
        float(rng.choice([-1, 1]) * rng.uniform(0.01, 0.03) + 1),
        has_heart_rate=bool(rng.random() < 0.3),
    )


def _by_hand(session: Session, athlete_index: int, identity: int, rng: np.random.Generator) -> Record:
    started = session.started_at // 300 * 300
    ended = started + max(300, round(session.seconds / 300) * 300)
    uploaded = max(session.ended_at, ended) + int(rng.integers(1, 20)) * 3600
    return Record(
        "strava",
        strava_id(uploaded, athlete_index, identity),
        "manual",
        started,
        ended,
        uploaded,
        float(rng.uniform(0.97, 1.03)),
        has_heart_rate=False,
    )


def _by_band(
    session: Session, identity: int, rng: np.random.Generator, *, slack_s: int, kind: Literal["detected", "tracked"]
) -> Record:
    started = session.started_at + int(rng.integers(-slack_s, slack_s + 1))
    ended = session.ended_at + int(rng.integers(-slack_s, slack_s + 1))
    return Record(
        "fitbit",
        str(identity >> 3),
        kind,
        started,
        ended,
        ended + int(rng.integers(900, 7200)),
        float(rng.uniform(0.93, 1.07)),
        has_heart_rate=True,
    )


def polar_id(identity: int) -> str:
    """A hashed exercise id, as Polar's."""
    letters = []
    for _ in range(8):
        identity, rest = divmod(identity, 62)
        letters.append(_BASE62[rest])
    return "".join(letters)


def strava_id(uploaded_at: int, athlete_index: int, identity: int) -> str:
    """An int64 that grows with the upload time, as Strava's."""
    return str(10_000_000_000 + (uploaded_at - 1_500_000_000) * 64 + athlete_index * 4 + identity % 4)
