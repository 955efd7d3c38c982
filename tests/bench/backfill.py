"""Three years of three athletes, every default resource, through faults and used-up windows: is all of it there, once?

What landed is held against the simulated world itself (records, nights, heart-rate samples) and, object by object,
against a pull on which nothing went wrong. Windows are skipped on a simulated clock. Takes many minutes.
"""

from __future__ import annotations

import hashlib
import os
import resource as process
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from fit_platform.commands.simulate import SimulatedWorld
from fit_platform.landing.layout import DayKey
from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone, Written
from fit_platform.providers.base import DayAnswer, DayOf, Item, Resource
from fit_platform.providers.registry import resources
from fit_platform.simulator import World, WorldConfig
from fit_platform.simulator.world.world import Person
from fit_platform.sync import raw_runs
from tests.integration.long_pull import CountingLedger, Puller, Simulation, last_days, simulation

ATHLETES = ("ada", "ben", "chitra")
DAYS = 3 * 365
WORLD = SimulatedWorld(seed=7, days=DAYS, athletes=len(ATHLETES), end=date(2026, 11, 15))
# Nothing in the way, for the pull to compare with. `POLAR_DAYS`: the real 30 would leave nothing to lose.
POLAR_DAYS = 365
WIDE = {"strava_overall": [10**6, 10**6], "strava_read": [10**6, 10**6], "fitbit_per_minute": 10**6}
CALM = {"polar_window_days": POLAR_DAYS, "limits": WIDE}
# One answer in twenty is spoilt; the limits are those of a Strava application after its first upgrade.
STORMY = {
    "polar_window_days": POLAR_DAYS,
    "seed": 5,
    "status_500": 0.025,
    "malformed_json": 0.01,
    "html_200": 0.01,
    "status_429": 0.005,
}
Key = tuple[str, str]


class Digests(LandingZone):
    """Keeps of each object only a digest, and of recent days the payloads, for the resources that read others' days."""

    def __init__(self) -> None:
        self.days: dict[DayKey, Counter[bytes]] = {}
        self._items: dict[DayKey, list[Item]] = {}

    def write_day(self, resource: Resource, athlete_id: str, answer: DayAnswer, now: object, **_: object) -> Written:
        key = DayKey(resource.provider, resource.name, answer.day, athlete_id)
        items = [item for item in answer.items if isinstance(item, Item)]
        assert len(items) == len(answer.items), f"{key}: a rejected body in the calm"
        self.days[key] = Counter(map(digest_of, items))
        if not is_feed(resource):
            self._items[key] = items
        return Written(True, "", len(items), 0, 0)

    def items(self, key: DayKey) -> list[Item]:
        return self._items.get(key, [])


@dataclass
class Pass:
    """One pull of everything: which days it answered, and what it took."""

    puller: Puller
    answered: defaultdict[tuple[str, str, str], set[date]] = field(default_factory=lambda: defaultdict(set))
    seconds: Counter[Key] = field(default_factory=Counter)


@dataclass
class Verdict:
    """One resource: objects expected and found, and how many differ."""

    resource: Resource
    objects: int = 0
    lost: int = 0
    extra: int = 0
    truth: str = ""


def is_feed(resource: Resource) -> bool:
    """Samples: a day is one object without an identity."""
    return resource.object_id is None


def digest_of(item: Item) -> bytes:
    return hashlib.blake2b(item.payload, digest_size=12).digest()


def pull_all(providers: Simulation, zone: LandingZone, ledger: CountingLedger, scenario: dict, say: Callable) -> Pass:
    """As `sync` does it: in chunks of days, oldest first, in each every resource."""
    providers.control("scenario", **scenario)
    done = Pass(Puller(providers, zone, ledger))
    for chunk in raw_runs(last_days(WORLD, DAYS)):
        for wanted in resources():
            started = time.monotonic()
            for athlete in ATHLETES:
                for report in done.puller.to_the_end(wanted, chunk, athlete, most_rounds=2000):
                    done.answered[*wanted.key, athlete] |= {day for _, day in report.written}
            done.seconds[wanted.key] += time.monotonic() - started
            say(f"{chunk} {'/'.join(wanted.key)}: {time.monotonic() - started:.0f} s")
    return done


def objects_in(zone: LandingZone, resource: Resource, athlete: str) -> Iterator[tuple[date, Item]]:
    for key in zone.keys(resource.provider, resource.name):
        if key.athlete_id == athlete:
            for item in zone.items(key):
                yield key.dt, item


