"""The inbox: small change events, each saying that something changed at a provider.

Everything that notices a change (a webhook, a poll, a reconciliation, an import) only writes here; one sensor per
provider turns events into runs.

An event waits as `inbox/<provider>/<time>_<key>.json`. The time is when it is due, so names sort by time and an event
that is put off simply has a later name. The key says what it is about: an event that waits already is not put twice,
which makes a delivery that the provider repeats one event. Whoever acts on an event takes it first, to `inbox/_taken/`,
so that the same news coming meanwhile waits anew. What is done with moves to `inbox/_done/`, what nobody can act on to
`inbox/_rejected/`, with the reason; so whatever is left waits, whenever it was written, and no cursor can run past it.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from fit_platform.landing.store import ObjectStore

_NAME = re.compile(r"inbox/(?P<provider>[a-z]+)/(?P<time>\d{8}T\d{12})_(?P<key>[0-9a-f]{16})\.json$")
_TIME = "%Y%m%dT%H%M%S%f"
_STRIPES = 64
_REMEMBERED = 50_000  # names a process keeps in mind, of each provider, if no more wait: 10 MB
_TAKEN, _DONE, _REJECTED = "inbox/_taken/", "inbox/_done/", "inbox/_rejected/"

Origin = Literal["webhook", "poll", "reconcile", "import", "replay"]
Kind = Literal["changed", "deleted", "revoked", "purged"]
"""`purged`: its days have lost what they held here, so they are built anew, and nothing is asked of the provider."""


class ChangeEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something changed for one athlete at one provider. Holds no secret, no name and no measured value."""

    provider: str
    athlete_id: str
    kind: Kind = "changed"
    origin: Origin
    seen_at: datetime
    """When we heard of it, with its offset."""
    resources: tuple[str, ...] = ()
    """Resources to pull again. Empty: not said, so every one that can be meant."""
    days: tuple[date, ...] = ()
    """Partition days to pull again. Empty: not said, to be found out by asking the provider."""
    object_id: str | None = None
    """The provider's id of what changed, where it said so."""
    version: str = ""
    """Tells two changes of the same thing apart: the provider's event time, a content hash."""
    detail: str = ""
    """What the provider called it, for people."""
    attempt: int = 0
    """How often it was put off because the provider did not know the object yet."""
    deaths: int = 0
    """How many runs for it in a row were killed or crashed."""

    @property
    def key(self) -> str:
        """What the event is about, as 16 hexadecimal digits: equal for two deliveries of one change."""
        about = msgspec.structs.replace(self, seen_at=datetime(1970, 1, 1, tzinfo=UTC), detail="")
        return hashlib.sha256(msgspec.json.encode(about)).hexdigest()[:16]


class PoisonEvent(Exception):
    """An inbox object that is no change event. The message says why and is safe to show."""


