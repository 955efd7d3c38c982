"""Whose data a webhook is about: a provider's user id to our athletes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from fit_platform.feed.roster import Link

_MAX_AGE_S = 1.0  # a burst costs one look at the files; a new link, or the end of one, counts within a second


class Owners:
    """Looks athletes up. Safe for threads."""

    def __init__(self, connections: Callable[[], Sequence[Link]]) -> None:
        """`connections` gives all that there are now."""
        self._connections = connections
        self._lock = threading.Lock()
        self._athletes: dict[tuple[str, str], tuple[str, ...]] = {}
        self._looked_at = float("-inf")

    def athletes(self, provider: str, user_id: str) -> tuple[str, ...]:
        """The athletes who linked this user of the provider; none for a stranger. ConfigError: a damaged file."""
        with self._lock:
            if time.monotonic() - self._looked_at > _MAX_AGE_S:
                found: dict[tuple[str, str], tuple[str, ...]] = {}
                for connection in self._connections():
                    if connection.provider_user_id:
                        key = (connection.provider, connection.provider_user_id)
                        found[key] = tuple({**dict.fromkeys(found.get(key, ())), connection.athlete_id: None})
                self._athletes, self._looked_at = found, time.monotonic()
            return self._athletes.get((provider, user_id), ())
