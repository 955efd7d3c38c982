"""News of an activity 16 months old takes the whole way: inbox, runs, landing zone, warehouse, published marts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import requests

from fit_platform.commands.demo import link_everyone
from fit_platform.commands.demo_home import environment_with
from fit_platform.definitions import defs
from fit_platform.defs.resources import Platform
from fit_platform.feed.plan import finish
from fit_platform.instance import open_instance
from fit_platform.landing.inbox import ChangeEvent
from fit_platform.providers.base import Window
from fit_platform.providers.registry import PROVIDERS
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings, load_settings
from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running
from fit_platform.sync import sync, update

TODAY = date(2026, 4, 2)
LONG_AGO = Window(TODAY - timedelta(days=494), TODAY - timedelta(days=484))
CONFIG = SimulatorConfig(world=WorldConfig(seed=11, end=TODAY, days=500, athletes=1))
NOON = datetime.combine(TODAY, time(12), UTC)


@dataclass
class Install:
    """A FIT_HOME that has the last three days, and an activity at Strava of which it does not know."""

    home: Path
    base_url: str
    athlete_id: str
    activity_id: str
    day: date

    @contextmanager
    def open(self, later: timedelta = timedelta()) -> Iterator[Runtime]:
        variables = {
            **environment(self.base_url, CONFIG),
            "FIT_HOME": str(self.home),
            "FIT_START_DATE": str(CONFIG.world.first_day),
            "FIT_CLOCK_OFFSET_S": str((NOON + later - datetime.now(UTC)).total_seconds()),
            "FIT_STRAVA_API_RETENTION_DAYS": "keep",
        }
        with environment_with(variables):
            yield Runtime(load_settings())

    def told(self, runtime: Runtime, **about: Any) -> None:
        """What the receiver writes when Strava tells of this activity."""
        runtime.inbox.put(
            ChangeEvent(
                provider="strava",
                athlete_id=self.athlete_id,
                origin="webhook",
                seen_at=runtime.clock(),
                resources=("activities",),
                object_id=self.activity_id,
                **about,
            )
        )

    def delete(self) -> None:
        operation = {"op": "delete", "provider": "strava", "athlete": self.athlete_id, "record": self.activity_id}
        requests.post(f"{self.base_url}/_sim/world", json={"ops": [operation]}, timeout=10).raise_for_status()

    def published(self) -> list[tuple[date, bool]]:
        """The local date of the activity that its record is part of, and whether that day has a training load."""
        with duckdb.connect(self.home / "published" / "current" / "fitness.duckdb", read_only=True) as db:
            return db.execute(
                """
                SELECT local_date, trimp > 0
                FROM marts.activities
                INNER JOIN marts.activity_sources USING (activity_id, athlete_id)
                INNER JOIN marts.training_load_daily USING (athlete_id, local_date)
                WHERE provider = 'strava' AND provider_activity_id = ?
                """,
                [self.activity_id],
            ).fetchall()


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    with running(CONFIG) as base_url:
        truth = requests.get(
            f"{base_url}/_sim/truth", params={"first": str(LONG_AGO.first), "last": str(LONG_AGO.last)}, timeout=60
        ).json()
        athlete_id, activity_id, started_at = _on_strava(truth)
        install = Install(
            tmp_path / "home", base_url, athlete_id, activity_id, datetime.fromisoformat(started_at).date()
        )
        with install.open() as runtime:
            link_everyone(Settings(), truth)
            result = sync(runtime, Window(TODAY - timedelta(days=2), TODAY), providers=list(PROVIDERS))
        assert result.problems == []
        yield install


def _on_strava(truth: dict[str, Any]) -> tuple[str, str, str]:
    """The first real activity that has a record there: its athlete, the record's id, its start."""
    return next(
        (activity["athlete"], record["provider_activity_id"], activity["started_at"])
        for activity in truth["activities"]
        for record in activity["records"]
        if record["provider"] == "strava" and not activity["is_trap"]
    )


def test_an_upload_16_months_late_reaches_the_marts_through_the_sensor_and_its_deletion_through_update(
    install: Install,
) -> None:
    assert install.published() == []
    with install.open() as runtime:
        install.told(runtime)
        instance, definitions = open_instance(runtime.settings), defs()
        context = dg.build_sensor_context(
            instance=instance, definitions=definitions, resources={"platform": Platform()}
        )
        tick = definitions.resolve_sensor_def("strava_changes").evaluate_tick(context)
        (request,) = tick.run_requests or []
        assert request.partition_key == str(install.day)
        done = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            partition_key=request.partition_key,
            asset_selection=list(request.asset_selection or []),
            tags=request.tags,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        assert done.success
        finish(runtime, json.loads(tick.cursor or "[]"))
    assert install.published() == [(install.day, True)]

    install.delete()
    with install.open(later=timedelta(minutes=5)) as runtime:
        install.told(runtime, kind="deleted")
        result, _ = update(runtime, providers=list(PROVIDERS), mode=None)
        assert (result.problems, result.published) == ([], True)
        assert list(runtime.inbox.names()) == []
    assert install.published() == []
