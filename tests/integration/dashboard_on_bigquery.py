"""Google's SQL analyzer over every query that the dashboard asks. Run it in a process of its own: `python -m … FOLDER`.

The queries are recorded while the dashboard answers from invented marts, for an athlete and for a coach; parameters are
written into them. Prints the queries that do not pass and why, then how many did.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from starlette.testclient import TestClient
from zetasql.core import wasm_client

from fit_platform.dashboard.app import build_app
from fit_platform.dashboard.source import PublishedMarts
from fit_platform.dashboard.viewers import Viewer
from tests.dashboard_home import DashboardHome, activity_id, contracts, make_home
from tests.integration.bigquery_analyzer import KINDS, _cached_engine, _columns

PATHS = (
    "/api/overview?",
    "/api/heart-rate?",
    "/api/heart-rate?from=2016-01-01&to=2026-11-21&",
    "/api/heart-rate/2026-11-20?",
    "/api/activities?sport=running&provider=polar&q=x&from=2026-01-01&to=2026-11-21&sort=trimp&",
    "/api/sleep?",
    "/api/sleep?from=2016-01-01&to=2026-11-21&",
    *(f"/api/activities/{activity_id('ada', number)}?" for number in range(3)),
)
_KIND_OF = {
    "VARCHAR": "string", "BIGINT": "int64", "DOUBLE": "float64", "BOOLEAN": "bool", "DATE": "date",
    "TIMESTAMPTZ": "timestamp",
}  # fmt: skip
_TRACK_VALUES = [
    "heart_rate_bpm",
    "speed_mps",
    "altitude_m",
    "distance_m",
    "cadence_rpm",
    "power_w",
    "latitude_deg",
    "longitude_deg",
]
_DETAIL = {
    "heart_rate_samples": {
        "athlete_id": "string", "dt": "date", "provider": "string", "feed": "string", "sampled_second": "int64",
        "utc_offset_seconds": "int64", "bpm": "float64",
    },
    "activity_tracks": {
        "athlete_id": "string", "dt": "date", "provider": "string", "provider_activity_id": "string",
        "sampled_at": "timestamp", **dict.fromkeys(_TRACK_VALUES, "float64"),
    },
}  # fmt: skip


class Recording(PublishedMarts):
    """The published marts, which remember what they were asked."""

    asked: set[str] = set()  # noqa: RUF012  # of the whole process

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        values = iter(parameters)
        written = re.sub(r"\?", lambda _: _literal(next(values)), sql)
        written = re.sub(r'"marts"\."(\w+)"', r"\1", written)
        self.asked.add(re.sub(r"read_parquet\(\[[^\]]*?detail/(\w+)/[^\]]*\]\)", r"\1", written))
        return super().query(sql, parameters)


class Somebody:
    """Signs in one viewer."""

    kind = "link"

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def viewer(self, headers: Any, cookies: Any) -> Viewer:
        return self._viewer


def _literal(value: object) -> str:
    return f"DATE '{value}'" if isinstance(value, date) else repr(value)


def recorded(home: DashboardHome) -> list[str]:
    """Every query that the endpoints ask."""
    for viewer in (Viewer(name="athlete", athlete_id="ada"), Viewer(name="coach", shared_with=("ada",))):
        parts = home.parts(Somebody(viewer))
        app = build_app(type(parts)(**{**vars(parts), "source": Recording(home.folder / "published")}))
        client = TestClient(app, base_url="http://127.0.0.1")
        for path in PATHS:
            assert client.get(f"{path}athlete=ada").status_code in (200, 404)
    return sorted(Recording.asked)


def main(folder: Path) -> int:
    wasm_client.Config = _cached_engine
    tables = {name: [(c, KINDS[_KIND_OF[t]]) for c, t in columns] for name, columns in contracts().items()}
    tables |= {name: [(c, KINDS[kind]) for c, kind in columns.items()] for name, columns in _DETAIL.items()}
    passed, complaints = 0, []
    for sql in recorded(make_home(folder, 40)):
        try:
            _columns(sql, {name: columns for name, columns in tables.items() if name in sql})
            passed += 1
        except Exception as error:  # noqa: BLE001 - whatever the analyzer raises is its verdict
            complaints.append(f"{error}: {sql}")
    print("\n".join([*complaints, f"{passed} passed"]))  # noqa: T201 - this is the answer
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
