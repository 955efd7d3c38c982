"""The alerter: keeps the book of incidents and tells every configured channel, and the log, of what changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from fit_platform.alerts.channels import NotDelivered, channels
from fit_platform.alerts.incidents import Incident, IncidentBook
from fit_platform.settings import Settings

log = logging.getLogger(__name__)


class Alerter:
    """Tells once when an incident begins and once when it is over. Never raises because a channel is down."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        """`clock` gives the time in UTC."""
        self._channels = channels(settings)
        self._clock = clock
        self.book = IncidentBook(settings.home_dir / "state" / "alerts.sqlite")

    def report(self, source: str, incidents: Sequence[Incident]) -> None:
        """These are all that is wrong at a source now: new ones are told, and those that are gone are over.

        A source that could not look must not report: an empty list says that all is well.
        """
        if wrong := [incident for incident in incidents if incident.source != source]:
            raise ValueError(f"{wrong[0].source} is not {source}")
        for change, incident in self.book.reconcile(source, incidents, list(self._channels), self._clock()):
            self._log(change, incident)
        self._deliver()

    def add(self, incident: Incident) -> None:
        """This is wrong, too; nothing is said of the source's other incidents."""
        if self.book.add(incident, list(self._channels), self._clock()):
            self._log("opened", incident)
        self._deliver()

    def resolve(self, source: str, is_over: Callable[[str], bool]) -> None:
        """Those of a source's incidents are over whose key says so."""
        incidents = [incident for incident, _ in self.book.open_incidents() if incident.source == source]
        self.report(source, [incident for incident in incidents if not is_over(incident.key)])

    @staticmethod
    def _log(change: str, incident: Incident) -> None:
        level = (
            logging.INFO if change == "resolved" else logging.ERROR if incident.severity == "error" else logging.WARNING
        )
        log.log(level, "%s: %s%s", change, incident.title, f"; {incident.way_out}" if incident.way_out else "")

    def _deliver(self) -> None:
        for message in self.book.waiting(self._clock()):
            channel = self._channels.get(message.channel)
            if channel is None:  # configured when the incident began, and no longer
                self.book.delivered(message)
                continue
            try:
                channel(message)
            except NotDelivered as error:
                log.warning("a message waits for its next try: %s", error)
                self.book.failed(message)
            else:
                self.book.delivered(message)
