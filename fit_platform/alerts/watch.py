"""What can be seen to be wrong from our own state: connections that are dead or dying, and data about to be lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from fit_platform.accounts.connections import CONFIRM_AFTER, State
from fit_platform.accounts.oauth import oauth_of
from fit_platform.accounts.status import connection_status
from fit_platform.alerts.incidents import Incident
from fit_platform.feed.subscriptions import SubscriptionReport
from fit_platform.providers.base import DayOf
from fit_platform.providers.registry import resources
from fit_platform.runtime import Runtime

CONNECTIONS = "connections"
CLIFF = "cliff"
WEBHOOKS = "webhooks"
INBOX = "inbox"
_SHORT_DAYS = 31  # what is served for half a year is found by the weekly reconciliation long before it goes
_NOTICE_DAYS = 7  # of the 28 or 30 that Polar serves: time for a holiday's end and a second try


def connection_incidents(runtime: Runtime, now: datetime) -> Iterator[Incident]:
    """Connections that no longer work, or will soon end."""
    for known in connection_status(runtime.settings, now):
        about = f"{known['provider']} of {known['athlete_id']}"
        way_out = f"run: fit-platform link {known['provider']} {known['athlete_id']}"
        key = f"{known['provider']}/{known['athlete_id']}/{known['state']}"
        if known["state"] == State.NEEDS_CONSENT:
            title = f"{about} is no longer connected: a new consent is needed"
            if oauth_of(known["provider"]).DELETES_AFTER_REVOCATION and known["since"]:
                until = datetime.fromisoformat(known["since"]) + CONFIRM_AFTER
                title += f"; if it is refused after {until:%Y-%m-%d %H:%M} UTC, too, its API data are purged"
            yield Incident(CONNECTIONS, key, title, way_out)
        elif known["state"] == State.REVOKED:
            title = f"{about} was revoked by the athlete; its API data are purged"
            yield Incident(CONNECTIONS, key, title, way_out, "warning")
        elif known["state"] == State.EXPIRING:
            title = f"{about} ends at {known['expires_at']:.10} and cannot be refreshed"
            yield Incident(CONNECTIONS, key, title, way_out, "warning")


def cliff_incidents(runtime: Runtime, now: datetime) -> Iterator[Incident]:
    """Days that a provider will soon no longer serve and that have not landed: one incident per athlete and provider.

    Only days since the athlete was linked: Polar serves nothing that was uploaded before.
    """
    today = now.date()
    at_risk: dict[tuple[str, str], set[date]] = defaultdict(set)
    for resource in resources():
        if resource.window_days is None or resource.window_days > _SHORT_DAYS or resource.day_of is DayOf.FILING_DAY:
            continue
        landed: dict[str, set[date]] = defaultdict(set)
        for key in runtime.zone.keys(resource.provider, resource.name):
            landed[key.athlete_id].add(key.dt)
        oldest = today - timedelta(days=resource.window_days - 1)
        for connection in runtime.linked(resource.provider):
            first = max(oldest, connection.linked_at.date(), runtime.settings.start_date)
            days = {first + timedelta(days=n) for n in range((oldest - first).days + _NOTICE_DAYS)}
            at_risk[resource.provider, connection.athlete_id] |= days - landed[connection.athlete_id]
    for (provider, athlete_id), days in sorted(at_risk.items()):
        if days:
            title = (
                f"{provider} of {athlete_id}: {len(days)} days from {min(days)} on were never pulled, and {provider} "
                "will soon serve them no more"
            )
            span = f"--from {min(days)} --to {max(days)}"
            way_out = f"run: fit-platform sync --provider {provider} --athlete {athlete_id} {span}"
            yield Incident(CLIFF, f"{provider}/{athlete_id}", title, way_out)


def inbox_incidents(runtime: Runtime) -> Iterator[Incident]:
    """Events that nobody could act on: one incident per provider and reason, until they are taken out of there."""
    names_by_reason: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, reason in runtime.inbox.rejected():
        names_by_reason[name.removeprefix("inbox/_rejected/").partition("/")[0], reason].append(name)
    for (provider, reason), names in sorted(names_by_reason.items()):
        title = f"change events of {provider} could not be acted on, first {min(names)}: {reason}"
        way_out = (
            f"look at inbox/_rejected/{provider}/ in the landing zone; delete what is there, or move it back to "
            f"inbox/{provider}/; fit-platform update --mode all finds what it was about"
        )
        yield Incident(INBOX, f"{provider}/{reason}", title, way_out, "warning")


def webhook_incidents(reports: Iterable[SubscriptionReport], still_open: Iterable[Incident]) -> Iterator[Incident]:
    """Subscriptions that deliver nothing, or did not until now; of a provider that cannot be asked, what was known.

    `still_open`: the incidents of the last look.
    """
    open_by_provider = {incident.key: incident for incident in still_open}
    for report in reports:
        if report.state == "unknown" and report.provider in open_by_provider:
            yield open_by_provider[report.provider]
        elif report.done:
            title = f"the webhooks of {report.provider} had stopped and were switched on again"
            yield Incident(WEBHOOKS, report.provider, title, "see that the receiver can be reached", "warning")
        elif not report.is_fine and report.state != "unknown":
            title = f"the webhooks of {report.provider} do not come: {report.state}"
            way_out = "; ".join(part for part in (report.detail, report.fix) if part)
            yield Incident(WEBHOOKS, report.provider, title, way_out)