def compare(resource: Resource, zone: LandingZone, calm: Digests, storm: Pass) -> Verdict:
    """Every answered day against the calm: the same objects, each once."""
    verdict = Verdict(resource)
    for athlete in ATHLETES:
        found: defaultdict[date, Counter[bytes]] = defaultdict(Counter)
        for day, item in objects_in(zone, resource, athlete):
            found[day][digest_of(item)] += 1
        for day in storm.answered[*resource.key, athlete]:
            wanted = calm.days.get(DayKey(*resource.key, day, athlete), Counter())
            verdict.objects += wanted.total()
            if resource.day_of is DayOf.FILING_DAY:  # what holds now, and that may say what time it is
                verdict.lost += max(0, wanted.total() - found[day].total())
                verdict.extra += max(0, found[day].total() - wanted.total())
            else:
                verdict.lost += (wanted - found[day]).total()
                verdict.extra += (found[day] - wanted).total()
    return verdict


def identity_of(resource: Resource, item: Item) -> str:
    """The provider's record id; streams are dated and named by the activity that they belong to."""
    if parent := item.request.get("activity"):
        return str(parent["id"])
    assert resource.object_id is not None
    return resource.object_id(msgspec.json.decode(item.payload)).rsplit("/", 1)[-1]


def against_the_world(resource: Resource, zone: LandingZone, storm: Pass, people: dict[str, Person]) -> str:
    """Landed ids, or counts, against what the world says happened; empty where the world keeps no such list."""
    wrong = expected = 0
    for athlete, person in people.items():
        days = storm.answered[*resource.key, athlete]
        match resource.key:
            case ("strava" | "polar" | "fitbit") as provider, "activities" | "exercises" | "exercise" | "streams":
                records = [
                    record
                    for _, record in person.records(provider)
                    if datetime.fromtimestamp(record.started_at, UTC).date() in days
                    and not (resource.name == "streams" and record.kind == "manual")
                ]
                wanted = Counter(str(record.provider_activity_id) for record in records)
                landed = Counter(identity_of(resource, item) for _, item in objects_in(zone, resource, athlete))
            case ("fitbit", "heart_rate"):
                wanted = Counter({str(day): len(person.devices.band_samples(day).bpm) for day in days})
                landed = Counter()
                for day, item in objects_in(zone, resource, athlete):
                    points = msgspec.json.decode(item.payload, type=dict[str, list[msgspec.Raw]])["dataPoints"]
                    landed[str(day)] += len(points)
            case _:
                return ""
        expected += wanted.total()
        wrong += (wanted - landed).total() + (landed - wanted).total()
    return f"{expected:,}: {'all' if not wrong else f'{wrong:,} WRONG'}"


def main() -> int:
    os.fsync = lambda _: None  # type: ignore[assignment]  # this measures nothing that a power cut could spoil
    console = Console(width=130)
    started = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[{time.monotonic() - started:6.0f} s] {line}", highlight=False)

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        zone, calm_zone = LandingZone(FolderStore(home / "landing")), Digests()
        with simulation(WORLD, home / "home", ATHLETES) as providers:
            calm_ledger = CountingLedger(home / "calm.sqlite", providers.now)
            calm = pull_all(providers, calm_zone, calm_ledger, CALM, say)
            began = providers.now()
            ledger = CountingLedger(home / "stormy.sqlite", providers.now)
            storm = pull_all(providers, zone, ledger, STORMY, say)
            simulated_hours = (providers.now() - began).total_seconds() / 3600
        people = World(WorldConfig(seed=WORLD.seed, end=WORLD.end, days=WORLD.days, athletes=WORLD.athletes)).people
        verdicts = []
        for wanted in resources():
            verdict = compare(wanted, zone, calm_zone, storm)
            verdict.truth = against_the_world(wanted, zone, storm, people)
            verdicts.append(verdict)
            say(f"compared {'/'.join(wanted.key)}")
    title = f"{DAYS} days of {len(ATHLETES)} athletes, 5 % spoilt answers, real limits on a simulated clock"
    table = Table(title=title)
    for column in ("", "objects", "lost", "extra", "against the world", "s"):
        table.add_column(column, justify="right" if column else "left")
    for verdict in verdicts:
        counts = (f"{verdict.objects:,}", str(verdict.lost), str(verdict.extra), verdict.truth)
        table.add_row("/".join(verdict.resource.key), *counts, f"{storm.seconds[verdict.resource.key]:.0f}")
    console.print(table)
    answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(ledger.answers.items()))
    console.print(f"answers by status: {answers} (calm: {calm.puller.ledger.answers.total():,})")
    console.print(f"pulls that ended early: {dict(storm.puller.waits)}; simulated hours: {simulated_hours:.1f}")
    peak_mb = process.getrusage(process.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"took {time.monotonic() - started:.0f} s, {peak_mb:.0f} MB at most in this process")
    broken = [v for v in verdicts if v.lost or v.extra or "WRONG" in v.truth]
    names = ", ".join("/".join(verdict.resource.key) for verdict in broken)
    console.print(f"WRONG: {names}" if broken else "complete, nothing lost, nothing twice")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
