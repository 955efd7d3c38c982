"""Who may see what: a viewer is the athlete, sees what others shared, runs the platform, or several of these."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from fit_platform.accounts.files import locked, write_private
from fit_platform.errors import ConfigError

_TOKEN_BYTES = 32
AthleteId = Annotated[str, Field(max_length=100)]  # erasing an athlete leaves a word here that is nobody's id


class Viewer(BaseModel):
    """One person in front of the dashboard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]  # a mail address where a proxy signs people in
    athlete_id: AthleteId | None = None  # whom they are
    shared_with: tuple[AthleteId, ...] = ()  # whose data they may see too, without what came over Strava's API
    is_owner: bool = False  # sees the pipeline
    is_local: bool = False  # sits at the machine itself, where every file can be read anyway
    token_sha256: str | None = None  # of their link
    expires_at: AwareDatetime | None = None  # of their link

    def may_see(self, athlete_id: str) -> bool:
        """Anything of this athlete at all?"""
        return self.is_local or athlete_id == self.athlete_id or athlete_id in self.shared_with

    def is_athlete(self, athlete_id: str) -> bool:
        """Is the viewer this athlete (or at the machine itself)?"""
        return self.is_local or athlete_id == self.athlete_id

    @property
    def sees_pipeline(self) -> bool:
        """Connections, quota, runs."""
        return self.is_local or self.is_owner


LOCAL = Viewer(name="this machine", is_owner=True, is_local=True)
_VIEWERS = TypeAdapter(list[Viewer])


class ViewerStore:
    """The viewers of one installation, in `state/viewers.json` under FIT_HOME. Tokens are kept as hashes only."""

    def __init__(self, home: Path) -> None:
        """`home` is FIT_HOME."""
        self._path = home / "state" / "viewers.json"

    def list(self) -> tuple[Viewer, ...]:
        """All viewers, by name."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        try:
            return tuple(_VIEWERS.validate_json(data))
        except ValidationError:
            raise ConfigError(f"{self._path} is damaged; mend or remove it") from None

    def by_name(self, name: str) -> Viewer | None:
        """The viewer whom a proxy has signed in; letters' case does not matter in a mail address."""
        return next((viewer for viewer in self.list() if viewer.name.casefold() == name.casefold()), None)

    def by_token(self, token: str, now: datetime) -> Viewer | None:
        """The viewer who has this link; None for a wrong or an old one."""
        digest = _digest(token)
        for viewer in self.list():
            if viewer.token_sha256 and secrets.compare_digest(viewer.token_sha256, digest):
                return viewer if viewer.expires_at is None or now < viewer.expires_at else None
        return None

    def add(self, viewer: Viewer) -> None:
        """Add a viewer, in place of one with that name."""
        with locked(self._path):
            self._write([*self._others(viewer.name), viewer])

    def add_link(self, viewer: Viewer, days: int, now: datetime | None = None) -> str:
        """Add a viewer who comes by a link; returns its token, which is not kept."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        expires_at = (now or datetime.now(UTC)) + timedelta(days=days)
        self.add(viewer.model_copy(update={"token_sha256": _digest(token), "expires_at": expires_at}))
        return token

    def remove(self, name: str) -> bool:
        """Forget a viewer, and so their link; False if there was none."""
        with locked(self._path):
            others = self._others(name)
            if len(others) == len(self.list()):
                return False
            self._write(others)
        return True

    def _others(self, name: str) -> tuple[Viewer, ...]:
        return tuple(viewer for viewer in self.list() if viewer.name.casefold() != name.casefold())

    def _write(self, viewers: Iterable[Viewer]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        ordered = sorted(viewers, key=lambda viewer: viewer.name)
        write_private(self._path, _VIEWERS.dump_json(ordered, indent=2, exclude={"__all__": {"is_local"}}) + b"\n")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
