"""What the provider tests share: a client over mocked HTTP, tokens and quota that only count, and `lines` in DuckDB."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from fit_platform.errors import AuthRevoked
from fit_platform.providers.base import (
    ColumnarParser,
    DayAnswer,
    Item,
    Landed,
    Pulled,
    RecordContext,
    Rejected,
    Resource,
    Window,
)
from fit_platform.providers.http import ApiClient

API = "https://api.example.test/v3"
NOW = datetime(2026, 9, 20, 12, 0, tzinfo=UTC)


class Tokens:
    """A token source: `token-1` at first, the next number after each refresh, until `refreshes` are used up."""

    def __init__(self, refreshes: int = 1) -> None:
        self.number = 1
        self.refreshes = refreshes

    def access_token(self) -> str:
        return f"token-{self.number}"

    def refresh(self, rejected: str) -> str:
        assert rejected == self.access_token()
        if not self.refreshes:
            raise AuthRevoked("polar", "refresh", "no other token")
        self.refreshes -= 1
        self.number += 1
        return self.access_token()


class CountingQuota:
    """A budget without limit that notes what was taken and what was seen."""

    def __init__(self) -> None:
        self.reserved = 0
        self.observed: list[int] = []

    def reserve(self, provider: str, athlete_id: str, calls: int = 1) -> None:
        self.reserved += calls

    def observe(self, provider: str, athlete_id: str, headers: Mapping[str, str], status: int) -> None:
        self.observed.append(status)


def client(provider: str = "polar", now: datetime = NOW, **kwargs: Any) -> ApiClient:
    return ApiClient(
        provider, "ada", API, kwargs.get("tokens", Tokens()), kwargs.get("quota", CountingQuota()), clock=lambda: now
    )


def nothing_landed(resource: str, day: date) -> list[Item]:
    return []


def landed_as(days: Mapping[tuple[str, date], list[Item]]) -> Landed:
    return lambda resource, day: days.get((resource, day), [])


def pull(
    api: ApiClient, resource: Resource, first: str, last: str, landed: Landed = nothing_landed
) -> dict[date, Pulled]:
    """Pull a window and check what holds for every pull: each day once, oldest first, valid payloads on one line."""
    window = Window(date.fromisoformat(first), date.fromisoformat(last))
    pulled = list(resource.pull(api, window, landed))
    assert [p.day for p in pulled] == window.days()
    for answer in pulled:
        for item in answer.items if isinstance(answer, DayAnswer) else ():
            if isinstance(item, Item):
                json.loads(item.payload)
                assert b"\n" not in item.payload
                assert "token" not in json.dumps(dict(item.request)).lower()
    return {p.day: p for p in pulled}


def payloads(pulled: Pulled) -> list[Any]:
    assert isinstance(pulled, DayAnswer)
    return [json.loads(item.payload) for item in pulled.items if isinstance(item, Item)]


def rejects(pulled: Pulled) -> list[Rejected]:
    assert isinstance(pulled, DayAnswer)
    return [item for item in pulled.items if isinstance(item, Rejected)]


def rows(
    parse: Callable[..., Iterator[tuple[str, dict[str, Any]]]] | None, payload: Any
) -> list[tuple[str, dict[str, Any]]]:
    assert parse is not None
    return list(parse(payload, RecordContext("ada", date(2026, 9, 1), {})))


def select(
    parser: ColumnarParser | None,
    table: str,
    folder: Path,
    lines: list[Any],
    request: Mapping[str, Any] | None = None,
    dt: str = "2026-09-01",
) -> list[dict[str, Any]]:
    """Run a columnar parser's SELECT over landing lines, as the load step does: NDJSON read with the payload's type."""
    assert parser is not None
    file = folder / "part.ndjson.gz"
    with gzip.open(file, "wt") as out:
        for payload in lines:
            text = payload if isinstance(payload, str) else json.dumps(payload)
            out.write(f'{{"request":{json.dumps(dict(request or {}))},"payload":{text}}}\n')
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'America/New_York'")  # results must not depend on the machine's zone
        db.execute(
            f"CREATE VIEW lines AS SELECT 'ada' AS athlete_id, DATE '{dt}' AS dt, now() AS fetched_at, "
            f"now() AS first_fetched_at, 'object' AS landing_object, row_number() OVER () AS line_number, "
            f"request, payload "
            f"FROM read_json('{file}', format = 'newline_delimited', columns = {{request: 'JSON', "
            f"payload: '{parser.payload_type}'}}) WHERE payload IS NOT NULL"
        )
        result = db.execute(parser.selects[table])
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
