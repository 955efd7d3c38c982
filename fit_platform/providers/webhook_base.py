"""What every provider's webhook side shares: a delivery comes in, a reply with notices goes out. No I/O here.

`providers/<name>/webhook.py` verifies and reads what its provider posts. Whose athlete a notice is about, where it is
kept and how the request came is `feed`'s business. Light on purpose: the receiver must not load the warehouse.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec

ProviderId = (
    Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
)
"""An id as providers write it: a number, or a number in quotes."""

MAX_DAYS = 366
"""A notice that spans more days says as much as one that names none: the provider is asked."""

_PLAUSIBLE = range(2000, 2100)  # years; anything else is a mistake of a sender's clock, and no partition
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request at a provider's webhook address. Header names are lower case; `body` is raw, as it was signed."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """The provider says that something of one of its users changed. Holds no measured value."""

    user_id: str
    kind: Literal["changed", "deleted", "revoked"] = "changed"
    resources: tuple[str, ...] = ()
    days: tuple[date, ...] = ()
    object_id: str | None = None
    version: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer once all notices are safe. `outcome` is one word or two for the log, without anything secret."""

    status: int
    outcome: str
    notices: tuple[Notice, ...] = ()
    body: bytes = b""
    ignored: int = 0
    """Parts of a genuine delivery that say nothing to us: a data type that is not pulled, a shape nobody knows."""


Receive = Callable[[Delivery, Mapping[str, str], datetime], Reply]
"""(delivery, what is secret between us and the provider, now) -> reply. Never raises for what a stranger may send."""


class Undecodable(Exception):
    """A body that is not the promised JSON."""


def decode(body: bytes) -> Any:
    """A body from outside as JSON. Raises Undecodable, and nothing else, for what is none."""
    try:
        return msgspec.json.decode(body)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise Undecodable from None


def read_as(type_: type[T], content: Any) -> T:
    """Decoded JSON as the promised object. Raises Undecodable where it is another."""
    try:
        return msgspec.convert(content, type_)
    except (msgspec.ValidationError, RecursionError):
        raise Undecodable from None


def same(secret: str, given: str | None) -> bool:
    """Is it the secret? Takes as long for a near miss as for a far one. An empty secret is never met."""
    return bool(secret) and hmac.compare_digest(secret.encode(), (given or "").encode("utf-8", "surrogateescape"))


def fingerprint(event: Any) -> str:
    """12 hexadecimal digits of an event's content, equal for all its deliveries, whatever the order of its members."""
    return hashlib.sha256(msgspec.json.encode(event, order="sorted")).hexdigest()[:12]


def day_of(text: object) -> date | None:
    """The date that a text begins with (`2026-03-29`, `2026-03-29T07:00:00Z`); None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if day.year in _PLAUSIBLE else None


def days_between(first: date | None, last: date | None, margin_days: int = 0) -> tuple[date, ...]:
    """Every day from first to last, and as many more on both sides; none if an end is unknown or they are too many."""
    if first is None or last is None or not 0 <= (last - first).days < MAX_DAYS:
        return ()
    start = first - timedelta(days=margin_days)
    return tuple(start + timedelta(days=i) for i in range((last - first).days + 1 + 2 * margin_days))
