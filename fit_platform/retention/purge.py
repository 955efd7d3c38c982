"""Purging API data: those that have reached the age the athlete's connection allows, and those of a revoked consent.

Age counts from the moment we first held anything of a day: the oldest first fetch among the lines of an athlete's day
at a provider. Editing an activity or pulling it again does not make it younger. A day goes whole, all resources at
once, and is closed: it is not pulled again, or the next reconciliation would bring it back. What came from the
athlete's own export stays. Only landing is changed here; a change event sends the days down the ordinary path, which
takes the rows out of base tables, marts and the published copy.

Source: Strava API Policy 2026-06-01, 5.5 and 6.2 (cache of at most 7 days), 6.3 and 7.4 (deletion after a revocation
within 48 h, derived data within 30 days).
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from fit_platform.accounts.connections import CONFIRM_AFTER, State
from fit_platform.accounts.oauth import oauth_of
from fit_platform.accounts.tokens import open_token_store
from fit_platform.errors import DamagedObject, FitError
from fit_platform.landing.envelope import Line
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.landing.layout import DayKey, history_prefix
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.load import load
from fit_platform.providers.base import Resource
from fit_platform.providers.registry import PROVIDERS, resources
from fit_platform.retention.receipts import Kind, Receipt, Removed, write_receipt
from fit_platform.runtime import Runtime

_VERSION = re.compile(r"\.(?P<time>\d{8}T\d{12})\.ndjson\.gz$")
_UNKNOWN_AGE = datetime(1970, 1, 1, tzinfo=UTC)

log = logging.getLogger(__name__)

Days = Mapping[date, Sequence[DayKey]]


def purge_expired(runtime: Runtime, now: datetime, horizon: timedelta = timedelta(0)) -> list[Receipt]:
    """Purge every athlete-day that is older than its connection allows, or will be within `horizon`.

    A job that runs once a day gives a horizon of a day, so that nothing is ever held for longer than it may be.
    """
    receipts = []
    for provider in PROVIDERS:
        for athlete_id, keep_days in runtime.limited(provider).items():
            expired = expired_days(runtime.zone, provider, athlete_id, now + horizon - timedelta(days=keep_days))
            if expired:
                why = f"retention of {keep_days} days"
                receipts.append(_purge(runtime, "retention", provider, athlete_id, expired, why, now, closed=why))
    _unload_what_no_run_loads(runtime)
    return receipts


def purge_revoked(runtime: Runtime, now: datetime) -> list[Receipt]:
    """Finish every revocation of which something is left: a crash in the middle, or a day that was being pulled.

    Who has no webhook hears of a revocation only by being refused: that counts, too, once it is confirmed.
    """
    _confirm_revocations(runtime, now)
    receipts = [
        receipt
        for connection in runtime.connections.list()
        if connection.broken and connection.broken.state is State.REVOKED
        if landed_days_of(runtime.zone, connection.provider, connection.athlete_id, api_only=True)
        if (receipt := revoke_and_purge(runtime, connection.provider, connection.athlete_id, now)) is not None
    ]
    if receipts:
        _unload_what_no_run_loads(runtime)
    return receipts


def _confirm_revocations(runtime: Runtime, now: datetime) -> None:
    """Ask again about tokens that were refused, a day later: a fault at the provider is over by then.

    What is still refused has been withdrawn, as far as anybody can tell who is not told. Alerts have said so meanwhile.
    """
    for connection in runtime.connections.list():
        provider, athlete_id, broken = connection.provider, connection.athlete_id, connection.broken
        if broken is None or broken.state is not State.NEEDS_CONSENT or now - broken.since < CONFIRM_AFTER:
            continue
        if not oauth_of(provider).DELETES_AFTER_REVOCATION:
            continue
        try:
            if runtime.custody.is_still_refused(provider, athlete_id):
                runtime.custody.consent_withdrawn(provider, athlete_id)
        except FitError as error:  # no answer is no word about the consent; the next run asks again
            log.warning("%s: could not ask whether a consent was withdrawn (%s)", provider, type(error).__name__)


def revoke_and_purge(runtime: Runtime, provider: str, athlete_id: str, now: datetime) -> Receipt | None:
    """End a connection whose consent the athlete has withdrawn at the provider, and purge what its API gave.

    Pulls stop with the first step. Nothing is asked of the provider: there the connection has ended already. Doing it
    again finishes what a crash left; None when nothing was left.
    """
    reason = runtime.custody.consent_withdrawn(provider, athlete_id)
    tokens = open_token_store(runtime.settings)
    with tokens.exclusive(provider, athlete_id):
        tokens.delete(provider, athlete_id)
    connection = runtime.connections.get(provider, athlete_id)
    if connection is not None and connection.provider_user_id is not None:
        runtime.connections.save(connection.model_copy(update={"provider_user_id": None}))
    days = landed_days_of(runtime.zone, provider, athlete_id, api_only=True)
    if not days:
        return None  # before events are forgotten: the one that sends the days on may still wait
    events = runtime.inbox.forget(provider, athlete_id)
    return _purge(runtime, "revocation", provider, athlete_id, days, reason, now, closed=None, events=events)


def landed_days_of(zone: LandingZone, provider: str, athlete_id: str, *, api_only: bool = False) -> Days:
    """Everything that an athlete has landed at a provider, by day; with `api_only`, only objects with API data."""
    days: dict[date, list[DayKey]] = defaultdict(list)
    for key in _keys(zone, provider, athlete_id):
        if not (api_only and _is_of_archive(zone, key)):
            days[key.dt].append(key)
    return dict(days)


def expired_days(zone: LandingZone, provider: str, athlete_id: str, cutoff: datetime) -> Days:
    """The athlete's days of which anything was first held at `cutoff` or before; of closed days, whatever is left.

    Days before the newest of them on which there was nothing go along, to be closed: left open, each would cost the
    next backfill a call of its own between closed neighbours.
    """
    days: dict[date, list[DayKey]] = defaultdict(list)
    for key in _keys(zone, provider, athlete_id):
        days[key.dt].append(key)
    expired, empty = {}, {}
    for day, keys in days.items():
        since = [moment for key in keys if (moment := held_since(zone, key)) is not None]
        closed = [key for key in keys if zone.closed_because(key)]
        if since and (closed or min(since) <= cutoff):
            expired[day] = keys
        elif not since and len(closed) < len(keys):
            empty[day] = keys
    newest = max(expired, default=date.min)
    return expired | {day: keys for day, keys in empty.items() if day < newest}


def held_since(zone: LandingZone, key: DayKey) -> datetime | None:
    """Since when we hold API data of a day object, superseded versions included; None where we hold none."""
    versions = zone.store.names(history_prefix(key.path).rpartition("/")[0])
    # A version's name says when it was superseded, which is later than it was fetched, but the best that is known.
    moments = [
        datetime.strptime(found["time"], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
        for name in versions
        if (found := _VERSION.search(name))
    ]
    try:
        lines = zone.lines(key) or []
    except DamagedObject:
        return _UNKNOWN_AGE  # it may be of any age, and nobody can read it
    moments += [line.first_fetched_at for line in lines if line.acquired_via == "api" and not line.closes_day]
    return min(moments, default=None)


def holds_archive(zone: LandingZone, key: DayKey) -> bool:
    """Is anything in the object from the athlete's own export?"""
    return any(line.acquired_via == "archive" for line in _readable_lines(zone, key))


