"""From events to runs: what a sensor's tick takes off the inbox, and which days of which resources it asks for.

Many events of one day are one run; days that follow each other with the same resources and athletes are one run, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import msgspec

from fit_platform.errors import AuthRevoked, FitError, QuotaExhausted
from fit_platform.feed.locate import TRIES, NotKnownYet, days_of, is_revoked
from fit_platform.feed.look import PASSING, with_dependents
from fit_platform.landing.inbox import ChangeEvent, PoisonEvent
from fit_platform.pipeline.pull import AthleteFailure, PullReport
from fit_platform.providers.base import Window
from fit_platform.providers.registry import resources

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

EVENTS_PER_TICK = 500
DAYS_PER_RUN = 28
_MANY_RUNS = 20  # more than this in one tick and neighbours share a run: each run costs seconds before it does anything
_PASSING = frozenset(error.verdict for error in PASSING)
_FIRST_WAIT = timedelta(seconds=30)  # doubled each time: an object that its provider still denies after 15 min is none
_SUSPECT_DEATHS = 2  # after so many, a day has a run to itself, so that it takes no other along
_MOST_DEATHS = 10  # after two hours of waits: whatever kills its runs will not pass by itself
_LONGEST_WAIT = timedelta(minutes=30)  # between runs for what will pass; what is back sooner, a look finds, too


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of raw assets."""

    window: Window
    resources: tuple[str, ...]
    athletes: tuple[str, ...]
    attempt: int = 0  # how often its events were put off already
    deaths: int = 0  # how many runs for them in a row were killed or crashed

    @property
    def span(self) -> str:
        """The run's days in words."""
        return str(self.window.first) if self.window.first == self.window.last else str(self.window)


@dataclass
class Tick:
    """What one look into the inbox came to."""

    runs: list[PlannedRun] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)  # names to be taken off the inbox once the runs are recorded
    revoked: list[ChangeEvent] = field(default_factory=list)  # pulls have stopped; what was pulled is to be purged
    rejected: dict[str, str] = field(default_factory=dict)
    put_off: int = 0
    is_all: bool = True  # nothing due was left for the next tick