class Inbox:
    """Change events in an object store."""

    def __init__(self, store: ObjectStore) -> None:
        """Use the landing zone's store."""
        self.store = store
        self._lock = threading.Lock()
        self._waiting: dict[str, dict[str, str]] = {}  # provider -> key -> name
        self._listed: dict[str, int] = {}  # provider -> how many waited when it was last listed
        # Two deliveries of one change at the same moment are one event; others must not wait for each other's disk.
        self._writing = tuple(threading.Lock() for _ in range(_STRIPES))

    def put(self, event: ChangeEvent, due: datetime | None = None) -> str:
        """Write an event, due now or at a moment to come; returns its name once it would survive a power cut.

        An event of the same provider and key that waits already is not written again, whenever it is due.
        """
        key = event.key
        with self._writing[int(key, 16) % _STRIPES]:
            known = self._known(event.provider).get(key)
            if known is not None and self.store.head(known, 1) is not None:
                self.store.settle(known)  # another process may have written it and died before it could settle it
                return known
            moment = (due or event.seen_at).astimezone(UTC)
            name = f"inbox/{event.provider}/{moment.strftime(_TIME)}_{key}.json"
            self.store.write(name, msgspec.json.encode(event))
            self.store.settle(name)
            self._remember(event.provider, key, name)
        return name

    def look(self, provider: str) -> None:
        """Learn what waits, which the first `put` would do otherwise: seconds, where a provider's events pile up."""
        self._known(provider)

    def _known(self, provider: str) -> dict[str, str]:
        """What waits, as far as this process knows. A receiver never hears what others took off, so it looks anew.

        When twice as much is known as waited at the last listing: where very much waits, not at each event.
        """
        with self._lock:
            if len(self._waiting.get(provider, ())) > max(_REMEMBERED, 2 * self._listed.get(provider, 0)):
                del self._waiting[provider]
            if provider not in self._waiting:
                found = {parts["key"]: name for name in self.names(provider) if (parts := _NAME.match(name))}
                self._waiting[provider], self._listed[provider] = found, len(found)
            return self._waiting[provider]

    def _remember(self, provider: str, key: str, name: str) -> None:
        with self._lock:
            self._waiting.setdefault(provider, {})[key] = name

    def names(self, provider: str | None = None) -> Iterator[str]:
        """Names of every event that waits, due or not, by provider and then by time."""
        for name in self.store.names(f"inbox/{provider}/" if provider else "inbox/"):
            if not name.startswith((_TAKEN, _DONE, _REJECTED)):
                yield name

    def due(self, provider: str, now: datetime, limit: int) -> list[str]:
        """The first events of a provider that are due, oldest first. A name that we did not write is always due."""
        latest = now.astimezone(UTC).strftime(_TIME)
        found: list[str] = []
        for name in self.names(provider):
            parts = _NAME.match(name)
            if len(found) == limit:
                break
            if parts is None or parts["time"] <= latest:
                found.append(name)
        return found

    def taken(self, provider: str) -> list[str]:
        """What was taken and is not done with: what a tick that was killed had in its hands."""
        return list(self.store.names(f"{_TAKEN}{provider}/"))

    def take(self, name: str) -> str:
        """Take an event; returns the name that it has from now on."""
        return self._move(name, _TAKEN)

    def read(self, name: str) -> ChangeEvent | None:
        """The event of that name; None where there is none any more. Raises PoisonEvent."""
        body = self.store.read(name)
        if body is None:
            return None
        try:
            event = msgspec.json.decode(body, type=ChangeEvent)
        except msgspec.MsgspecError as error:
            raise PoisonEvent(f"not a change event: {error}") from None
        if not name.startswith((f"inbox/{event.provider}/", f"{_TAKEN}{event.provider}/")):
            raise PoisonEvent(f"an event of {event.provider} in another provider's inbox")
        if event.seen_at.tzinfo is None:
            raise PoisonEvent("seen_at has no offset from UTC")
        return event

    def done(self, name: str) -> None:
        """Take an event off the inbox; it is kept under `_done/` for a while, to see what set off a run."""
        self._move(name, _DONE)

    def reject(self, name: str, reason: str) -> None:
        """Put what nobody can act on aside, with the reason beside it, so that it never blocks the rest."""
        self.store.write(f"{_in(_REJECTED, name)}.reason.txt", f"{reason}\n".encode())
        self._move(name, _REJECTED)

    def rejected(self) -> Iterator[tuple[str, str]]:
        """Name and reason of everything that was put aside."""
        for name in self.store.names(_REJECTED):
            if name.endswith(".reason.txt"):
                reason = self.store.read(name) or b""
                yield name.removesuffix(".reason.txt"), reason.decode("utf-8", "replace").strip()

    def forget_done(self, before: datetime, keep: timedelta = timedelta(days=7)) -> int:
        """Delete done events that were due more than `keep` before a moment; returns how many."""
        oldest = (before - keep).astimezone(UTC).strftime(_TIME)
        old = [name for name in self.store.names(_DONE) if name.rpartition("/")[2] < oldest]
        for name in old:
            self.store.delete(name)
        self.store.forget_replaced("inbox/")  # each event was moved twice, and a versioned bucket keeps every step
        return len(old)

    def forget(self, provider: str, athlete_id: str, *, revocations_too: bool = False) -> int:
        """Delete every event of an athlete at a provider: waiting, done and rejected ones; returns how many.

        A revocation that waits stays unless asked for: it is what brings us here, and again after a crash.
        """
        gone = 0
        waiting = f"inbox/{provider}/"
        for folder in (waiting, f"{_TAKEN}{provider}/", f"{_DONE}{provider}/", f"{_REJECTED}{provider}/"):
            for name in list(self.store.names(folder)):
                event = _event(self.store.read(name) or b"")
                if event is None or (event.provider, event.athlete_id) != (provider, athlete_id):
                    continue
                if event.kind == "revoked" and folder == waiting and not revocations_too:
                    continue
                self.store.delete(name)
                self.store.delete(f"{name}.reason.txt")
                gone += 1
            self.store.forget_replaced(folder)
        with self._lock:
            self._waiting.pop(provider, None)  # read anew when next asked for
        return gone

    def _move(self, name: str, folder: str) -> str:
        to = _in(folder, name)
        if to != name and self.store.head(name, 1) is not None:
            self.store.move(name, to)
            self.store.delete(name)
        if parts := _NAME.match(name):
            with self._lock:
                self._waiting.get(parts["provider"], {}).pop(parts["key"], None)
        return to


def _in(folder: str, name: str) -> str:
    """The name of a waiting or taken event in another folder."""
    return folder + name.removeprefix(_TAKEN if name.startswith(_TAKEN) else "inbox/")


def _event(body: bytes) -> ChangeEvent | None:
    """The event in an object; None where it is not one."""
    try:
        return msgspec.json.decode(body, type=ChangeEvent)
    except msgspec.MsgspecError:
        return None
