"""The strata of the matching benchmark: every edge case that we know, as random scenes from a seed.

A stratum is a function that fills a scene. Where a session has no record that could know its true length,
`counted_seconds` says what a perfect matcher would count.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from tests.bench.matching_world import (
    FIRST_SCENE,
    HOUR,
    SCENE_S,
    STEP_S,
    Body,
    Provider,
    Record,
    Scene,
    Session,
    hash_of,
)

Stratum = Callable[[Scene], None]
STRATA: dict[str, Stratum] = {}
TRAPS: set[str] = set()
UNDECIDABLE: set[str] = set()  # nothing in the records tells what is true: shown, and not in the bars
OUTDOOR = ("run", "trail_run", "ride", "walk", "hike")
ANY = (*OUTDOOR, "swim", "strength", "treadmill_run", "yoga", "virtual_ride")
OTHERS: tuple[Provider, ...] = ("strava", "fitbit")
ALIKE_BPM = 12  # two hearts that differ less on the mean of a session; two sensors of one heart differ by up to as much


def stratum(*, trap: bool = False, undecidable: bool = False) -> Callable[[Stratum], Stratum]:
    """Register a stratum under its function's name."""

    def register(fill: Stratum) -> Stratum:
        STRATA[fill.__name__] = fill
        if trap:
            TRAPS.add(fill.__name__)
        if undecidable:
            UNDECIDABLE.add(fill.__name__)
        return fill

    return register


def scenes(seed: int, per_stratum: int, only: str | None = None) -> list[Scene]:
    """Every stratum `per_stratum` times. Each stratum has an athlete of its own, each scene its own days."""
    made = []
    for name, fill in STRATA.items():
        if only and only != name:
            continue
        for number in range(per_stratum):
            rng = np.random.default_rng(hash_of(seed, name, number))
            offset = int(rng.choice([-18000, 0, 3600, 7200, 19800, 20700, 36000]))
            begin = FIRST_SCENE + number * SCENE_S
            scene = Scene(name, name, begin, rng, offset, bool(rng.random() < 0.75), bool(rng.random() < 0.8))
            if rng.random() < 0.4:  # ordinary life around the case
                everyday(scene, day=1, hour=5.2)
            fill(scene)
            if rng.random() < 0.4:
                everyday(scene, day=3, hour=17)
            made.append(scene)
    return made


def pick(scene: Scene, *names: str) -> str:
    """One of them."""
    return str(scene.rng.choice(names))


def minutes(scene: Scene, low: float, high: float) -> float:
    """A length."""
    return float(scene.rng.uniform(low, high))


def s(scene: Scene, low: float, high: float) -> int:
    """So many seconds, given in minutes."""
    return int(scene.rng.uniform(low * 60, high * 60))


def everyday(scene: Scene, day: int, hour: float) -> None:
    """An ordinary session, with whichever records."""
    session = scene.session(pick(scene, *ANY), scene.at(day, hour), minutes(scene, 25, 75))
    watch = scene.record(session, "polar")
    if scene.rng.random() < 0.6:
        scene.record(session, "strava", copy_of=watch, external_id=f"{watch.record_id}.fit")


def main_session(scene: Scene, *sports: str, low: float = 28, high: float = 100) -> Session:
    """The session that the stratum is about."""
    return scene.session(
        pick(scene, *(sports or ANY)), scene.at(2, scene.rng.uniform(7, 18)), minutes(scene, low, high)
    )


def relay(scene: Scene, watch: Record, **row: object) -> Record:
    """Strava's copy of the watch's file, without a name that would prove it."""
    return scene.record(watch.session, "strava", copy_of=watch, external_id="garmin_push_1", **row)  # type: ignore[arg-type]


# --- copies


@stratum()
def identical_relay(scene: Scene) -> None:
    """The file's name proves it."""
    watch = scene.record(main_session(scene), "polar")
    name = pick(scene, f"{watch.record_id}.fit", f"polar-{watch.record_id}.fit", f"{watch.record_id}.tcx.gz")
    scene.record(watch.session, "strava", copy_of=watch, external_id=name)


@stratum()
def unnamed_relay(scene: Scene) -> None:
    """Same samples, no name."""
    relay(scene, scene.record(main_session(scene), "polar"))