def _is_of_archive(zone: LandingZone, key: DayKey) -> bool:
    """Did all that the object holds come from the athlete's own export?"""
    lines = _readable_lines(zone, key)
    return bool(lines) and all(line.acquired_via == "archive" for line in lines)


def _readable_lines(zone: LandingZone, key: DayKey) -> list[Line]:
    """The object's lines; none where it is damaged."""
    try:
        return zone.lines(key) or []
    except DamagedObject:
        return []


def _keys(zone: LandingZone, provider: str, athlete_id: str) -> Iterable[DayKey]:
    for resource in PROVIDERS[provider]:
        for key in zone.keys(provider, resource.name):
            if key.athlete_id == athlete_id:
                yield key


def _purge(
    runtime: Runtime,
    kind: Kind,
    provider: str,
    athlete_id: str,
    days: Days,
    why: str,
    now: datetime,
    *,
    closed: str | None,
    events: int = 0,
) -> Receipt:
    """Purge these days, tell the warehouse's side, and leave a receipt.

    The event comes first: should we be killed in between, its run finds what has gone by then, and the next purge
    finds the rest and tells again. The receipt is there from the beginning and counts day by day, so that what went
    before a kill is proven, too: by this one, and the rest by the next.
    """
    rows = _base_rows(runtime, provider, athlete_id, list(days))
    _tell(runtime, provider, athlete_id, sorted(days), why, now)
    removed = Removed(base_rows=rows, change_events=events)

    def written() -> Receipt:
        receipt = Receipt(kind=kind, athlete_id=athlete_id, providers=(provider,), why=why, at=now, removed=removed)
        write_receipt(runtime.settings.home_dir, receipt)
        return receipt

    receipt = written()
    for keys in days.values():
        purged = [runtime.zone.purge(key, now, closed=closed) for key in keys]
        counted = {
            "days": removed.days + 1,
            "landing_objects": removed.landing_objects + len(keys),
            "landing_versions": removed.landing_versions + sum(one.versions for one in purged),
            "lines": removed.lines + sum(one.lines for one in purged),
        }
        removed = removed.model_copy(update=counted)
        receipt = written()
    return receipt


