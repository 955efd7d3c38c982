"""Provider to landing: one resource, a window of days, every linked athlete; one's failure loses no other's day."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from fit_platform.errors import AuthRevoked, FitError, NotFound, ProviderError, QuotaExhausted
from fit_platform.landing.layout import DayKey
from fit_platform.landing.zone import GONE, LandingZone, WhyAbsent, Written
from fit_platform.providers.base import DayUnknown, Item, Pull, Pulled, Resource, Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.pulling import with_what_a_registration_hides

Progress = Callable[["PullProgress"], None]


DAYS_PER_RUN = 392
"""Days of a long window that one run pulls: a year and a bit in whole ranges of 28 (Polar), 14 and 7 days, so that a
cut between runs costs no call. A run that dies loses little: what has landed is not asked for again one by one."""

_ASKED_BY_ID = 5


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
    limited: Container[str] = (),
    patience_seconds: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> PullReport:
    """Pull a window for each athlete in turn and land every day as soon as it is complete.

    A used-up quota ends an athlete's pull, unless its window ends within `patience_seconds`: then the pull waits and
    goes on with the days that are still open. Google's minute is such a window, and starting over with each minute
    would ask for the newest days again and again and never reach the oldest.

    `limited` names the athletes whose data may be kept for a limited time: a day of theirs that was purged is not
    asked for again, or the next reconciliation would bring back what had to go.
    """
    report = PullReport(resource)
    for client in clients:
        if client.athlete_id in limited:
            report.unknown.update(_closed_days(resource, client.athlete_id, window, zone))
        open_parts = _open_parts(report, client.athlete_id, window)
        waited_with_days_open = 0
        while open_parts:
            try:
                _pull_part(resource, open_parts[0], client, zone, report, progress, now)
                open_parts.pop(0)
            except QuotaExhausted as error:
                still_open = _open_parts(report, client.athlete_id, window)
                days_open = sum(len(part.days()) for part in still_open)
                wait_seconds = (error.until - client.clock()).total_seconds() if error.until else patience_seconds + 1
                if wait_seconds > patience_seconds or days_open == waited_with_days_open:
                    report.failures.append(failure_of(client.athlete_id, resource, error))
                    break
                open_parts, waited_with_days_open = still_open, days_open
                sleep(max(0.0, wait_seconds))
            except FitError as error:
                report.failures.append(failure_of(client.athlete_id, resource, error))
                break
    return report


def answers_of(resource: Resource, ask: Pull, client: ApiClient, window: Window, zone: LandingZone) -> Iterator[Pulled]:
    """What a provider says of each day of a window, in the light of what has landed. Raises FitError."""

    def landed(name: str, day: date) -> list[Item]:
        return zone.items(DayKey(resource.provider, name, day, client.athlete_id))

    return with_what_a_registration_hides(resource, client, landed, ask(client, window, landed))


def _pull_part(
    resource: Resource,
    part: Window,
    client: ApiClient,
    zone: LandingZone,
    report: PullReport,
    progress: Progress,
    now: Callable[[], datetime],
) -> None:
    athlete_id = client.athlete_id
    for pulled in answers_of(resource, resource.pull, client, part, zone):
        if isinstance(pulled, DayUnknown):
            report.unknown[athlete_id, pulled.day] = pulled.reason
            continue
        asked_by_id = _asked_by_id(resource, client, pulled.day)
        written = zone.write_day(resource, athlete_id, pulled, now(), why_absent=asked_by_id)
        report.written[athlete_id, pulled.day] = written
        progress(
            PullProgress(resource.provider, resource.name, athlete_id, pulled.day, written.changed, written.objects)
        )


def _asked_by_id(resource: Resource, client: ApiClient, day: date) -> WhyAbsent:
    """Asks for an absent object by its id, where that can be done, because a tombstone has to say why.

    One call each, for the first few of a day: whoever deletes everything is not to pay for it with a day's quota.
    """
    left = _ASKED_BY_ID

    def why_absent(object_id: str) -> str:
        nonlocal left
        if resource.day_by_id is None or left == 0:
            return GONE
        left -= 1
        try:
            is_now_on = resource.day_by_id(client, object_id)
        except NotFound:
            return "deleted at the provider, or hidden from us: it answers 404"
        except FitError:  # no answer is no reason to keep what is no longer shown
            return GONE
        return GONE if is_now_on == day else f"moved to {is_now_on}"

    return why_absent


def _closed_days(resource: Resource, athlete_id: str, window: Window, zone: LandingZone) -> dict[tuple[str, date], str]:
    """The days of the window that were purged, and why."""
    reasons = {
        day: zone.closed_because(DayKey(resource.provider, resource.name, day, athlete_id)) for day in window.days()
    }
    return {(athlete_id, day): f"purged: {reason}" for day, reason in reasons.items() if reason is not None}


def _open_parts(report: PullReport, athlete_id: str, window: Window) -> list[Window]:
    """The days of the window that this athlete has no answer for yet, as ranges."""
    parts: list[Window] = []
    for day in window.days():
        if (athlete_id, day) in report.written or (athlete_id, day) in report.unknown:
            continue
        if parts and parts[-1].last == day - timedelta(days=1):
            parts[-1] = Window(parts[-1].first, day)
        else:
            parts.append(Window(day, day))
    return parts


def failure_of(athlete_id: str, resource: Resource, error: FitError) -> AthleteFailure:
    """What a person is told of an error, and until when it holds."""
    match error:
        case QuotaExhausted():
            return AthleteFailure(athlete_id, error.verdict, str(error), retry_at=error.until)
        case AuthRevoked():
            way_out = f"run `fit-platform link {resource.provider} {athlete_id}`"
            return AthleteFailure(athlete_id, error.verdict, str(error), way_out)
        case ProviderError():
            return AthleteFailure(athlete_id, error.verdict, str(error))
    return AthleteFailure(athlete_id, "configuration", str(error))
