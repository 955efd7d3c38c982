"""What a person decided about pairs of activity records: `overrides.csv` under FIT_HOME, which the matcher obeys.

One line per pair: the same activity, or not, whatever the matcher thinks. The file is small and made to be edited by
hand; programs change it through `OverrideStore`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal, get_args

from fit_platform.accounts.files import locked, slug, write_private
from fit_platform.errors import ConfigError
from fit_platform.providers.registry import PROVIDERS

Decision = Literal["force_same", "force_different"]
FILE_NAME = "overrides.csv"


@dataclass(frozen=True, slots=True, order=True)
class Override:
    """One decision. The two records stand in a fixed order, so that a pair is equal to its mirror image."""

    athlete_id: str
    provider_a: str
    provider_activity_id_a: str
    provider_b: str
    provider_activity_id_b: str
    decision: Decision

    @property
    def records(self) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        """Both records, as (athlete, provider, id at the provider)."""
        return (
            (self.athlete_id, self.provider_a, self.provider_activity_id_a),
            (self.athlete_id, self.provider_b, self.provider_activity_id_b),
        )

    def checked(self) -> Override:
        """Itself with its records in order; a ConfigError says which field is wrong."""
        slug("athlete_id", self.athlete_id)
        for provider, record in self.records[0][1:], self.records[1][1:]:
            if provider not in PROVIDERS:
                raise ConfigError(f"unknown provider {provider!r}; known are {', '.join(PROVIDERS)}")
            if not record:
                raise ConfigError("a record's id is missing")
        if self.decision not in get_args(Decision):
            raise ConfigError(f"decision {self.decision!r}: use {' or '.join(get_args(Decision))}")
        if self.records[0] == self.records[1]:
            raise ConfigError("both records are the same one")
        (_, provider_a, id_a), (_, provider_b, id_b) = sorted(self.records)
        return replace(
            self,
            provider_a=provider_a,
            provider_activity_id_a=id_a,
            provider_b=provider_b,
            provider_activity_id_b=id_b,
        )


COLUMNS = tuple(field.name for field in fields(Override))


class OverrideStore:
    """The decisions of one installation."""

    def __init__(self, home: Path) -> None:
        """`home` is FIT_HOME; the file need not exist."""
        self.path = home / FILE_NAME

    def list(self) -> tuple[Override, ...]:
        """Every decision, sorted. A ConfigError names the file and the line that is wrong."""
        return tuple(sorted(self._read()))

    def add(self, override: Override) -> bool:
        """Decide on a pair, in place of an earlier decision on it; False if it stands there already.

        ConfigError for a bad value, and for a decision that contradicts the others.
        """
        override = override.checked()
        with locked(self.path):
            known = self._read()
            if override in known:
                return False
            rest = [other for other in known if other.records != override.records]
            try:
                _check_consistent([*rest, override])
            except ConfigError as error:
                raise ConfigError(f"{error}; remove that decision first") from None
            self._write([*rest, override])
        return True

    def remove(self, override: Override) -> bool:
        """Leave a pair to the matcher again, whatever was decided; False if nothing was."""
        override = override.checked()
        with locked(self.path):
            known = self._read()
            rest = [other for other in known if other.records != override.records]
            if len(rest) == len(known):
                return False
            self._write(rest)
        return True

    def _read(self) -> tuple[Override, ...]:
        try:
            text = self.path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
        except FileNotFoundError:
            return ()
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path} is not UTF-8 text; save it as CSV UTF-8") from None
        return _parsed(text, self.path)

    def _write(self, overrides: Iterable[Override]) -> None:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([getattr(override, column) for column in COLUMNS] for override in sorted(overrides))
        write_private(self.path, out.getvalue().encode())


def _parsed(text: str, path: Path) -> tuple[Override, ...]:
    """The decisions in a file's text; empty lines, comments (#) and the header are passed over."""
    rows = csv.reader(io.StringIO(text))
    line_of: dict[object, int] = {}
    found: list[Override] = []
    for row in rows:
        values = [value.strip() for value in row]
        if not any(values) or values[0].startswith("#") or (not found and tuple(values) == COLUMNS):
            continue
        try:
            override = _override(values)
            if override.records in line_of:
                raise ConfigError(f"this pair was decided on line {line_of[override.records]} already")
            line_of[override.records] = rows.line_num
            found.append(override)
            _check_consistent(found)
        except ConfigError as error:
            raise ConfigError(f"{path} line {rows.line_num}: {error}") from None
    return tuple(found)


def _override(values: list[str]) -> Override:
    if len(values) != len(COLUMNS):
        raise ConfigError(f"{len(values)} values instead of {len(COLUMNS)}: {','.join(COLUMNS)}")
    athlete, provider_a, id_a, provider_b, id_b, decision = values
    if decision not in get_args(Decision):
        raise ConfigError(f"decision {decision!r}: use {' or '.join(get_args(Decision))}")
    known: Decision = "force_same" if decision == "force_same" else "force_different"
    return Override(athlete, provider_a.lower(), id_a, provider_b.lower(), id_b, known).checked()


def _check_consistent(overrides: Sequence[Override]) -> None:
    """No pair may be forced apart that a chain of force_same makes one."""
    parent: dict[object, object] = {}

    def root(record: object) -> object:
        while parent.setdefault(record, record) != record:
            record = parent[record]
        return record

    for override in overrides:
        if override.decision == "force_same":
            one, other = override.records
            parent[root(one)] = root(other)
    for override in overrides:
        one, other = override.records
        if override.decision == "force_different" and root(one) == root(other):
            pair = f"{one[1]} {one[2]} and {other[1]} {other[2]}"
            raise ConfigError(f"force_different of {pair} contradicts what is forced to be the same")
