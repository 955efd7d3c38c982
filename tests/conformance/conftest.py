"""One simulation for all of these tests. Only the consent page is answered by us: nobody else's client clicks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running
from fit_platform.simulator.config import Credentials, Limits
from tests.integration.simulator_login import Client

# A Strava application's id is a number, and stravalib holds it to that.
STRAVA = Credentials(client_id="4711", client_secret="a-secret")
# All these tests ask one simulation, and none of them is about what happens when a limit is reached.
LIMITS = Limits(
    strava_overall=(4000, 40_000), strava_read=(2000, 20_000), polar_short_base=5000, fitbit_per_minute=5000
)
CONFIG = SimulatorConfig(world=WorldConfig(end=date(2026, 11, 15), days=60), strava=STRAVA, limits=LIMITS)


def is_served(body: str | None) -> bool:
    """Whether a 404 comes from a provider: the web framework's own, for a path without a route, is plain text."""
    return body != "Not Found"


class Visitor(Client):
    """An athlete in a browser, who knows the applications of this simulation."""

    def setting(self, name: str) -> str:
        return environment(self.base_url, CONFIG)[f"FIT_{self.provider.upper()}_{name}"]


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    with running(CONFIG) as url:
        yield url
