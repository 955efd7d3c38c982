"""Incidents: what is wrong, remembered in `state/alerts.sqlite` so that a retry or a restart tells nobody again.

A message is written down with the change it tells of, in one transaction, and taken off when its channel has it: a
message is neither lost in a crash nor, but for a crash in the middle of sending, sent twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning"]
Change = Literal["opened", "resolved"]

_BUSY_TIMEOUT_S = 10.0
_CLAIM = timedelta(minutes=5)  # longer than any channel may take; then another process may try
_SCHEMA = """
CREATE TABLE IF NOT EXISTS incidents (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    way_out TEXT NOT NULL,
    since REAL NOT NULL,            -- epoch seconds
    PRIMARY KEY (source, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    change TEXT NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    way_out TEXT NOT NULL,
    since REAL NOT NULL,
    claimed_until REAL NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0
);
"""
_FIELDS = "source, key, severity, title, way_out, since"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong. Holds no secret and no measured value: it leaves the house by mail and chat.

    `key` tells it from others of its source and stays the same from one look to the next.
    """

    source: str
    key: str
    title: str
    way_out: str = ""
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Message:
    """One incident's beginning or end, for one channel."""

    id: int
    channel: str
    change: Change
    incident: Incident
    since: datetime

    @property
    def text(self) -> str:
        """The message in two lines at most."""
        if self.change == "resolved":
            return f"[resolved] {self.incident.title} (since {self.since:%Y-%m-%d %H:%M} UTC)"
        return "\n".join(
            line for line in (f"[{self.incident.severity}] {self.incident.title}", self.incident.way_out) if line
        )


class IncidentBook:
    """The incidents that are open, and the messages that are not delivered."""

    def __init__(self, path: Path) -> None:
        """Use the file at `path`, which need not exist yet."""
        self.path = path

    def open_incidents(self) -> list[tuple[Incident, datetime]]:
        """What is wrong, and since when, oldest first."""
        with self._transaction() as db:
            rows = db.execute(f"SELECT {_FIELDS} FROM incidents ORDER BY since, source, key").fetchall()
        return [(_incident(row), _instant(row[5])) for row in rows]

    def reconcile(
        self, source: str, incidents: Sequence[Incident], channels: Sequence[str], now: datetime
    ) -> list[tuple[Change, Incident]]:
        """Make these the source's open incidents: new ones open, missing ones are over. Returns what changed."""
        fresh = {incident.key: incident for incident in incidents}
        with self._transaction() as db:
            rows = db.execute(f"SELECT {_FIELDS} FROM incidents WHERE source = ?", [source]).fetchall()
            known = {row[1]: row for row in rows}
            changes: list[tuple[Change, Incident]] = []
            for key in sorted(fresh.keys() - known.keys()):
                self._open(db, fresh[key], channels, now)
                changes.append(("opened", fresh[key]))
            for key in sorted(known.keys() - fresh.keys()):
                self._resolve(db, known[key], channels)
                changes.append(("resolved", _incident(known[key])))
        return changes

    def add(self, incident: Incident, channels: Sequence[str], now: datetime) -> bool:
        """Open one incident beside what its source has; False when it was open already."""
        with self._transaction() as db:
            sql = "SELECT 1 FROM incidents WHERE source = ? AND key = ?"
            if db.execute(sql, [incident.source, incident.key]).fetchone():
                return False
            self._open(db, incident, channels, now)
        return True

    def waiting(self, now: datetime) -> Iterator[Message]:
        """Undelivered messages, oldest first, each claimed for us while it is sent."""
        with self._transaction() as db:
            ids = [row[0] for row in db.execute("SELECT id FROM outbox ORDER BY id").fetchall()]
        for number in ids:
            with self._transaction() as db:
                claimed = db.execute(
                    "UPDATE outbox SET claimed_until = ?, tries = tries + 1 WHERE id = ? AND claimed_until <= ?",
                    [(now + _CLAIM).timestamp(), number, now.timestamp()],
                )
                if claimed.rowcount == 0:
                    continue
                row = db.execute(f"SELECT {_FIELDS}, channel, change FROM outbox WHERE id = ?", [number]).fetchone()
            yield Message(number, row[6], row[7], _incident(row), _instant(row[5]))

    def delivered(self, message: Message) -> None:
        """Forget a message that its channel has taken, or that has no channel any more."""
        with self._transaction() as db:
            db.execute("DELETE FROM outbox WHERE id = ?", [message.id])

    def failed(self, message: Message) -> None:
        """Leave a message for the next try."""
        with self._transaction() as db:
            db.execute("UPDATE outbox SET claimed_until = 0 WHERE id = ?", [message.id])

    @staticmethod
    def _open(db: sqlite3.Connection, incident: Incident, channels: Sequence[str], now: datetime) -> None:
        row = [incident.source, incident.key, incident.severity, incident.title, incident.way_out, now.timestamp()]
        db.execute(f"INSERT INTO incidents ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?)", row)
        _post(db, row, "opened", channels)

    @staticmethod
    def _resolve(db: sqlite3.Connection, row: Sequence[object], channels: Sequence[str]) -> None:
        db.execute("DELETE FROM incidents WHERE source = ? AND key = ?", row[:2])
        _post(db, row, "resolved", channels)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as db:
            db.executescript(_SCHEMA)
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise


def _post(db: sqlite3.Connection, row: Sequence[object], change: Change, channels: Sequence[str]) -> None:
    sql = f"INSERT INTO outbox (channel, change, {_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    db.executemany(sql, [[channel, change, *row] for channel in channels])


def _incident(row: Sequence[str]) -> Incident:
    return Incident(source=row[0], key=row[1], severity=row[2], title=row[3], way_out=row[4])  # type: ignore[arg-type]


def _instant(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
