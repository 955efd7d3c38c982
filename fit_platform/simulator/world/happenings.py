"""What happened between two instants of the world, as its providers would notice it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from fit_platform.simulator.scenario import Provider
from fit_platform.simulator.world.activity import Record
from fit_platform.simulator.world.clock import DAY, iso_z
from fit_platform.simulator.world.world import Person, World

What = Literal["activity", "night", "day", "profile", "consent"]
Action = Literal["create", "update", "delete"]
_NIGHT_IS_PROCESSED_S = DAY
_DEVICES: tuple[Provider, ...] = ("polar", "fitbit")


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing. `start`, `end`: the interval of data that it is about (epoch seconds)."""

    at: int
    provider: Provider
    athlete: str
    what: What
    action: Action
    start: int
    end: int
    day: date | None = None  # of a night or a day
    record_id: str | None = None  # of an activity
    record: Record | None = None
    fields: tuple[str, ...] = ()  # that an update changed
    is_complete: bool = True  # a day that is over

    def described(self) -> dict[str, Any]:
        """As plain JSON values."""
        found = {
            "at": iso_z(self.at),
            "provider": self.provider,
            "athlete": self.athlete,
            "what": self.what,
            "action": self.action,
            "day": str(self.day) if self.day else None,
            "record_id": self.record_id,
            "fields": list(self.fields),
        }
        return {name: value for name, value in found.items() if value not in (None, [])}


def happenings(world: World, since: int, until: int) -> list[Happening]:
    """Everything in (since, until], oldest first. `world` stands at `until`."""
    found = [h for person in world.people.values() for h in _of_person(person, since, until)]
    return sorted(found, key=lambda h: (h.at, h.provider, h.athlete, h.what, h.record_id or ""))


def _of_person(person: Person, since: int, until: int) -> Iterator[Happening]:
    for activity in person.planned():
        for record in activity.records:
            yield from _activity(person, record, since, until)
    for provider in _DEVICES:
        for day in _touched_days(person, since, until):
            yield from _night(person, provider, day, since, until)
            yield from _day(person, provider, day, since, until)


def _activity(person: Person, planned: Record, since: int, until: int) -> Iterator[Happening]:
    shown: Record | None = None
    for step in person.steps(planned):
        before, shown = shown, step.record
        record = shown or before
        if record is None or not since < step.at <= until or step.kind == "hide":
            continue  # what is hidden goes without a word
        action: Action = "delete" if shown is None else "update" if before is not None else "create"
        yield Happening(
            step.at,
            record.provider,
            person.athlete.athlete_id,
            "activity",
            action,
            record.started_at,
            record.ended_at,
            record_id=record.provider_activity_id,
            record=record,
            fields=step.edited if action == "update" else (),
        )


def _touched_days(person: Person, since: int, until: int) -> list[date]:
    """Civil dates of which something may have become visible: all of them where days may come late."""
    dates = person.civil_dates()
    if person.history.has_day_rules:
        return dates
    first = person.clock.local_date(since - _NIGHT_IS_PROCESSED_S) - timedelta(days=1)
    return [day for day in dates if day >= first]


def _night(person: Person, provider: Provider, day: date, since: int, until: int) -> Iterator[Happening]:
    """A night is told when it is over and synced; Google tells it again when its stages are ready."""
    devices = person.devices
    seen = devices.band_night(day) is not None if provider == "fitbit" else devices.watch_night(day) is not None
    if not seen or day < person.config.first_day:
        return
    night = person.planner.night(day)
    name = person.athlete.athlete_id
    was_synced = person.is_synced(provider, day, since)
    if night.end > since or not was_synced:
        at = night.end if was_synced and night.end > since else until
        yield Happening(at, provider, name, "night", "create", night.start, night.end, day=day)
    processed_at = night.end + _NIGHT_IS_PROCESSED_S
    if provider == "fitbit" and since < processed_at <= until and was_synced:
        yield Happening(processed_at, provider, name, "night", "update", night.start, night.end, day=day)


def _day(person: Person, provider: Provider, day: date, since: int, until: int) -> Iterator[Happening]:
    """What a date's all-day data grew by."""
    if not person.is_synced(provider, day):
        return
    start, end = person.clock.date_bounds(day)
    start = max(start, person.config.begin)
    first = max(start, since) if person.is_synced(provider, day, since) else start
    last = min(end, until)
    if first < last:
        name = person.athlete.athlete_id
        at = last if person.is_synced(provider, day, since) else until
        yield Happening(at, provider, name, "day", "update", first, last, day=day, is_complete=end <= until)
