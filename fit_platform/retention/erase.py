"""Erasing an athlete, or an athlete's data of one provider: everything we hold, wherever it is.

The plan is written down first, with every id to look for, so that an erasure that was killed is finished by running it
again. Access goes first, so that nothing new arrives; then landing, the source of everything else. The warehouse and
the published copy are not cleaned but removed and built anew from landing: a database keeps deleted bytes in its file.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Set
from datetime import datetime
from pathlib import Path

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from fit_platform.accounts.files import slug, write_private
from fit_platform.accounts.link import unlink
from fit_platform.accounts.tokens import open_token_store
from fit_platform.errors import ConfigError, DamagedObject, FitError
from fit_platform.landing.layout import DayKey
from fit_platform.providers.base import Resource
from fit_platform.providers.registry import PROVIDERS
from fit_platform.retention import cloud_traces
from fit_platform.retention.receipts import Receipt, Removed, receipts_folder, receipts_of, write_receipt
from fit_platform.retention.words import files_with, is_sqlite, mentions, scrub_sqlite, without
from fit_platform.runtime import Runtime

# Ids of single things have a digit and some length. Dates, instants (ten digits from 1) and words such as `zones`
# identify nobody; a Strava activity of 2017 that looks like an instant still goes with its day.
_ID = re.compile(r"(?=.*\d)(?!\d{4}-\d{2}-\d{2}$)(?!1\d{9}$)[A-Za-z0-9_-]{5,}")
_OF_SQLITE = ("-wal", "-shm", "-journal")  # belong to a database that another process may have open
_VERSION_OF = re.compile(r"_history/raw/provider=(?P<provider>[^/]+)/.*/athlete=(?P<athlete>[^/]+)/")


class Plan(BaseModel):
    """What is to be erased. `words`: the ids by which the data can be found."""

    model_config = ConfigDict(frozen=True)

    athlete_id: str
    providers: tuple[str, ...]
    is_whole: bool
    words: frozenset[str]
    begun_at: AwareDatetime
    notes: tuple[str, ...] = ()
    removed: Removed = Removed()

    def path(self, home: Path) -> Path:
        """Where the plan waits until it is carried out."""
        which = "all" if self.is_whole else self.providers[0]
        return home / "state" / "erasing" / f"{self.athlete_id}.{which}.json"

    def save(self, home: Path) -> None:
        """Write the plan down, readable by its owner only."""
        path = self.path(home)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, self.model_dump_json().encode())


def prepare(runtime: Runtime, athlete_id: str, provider: str | None, now: datetime) -> Plan:
    """The plan: a new one, or the one that was not finished, with all ids that are known now. Changes nothing else.

    ConfigError where there is nothing of this athlete.
    """
    slug("athlete", athlete_id)
    home = runtime.settings.home_dir
    providers = (provider,) if provider else tuple(PROVIDERS)
    words = {athlete_id} if provider is None else set()
    connections = [runtime.connections.get(name, athlete_id) for name in providers]
    words |= {c.provider_user_id for c in connections if c is not None and c.provider_user_id is not None}
    landed = False
    for name in providers:
        for resource in PROVIDERS[name]:
            for key in _keys(runtime, resource, athlete_id):
                landed = True
                words |= _ids(runtime, resource, key)
    plan = Plan(
        athlete_id=athlete_id, providers=providers, is_whole=provider is None, words=frozenset(words), begun_at=now
    )
    unfinished = _unfinished(plan.path(home))
    if unfinished is not None:
        update = {"words": plan.words | unfinished.words}
        plan = unfinished.model_copy(update=update)
    elif not (landed or any(connections) or (provider is None and runtime.athletes.get(athlete_id))):
        whom = f"{provider} data of {athlete_id!r}" if provider else f"athlete {athlete_id!r}"
        raise ConfigError(f"there is no {whom} here; `fit-platform athletes` lists who there is")
    plan.save(home)
    return plan


def remove(runtime: Runtime, plan: Plan) -> Plan:
    """Remove everything but the plan itself; the warehouse is to be built anew afterwards. May be repeated."""
    home = runtime.settings.home_dir
    notes = tuple(
        dict.fromkeys([*plan.notes, *_end_connections(runtime, plan), *cloud_traces.kept_for_a_while(runtime)])
    )
    plan = plan.model_copy(update={"notes": notes})
    plan.save(home)
    removed = _remove_landing(runtime, plan)
    events = sum(runtime.inbox.forget(name, plan.athlete_id, revocations_too=True) for name in plan.providers)
    plan = plan.model_copy(update={"removed": _sum(plan.removed, removed, events)})
    plan.save(home)
    if plan.is_whole:
        runtime.athletes.remove(plan.athlete_id)
        for earlier in list(receipts_of(home, plan.athlete_id)):
            earlier.unlink()
    runtime.drop_warehouse()
    if runtime.settings.target == "gcp":
        cloud_traces.withdraw_published(runtime)
    shutil.rmtree(home / "published", ignore_errors=True)
    drop_artifacts(home)
    _sweep(home, plan)
    return plan


def drop_artifacts(home: Path) -> None:
    """Remove what dbt keeps of its last runs: logs and compiled models, and the invented athletes of its unit tests."""
    shutil.rmtree(home / "dbt", ignore_errors=True)


def finish(runtime: Runtime, plan: Plan, now: datetime) -> Path:
    """Leave the receipt and forget the plan; returns the receipt's path."""
    home = runtime.settings.home_dir
    receipt = Receipt(
        kind="erasure",
        athlete_id=plan.athlete_id,
        providers=plan.providers,
        why=f"asked for at {plan.begun_at.isoformat(timespec='seconds')}",
        at=now,
        removed=plan.removed,
        notes=plan.notes,
    )
    path = write_receipt(home, receipt)
    plan.path(home).unlink(missing_ok=True)
    _prune(home, plan)
    return path


