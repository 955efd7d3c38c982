"""What a list or reconcile call asks for: the filter language, page sizes and page tokens of Google Health."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from fit_platform.simulator.world.draw import digest

TimeKind = Literal["physical", "civil"]
_TERM = re.compile(r'^\s*([a-z0-9_]+(?:\.[a-z_]+)*)\s*(>=|<)\s*"([^"]*)"\s*$')
_FAMILIES = ("all-sources", "google-wearables", "google-sources", "self-sources")


class BadQuestion(Exception):
    """A 400: the reason in Google's words, and a text for a person."""

    def __init__(self, reason: str, message: str) -> None:
        """`reason` as in ErrorInfo."""
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Bounds:
    """A half-open time range: instants (epoch), or the wall clock (epoch as if the wall clock were UTC)."""

    kind: TimeKind
    lower: int | None
    upper: int | None

    def has(self, instant: int, offset_s: int) -> bool:
        """Does a time with this offset lie inside?"""
        value = instant + offset_s if self.kind == "civil" else instant
        return (self.lower is None or value >= self.lower) and (self.upper is None or value < self.upper)


def parse_filter(text: str, members: Mapping[str, TimeKind]) -> Bounds:
    """The bounds of a filter. Only `>=` and `<`, joined by AND, on one of the type's own members."""
    lower = upper = None
    used: set[str] = set()
    kind: TimeKind = "physical"
    for term in re.split(r"\s+AND\s+", text.strip()) if text.strip() else []:
        match = _TERM.match(term)
        if match is None:
            raise BadQuestion("INVALID_DATA_POINT_FILTER", f"Cannot parse '{term}': only >= and < joined by AND")
        member, operator, literal = match.groups()
        if member not in members:
            allowed = ", ".join(members)
            raise BadQuestion("INVALID_DATA_POINT_FILTER", f"Filtering on '{member}' is not supported; use {allowed}")
        used.add(member)
        kind = members[member]
        value = _literal(literal, kind, is_date=member.endswith(".date"))
        if operator == ">=":
            lower = value if lower is None else max(lower, value)
        else:
            upper = value if upper is None else min(upper, value)
    if len(used) > 1:
        raise BadQuestion("INVALID_DATA_POINT_FILTER", "Do not mix civil and physical time")
    if lower is not None and upper is not None and lower >= upper:
        raise BadQuestion("INVALID_DATA_POINT_FILTER", "The time range is empty")
    return Bounds(kind, lower, upper)


def _literal(text: str, kind: TimeKind, *, is_date: bool) -> int:
    try:
        if is_date:
            return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
        value = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuestion("INVALID_DATA_POINT_FILTER_VALUE", f"'{text}' is not a time") from None
    if (kind == "physical") != (value.tzinfo is not None):
        wanted = "RFC 3339 with a zone" if kind == "physical" else "civil, without a zone"
        raise BadQuestion("INVALID_DATA_POINT_FILTER_VALUE", f"'{text}' must be {wanted}")
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


class _Token(msgspec.Struct, array_like=True):
    at: int
    fingerprint: int
    was_empty: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of an answer is asked for. `at` is None on the first page."""

    size: int
    at: int | None
    fingerprint: int
    was_empty: bool

    @property
    def is_empty_by_chance(self) -> bool:
        """Now and then a page has no points and still a token: only an absent token ends a walk."""
        return self.at is not None and not self.was_empty and digest(self.fingerprint, self.at) % 7 == 0

    def token(self, at: int, *, is_empty: bool = False) -> str:
        """The token of the page that begins at a position."""
        return base64.urlsafe_b64encode(msgspec.json.encode(_Token(at, self.fingerprint, is_empty))).decode()


def parse_page(query: Mapping[str, str], bound_to: str, *, default: int, largest: int) -> Page:
    """Page size and position. A token fits only the very same other fields."""
    try:
        asked = int(query.get("pageSize", "0"))
    except ValueError:
        raise BadQuestion("INVALID_ARGUMENT", "pageSize is not a number") from None
    if asked < 0:
        raise BadQuestion("INVALID_ARGUMENT", "pageSize is negative")
    others = sorted((k, v) for k, v in query.items() if k != "pageToken")
    fingerprint = digest(bound_to, *others)
    size = min(asked or default, largest)
    text = query.get("pageToken")
    if not text:
        return Page(size, None, fingerprint, was_empty=False)
    try:
        token = msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Token)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise BadQuestion("INVALID_PAGE_TOKEN", "The page token is not one of ours") from None
    if token.fingerprint != fingerprint:
        raise BadQuestion("INVALID_PAGE_TOKEN", "The page token belongs to another request")
    return Page(size, token.at, fingerprint, token.was_empty)


def check_family(query: Mapping[str, str], *, is_refused: bool) -> None:
    """dataSourceFamily: one of four names, and none at all on a list of sleep."""
    family = query.get("dataSourceFamily")
    if family is None:
        return
    if is_refused or family.removeprefix("users/me/dataSourceFamilies/") not in _FAMILIES:
        raise BadQuestion("INVALID_ARGUMENT", "dataSourceFamily is not supported here")
