"""What goes wrong: random faults by rate, and poison on chosen requests. Deterministic by seed and call number."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from fit_platform.simulator.scenario import FaultKind, Poison, Provider, Scenario
from fit_platform.simulator.world.draw import digest

HTML_PAGE = b"<!DOCTYPE html>\n<html><head><title>Back soon</title></head><body><h1>Maintenance</h1></body></html>"
NEW_SPORT = "QUIDDITCH"
_DATE = re.compile(r"(<\s*\"?)?(\d{4}-\d{2}-\d{2})(T[0-9:.]+)?")
_EPOCH = re.compile(r"\b(after|before)=(\d+)")
_TIME_KEYS = ("start_time", "sleep_start_time", "start_date", "startTime", "physicalTime", "date")
_SPORT_KEYS = ("sport", "detailed_sport_info", "sport_type", "exerciseType")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that strikes one answer."""

    kind: FaultKind
    lot: int
    poison: Poison | None = None


class Faults:
    """The scenario at work."""

    def __init__(self, scenario: Scenario) -> None:
        """Counts from zero; a new scenario starts a new count."""
        self.scenario = scenario
        self._calls: Counter[Provider] = Counter()
        self._strikes: Counter[int] = Counter()

    def strike(self, provider: Provider, athlete: str, target: str, body: bytes) -> Fault | None:
        """Does a fault strike this answer? `target` is path and query, `body` what would have been answered."""
        self._calls[provider] += 1
        text = unquote_plus(target)
        for index, poison in enumerate(self.scenario.poison):
            is_spent = poison.times is not None and self._strikes[index] >= poison.times
            if not is_spent and _matches(poison, provider, athlete, text, body):
                self._strikes[index] += 1
                return Fault(poison.kind, 0, poison)
        if provider not in self.scenario.providers:
            return None
        lot = digest(self.scenario.seed, provider, self._calls[provider])
        share = (lot % 1_000_000) / 1_000_000
        for kind, rate in self.scenario.rates():
            if share < rate:
                return Fault(kind, lot // 1_000_000)
            share -= rate
        return None


def spoil(fault: Fault, body: bytes) -> bytes:
    """The body as the fault leaves it. Faults that change the status are not handled here."""
    if fault.kind == "html_200":
        return HTML_PAGE
    if fault.kind == "malformed_json":
        return body[: max(1, len(body) * 2 // 3)]
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body  # an empty or already spoilt answer has no records
    if fault.kind == "empty":
        return msgspec.json.encode(_emptied(answer))
    records = _records(answer)
    poison = fault.poison
    if poison is not None and poison.day is not None and len(records) > 1:
        records = [record for record in records if str(poison.day).encode() in msgspec.json.encode(record)]
    if records and poison is None:
        records = [records[fault.lot % len(records)]]
    for record in records[: poison.records if poison else 1]:
        _spoil_record(record, fault)
    return msgspec.json.encode(answer)


def asked_days(text: str) -> tuple[date, date] | None:
    """First and last day that a request asks for, from the dates in its path and query; None if it names none."""
    bounds: list[date] = []
    for is_below, day, clock in _DATE.findall(text):
        asked = date.fromisoformat(day)
        is_midnight = not clock.strip("T0:.")
        bounds.append(asked - timedelta(days=1) if is_below and is_midnight else asked)
    for name, seconds in _EPOCH.findall(text):
        inside = int(seconds) + (1 if name == "after" else -1)
        bounds.append(datetime.fromtimestamp(inside, UTC).date())
    return (min(bounds), max(bounds)) if bounds else None


def _matches(poison: Poison, provider: Provider, athlete: str, text: str, body: bytes) -> bool:
    if poison.provider != provider or poison.path_contains not in text or poison.athlete not in (None, athlete):
        return False
    if poison.day is None:
        return True
    asked = asked_days(text)
    return asked[0] <= poison.day <= asked[1] if asked else str(poison.day).encode() in body


def _records(answer: Any) -> list[Any]:
    if isinstance(answer, list):
        return answer
    if isinstance(answer, dict):
        lists = [v for v in answer.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
        return lists[0] if lists and "date" not in answer else [answer]
    return []


def _emptied(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {k: [] if isinstance(v, list) else v for k, v in answer.items() if k != "nextPageToken"}
    return []


def _spoil_record(record: Any, fault: Fault) -> None:
    poison = fault.poison
    keys = (poison.key.split(".")[-1],) if poison and poison.key else _TIME_KEYS
    if fault.kind == "unknown_sport":
        for key in _SPORT_KEYS:
            holder = _holder(record, key)
            if holder is not None:
                holder[key] = NEW_SPORT
        return
    for key in keys:
        holder = _holder(record, key)
        if holder is None:
            continue
        if fault.kind == "missing_key":
            del holder[key]
        elif poison is not None:
            holder[key] = poison.value
        return


def _holder(value: Any, key: str) -> dict[str, Any] | None:
    """The object inside a JSON value that has this member, outermost first."""
    if isinstance(value, dict):
        if key in value:
            return value
        children = list(value.values())
    elif isinstance(value, list):
        children = value
    else:
        return None
    return next((found for child in children if (found := _holder(child, key)) is not None), None)