def traces(runtime: Runtime, plan: Plan) -> list[str]:
    """Where anything of it is still found. Receipts are meant to stay, and so is the plan until it is carried out."""
    home = runtime.settings.home_dir
    skip = {receipts_folder(home), plan.path(home), home / "demo"}
    found = [str(path) for path in files_with(home, plan.words, skip)]
    landing = runtime.settings.landing_dir
    if landing.startswith("gs://"):
        found += cloud_traces.objects_with(runtime, plan.words)
    elif not Path(landing).absolute().is_relative_to(home):
        found += [str(path) for path in files_with(Path(landing), plan.words)]
    if runtime.settings.target == "gcp":
        found += cloud_traces.columns_with(runtime, plan.words)
    return found


def _keys(runtime: Runtime, resource: Resource, athlete_id: str) -> Iterator[DayKey]:
    return (key for key in runtime.zone.keys(resource.provider, resource.name) if key.athlete_id == athlete_id)


def _ids(runtime: Runtime, resource: Resource, key: DayKey) -> set[str]:
    """The provider's ids of the objects of a day. Sample feeds have none."""
    try:
        lines = runtime.zone.lines(key) or []
    except DamagedObject:
        return set()
    found: set[str] = set()
    for line in lines:
        if activity := line.request.get("activity"):
            found.add(str(activity.get("id")))
        elif line.tombstone is not None:
            found.add(str(line.tombstone.get("object_id")))
        elif resource.object_id is not None and line.is_live and line.payload != b"null":
            try:
                found |= set(resource.object_id(msgspec.json.decode(line.payload)).split("|"))
            except msgspec.DecodeError:
                continue
    return {one for one in found if _ID.fullmatch(one) and not one.startswith("unidentified")}


