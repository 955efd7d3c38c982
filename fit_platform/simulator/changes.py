"""What a test may do to the world of a running simulation: the operations of `POST /_sim/world`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, model_validator

from fit_platform.simulator.scenario import Frozen, Provider
from fit_platform.simulator.world.sports import SPORTS


class _Athlete(Frozen):
    provider: Provider
    athlete: str


class _Record(_Athlete):
    """An activity by the id under which its provider shows it, or all-day data of a date. Now, or at an instant."""

    record: str | None = Field(None, description="Id of an activity at its provider.")
    day: date | None = Field(None, description="Instead: all-day data of this date (hide and reveal only).")
    at: datetime | None = Field(None, description="World instant from which it holds; None: now.")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> _Record:
        if (self.record is None) == (self.day is None):
            raise ValueError("name either a record or a day")
        if self.at is not None and self.at.tzinfo is None:
            raise ValueError("at needs a zone")
        return self


class DeleteOp(_Record):
    """The athlete deletes an activity."""

    op: Literal["delete"]


class HideOp(_Record):
    """An activity, or a day's data, was never uploaded (yet). No notification."""

    op: Literal["hide"]


class RevealOp(_Record):
    """What was hidden arrives: a late upload."""

    op: Literal["reveal"]


class EditOp(_Record):
    """The athlete edits an activity."""

    op: Literal["edit"]
    title: str | None = None
    sport: str | None = None
    distance_factor: float | None = Field(None, gt=0)
    trim_seconds: int | None = Field(None, ge=1)
    private: bool | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> EditOp:
        if self.sport is not None and self.sport not in SPORTS:
            raise ValueError(f"there is no sport {self.sport}; there are {', '.join(sorted(SPORTS))}")
        if self.day is not None:
            raise ValueError("a day cannot be edited, only hidden and revealed")
        return self


class SplitOp(Frozen):
    """The band records a night as two sleeps."""

    op: Literal["split"]
    athlete: str
    day: date


class ProfileOp(Frozen):
    """The athlete changes the weight in the profile."""

    op: Literal["profile"]
    athlete: str
    weight_kg: float = Field(gt=0)


class RevokeOp(_Athlete):
    """The athlete takes back every consent at a provider: tokens die, the provider says so if it does."""

    op: Literal["revoke"]


class ResetOp(Frozen):
    """Back to the world as it was generated, at the instant at which it began. Churn stays with its scenario."""

    op: Literal["reset"]


Op = Annotated[
    DeleteOp | HideOp | RevealOp | EditOp | SplitOp | ProfileOp | RevokeOp | ResetOp, Field(discriminator="op")
]


class Ops(Frozen):
    """The body of `POST /_sim/world`."""

    ops: tuple[Op, ...] = Field(min_length=1)


def parse_ops(body: bytes) -> tuple[Op, ...]:
    """The operations of a request: one, a list, or an object with `ops`. Raises ValueError with the reason."""
    parsed = TypeAdapter(Ops | tuple[Op, ...] | Op).validate_json(body)
    if isinstance(parsed, Ops):
        return parsed.ops
    return parsed if isinstance(parsed, tuple) else (parsed,)
