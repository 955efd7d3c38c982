"""On Google Cloud, too: kill -9 at several points, then run again, and readers see what an undisturbed run gives.

The undisturbed run is this machine's. The home that was killed is the one that every other module looks at.
"""

from __future__ import annotations

from tests.gcp.houses import CloudHouse, every_row
from tests.gcp.kills import POINTS
from tests.integration.conftest import House


def test_killed_at_several_points_and_run_again_gives_the_same_marts(
    killed: tuple[CloudHouse, list[str]], cloud: CloudHouse, local: House
) -> None:
    """One home is killed at every point in turn, each time further in; then one run is let through."""
    assert killed[1] == list(POINTS)
    assert every_row(cloud, "published") == every_row(local, "marts")
