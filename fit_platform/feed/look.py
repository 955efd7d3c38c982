"""A look at a provider: what it shows now, held against what has landed. Differences become change events.

Looking writes nothing but events. It pulls with the pulls that landing uses (or a resource's cheaper `look`), so that
"the same" means here what it means there: the content hash of the day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from fit_platform.errors import AuthRevoked, BadPayload, FitError, NoNetwork, QuotaExhausted, Transient
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.landing.layout import DayKey
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.pull import AthleteFailure, answers_of, failure_of
from fit_platform.providers.base import DayOf, DayUnknown, Resource, Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.registry import every_resource, resources

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

Mode = Literal["new", "all"]
"""`new` looks back over the days that a call shows; `all` holds the whole history against the provider's."""
PASSING = (QuotaExhausted, Transient, NoNetwork, BadPayload)
"""Why the same question may be answered later."""
_SAMPLES_RECONCILED_DAYS = 30
"""Samples are looked at again for so long only: ten years of them would be thousands of calls, and devices upload
within days or not at all."""


@dataclass
class Look:
    """What a look came to."""

    provider: str
    mode: Mode
    athletes: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)  # names in the inbox
    changed_days: int = 0
    failures: list[AthleteFailure] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)  # athletes for whom no time was left
    left: list[str] = field(default_factory=list)  # "athlete/resource" that may be answered later

    @property
    def summary(self) -> str:
        """One line for a person."""
        parts = [f"{len(self.athletes)} athletes looked at", f"{self.changed_days} days differ"]
        parts += [f"{len(self.failures)} failures"] if self.failures else []
        parts += [f"{len(self.not_reached)} athletes not reached"] if self.not_reached else []
        return f"{self.provider}: {', '.join(parts)}"


def look(
    runtime: Runtime,
    provider: str,
    mode: Mode,
    *,
    athletes: Sequence[str] = (),
    deadline: datetime | None = None,
    only: Container[str] | None = None,
) -> Look:
    """Look at every linked athlete's data of a provider; put what differs into the inbox.

    After `deadline` no further athlete is begun; those are in `not_reached`. `only`: what an earlier look has `left`.
    """
    result = Look(provider, mode)
    for client in runtime.clients(provider, athletes, for_news=True):
        connection = runtime.connections.get(provider, client.athlete_id)
        if connection is None or connection.broken is not None:
            continue  # the connection's own check tells; asking again would only be refused again
        if deadline is not None and runtime.clock() >= deadline:
            result.not_reached.append(client.athlete_id)
            continue
        result.athletes.append(client.athlete_id)
        asked = [r for r in _looked_at(provider, mode) if only is None or f"{client.athlete_id}/{r.name}" in only]
        for number, resource in enumerate(asked):
            try:
                event = _event(resource, client, mode, runtime)
            except FitError as error:
                result.failures.append(failure_of(client.athlete_id, resource, error))
                if isinstance(error, PASSING):
                    unasked = asked[number:] if isinstance(error, QuotaExhausted) else [resource]
                    result.left += [f"{client.athlete_id}/{each.name}" for each in unasked]
                if isinstance(error, AuthRevoked):
                    runtime.custody.needs_consent(provider, client.athlete_id, error.detail)
                if isinstance(error, AuthRevoked | QuotaExhausted):
                    break
                continue
            if event is not None:
                result.events.append(runtime.inbox.put(event))
                result.changed_days += len(event.days)
    return result


def _looked_at(provider: str, mode: Mode) -> Iterator[Resource]:
    """Those that show a change by themselves. Snapshots of the account change too rarely to be asked for each time."""
    for resource in resources():
        is_snapshot = resource.day_of is DayOf.FILING_DAY
        if resource.provider == provider and not resource.needs and not (mode == "new" and is_snapshot):
            yield resource


