"""Questions by date: what Polar takes for a date or a range, and what it refuses with a 400."""

from __future__ import annotations

from datetime import date, timedelta

from fit_platform.simulator.gate import Call
from fit_platform.simulator.world.clock import utc_day

LONGEST_RANGE_DAYS = 28
_OLDEST_ACTIVITY_DAYS = 365


class Refused(Exception):
    """A question that the endpoint does not answer; the message goes into the 400."""


def date_of(text: str) -> date:
    """A date as `2026-01-31`. Raises Refused for anything else."""
    try:
        if len(text) != len("2026-01-31"):
            raise Refused(f"'{text}' is not a date")
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"'{text}' is not a date") from None


def last_days(today: date) -> list[date]:
    """The 28 days that most lists show."""
    return [today - timedelta(days=n) for n in reversed(range(LONGEST_RANGE_DAYS))]


def range_of(call: Call, *, has_default: bool) -> list[date]:
    """The dates of `from`..`to`, both inside. Where there is a default it is the last 28 days."""
    today = utc_day(call.person.config.now_epoch)
    if "from" not in call.query or "to" not in call.query:
        if not has_default or "from" in call.query or "to" in call.query:
            raise Refused("from and to are both required")
        return last_days(today)
    first, last = date_of(call.query["from"]), date_of(call.query["to"])
    if last < first:
        raise Refused("to is before from")
    if (last - first).days >= LONGEST_RANGE_DAYS:
        raise Refused(f"the range is longer than {LONGEST_RANGE_DAYS} days")
    if has_default and first < today - timedelta(days=_OLDEST_ACTIVITY_DAYS):
        raise Refused("from is more than 365 days ago")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
