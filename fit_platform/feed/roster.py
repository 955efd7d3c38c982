"""Who is linked, for a receiver that runs elsewhere: one small object in the landing zone's bucket.

On one machine the receiver reads the connections under FIT_HOME. On Google Cloud it runs on Cloud Run and sees nothing
but the bucket; so the platform keeps there what the receiver needs to know. No secret, no name: ids only.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

import msgspec

from fit_platform.errors import ConfigError, FitError
from fit_platform.landing.store import ObjectStore

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

ROSTER = "accounts/owners.json"
_MAX_AGE_S = 30.0  # a new link counts after so long; until then its webhooks are dropped, and the next look finds them
_told: dict[str, str] = {}  # what this process last knew each place to hold, as a hash


class Link(Protocol):
    """What the receiver needs of a connection."""

    @property
    def provider(self) -> str: ...  # noqa: D102
    @property
    def athlete_id(self) -> str: ...  # noqa: D102
    @property
    def provider_user_id(self) -> str | None: ...  # noqa: D102


class SharedLink(msgspec.Struct, frozen=True):
    """A line of the roster."""

    provider: str
    athlete_id: str
    provider_user_id: str | None


def share_links(runtime: Runtime) -> None:
    """Keep the roster of a bucket true; beside a folder the receiver reads the connections themselves."""
    if runtime.settings.landing_dir.startswith("gs://"):
        share(runtime.settings.landing_dir, runtime.zone.store, runtime.connections.list())


def share(place: str, store: ObjectStore, links: Iterable[Link]) -> bool:
    """Write the roster if it is another than the one in the store; True when it was written.

    `place` names the store, so that a process asks for what is there only once. Versions that are replaced are removed:
    they would tell of athletes who are gone.
    """
    lines = sorted(
        (SharedLink(link.provider, link.athlete_id, link.provider_user_id) for link in links if link.provider_user_id),
        key=lambda line: (line.provider, line.athlete_id),
    )
    body = msgspec.json.encode(lines)
    content = hashlib.sha256(body).hexdigest()
    if _told.get(place) == content:
        return False
    is_new = store.read(ROSTER) != body
    if is_new:
        store.write(ROSTER, body)
        store.forget_versions(ROSTER, f"{ROSTER}.")
    _told[place] = content
    return is_new


def shared(store: ObjectStore, max_age_s: float = _MAX_AGE_S) -> Callable[[], tuple[SharedLink, ...]]:
    """Reads the roster, again after `max_age_s`. While the store does not answer, what was read before holds."""
    known: tuple[SharedLink, ...] | None = None
    read_at = float("-inf")

    def read() -> tuple[SharedLink, ...]:
        nonlocal known, read_at
        if known is not None and time.monotonic() - read_at <= max_age_s:
            return known
        try:
            body = store.read(ROSTER)
        except FitError:
            if known is None:
                raise
            return known
        try:
            known = () if body is None else msgspec.json.decode(body, type=tuple[SharedLink, ...])
        except msgspec.DecodeError:
            raise ConfigError(f"{ROSTER} in the landing zone is damaged; remove it, and it is written anew") from None
        read_at = time.monotonic()
        return known

    return read