def _event(resource: Resource, client: ApiClient, mode: Mode, runtime: Runtime) -> ChangeEvent | None:
    now = runtime.clock()
    today = now.date()
    window = looked_window(resource, client.athlete_id, runtime.zone, mode, today, runtime.settings.start_date)
    changed = changed_days(resource, client, window, runtime.zone, now, mode)
    if client.athlete_id in runtime.limited(resource.provider):
        changed = {
            day: content
            for day, content in changed.items()
            if not runtime.zone.closed_because(DayKey(resource.provider, resource.name, day, client.athlete_id))
        }
    if not changed:
        return None
    content = hashlib.sha256(repr(sorted(changed.items())).encode()).hexdigest()[:16]
    return ChangeEvent(
        provider=resource.provider,
        athlete_id=client.athlete_id,
        origin="poll" if mode == "new" else "reconcile",
        seen_at=now,
        resources=with_dependents([resource.name], resource.provider),
        days=tuple(sorted(changed)),
        version=content,
    )


def looked_window(
    resource: Resource, athlete_id: str, zone: LandingZone, mode: Mode, today: date, start: date
) -> Window:
    """The days to look at.

    A look back covers all that the provider lists where one call has it all, and else reaches over what was missed
    while nobody looked; `all` reaches to the beginning.
    """
    if resource.day_of is DayOf.FILING_DAY:
        return Window(today, today)
    first = today - timedelta(days=resource.look_back_days)
    day_before = DayKey(resource.provider, resource.name, first - timedelta(days=1), athlete_id)
    if mode == "all" and resource.object_id is None:
        first = today - timedelta(days=_SAMPLES_RECONCILED_DAYS)
    elif mode == "all" and resource.range_days is None:
        first = start  # a list costs by what it holds, not by the days it is asked for
    elif mode == "all":
        first = min([first, *_landed(resource, athlete_id, zone)])
    elif resource.is_window_by_upload:
        first = start  # the list may hold any day
    elif resource.window_days is not None and resource.range_days is None:
        first = today - timedelta(days=resource.window_days - 1)
    elif not zone.has(day_before):
        first = max(
            (day + timedelta(days=1) for day in _landed(resource, athlete_id, zone) if day < first), default=first
        )
    if resource.window_days is not None and not resource.is_window_by_upload:
        first = max(first, today - timedelta(days=resource.window_days - 1))
    return Window(min(max(first, start), today), today)


def _landed(resource: Resource, athlete_id: str, zone: LandingZone) -> list[date]:
    return list(zone.listed_days(resource.provider, resource.name, athlete_id))


def changed_days(
    resource: Resource,
    client: ApiClient,
    window: Window,
    zone: LandingZone,
    now: datetime,
    mode: Mode,
) -> dict[date, str]:
    """Days of the window that would land differently, with the content they would have. Raises FitError.

    A day without data that was never pulled is a difference, because a gap must be told from a rest day; but neither
    today's, which is not over, nor, when the look began before all history, one before the first landed day.
    """
    changed: dict[date, str] = {}
    seen_landed = mode == "new"
    ask = resource.look if resource.look is not None and mode == "new" else resource.pull
    listed = zone.listed_days(resource.provider, resource.name, client.athlete_id, window.first, window.last)
    for pulled in answers_of(resource, ask, client, window, zone):
        if isinstance(pulled, DayUnknown):
            continue
        difference = zone.difference(resource, client.athlete_id, pulled, now, listed.get(pulled.day))
        seen_landed = seen_landed or difference is None or not difference.is_first
        if difference is None:
            continue
        is_empty = difference.is_first and difference.objects == 0
        if is_empty and (pulled.day >= now.date() or not seen_landed):
            continue
        changed[pulled.day] = difference.content_hash
    return changed


def with_dependents(names: Iterable[str], provider: str) -> tuple[str, ...]:
    """These resources and those that are pulled from their landed days, in the order of the registry.

    Also those that are switched off: whoever plans the runs leaves them out.
    """
    wanted = set(names)
    known = [resource for resource in every_resource() if resource.provider == provider]
    for resource in known:  # the registry lists a resource after those that it needs
        if wanted.intersection(resource.needs):
            wanted.add(resource.name)
    return tuple(resource.name for resource in known if resource.name in wanted)
