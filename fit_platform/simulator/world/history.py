"""What becomes of records after they were made: late uploads, edits, deletes, days that synchronise late, split nights.

A record's steps are computed, not stored: from the churn of the scenario, drawn by seed and record, and from the
changes that a test asked for. So the world at any instant is the same, however the clock got there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from fit_platform.simulator.scenario import Churn, Provider
from fit_platform.simulator.world.activity import Record, strava_id
from fit_platform.simulator.world.clock import DAY
from fit_platform.simulator.world.draw import digest
from fit_platform.simulator.world.sports import EVERYDAY

StepKind = Literal["create", "edit", "delete", "hide", "reveal"]
_CALM = Churn()
_TITLES = ("Easy one", "With the club", "Intervals", "Home the long way", "Recovery")
_SLOWEST_EDIT_DAYS, _SLOWEST_DELETE_DAYS = 20, 25


@dataclass(frozen=True, slots=True)
class Edit:
    """New values of a record; None leaves one as it is."""

    title: str | None = None
    sport: str | None = None
    distance_factor: float | None = None  # times the distance before
    trim_seconds: int | None = None  # cut off the end
    is_private: bool | None = None

    def names(self) -> tuple[str, ...]:
        """What it changes."""
        found = {
            "title": self.title,
            "sport": self.sport,
            "distance": self.distance_factor,
            "trim": self.trim_seconds,
            "private": self.is_private,
        }
        return tuple(name for name, value in found.items() if value is not None)

    def of(self, record: Record, at: int) -> Record:
        """The record after it. A record keeps at least a minute."""
        end = record.ended_at
        if self.trim_seconds is not None:
            end = max(record.started_at + 60, end - self.trim_seconds)
        return replace(
            record,
            ended_at=end,
            updated_at=at,
            distance_factor=record.distance_factor * (self.distance_factor or 1.0),
            title=record.title if self.title is None else self.title,
            sport_name=record.sport_name if self.sport is None else self.sport,
            is_private=record.is_private if self.is_private is None else self.is_private,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A change to one activity's record, by the id under which the provider shows it."""

    at: int
    kind: StepKind
    provider: Provider
    record_id: str
    edit: Edit = Edit()


@dataclass(frozen=True, slots=True)
class DayChange:
    """All-day data of one provider and date: away from an instant on, or back."""

    at: int
    is_hidden: bool
    provider: Provider
    athlete: str
    day: date


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a record, and how the provider shows it from then on (None: not at all)."""

    at: int
    kind: StepKind
    record: Record | None
    edited: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """The churn and the asked-for changes of one world."""

    churn: Churn = _CALM
    changes: tuple[Change, ...] = ()
    days: tuple[DayChange, ...] = ()
    split: frozenset[tuple[str, date]] = frozenset()
    weights_kg: tuple[tuple[str, float], ...] = ()

    @property
    def has_day_rules(self) -> bool:
        """Can any day come late or be hidden?"""
        return bool(self.days) or self.churn.late_days.share > 0

    def steps(self, planned: Record, athlete_index: int) -> list[Step]:
        """Everything that happens to a record, oldest first, from its upload on."""
        first = self._uploaded(planned, athlete_index)
        asked = [
            change
            for change in self.changes
            if change.provider == planned.provider and change.record_id == first.provider_activity_id
        ]
        upload = Change(first.uploaded_at, "create", first.provider, first.provider_activity_id)
        found: list[Step] = []
        current, is_shown, is_hidden = first, False, False
        for change in sorted([upload, *self._drawn(first), *asked], key=lambda c: c.at):
            if change.kind == "hide":
                is_hidden = True
            elif change.kind == "reveal":
                is_hidden = False
            if change.kind == "edit":
                current = change.edit.of(current, change.at)
            elif change.kind == "reveal":
                current = replace(current, uploaded_at=change.at)
            will_show = change.kind in ("create", "reveal") or (is_shown and change.kind == "edit")
            will_show = will_show and not is_hidden
            if will_show or is_shown:
                found.append(Step(change.at, change.kind, current if will_show else None, change.edit.names()))
            is_shown = will_show
        return found

    def is_synced(self, provider: Provider, athlete: str, day: date, ends_at: int, now: int) -> bool:
        """Has a device's all-day data of a date (which ends at an instant) reached the provider by now?"""
        asked = [c for c in self.days if (c.provider, c.athlete, c.day) == (provider, athlete, day) and c.at <= now]
        if asked:
            return not sorted(asked, key=lambda c: c.at)[-1].is_hidden
        late = self.churn.late_days
        lot = digest(self.churn.seed, provider, athlete, day, "sync")
        return not _strikes(lot, late.share) or now >= ends_at + DAY * (1 + lot // 10_000 % late.max_days)

    def is_split(self, athlete: str, day: date) -> bool:
        """Did the band record this night as two sleeps?"""
        lot = digest(self.churn.seed, athlete, day, "split")
        return (athlete, day) in self.split or _strikes(lot, self.churn.split_nights)

    def weight_kg(self, athlete: str) -> float | None:
        """What the athlete last said to weigh, if it was changed."""
        return dict(self.weights_kg).get(athlete)

    def _uploaded(self, planned: Record, athlete_index: int) -> Record:
        late = self.churn.late
        lot = digest(self.churn.seed, planned.provider, planned.provider_activity_id, "late")
        if not _strikes(lot, late.share):
            return planned
        days = 1 + lot // 30_000 % late.max_days
        uploaded = planned.ended_at + (3600, DAY, days * DAY)[lot // 10_000 % 3] - lot % 600
        identity = int(planned.provider_activity_id) if planned.provider == "strava" else 0
        number = strava_id(uploaded, athlete_index, identity) if identity else planned.provider_activity_id
        return replace(planned, uploaded_at=max(planned.uploaded_at, uploaded), provider_activity_id=number)

    def _drawn(self, first: Record) -> Iterable[Change]:
        """What the churn makes of an uploaded record."""
        where = first.provider, first.provider_activity_id
        lot = digest(self.churn.seed, *where, "edit")
        if _strikes(lot, self.churn.edits):
            yield Change(_later(first, lot, _SLOWEST_EDIT_DAYS), "edit", *where, _drawn_edit(first, lot // 1000))
        lot = digest(self.churn.seed, *where, "delete")
        if _strikes(lot, self.churn.deletes):
            yield Change(_later(first, lot, _SLOWEST_DELETE_DAYS), "delete", *where)


UNCHANGED = History()
"""No churn and no changes: every record as it was planned."""


def _drawn_edit(record: Record, lot: int) -> Edit:
    kinds = {
        0: Edit(title=_TITLES[lot // 7 % len(_TITLES)]),
        1: Edit(sport=EVERYDAY[lot // 7 % len(EVERYDAY)]),
        2: Edit(distance_factor=0.9 + lot // 7 % 200 / 1000),
        3: Edit(trim_seconds=min(60 + lot // 7 % 540, (record.ended_at - record.started_at) // 3)),
    }
    return kinds[lot % len(kinds)]


def _strikes(lot: int, share: float) -> bool:
    return lot % 10_000 < share * 10_000


def _later(record: Record, lot: int, most_days: int) -> int:
    """From an hour after the upload on."""
    return record.uploaded_at + 3600 + lot // 10_000 % (most_days * DAY)