def _base_rows(runtime: Runtime, provider: str, athlete_id: str, days: list[date]) -> dict[str, int]:
    """The API rows of these days in the base tables, which the ordinary path takes out next."""
    runtime.prepare_warehouse()
    counts = {}
    with runtime.warehouse.session():
        for table in (
            table
            for resource in resources(runtime.settings)
            if resource.provider == provider
            for table in resource.tables
        ):
            listed = ", ".join(f"DATE '{day}'" for day in days)
            found = runtime.warehouse.query(
                f"SELECT count(*) AS n FROM {runtime.warehouse.relation('base', table.name)} "
                f"WHERE athlete_id = ? AND acquired_via = 'api' AND dt IN ({listed or 'NULL'})",
                [athlete_id],
            )
            counts[table.name] = int(found.column("n")[0].as_py())
    return {name: rows for name, rows in counts.items() if rows}


def _unload_what_no_run_loads(runtime: Runtime) -> None:
    """Take what was purged out of base tables where no run does: switched-off resources, days before FIT_START_DATE."""
    pulled = {resource.key for resource in resources(runtime.settings)}
    for provider in PROVIDERS:
        limited = runtime.limited(provider)
        connections = runtime.connections.list(provider)
        if not limited and not any(one.broken and one.broken.state is State.REVOKED for one in connections):
            continue
        runtime.prepare_warehouse()
        with runtime.warehouse.session():
            for resource in PROVIDERS[provider]:
                days = set(runtime.warehouse.ledger(*resource.key))
                if resource.key in pulled:
                    days = {day for day in days if day < runtime.settings.start_date}
                if days:
                    load(resource, days & _purged_days(runtime, resource, limited), runtime.zone, runtime.warehouse)


def _purged_days(runtime: Runtime, resource: Resource, limited: Container[str]) -> set[date]:
    """Days of which base tables have API rows of somebody for whom nothing has landed, or who is closed there."""
    landed = set(runtime.zone.keys(*resource.key))
    keys = {
        DayKey(resource.provider, resource.name, row["dt"], row["athlete_id"])
        for table in resource.tables
        for row in runtime.warehouse.query(
            f"SELECT DISTINCT dt, athlete_id FROM {runtime.warehouse.relation('base', table.name)} "
            "WHERE acquired_via = 'api' AND dt >= DATE '0001-01-01'"
        ).to_pylist()
    }
    return {
        key.dt
        for key in keys
        if key not in landed or (key.athlete_id in limited and runtime.zone.closed_because(key) is not None)
    }


def _tell(runtime: Runtime, provider: str, athlete_id: str, days: list[date], why: str, now: datetime) -> None:
    runtime.inbox.put(
        ChangeEvent(
            provider=provider,
            athlete_id=athlete_id,
            kind="purged",
            origin="reconcile",
            seen_at=now,
            days=tuple(days),
            version=f"{now:%Y%m%dT%H%M%S}",
            detail=why,
        )
    )
