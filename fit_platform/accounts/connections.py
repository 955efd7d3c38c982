"""What is known about each link between an athlete and a provider, and the truth about whether it works. No secrets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from fit_platform.accounts.files import locked, private_dir, slug, write_private
from fit_platform.errors import ConfigError

Retention = Literal["keep"] | int
"""How long Strava API rows may be kept: days, or `keep`."""

CONFIRM_AFTER = timedelta(hours=23)
"""How long after a refusal a provider whose terms ask for deletion is asked again: with a daily job within 48 hours."""

EXPIRY_WARNING = timedelta(days=14)  # long enough to meet an athlete who syncs on weekends, twice


class State(StrEnum):
    """What a connection can be."""

    WORKING = "working"
    EXPIRING = "expiring"
    NEEDS_CONSENT = "needs re-consent"
    REVOKED = "revoked"  # the provider said so (a webhook): what its API gave is deleted, see `retention`
    NOT_LINKED = "account not linked"  # Google: the account has never signed in to the Google Health app


Gone = Literal[State.NEEDS_CONSENT, State.REVOKED, State.NOT_LINKED]
"""The states in which nothing is asked of the provider until the athlete has done something."""


class Broken(BaseModel):
    """Why and since when a connection does not work."""

    model_config = ConfigDict(frozen=True)

    state: Gone
    reason: str
    since: AwareDatetime


class ConnectionState(BaseModel):
    """A connection's state at one moment. `until`: when it ends without a new consent, where foreseeable."""

    model_config = ConfigDict(frozen=True)

    state: State
    reason: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class Connection(BaseModel):
    """An athlete's link to a provider. `scopes` is None when the provider did not say what it granted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    athlete_id: str
    provider_user_id: str | None = None
    scopes: tuple[str, ...] | None = None
    linked_at: AwareDatetime
    acquired: Literal["oauth", "token-file"]
    retention: Retention | None = None
    consent_expires_at: AwareDatetime | None = None
    broken: Broken | None = None

    def lacks_scopes(self, needed: Iterable[str]) -> tuple[str, ...]:
        """Those of `needed` that were surely not granted: none, if the provider did not say."""
        return () if self.scopes is None else tuple(scope for scope in needed if scope not in self.scopes)

    def state(self, now: datetime) -> ConnectionState:
        """The truth at `now`: what broke it, else whether its end is near, else that it works."""
        until = self.consent_expires_at
        if self.broken:
            return ConnectionState(state=self.broken.state, reason=self.broken.reason, since=self.broken.since)
        if until and until <= now:
            reason = "the token has reached its end and cannot be refreshed"
            return ConnectionState(state=State.NEEDS_CONSENT, reason=reason, since=until)
        if until and until - now <= EXPIRY_WARNING:
            reason = "the token ends soon and cannot be refreshed"
            return ConnectionState(state=State.EXPIRING, reason=reason, until=until)
        return ConnectionState(state=State.WORKING, until=until)


class _EndedLimit(BaseModel):
    """What stays of a connection that was ended here: how many days its API data may be kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_days: int


_LIMIT_SUFFIX = ".limit.json"


class ConnectionStore:
    """Connections beside their tokens: `tokens/<provider>/<athlete>.connection.json` under FIT_HOME."""

    def __init__(self, home: Path) -> None:
        """`home` is FIT_HOME."""
        self._folder = home / "tokens"

    def list(self, provider: str | None = None, athlete_id: str | None = None) -> tuple[Connection, ...]:
        """All connections, or those of one provider or athlete, ordered by provider and athlete."""
        paths = sorted(self._folder.glob(f"{provider or '*'}/{athlete_id or '*'}.connection.json"))
        found = (self._read(path) for path in paths)
        return tuple(connection for connection in found if connection)

    def get(self, provider: str, athlete_id: str) -> Connection | None:
        """One connection, None if there is none."""
        return self._read(self._path(provider, athlete_id))

    def save(self, connection: Connection) -> None:
        """Store a connection, replacing what was there."""
        path = self._path(connection.provider, connection.athlete_id)
        private_dir(self._folder)
        private_dir(path.parent)
        with locked(path):
            self._write(path, connection)
            self._limit_path(connection.provider, connection.athlete_id).unlink(missing_ok=True)

    def mark_broken(self, provider: str, athlete_id: str, broken: Broken) -> None:
        """Note that the connection ended. The first sighting stays: `since` must not move with each retry."""
        path = self._path(provider, athlete_id)
        with locked(path):
            connection = self._read(path)
            if connection and not (connection.broken and connection.broken.state == broken.state):
                self._write(path, connection.model_copy(update={"broken": broken}))

    def renew(self, provider: str, athlete_id: str, consent_expires_at: datetime | None) -> None:
        """Note a successful refresh: when the consent ends now, and that nothing is broken."""
        path = self._path(provider, athlete_id)
        with locked(path):
            connection = self._read(path)
            if connection:
                changed = {"consent_expires_at": consent_expires_at, "broken": None}
                self._write(path, connection.model_copy(update=changed))

    def end(self, provider: str, athlete_id: str) -> None:
        """Forget a connection, but for how long its data may be kept: they stay behind, and so does the limit."""
        connection = self.get(provider, athlete_id)
        if connection is not None and isinstance(connection.retention, int):
            limit = _EndedLimit(keep_days=connection.retention)
            write_private(self._limit_path(provider, athlete_id), limit.model_dump_json().encode())
        self._path(provider, athlete_id).unlink(missing_ok=True)

    def ended_limits(self, provider: str) -> dict[str, int]:
        """Days that API data may be kept of connections that have ended, by athlete."""
        paths = sorted((self._folder / slug("provider", provider)).glob(f"*{_LIMIT_SUFFIX}"))
        return {
            path.name.removesuffix(_LIMIT_SUFFIX): _EndedLimit.model_validate_json(path.read_bytes()).keep_days
            for path in paths
        }

    def remove(self, provider: str, athlete_id: str) -> bool:
        """Forget all of a connection; False if there was none."""
        path = self._path(provider, athlete_id)
        existed = path.exists()
        path.unlink(missing_ok=True)
        self._limit_path(provider, athlete_id).unlink(missing_ok=True)
        return existed

    def _path(self, provider: str, athlete_id: str, suffix: str = ".connection.json") -> Path:
        return self._folder / slug("provider", provider) / f"{slug('athlete', athlete_id)}{suffix}"

    def _limit_path(self, provider: str, athlete_id: str) -> Path:
        return self._path(provider, athlete_id, _LIMIT_SUFFIX)

    @staticmethod
    def _read(path: Path) -> Connection | None:
        try:
            return Connection.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise ConfigError(f"{path} is damaged; link this athlete again") from None

    @staticmethod
    def _write(path: Path, connection: Connection) -> None:
        write_private(path, connection.model_dump_json(indent=2).encode())