@stratum()
def trimmed_copy(scene: Scene) -> None:
    """Cropped at Strava, at either end."""
    watch = scene.record(main_session(scene), "polar")
    cut = 0.3 * watch.seconds / 60
    scene.record(watch.session, "strava", copy_of=watch, late=s(scene, 0, cut), early=s(scene, 0, cut))


@stratum()
def privacy_circles(scene: Scene) -> None:
    """Hidden ends: shorter in time and distance."""
    session = main_session(scene, "run", "ride", "walk")
    watch = scene.record(session, "polar")
    hidden = int(scene.rng.uniform(200, 800) / session.sport.speed_mps)
    scene.record(session, "strava", copy_of=watch, late=hidden, early=hidden)


@stratum()
def auto_pause(scene: Scene) -> None:
    """One provider stops its clock at red lights: its record ends earlier, as far."""
    session = main_session(scene, *OUTDOOR)
    paused = int(session.seconds * scene.rng.uniform(0.03, 0.35))
    scene.record(session, "strava", moving_seconds=float(session.seconds - paused))
    scene.record(session, "polar", paused=paused)


@stratum()
def uploaded_again(scene: Scene) -> None:
    """A new id at Strava; the old one is gone, or still there."""
    watch = scene.record(main_session(scene), "polar")
    first = scene.record(watch.session, "strava", copy_of=watch, external_id=f"{watch.record_id}.fit")
    if scene.rng.random() < 0.5:
        first.is_deleted = True
        relay(scene, watch)
    else:
        relay(scene, watch).relation = "part_of"


@stratum()
def edited_after_merge(scene: Scene) -> None:
    """Title, distance and sport were changed by hand; a sport that was wrong leaves the distance alone."""
    session = main_session(scene, *OUTDOOR)
    watch = scene.record(session, "polar")
    word = pick(scene, "Workout", session.sport.strava[1], "RockClimbing")
    distance = None if word == "RockClimbing" else float(scene.rng.uniform(0.8, 1.2))
    scene.record(session, "strava", copy_of=watch, distance=distance, sport=word, title="Edited")


@stratum()
def cropped_and_uploaded_again(scene: Scene) -> None:
    """Two uploads of one named file, one of them cropped."""
    watch = scene.record(main_session(scene), "polar")
    for cut, relation in ((0.0, "same"), (float(scene.rng.uniform(0.02, 0.3)) * watch.seconds / 60, "part_of")):
        name, early = f"{watch.record_id}.fit", s(scene, 0, cut)
        scene.record(watch.session, "strava", copy_of=watch, early=early, external_id=name, relation=relation)  # type: ignore[arg-type]


@stratum()
def typed_in(scene: Scene) -> None:
    """By hand, to the nearest five minutes, with no heart rate; recorded elsewhere."""
    session = main_session(scene)
    started = (session.started + s(scene, -8, 8)) // 300 * 300
    length = max(600, round(session.seconds / 300) * 300)
    late = started - session.started
    scene.record(session, pick(scene, "polar", "fitbit"))  # type: ignore[arg-type]
    scene.record(session, "strava", late=late, early=session.seconds - late - length, heart=False, gps=False,
                 distance=scene.rng.uniform(0.9, 1.1), is_manual=True)  # fmt: skip


# --- late or partial


@stratum()
def started_late(scene: Scene) -> None:
    """Watch at the start, phone some minutes on."""
    session = main_session(scene)
    scene.record(session, "polar")
    scene.record(
        session, "strava", late=s(scene, 2, min(20, session.seconds / 180)), heart=bool(scene.rng.random() < 0.5)
    )


@stratum()
def detected(scene: Scene) -> None:
    """The band noticed by itself: minutes late or early, sometimes much shorter."""
    session = main_session(scene, "run", "walk", "ride", "hike", "trail_run")
    # Sports that bands have no word for are walks to them.
    elsewhere = pick(scene, "GOLF", "SNOWSHOE_TREKKING") if session.sport.name == "hike" else session.sport.polar[1]
    scene.record(session, "polar", sport=elsewhere)
    word = session.sport.detected or "SPORT"
    how = {"recording_method": "PASSIVELY_MEASURED", "sport": pick(scene, word, word, "WALKING", "SPORT")}
    if scene.rng.random() < 0.5:
        scene.record(session, "fitbit", late=s(scene, -4, 6), early=s(scene, -4, 6), gps=False, **how)
    else:
        late, early = (int(session.seconds * scene.rng.uniform(0.1, 0.35)) for _ in range(2))
        scene.record(session, "fitbit", late=late, early=early, relation="part_of", gps=False, **how)


