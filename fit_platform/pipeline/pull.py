"""Provider to landing: one resource, a window of days, every linked athlete; one's failure loses no other's day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from fit_platform.errors import AuthRevoked, FitError, ProviderError, QuotaExhausted
from fit_platform.landing.layout import DayKey
from fit_platform.landing.zone import LandingZone, Written
from fit_platform.providers.base import DayUnknown, Item, Resource, Window
from fit_platform.providers.http import ApiClient

Progress = Callable[["PullProgress"], None]


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One step of a pull: a day of an athlete is done."""

    provider: str
    resource: str
    athlete_id: str
    day: date
    written: bool
    objects: int


@dataclass(frozen=True, slots=True)
class AthleteFailure:
    """Why an athlete's pull stopped. `reason` and `way_out` are safe to show: no token, no health value."""

    athlete_id: str
    verdict: str
    reason: str
    way_out: str = ""
    retry_at: datetime | None = None

    @property
    def message(self) -> str:
        """Reason and way out in one line."""
        return f"{self.reason}; {self.way_out}" if self.way_out else self.reason


@dataclass
class PullReport:
    """What a pull came to, counted in athlete-days."""

    resource: Resource
    written: dict[tuple[str, date], Written] = field(default_factory=dict)
    unknown: dict[tuple[str, date], str] = field(default_factory=dict)
    failures: list[AthleteFailure] = field(default_factory=list)

    @property
    def changed_days(self) -> int:
        """Athlete-days whose landing object was written."""
        return sum(written.changed for written in self.written.values())

    @property
    def objects(self) -> int:
        """Live objects in the days that were answered."""
        return sum(written.objects for written in self.written.values())

    @property
    def rejected(self) -> int:
        """Bodies that were not what was promised; they are in landing, and asked again next time."""
        return sum(written.rejected for written in self.written.values())

    @property
    def bytes_written(self) -> int:
        """Compressed bytes that reached the landing zone."""
        return sum(written.bytes_written for written in self.written.values())


def pull(
    resource: Resource,
    window: Window,
    clients: Sequence[ApiClient],
    zone: LandingZone,
    *,
    progress: Progress = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> PullReport:
    """Pull a window for each athlete in turn and land every day as soon as it is complete."""
    report = PullReport(resource)
    for client in clients:
        athlete_id = client.athlete_id

        def landed(name: str, day: date, athlete_id: str = athlete_id) -> list[Item]:
            return zone.items(DayKey(resource.provider, name, day, athlete_id))

        try:
            for pulled in resource.pull(client, window, landed):
                if isinstance(pulled, DayUnknown):
                    report.unknown[athlete_id, pulled.day] = pulled.reason
                    continue
                written = zone.write_day(resource, athlete_id, pulled, now())
                report.written[athlete_id, pulled.day] = written
                progress(
                    PullProgress(
                        resource.provider, resource.name, athlete_id, pulled.day, written.changed, written.objects
                    )
                )
        except FitError as error:
            report.failures.append(_failure(athlete_id, resource, error))
    return report


def _failure(athlete_id: str, resource: Resource, error: FitError) -> AthleteFailure:
    match error:
        case QuotaExhausted():
            return AthleteFailure(athlete_id, error.verdict, str(error), retry_at=error.until)
        case AuthRevoked():
            way_out = f"run `fit-platform link {resource.provider} {athlete_id}`"
            return AthleteFailure(athlete_id, error.verdict, str(error), way_out)
        case ProviderError():
            return AthleteFailure(athlete_id, error.verdict, str(error))
    return AthleteFailure(athlete_id, "configuration", str(error))
