"""Days in which news is lost, repeated and reordered while records come late, change and go: nothing is missed.

Held against each other is what has landed, object by object, and the marts. `make bench-month` is the long version.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from fit_platform.commands.simulate import SimulatedWorld
from fit_platform.feed.look import Mode
from tests.integration.moving_world import FAULTS, Follower, following, sunday_morning
from tests.integration.same_marts import differing

HISTORY_DAYS, DAYS, TICK_HOURS = 8, 3, 6
WORLD = SimulatedWorld(seed=7, days=HISTORY_DAYS + DAYS, athletes=1, end=date(2026, 4, 4))
END = sunday_morning(WORLD.end)
BAD_LUCK = {
    **FAULTS,
    "churn": {
        "seed": 2,
        "edits": 0.4,
        "deletes": 0.2,
        "late": {"share": 0.4, "max_days": 6},
        "late_days": {"share": 0.2, "max_days": 3},
        "split_nights": 0.2,
    },
    "webhooks": {"is_automatic": False, "lost": 0.15, "duplicated": 0.2, "out_of_order": 0.3},
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Follower:
    """Somebody who comes at the end and loads everything."""
    root = tmp_path_factory.mktemp("clean")
    with following(WORLD, root / "home", END, root / "simulator.json", BAD_LUCK) as late_comer:
        late_comer.pull_all()
    return late_comer


def followed(follower: Follower, mode: Mode | None) -> None:
    for hours in range(TICK_HOURS, DAYS * 24 + 1, TICK_HOURS):
        follower.move_to(END - timedelta(days=DAYS) + timedelta(hours=hours))
        follower.tick(mode)
    follower.tick("all")
    follower.settle()


def test_with_webhooks_and_a_reconciliation_the_marts_are_those_of_a_clean_load(
    clean: Follower, tmp_path: Path
) -> None:
    begin = END - timedelta(days=DAYS)
    with following(WORLD, tmp_path / "home", begin, tmp_path / "simulator.json", BAD_LUCK) as follower:
        follower.pull_all()
        follower.build()
        with follower.subscribed():
            followed(follower, None)
        counts = follower.ask("webhooks")["counts"]
        assert all(
            sum(own.get(fault, 0) for own in counts.values()) for fault in ("lost", "duplicated", "out_of_order")
        )
        follower.build()
    assert follower.landed() == clean.landed()
    clean.take_snapshots_of(follower)
    clean.build()
    assert differing(follower.warehouse, clean.warehouse) == {}


def test_looks_alone_land_what_a_clean_load_lands(clean: Follower, tmp_path: Path) -> None:
    begin = END - timedelta(days=DAYS)
    with following(WORLD, tmp_path / "home", begin, tmp_path / "simulator.json", BAD_LUCK) as follower:
        follower.pull_all()
        followed(follower, "new")
    assert follower.landed() == clean.landed()