def _split(scene: Scene, provider: Provider, whole: Provider, pieces: int) -> None:
    session = main_session(scene, low=60, high=150)
    full = scene.record(session, whole)
    edges = [
        0,
        *(int(session.seconds * (n + scene.rng.uniform(-0.15, 0.15)) / pieces) for n in range(1, pieces)),
        session.seconds,
    ]
    for start, end in pairwise(edges):
        gap = s(scene, 0, 2) if start else 0
        scene.record(session, provider, late=start + gap, early=session.seconds - end, relation="part_of",
                     copy_of=full if scene.rng.random() < 0.5 else None)  # fmt: skip


@stratum()
def split_in_two(scene: Scene) -> None:
    """Whole at one, two pieces at the other."""
    one, other = ("strava", "polar") if scene.rng.random() < 0.5 else ("polar", "strava")
    _split(scene, one, other, 2)  # type: ignore[arg-type]


@stratum()
def split_in_three(scene: Scene) -> None:
    """Three pieces."""
    one, other = ("strava", "polar") if scene.rng.random() < 0.5 else ("polar", "strava")
    _split(scene, one, other, 3)  # type: ignore[arg-type]


@stratum()
def battery_died(scene: Scene) -> None:
    """The watch stopped on the way; the phone did not."""
    session = main_session(scene, *OUTDOOR, low=50, high=150)
    scene.record(session, "polar", early=int(session.seconds * scene.rng.uniform(0.15, 0.7)), relation="part_of")
    scene.record(session, "strava", heart=bool(scene.rng.random() < 0.5))


@stratum()
def left_running(scene: Scene) -> None:
    """Nobody pressed stop, for an hour or five."""
    session = main_session(scene, *OUTDOOR, low=30, high=70)
    scene.record(session, "polar", early=-int(session.seconds * scene.rng.uniform(0.4, 4)), relation="part_of")
    scene.record(session, "strava", heart=bool(scene.rng.random() < 0.5))


@stratum()
def late_bridge(scene: Scene) -> None:
    """Two records that do not touch, and a third, uploaded last, that spans both."""
    session = main_session(scene, *OUTDOOR, low=60, high=120)
    half = session.seconds // 2
    scene.record(session, "strava", early=half + s(scene, 1, 4), relation="part_of")
    scene.record(session, "fitbit", late=half + s(scene, 1, 4), relation="part_of")
    scene.record(session, "polar")


@stratum()
def zero_length(scene: Scene) -> None:
    """Started and stopped at once, then recorded properly."""
    session = main_session(scene)
    scene.record(session, "polar", late=20, early=session.seconds - 20, relation="part_of", heart=False)
    scene.record(session, "polar", late=60)
    scene.record(session, "strava", heart=False)


@stratum()
def over_a_day(scene: Scene) -> None:
    """An ultra of 25 to 40 hours."""
    session = scene.session(pick(scene, "hike", "trail_run", "ride"), scene.at(1, 8), minutes(scene, 1500, 2400))
    scene.record(session, "polar")
    scene.record(session, "strava", late=s(scene, 0, 10), early=s(scene, 0, 60), heart=False)


# --- sport labels


@stratum()
def generic_sport(scene: Scene) -> None:
    """One of them only says workout."""
    session = main_session(scene)
    scene.record(session, "polar", **({"sport": "OTHER"} if scene.rng.random() < 0.5 else {}))
    scene.record(session, "strava", late=s(scene, -1, 2), early=s(scene, -1, 2), sport="Workout", heart=False)
    if scene.rng.random() < 0.5:
        scene.record(session, "fitbit", late=s(scene, -2, 3), early=s(scene, -2, 3), sport="WORKOUT", gps=False)


@stratum()
def virtual_ride(scene: Scene) -> None:
    """VirtualRide, Ride, indoor cycling, spinning."""
    session = main_session(scene, "virtual_ride")
    scene.record(session, "polar", sport=pick(scene, "INDOOR_CYCLING", "CYCLING"), distance=0.0)
    scene.record(session, "strava", sport=pick(scene, "VirtualRide", "Ride"), late=s(scene, 0, 2))
    scene.record(session, "fitbit", sport=pick(scene, "SPINNING", "BIKING"), late=s(scene, -1, 1))


