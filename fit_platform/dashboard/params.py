"""What a request may ask for: each parameter is read here, once, into a closed set of shapes, or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

LONGEST_DAYS = 20 * 366
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ACTIVITY = re.compile(r"[0-9a-f]{32}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_TEXT = 80


class BadRequest(ValueError):
    """The request asks for something that there cannot be; the message names the parameter."""


def only(query: Mapping[str, str], *known: str) -> None:
    """Refuse parameters that the endpoint does not know: a typo should not look like an answer."""
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise BadRequest(f"unknown parameter; known are {', '.join(known) or 'none'}")


def day(query: Mapping[str, str], name: str) -> date | None:
    """A civil date, YYYY-MM-DD; None where it is not given."""
    text = query.get(name)
    if not text:
        return None
    if _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise BadRequest(f"{name}: give a day as YYYY-MM-DD")


def span(query: Mapping[str, str], newest: date, default_days: int) -> tuple[date, date]:
    """`from` and `to`, inclusive; the last `default_days` up to `newest` where they are not given."""
    last = day(query, "to") or newest
    first = day(query, "from") or last - timedelta(days=default_days - 1)
    if first > last:
        raise BadRequest("from: is after to")
    if (last - first).days > LONGEST_DAYS:
        raise BadRequest("from: more than twenty years before to")
    return first, last


def word(query: Mapping[str, str], name: str) -> str | None:
    """A lower-case word, such as a sport family or a provider."""
    text = query.get(name)
    if not text:
        return None
    if not _WORD.fullmatch(text):
        raise BadRequest(f"{name}: not a name we use")
    return text


def choice(query: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of a few words; the first where it is not given."""
    text = query.get(name) or allowed[0]
    if text not in allowed:
        raise BadRequest(f"{name}: use {', '.join(allowed)}")
    return text


def text(query: Mapping[str, str], name: str) -> str | None:
    """Free text to look for, short."""
    value = (query.get(name) or "").strip()
    if len(value) > _MAX_TEXT:
        raise BadRequest(f"{name}: at most {_MAX_TEXT} characters")
    return value or None


def whole(query: Mapping[str, str], name: str, default: int, highest: int) -> int:
    """A whole number from 0 to `highest`."""
    value = query.get(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or len(value) > 9 or int(value) > highest:
        raise BadRequest(f"{name}: a whole number up to {highest}")
    return int(value)


def activity_id(value: str) -> str:
    """An activity's id."""
    if not _ACTIVITY.fullmatch(value):
        raise BadRequest("not an activity id")
    return value