def _end_connections(runtime: Runtime, plan: Plan) -> Iterator[str]:
    """Revoke at the providers as far as they can be reached, and forget the tokens in any case; what was not told."""
    tokens = open_token_store(runtime.settings)
    for provider in plan.providers:
        connection = runtime.connections.get(provider, plan.athlete_id)
        try:
            has_token = tokens.load(provider, plan.athlete_id) is not None
        except ConfigError:  # damaged, or sealed with another key: there is one, and it goes
            has_token = True
        if connection is None and not has_token:
            continue
        try:
            note = unlink(runtime.settings, provider, plan.athlete_id, force=True)
        except FitError:  # no client id and secret, or a token that cannot be read
            note = f"{provider} was not told; remove this app in the account's settings there"
        with tokens.exclusive(provider, plan.athlete_id):
            tokens.delete(provider, plan.athlete_id)
            runtime.connections.remove(provider, plan.athlete_id)
        if note:
            yield note


def _remove_landing(runtime: Runtime, plan: Plan) -> Removed:
    zone, store = runtime.zone, runtime.zone.store
    days, objects, lines, versions = set(), 0, 0, 0
    for provider in plan.providers:
        for name in list(store.names(f"raw/provider={provider}/")):
            key = DayKey.from_path(name)
            if key is None or key.athlete_id != plan.athlete_id:
                continue
            purged = zone.purge(key, plan.begun_at, archive_too=True)
            days.add((provider, key.dt))
            objects, lines, versions = objects + 1, lines + purged.lines, versions + purged.versions
        for name in list(store.names(f"_history/raw/provider={provider}/")):
            found = _VERSION_OF.match(name)
            if found is not None and found["athlete"] == plan.athlete_id:
                store.delete(name)
                versions += 1
    return Removed(days=len(days), landing_objects=objects, landing_versions=versions, lines=lines)


def _sum(before: Removed, now: Removed, events: int) -> Removed:
    """What both rounds of an interrupted erasure removed."""
    return Removed(
        days=before.days + now.days,
        landing_objects=before.landing_objects + now.landing_objects,
        landing_versions=before.landing_versions + now.landing_versions,
        lines=before.lines + now.lines,
        change_events=before.change_events + events,
    )


def _sweep(home: Path, plan: Plan) -> None:
    """Take the ids out of whatever else lies in FIT_HOME: by kind of file, not by name, so that none is forgotten."""
    kept = {receipts_folder(home), plan.path(home), home / "demo"}
    for path in home.rglob("*"):
        if not kept.isdisjoint([path, *path.parents]) or not path.is_file() or not is_sqlite(path):
            continue
        # Runs and events are the install's history and lose the words; the rows of our own state lose themselves.
        scrub_sqlite(path, plan.words, delete_rows=not path.is_relative_to(home / "dagster"))
    for path in files_with(home, plan.words, kept):
        if not path.is_file() or path.name.endswith(_OF_SQLITE) or is_sqlite(path):
            continue
        if path.suffix == ".csv":
            _drop_lines(path, plan.words)
        elif path.suffix == ".json" and not mentions(path.name, plan.words):
            write_private(path, without(path.read_text(), plan.words).encode())
        else:
            path.unlink()
    _prune(home, plan)


def _drop_lines(path: Path, words: Set[str]) -> None:
    """Remove the lines that hold a word from a file that people edit; the others stay as they were typed."""
    lines = path.read_text().splitlines(keepends=True)
    write_private(path, "".join(line for line in lines if not mentions(line, words)).encode())


def _prune(home: Path, plan: Plan) -> None:
    """Remove empty folders that are named after the athlete."""
    for path in sorted(home.rglob("*"), key=lambda path: len(path.parts), reverse=True):
        if path.is_dir() and not path.is_symlink() and mentions(path.name, plan.words) and not any(path.iterdir()):
            path.rmdir()


def _unfinished(path: Path) -> Plan | None:
    try:
        return Plan.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise ConfigError(f"{path} is damaged; remove it and run the command again") from None