def take(runtime: Runtime, provider: str, *, limit: int = EVENTS_PER_TICK, deadline: datetime | None = None) -> Tick:
    """Take what is due, and what a killed tick had taken, and plan its runs. Events stay taken until `finish`.

    Events that need asking are left for the next tick after `deadline`.
    """
    now = runtime.clock()
    tick = Tick()
    names = [*runtime.inbox.taken(provider), *runtime.inbox.due(provider, now, limit)][:limit]
    if not names:
        return tick
    tick.is_all = len(names) < limit
    clients = {client.athlete_id: client for client in runtime.clients(provider, for_news=True)}
    switched_on = [resource.name for resource in resources(runtime.settings) if resource.provider == provider]
    days_by_work: dict[date, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    attempts: dict[date, int] = defaultdict(int)
    deaths: dict[date, int] = defaultdict(int)
    for name in names:
        try:
            event = runtime.inbox.read(name)
        except PoisonEvent as poison:
            tick.rejected[name] = str(poison)
            runtime.inbox.reject(name, str(poison))
            continue
        if event is None:
            continue
        client = clients.get(event.athlete_id)
        connection = runtime.connections.get(provider, event.athlete_id)
        if event.kind == "revoked":
            _revoke(runtime, runtime.inbox.take(name), event, tick)
            continue
        # What landed, or was purged, without a connection that works is to be built all the same.
        asks_nothing = event.kind == "purged" or (client is None and bool(event.days))
        is_usable = client is not None and connection is not None and connection.broken is None
        if not is_usable and not asks_nothing:
            # Nothing can be asked for; what was missed is found when they link again.
            tick.handled.append(runtime.inbox.take(name))
            continue
        if not event.days and deadline is not None and runtime.clock() >= deadline:
            tick.is_all = False
            continue
        name = runtime.inbox.take(name)
        try:
            days = event.days if asks_nothing or client is None else days_of(event, client, runtime)
        except (NotKnownYet, FitError) as error:
            _put_off(runtime, name, event, error, tick)
            continue
        tick.handled.append(name)
        for day in days:
            if day > now.date():  # a civil date east of Greenwich: its partition opens at midnight UTC
                opens = datetime.combine(day, time(), UTC)
                runtime.inbox.put(msgspec.structs.replace(event, days=(day,), attempt=event.attempt + 1), due=opens)
                tick.put_off += 1
            elif day < runtime.settings.start_date:
                continue  # before FIT_START_DATE: not wanted
            else:
                # Webhooks name what changed; files and streams that are pulled from it are to follow.
                named = with_dependents(event.resources or switched_on, provider)
                days_by_work[day][event.athlete_id].update(named)
                attempts[day] = max(attempts[day], event.attempt)
                deaths[day] = max(deaths[day], event.deaths)
    suspects = {day for day, count in deaths.items() if count >= _SUSPECT_DEATHS}
    tick.runs = [
        replace(run, attempt=_most(attempts, run.window), deaths=_most(deaths, run.window))
        for run in _runs(switched_on, days_by_work, suspects)
    ]
    return tick


def _revoke(runtime: Runtime, name: str, event: ChangeEvent, tick: Tick) -> None:
    """Stop pulling at once for an athlete whose consent is really gone; the purge is the retention job's."""
    # A connection that is known as dead proves nothing: a forged event would then purge what it gave.
    asking = runtime.clients(event.provider, [event.athlete_id], for_news=True, asks_anyway=True)
    try:
        if asking and not is_revoked(asking[0]):
            tick.rejected[name] = "the provider still accepts the token, so the consent was not withdrawn"
            runtime.inbox.reject(name, tick.rejected[name])
            return
    except FitError as error:
        _put_off(runtime, name, event, error, tick)
        return
    runtime.custody.consent_withdrawn(event.provider, event.athlete_id)
    tick.revoked.append(event)
    tick.handled.append(name)


def _put_off(runtime: Runtime, name: str, event: ChangeEvent, error: Exception, tick: Tick) -> None:
    """Try again later, or give up on an object that its provider never knew."""
    now = runtime.clock()
    later = msgspec.structs.replace(event, attempt=event.attempt + 1)
    match error:
        case QuotaExhausted():
            due = error.until or now + timedelta(minutes=15)
        case AuthRevoked():
            runtime.custody.needs_consent(event.provider, event.athlete_id, error.detail)
            tick.handled.append(name)
            return
        case FitError() if event.attempt >= TRIES and not getattr(error, "retryable", False):
            tick.rejected[name] = str(error)
            runtime.inbox.reject(name, str(error))
            return
        case _:
            due = now + _FIRST_WAIT * 2 ** min(event.attempt, TRIES)
    runtime.inbox.put(later, due=due)
    tick.handled.append(name)
    tick.put_off += 1


def _most(counts: Mapping[date, int], window: Window) -> int:
    return max(counts.get(day, 0) for day in window.days())


def _runs(
    order: list[str], days: dict[date, dict[str, set[str]]], suspects: Set[date] = frozenset()
) -> list[PlannedRun]:
    """The fewest runs: one per stretch of days with the same work; fewer and wider ones when there are very many.

    `order` has every resource that is pulled, each after those that it needs. Suspects have a run each.
    """
    work: dict[date, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for day, by_athlete in days.items():
        named = set[str]().union(*by_athlete.values())
        wanted = tuple(name for name in order if name in named or not named)
        if wanted:
            work[day] = wanted, tuple(sorted(by_athlete))
    alone = [PlannedRun(Window(day, day), *work.pop(day)) for day in sorted(suspects & work.keys())]
    runs = _stretches(work, gap_days=1)
    if len(runs) > _MANY_RUNS:
        everything = tuple(name for name in order if any(name in wanted for wanted, _ in work.values()))
        everyone = tuple(sorted({athlete for _, athletes in work.values() for athlete in athletes}))
        runs = _stretches(dict.fromkeys(work, (everything, everyone)), gap_days=DAYS_PER_RUN, leave_out=suspects)
    return alone + runs


def _stretches(
    work: dict[date, tuple[tuple[str, ...], tuple[str, ...]]], gap_days: int, leave_out: Set[date] = frozenset()
) -> list[PlannedRun]:
    runs: list[PlannedRun] = []
    for day in sorted(work):
        wanted, athletes = work[day]
        last = runs[-1] if runs else None
        if (
            last is not None
            and (last.resources, last.athletes) == (wanted, athletes)
            and (day - last.window.last).days <= gap_days
            and (day - last.window.first).days < DAYS_PER_RUN
            and not any(last.window.last < other < day for other in leave_out)
        ):
            runs[-1] = PlannedRun(Window(last.window.first, day), wanted, athletes)
        else:
            runs.append(PlannedRun(Window(day, day), wanted, athletes))
    return runs


def finish(runtime: Runtime, names: Sequence[str]) -> None:
    """Take events off the inbox whose runs are recorded. May be repeated."""
    for name in names:
        runtime.inbox.done(name)


def will_pass(failure: AthleteFailure) -> bool:
    """May the same question be answered later?"""
    return failure.verdict in _PASSING


def ask_again(runtime: Runtime, provider: str, run: PlannedRun, reports: Sequence[PullReport]) -> int:
    """Put back into the inbox what a run did not get for a reason that will pass; returns how many events.

    A step without a report died, and is asked for again, too; unless what it needs has failed: that brings it along.
    Each time the wait is longer. It never ends while the provider is to blame: what was announced once may never be
    shown as a difference again. What has killed its run ten times in a row is poison and put aside.
    """
    answered = {report.resource.name for report in reports}
    held_up = {report.resource.name for report in reports if report.failures}
    died: set[str] = set()
    for resource in resources(runtime.settings):  # each after those that it needs
        if resource.provider == provider and resource.name in set(run.resources) - answered:
            (held_up if held_up & set(resource.needs) else died).add(resource.name)
    missed: dict[tuple[str, datetime], set[str]] = defaultdict(set)
    soon = runtime.clock() + min(_FIRST_WAIT * 2 ** min(run.attempt, 10), _LONGEST_WAIT)
    for athlete_id in run.athletes:
        if died:
            missed[athlete_id, soon] |= died
        for report in reports:
            for failure in report.failures:
                if failure.athlete_id == athlete_id and will_pass(failure):
                    missed[athlete_id, max(soon, failure.retry_at or soon)].add(report.resource.name)
    deaths = run.deaths + 1 if died else 0
    for (athlete_id, due), names in missed.items():
        name = runtime.inbox.put(
            ChangeEvent(
                provider=provider,
                athlete_id=athlete_id,
                origin="replay",
                seen_at=runtime.clock(),
                resources=tuple(sorted(names)),
                days=tuple(run.window.days()),
                detail="its run failed on something that will pass",
                attempt=run.attempt + 1,
                deaths=deaths,
            ),
            due=due,
        )
        if deaths >= _MOST_DEATHS:
            runtime.inbox.reject(name, f"{deaths} runs for it in a row were killed or crashed; their logs say why")
    return len(missed)
