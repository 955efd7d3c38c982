"""The three providers as one web application, and the ways to run it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from fit_platform.simulator import fitbit, polar, strava
from fit_platform.simulator.config import PROVIDERS, SimulatorConfig
from fit_platform.simulator.control import control_routes
from fit_platform.simulator.simulation import Simulation

_PATHS = {
    "polar": {"API": "/v3", "AUTHORIZE": "/oauth2/authorization", "TOKEN": "/v2/oauth2/token"},
    "strava": {"API": "/api/v3", "AUTHORIZE": "/oauth/authorize", "TOKEN": "/oauth/token", "REVOKE": "/oauth/revoke"},
    "fitbit": {"API": "/v4", "AUTHORIZE": "/o/oauth2/v2/auth", "TOKEN": "/token", "REVOKE": "/revoke"},
}


def build_app(config: SimulatorConfig | None = None) -> Starlette:
    """The web app: `/polar`, `/strava`, `/fitbit`, and `/_sim` for control. Its inside is `app.state.simulation`."""
    sim = Simulation(config or SimulatorConfig())
    app = Starlette(
        routes=[
            Mount("/polar", routes=polar.routes(sim)),
            Mount("/strava", routes=strava.routes(sim)),
            Mount("/fitbit", routes=fitbit.routes(sim)),
            Mount("/_sim", routes=control_routes(sim)),
        ]
    )
    app.state.simulation = sim
    return app


def environment(base_url: str, config: SimulatorConfig | None = None) -> dict[str, str]:
    """The FIT_* variables that point the platform at a simulation."""
    config = config or SimulatorConfig()
    variables: dict[str, str] = {}
    for provider in PROVIDERS:
        own = config.credentials(provider)
        prefix = f"FIT_{provider.upper()}"
        variables |= {f"{prefix}_CLIENT_ID": own.client_id, f"{prefix}_CLIENT_SECRET": own.client_secret}
        variables |= {f"{prefix}_{name}_URL": f"{base_url}/{provider}{path}" for name, path in _PATHS[provider].items()}
    return variables


def listen(host: str, port: int) -> socket.socket:
    """A bound and listening socket; port 0 takes a free one. Connections wait until a server accepts them."""
    listener = socket.create_server((host, port), backlog=128)
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:54321`."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def server_for(config: SimulatorConfig | None) -> uvicorn.Server:
    """A uvicorn server that is not running yet."""
    return uvicorn.Server(uvicorn.Config(build_app(config), log_level="warning", access_log=False, lifespan="off"))


def serve(config: SimulatorConfig | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until interrupted."""
    with listen(host, port) as listener:
        server_for(config).run(sockets=[listener])


@contextmanager
def running(config: SimulatorConfig | None = None) -> Iterator[str]:
    """A simulation in a daemon thread on a free loopback port, for as long as the block lasts. Yields the base URL."""
    server = server_for(config)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join(timeout=10)
