"""Tokens in Google Secret Manager, for several machines: one secret per connection, one version per token.

What the documentation promises and all that is built on (cloud.google.com/secret-manager/docs: reference/consistency,
etags, delay-destruction; read 2026-11):

- Reading a version *by its number* is strongly consistent once it was added. `latest`, the secret itself and listings
  are not: they may show the past for minutes, in rare cases for hours.
- An update of the secret that carries its etag succeeds only if nobody updated the secret since; else it is refused
  (FAILED_PRECONDITION). Adding a version neither checks nor changes that etag.

So the lock is a lease in the secret's annotations, taken by an update with the etag: whoever succeeds has seen the
secret as it is. Its annotations also name the last known version; from there the holder asks for the following numbers
until there is none. So nothing that was ever added is missed, not even if its writer was killed a moment later.
"""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import google_crc32c
from google.api_core import exceptions as google_errors
from pydantic import SecretStr

from fit_platform.accounts.files import slug
from fit_platform.accounts.sealing import TokenSealer
from fit_platform.accounts.secret_client import FAILURES, PASSING, SecretClient, StateDiffersError, told
from fit_platform.errors import BusyError, ConfigError
from fit_platform.providers.oauth_base import Token
from fit_platform.settings import Settings

LEASE_S = 120.0  # longer than a refresh may take: 35 s of timeouts at the provider, 60 s of retries here
CACHE_S = 60.0  # a client asks for its token before every request; a quota and a bill would grow with that
_DESTROY_DELAY_S = 86_400  # the shortest that Secret Manager allows: a day to undo a destruction
_LEASE, _VERSION = "fit-lease", "fit-version"  # annotations of the secret

_log = logging.getLogger(__name__)


@dataclass
class _Held:
    """The lease of this thread on one secret. `secret` is the secret as the last update answered it."""

    owner: str
    secret: Any
    versions: list[int] = field(default_factory=list)  # those that were read or written under this lease, ascending

    @property
    def known_version(self) -> int:
        return self.versions[-1] if self.versions else int(self.secret.annotations.get(_VERSION, 0))