@stratum()
def walk_hike_treadmill(scene: Scene) -> None:
    """Three words for one walk."""
    session = main_session(scene, "walk", "hike", low=28, high=120)
    scene.record(session, "polar", sport=pick(scene, "WALKING", "HIKING", "TREADMILL_RUNNING"))
    scene.record(session, "strava", sport=pick(scene, "Walk", "Hike"), late=s(scene, 0, 2), heart=False)
    scene.record(
        session, "fitbit", sport=pick(scene, "WALKING", "HIKING", "TREADMILL"), late=s(scene, -2, 2), gps=False
    )


@stratum()
def multisport(scene: Scene) -> None:
    """A parent with its legs, at one provider or two, and sometimes a transition."""
    other: Provider = "strava" if scene.rng.random() < 0.5 else "polar"
    words = {"Swim": "Swim", "Ride": "Ride", "Run": "Run"}
    if other == "polar":
        words = {"Swim": "SWIMMING", "Ride": "CYCLING", "Run": "RUNNING"}
    started = scene.at(2, 8)
    session = scene.session("swim", started, minutes(scene, 100, 170))
    scene.record(session, "polar", sport="TRIATHLON")
    swim, ride = session.seconds // 5, session.seconds // 2
    pause = s(scene, 1, 4)
    for sport, late, end in (
        ("Swim", 0, swim),
        ("Ride", swim + pause, swim + pause + ride),
        ("Run", swim + 2 * pause + ride, session.seconds),
    ):
        scene.record(session, other, late=late, early=session.seconds - end, sport=words[sport], relation="part_of")
    if other == "polar":
        scene.record(session, "polar", late=swim, early=session.seconds - swim - pause, sport="OTHER",
                     relation="part_of", heart=False)  # fmt: skip


@stratum()
def hidden_start(scene: Scene) -> None:
    """Strava shows one second past midnight instead of the start."""
    session = main_session(scene, *OUTDOOR)
    watch = scene.record(session, "polar")
    midnight = session.started // 86400 * 86400 + 1
    name = f"{watch.record_id}.fit" if scene.rng.random() < 0.5 else None
    scene.record(session, "strava", copy_of=watch, clock=midnight - session.started, relation="shifted_copy",
                 is_start_hidden=True, external_id=name)  # fmt: skip


@stratum()
def mirrored(scene: Scene) -> None:
    """Another app wrote its copy into Google Health."""
    session = main_session(scene)
    watch = scene.record(session, "polar")
    if scene.rng.random() < 0.5:
        scene.record(session, "fitbit", late=s(scene, 0, 3), early=s(scene, 0, 3))
        scene.record(session, "fitbit", copy_of=watch, platform="HEALTH_CONNECT", relation="part_of")
    else:
        scene.record(session, "fitbit", copy_of=watch, platform="HEALTH_CONNECT")


# --- sensors


@stratum()
def treadmill(scene: Scene) -> None:
    """Two foot pods that disagree by 15 %."""
    session = main_session(scene, "treadmill_run")
    scene.record(session, "polar", distance=scene.rng.uniform(0.85, 1.15))
    scene.record(session, "strava", distance=scene.rng.uniform(0.85, 1.15), late=s(scene, 0, 2), early=s(scene, 0, 2))


@stratum()
def indoors(scene: Scene) -> None:
    """No GPS, no distance."""
    session = main_session(scene, "strength", "yoga", "virtual_ride")
    scene.record(session, "polar", late=s(scene, 0, 3))
    scene.record(session, "fitbit", early=s(scene, 0, 3))


@stratum()
def heart_only_and_gps_only(scene: Scene) -> None:
    """A strap without a track, a phone without a pulse."""
    session = main_session(scene, *OUTDOOR)
    scene.record(session, "polar", gps=False, distance=0.0, late=s(scene, 0, 4))
    scene.record(session, "strava", heart=False, early=s(scene, 0, 4))


@stratum()
def pool_swim(scene: Scene) -> None:
    """Lengths counted differently."""
    session = main_session(scene, "swim", low=28, high=60)
    scene.record(session, "polar", distance=scene.rng.uniform(0.9, 1.1))
    scene.record(session, "strava", distance=scene.rng.uniform(0.9, 1.1), late=s(scene, 0, 2), heart=False)


# --- time


