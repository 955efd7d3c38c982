"""Where things lie in the landing zone: the one place that builds and reads object names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_DAY_OBJECT = re.compile(
    r"raw/provider=(?P<provider>[^/]+)/resource=(?P<resource>[^/]+)/dt=(?P<dt>\d{4}-\d{2}-\d{2})"
    r"/athlete=(?P<athlete>[^/]+)/part\.ndjson\.gz$"
)


@dataclass(frozen=True, slots=True, order=True)
class DayKey:
    """Names one landing object: what one athlete has in one resource on one partition day."""

    provider: str
    resource: str
    dt: date
    athlete_id: str

    @property
    def path(self) -> str:
        """Object name, relative to the landing root."""
        return f"{resource_prefix(self.provider, self.resource)}dt={self.dt}/athlete={self.athlete_id}/part.ndjson.gz"

    @classmethod
    def from_path(cls, path: str) -> DayKey | None:
        """The key that an object name (or an absolute path ending in one) stands for; None for anything else."""
        found = _DAY_OBJECT.search(path)
        if found is None:
            return None
        return cls(found["provider"], found["resource"], date.fromisoformat(found["dt"]), found["athlete"])


def resource_prefix(provider: str, resource: str) -> str:
    """Prefix under which every day of a resource lies."""
    return f"raw/provider={provider}/resource={resource}/"


def day_prefix(provider: str, resource: str, dt: date) -> str:
    """Prefix under which every athlete of one partition day lies."""
    return f"{resource_prefix(provider, resource)}dt={dt}/"


def history_prefix(path: str) -> str:
    """Prefix under which a folder keeps the superseded versions of an object."""
    return f"_history/{path.removesuffix('.ndjson.gz')}."


def history_path(path: str, version: str) -> str:
    """Where a superseded version of an object is kept in a folder (a bucket keeps versions itself)."""
    return f"{history_prefix(path)}{version}.ndjson.gz"