class SecretManagerTokenStore:
    """Tokens as versions of the secrets `<prefix>-<provider>-<athlete>` in one project; a `TokenStore`."""

    def __init__(
        self,
        project: str,
        prefix: str,
        secret_key: SecretStr | None = None,
        url: str | None = None,
        lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`url` stands for Google's own and is asked without credentials. `lease_s`: how long a dead holder blocks.

        `clock` (epoch seconds) judges when a lease has ended: the machines' clocks may differ by a part of `lease_s`.
        """
        self._parent = f"projects/{project}"
        self._prefix = prefix
        self._sealer = TokenSealer(secret_key)
        self._client = SecretClient(url)
        self._lease_s = lease_s
        self._clock = clock
        self._here = threading.local()
        self._seen: dict[str, tuple[float, Token | None]] = {}  # when it was read (monotonic seconds), and what

    @classmethod
    def of(cls, settings: Settings) -> SecretManagerTokenStore:
        """The store of this installation; ConfigError when the project is not set."""
        if settings.gcp_project is None:
            raise ConfigError("FIT_TOKEN_STORE=secret-manager: set FIT_GCP_PROJECT to the project of the tokens")
        return cls(settings.gcp_project, settings.secret_prefix, settings.secret_key, settings.secret_manager_url)

    def load(self, provider: str, athlete_id: str) -> Token | None:
        """The newest token under the lease; without it one that may be older, and then is about to end anyway."""
        name = self._name(provider, athlete_id)
        held = self._held.get(name)
        seen_at, seen = self._seen.get(name, (0.0, None))
        if held is None and seen and time.monotonic() - seen_at < CACHE_S:
            return seen
        with told(f"read {name}"):
            # A connection as new as its first version may not be known as `latest` yet.
            stored = self._newest(held) if held else self._access(name, "latest") or self._access(name, "1")
        token = None if stored is None else self._sealer.unseal(stored, provider, athlete_id, name)
        self._seen[name] = (time.monotonic(), token)
        return token

    def save(self, provider: str, athlete_id: str, token: Token) -> None:
        """Add a version: it is durable when the answer is here. Then retire those before the one it follows."""
        name = self._name(provider, athlete_id)
        data = self._sealer.seal(token)
        checksum = int(google_crc32c.value(data))
        payload = {"data": data, "data_crc32c": checksum}
        with told(f"write {name}"):
            if name not in self._held:
                self._create(name, {})
            # Patient, even if that may store the token twice: a token that is not stored is a lost connection.
            added = self._client.call("add_secret_version", parent=name, payload=payload, retry_s=60.0)
        self._seen[name] = (time.monotonic(), token)
        number = int(added.name.rsplit("/", 1)[1])
        if held := self._held.get(name):
            held.versions.append(number)
        self._retire(name, number)

    def delete(self, provider: str, athlete_id: str) -> None:
        """Delete the secret with all its versions."""
        name = self._name(provider, athlete_id)
        self._seen.pop(name, None)
        with told(f"delete {name}"):
            try:
                self._client.call("delete_secret", name=name)
            except google_errors.NotFound:
                return

    def permissions(self, provider: str, athlete_id: str, wanted: Sequence[str]) -> tuple[str, list[str] | None]:
        """The secret's name, and which of these permissions we have on it; None where there is no such secret."""
        name = self._name(provider, athlete_id)
        with told(f"ask about {name}"):
            try:
                self._client.call("get_secret", name=name)
            except google_errors.NotFound:
                return name, None
            except google_errors.Forbidden:
                pass  # the answer below says so
            asked = {"resource": name, "permissions": list(wanted)}
            return name, list(self._client.call("test_iam_permissions", request=asked).permissions)

    @contextmanager
    def exclusive(self, provider: str, athlete_id: str) -> Iterator[None]:
        """Hold the lease. BusyError when somebody else keeps it for longer than it can last."""
        name = self._name(provider, athlete_id)
        with told(f"lock {name}"):
            held = self._take(name)
        self._held[name] = held
        try:
            yield
        finally:
            del self._held[name]
            self._release(name, held)

    # the lease

    def _take(self, name: str) -> _Held:
        owner = secrets.token_hex(8)
        give_up = time.monotonic() + 2 * self._lease_s
        pause_s = 0.02
        while time.monotonic() < give_up:
            lease = {_LEASE: f"{owner} {self._clock() + self._lease_s:.3f}"}
            try:
                secret = self._client.call("get_secret", name=name)
                holder, ends_at = _lease(secret.annotations)
                if holder == owner and ends_at > self._clock() + self._lease_s / 2:
                    return _Held(owner, secret)  # the answer to the update that took it was lost
                if ends_at <= self._clock():
                    return _Held(owner, self._annotate(secret, {**secret.annotations, **lease}))
            except google_errors.NotFound:
                created = self._create(name, lease)
                if created is not None:
                    return _Held(owner, created)
            except StateDiffersError:
                pass  # what we saw of the secret is the past: another one took the lease, or has given it back
            except PASSING as error:
                _log.info("%s: trying again to take the lease (%s)", name, type(error).__name__)
            time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 spreads waiters, guards nothing
            pause_s = min(1.0, pause_s * 1.5)
        raise BusyError(f"another process holds {name} for over {2 * self._lease_s:.0f} s; try again in a few minutes")

    def _release(self, name: str, held: _Held) -> None:
        """Give the lease back, with the number of the newest version. If that fails it ends by itself."""
        annotations = {k: v for k, v in held.secret.annotations.items() if k != _LEASE}
        try:
            if held.known_version:
                self._annotate(held.secret, {**annotations, _VERSION: str(held.known_version)})
            else:  # nothing was ever stored: leave no empty secret behind
                self._client.call("delete_secret", request={"name": name, "etag": held.secret.etag})
        except google_errors.NotFound:
            return  # deleted under the lease
        except (StateDiffersError, *FAILURES) as error:
            _log.warning("the lease on %s could not be given back (%s)", name, type(error).__name__)

    def _annotate(self, secret: Any, annotations: dict[str, str]) -> Any:
        """Replace the annotations, if nobody has changed the secret meanwhile (else StateDiffersError).

        Never repeated blindly: when the answer is lost on the way, the etag may have changed all the same.
        """
        changed = {"name": secret.name, "annotations": annotations, "etag": secret.etag}
        return self._client.call("update_secret", secret=changed, update_mask={"paths": ["annotations"]}, retry_s=0.0)

    def _create(self, name: str, annotations: dict[str, str]) -> Any | None:
        """The new secret, None if somebody else has made it."""
        secret = {
            "replication": {"automatic": {}},
            "annotations": annotations,
            "labels": {"app": "fit-platform"},
            "version_destroy_ttl": {"seconds": _DESTROY_DELAY_S},
        }
        try:
            return self._client.call(
                "create_secret", parent=self._parent, secret_id=name.rsplit("/", 1)[1], secret=secret
            )
        except google_errors.Conflict:
            return None

    # versions

    def _newest(self, held: _Held) -> bytes | None:
        """Walk on from the last known version; a number that nobody has written is the end."""
        name, number, newest = held.secret.name, held.known_version, None
        if number:
            newest = self._access(name, str(number))
        while True:
            number += 1
            try:
                newest = self._read(name, str(number))
            except google_errors.NotFound:
                return newest
            except StateDiffersError:
                continue  # disabled or destroyed by hand: a later one may be there
            held.versions.append(number)

    def _access(self, name: str, version: str) -> bytes | None:
        try:
            return self._read(name, version)
        except (google_errors.NotFound, StateDiffersError):
            return None

    def _read(self, name: str, version: str) -> bytes:
        """A version's content; StateDiffersError if it is disabled or destroyed."""
        return bytes(self._client.call("access_secret_version", name=f"{name}/versions/{version}").payload.data)

    def _retire(self, name: str, newest: int) -> None:
        """Destroy all but the newest version and the one before it. What cannot be done now is done next time."""
        try:
            for version in self._client.call(
                "list_secret_versions", request={"parent": name, "filter": "state:ENABLED"}
            ):
                if int(version.name.rsplit("/", 1)[1]) < newest - 1:
                    self._client.call("destroy_secret_version", name=version.name)
        except (StateDiffersError, *FAILURES) as error:
            _log.warning("old versions of %s could not be destroyed (%s)", name, type(error).__name__)

    # plumbing

    def _name(self, provider: str, athlete_id: str) -> str:
        secret_id = f"{self._prefix}-{slug('provider', provider)}-{slug('athlete', athlete_id)}"
        return f"{self._parent}/secrets/{secret_id}"

    @property
    def _held(self) -> dict[str, _Held]:
        """The leases of this thread: another thread must not load under them."""
        held: dict[str, _Held] = self._here.__dict__.setdefault("held", {})
        return held


def _lease(annotations: Any) -> tuple[str, float]:
    """Who holds the lease, and the epoch second at which it ends: 0 if there is none, or one that cannot be read."""
    holder, _, end = annotations.get(_LEASE, "").partition(" ")
    try:
        return holder, float(end)
    except ValueError:
        return holder, 0.0