@stratum()
def clock_off(scene: Scene) -> None:
    """One device's clock is 1 to 10 minutes wrong."""
    session = main_session(scene)
    wrong = int(scene.rng.choice([-1, 1])) * s(scene, 1, 10)
    scene.record(session, "polar", clock=wrong, relation="shifted_copy")
    scene.record(session, "strava", late=s(scene, 0, 1), early=s(scene, 0, 1), heart=bool(scene.rng.random() < 0.7))


def _shifted(scene: Scene, shift: int) -> None:
    """A file under a wrong zone: as a relay, or by another device with a pulse of its own."""
    session = main_session(scene, *OUTDOOR, "treadmill_run")
    watch = scene.record(session, "polar")
    if not scene.has_samples or scene.rng.random() < 0.6:
        scene.record(session, "strava", copy_of=watch, clock=shift, relation="shifted_copy")
    else:
        scene.record(
            session, "strava", late=s(scene, 0, 0.5), early=s(scene, 0, 0.5), clock=shift, relation="shifted_copy"
        )


@stratum()
def local_time_as_utc(scene: Scene) -> None:
    """The whole offset of the zone."""
    _shifted(scene, scene.offset_s or 3600)


@stratum()
def two_hours_off(scene: Scene) -> None:
    """Summer time of another country."""
    _shifted(scene, int(scene.rng.choice([-2, 2])) * HOUR)


@stratum()
def quarter_hour_zone(scene: Scene) -> None:
    """Nepal, and others that are not whole hours."""
    _shifted(scene, int(scene.rng.choice([20700, 19800, 34200, -12600])))


@stratum()
def dst_night(scene: Scene) -> None:
    """An hour repeated or missing between two providers."""
    _shifted(scene, int(scene.rng.choice([-1, 1])) * HOUR)


@stratum()
def flight(scene: Scene) -> None:
    """Landed 5 to 9 hours west; one device still at home."""
    _shifted(scene, int(scene.rng.choice([5, 6, 7, 8, 9])) * HOUR)


# --- traps: these must stay apart


@stratum(trap=True)
def warm_up_before_strength(scene: Scene) -> None:
    """Eleven minutes on the treadmill, then weights."""
    warm_up = scene.session("treadmill_run", scene.at(2, 17), minutes(scene, 8, 14), is_trap=True)
    strength = scene.session("strength", warm_up.ended + s(scene, 0.5, 4), minutes(scene, 30, 55), is_trap=True)
    scene.record(warm_up, "polar")
    scene.record(strength, "strava", late=-s(scene, 0, 1), sport=pick(scene, "WeightTraining", "Workout"), heart=False)
    if scene.rng.random() < 0.5:
        scene.record(strength, "polar")


def _spanning(scene: Scene, first: Session, last: Session, **row: object) -> None:
    """The band's record from before one session to after another."""
    record = scene.record(
        last, "fitbit", late=first.started - last.started - s(scene, 0, 3), early=-s(scene, 0, 5), gps=False, **row  # type: ignore[arg-type]
    )  # fmt: skip
    record.is_spanning = True


@stratum(trap=True)
def warm_up_and_strength_under_one(scene: Scene) -> None:
    """Treadmill, then weights; the band has one record over both, started by hand or noticed."""
    warm_up = scene.session("treadmill_run", scene.at(2, 17), minutes(scene, 10, 25), is_trap=True)
    strength = scene.session("strength", warm_up.ended + s(scene, 1, 8), minutes(scene, 25, 70), is_trap=True)
    providers: tuple[Provider, ...] = ("polar", "polar", "strava")
    for session in (warm_up, strength):
        scene.record(session, providers[int(scene.rng.integers(0, 3))])
    how = "PASSIVELY_MEASURED" if scene.rng.random() < 0.5 else "ACTIVELY_MEASURED"
    word = pick(scene, "WORKOUT", "WORKOUT", "RUNNING") if how == "PASSIVELY_MEASURED" else "WORKOUT"
    _spanning(scene, warm_up, strength, recording_method=how, sport=word)


