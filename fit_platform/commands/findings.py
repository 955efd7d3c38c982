"""What `doctor` finds: one thing that was looked at, how it is, and the fix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `level`: ok, note (may be meant), warning (numbers get worse), problem."""

    about: str
    level: str
    detail: str
    fix: str = ""
    steps: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)