@stratum(trap=True)
def repeats_under_one(scene: Scene) -> None:
    """Two or three runs with a break between them, and the band noticed one."""
    sport, provider = pick(scene, "run", "walk", "ride"), pick(scene, "polar", "strava")
    runs = [scene.session(sport, scene.at(2, 16), minutes(scene, 14, 40), is_trap=True)]
    for _ in range(int(scene.rng.integers(1, 3))):
        runs.append(scene.session(sport, runs[-1].ended + s(scene, 4, 15), minutes(scene, 14, 40), is_trap=True))
    for run in runs:
        watch = scene.record(run, provider)  # type: ignore[arg-type]
        if provider == "polar" and scene.rng.random() < 0.3:
            relay(scene, watch)
    word = pick(scene, runs[0].sport.detected or "SPORT", "SPORT")
    _spanning(scene, runs[0], runs[-1], recording_method="PASSIVELY_MEASURED", sport=word)


@stratum(trap=True)
def typed_in_around_a_recording(scene: Scene) -> None:
    """An hour of something typed in; the watch has the treadmill in the middle of it."""
    began = scene.begin + 2 * 86400 + int(scene.rng.integers(6, 12)) * HOUR
    workout = scene.session(pick(scene, "strength", "yoga"), began, 60, is_trap=True)
    workout.seconds = HOUR
    warm_up = scene.session("treadmill_run", began + s(scene, 1, 5), minutes(scene, 10, 16), is_trap=True)
    scene.record(workout, "strava", heart=False, gps=False, is_manual=True, sport="Workout")
    scene.record(warm_up, pick(scene, "polar", "fitbit"))  # type: ignore[arg-type]


@stratum(trap=True)
def not_stopped_before_the_next(scene: Scene) -> None:
    """The watch of a run goes on for a while; the phone has the walk after it, as long as the watch's record."""
    run = scene.session("run", scene.at(2, 16), minutes(scene, 30, 50), is_trap=True)
    walk = scene.session("walk", run.ended + s(scene, 0.5, 2), minutes(scene, 40, 70), is_trap=True)
    run.seconds = walk.seconds = walk.started - run.started + int(walk.seconds * scene.rng.uniform(0.3, 0.4))
    scene.record(run, "polar")
    scene.record(walk, "strava")


@stratum(trap=True)
def same_workout_another_time(scene: Scene) -> None:
    """One plan, done twice whole hours apart, on another device each time."""
    sport = pick(scene, "treadmill_run", "virtual_ride", "run", "ride")
    first = scene.session(sport, scene.at(2, 7), minutes(scene, 30, 60), is_trap=True)
    hours = int(scene.rng.integers(2, 12))
    second = scene.session(sport, first.started + hours * HOUR, 1, is_trap=True, beside=first, seconds=first.seconds)
    scene.record(first, "polar")
    scene.record(second, "strava", late=s(scene, 0, 0.5), early=s(scene, 0, 0.5))


@stratum(trap=True)
def repeats(scene: Scene) -> None:
    """The same course again, right after, or a quarter of an hour on the dot later."""
    length = minutes(scene, 12, 40)
    first = scene.session(pick(scene, "run", "ride", "walk"), scene.at(2, 16), length, is_trap=True)
    gap = s(scene, 1, 12)
    if scene.rng.random() < 0.5:
        gap += -(first.seconds + gap) % 900
    second = scene.session(first.sport.name, first.ended + gap, length, is_trap=True)
    for session in (first, second):
        providers: tuple[Provider, ...] = ("polar", "strava", "fitbit")
        some = [p for p in providers if scene.rng.random() < 0.6] or ["polar"]
        for provider in some:
            scene.record(session, provider, late=s(scene, 0, 0.5), early=s(scene, 0, 0.5))


@stratum(trap=True)
def typed_in_twins(scene: Scene) -> None:
    """Two identical entries at round hours, the same day or the same hour."""
    began = scene.begin + 2 * 86400 + int(scene.rng.integers(6, 12)) * HOUR
    later = int(scene.rng.choice([0, 1, 2, 3, 8])) * HOUR
    sport = pick(scene, "yoga", "strength", "walk")
    first = scene.session(sport, began, 60, is_trap=True)
    first.seconds = HOUR
    second = scene.session(sport, began + later, 60, is_trap=True)
    second.seconds = HOUR
    other: Provider = "strava" if later == 0 or scene.rng.random() < 0.5 else "fitbit"
    by_hand = {"recording_method": "MANUAL"} if other == "fitbit" else {"is_manual": True}
    scene.record(first, "strava", heart=False, gps=False, is_manual=True)
    scene.record(second, other, heart=False, gps=False, **by_hand)


@stratum(trap=True)
def side_by_side(scene: Scene) -> None:
    """Two athletes on one track: same times, same places, two hearts, two accounts."""
    session = main_session(scene, *OUTDOOR)
    session.is_trap = True
    scene.record(session, "polar")
    partner = Scene(scene.stratum, "side_by_side_partner", scene.begin, scene.rng, scene.offset_s, scene.has_band)
    theirs = partner.session(session.sport.name, session.started, session.seconds / 60, is_trap=True, beside=session)
    theirs.key += "/partner"
    record = partner.record(theirs, "strava")
    scene.sessions.append(theirs)
    scene.records.append(record)


@stratum(trap=True)
def shared_account(scene: Scene) -> None:
    """Two people, one Strava account, one run together or one each at the same time. Two hearts that differ."""
    two_on_one_account(scene, is_alike=False)


@stratum(undecidable=True)
def shared_account_alike(scene: Scene) -> None:
    """The same with two hearts that happen to do the same: one place, one time, and within what two sensors err."""
    two_on_one_account(scene, is_alike=True)


def two_on_one_account(scene: Scene, *, is_alike: bool) -> None:
    """Somebody else's session beside the athlete's; their true hearts are drawn until they are alike, or are not."""
    session = main_session(scene, "run", "ride", "hike")
    session.is_trap = not is_alike
    watch = scene.record(session, "polar")
    started = session.started + s(scene, 0, 2)
    while True:
        together = scene.rng.random() < 0.6
        sport = session.sport.name if together else "strength"
        partner = Body(scene.rng, scene.begin)
        is_older = scene.rng.random() < 0.5
        partner.rest = scene.body.rest + (-8 if is_older else 12)
        partner.most = scene.body.most + (-22 if is_older else 22)
        theirs = scene.session(
            sport, started, session.seconds / 60, is_trap=not is_alike, body=partner,
            beside=session if together else None,
        )  # fmt: skip
        both = slice((started - scene.begin) // STEP_S, (session.started + session.seconds - scene.begin) // STEP_S)
        if (np.abs(scene.body.bpm[both] - partner.bpm[both]).mean() < ALIKE_BPM) == is_alike:
            break
        scene.sessions.pop()
    scene.record(theirs, "strava", body=partner)
    if scene.rng.random() < 0.5:
        relay(scene, watch)


# --- many sources, lifecycle


@stratum()
def chain(scene: Scene) -> None:
    """The first touches the second, the second the third, but hardly the first the third."""
    session = main_session(scene, *OUTDOOR, low=60, high=90)
    step = int(session.seconds * scene.rng.uniform(0.15, 0.22))
    scene.record(session, "strava", early=2 * step)
    scene.record(session, "polar", late=step, early=step)
    scene.record(session, "fitbit", late=2 * step)
    session.counted_seconds = session.seconds - 2 * step


@stratum()
def deleted_on_one(scene: Scene) -> None:
    """Three records, and one of them is deleted."""
    session = main_session(scene)
    watch = scene.record(session, "polar")
    scene.record(session, "fitbit", late=s(scene, 0, 2), early=s(scene, 0, 2))
    scene.record(session, "strava", copy_of=watch, external_id=f"{watch.record_id}.fit")
    scene.records[-int(scene.rng.integers(1, 4))].is_deleted = True


@stratum()
def disconnected(scene: Scene) -> None:
    """An account was disconnected: all of one provider's records are gone."""
    for day in (2, 4):
        session = scene.session(pick(scene, *ANY), scene.at(day, 9), minutes(scene, 30, 70))
        scene.record(session, "polar")
        scene.record(session, "fitbit", late=s(scene, 0, 2))
        scene.record(session, "strava", late=s(scene, 0, 2)).is_deleted = True


@stratum()
def ordinary_days(scene: Scene) -> None:
    """To work and back by bike, a walk at noon, a run in the evening."""
    plan = [("ride", 7.0, 32), ("walk", 12.0, 28), ("ride", 16.5, 33), ("run", 18.5, 45)]
    for day in (0, 2, 4):
        for sport, hour, length in plan:
            session = scene.session(sport, scene.at(day, hour), length + minutes(scene, 0, 1))
            some: tuple[Provider, ...] = ("polar", "strava", "fitbit")
            for provider in [p for p in some if scene.rng.random() < 0.55] or ["polar"]:
                late, early = s(scene, -0.3, 1.5), s(scene, -0.3, 1.5)
                scene.record(session, provider, late=late, early=early)  # type: ignore[arg-type]
