"""The dashboard as a process, served by uvicorn until it is told to end."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pyarrow as pa
import uvicorn

from fit_platform.dashboard.app import Parts, build_app
from fit_platform.errors import ConfigError
from fit_platform.patience import ImpatientProtocol

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_GRACE_SECONDS = 5
_MAX_CONNECTIONS = 200


def serve(parts: Parts, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Without a sign-in, nobody but this machine can be let in: ConfigError."""
    if host not in _LOOPBACK and parts.sign_in.kind == "none":
        raise ConfigError(
            f"--host {host}: others could see everything; set FIT_DASHBOARD_SIGN_IN and FIT_DASHBOARD_URL first, "
            "see docs/dashboard.md"
        )
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        build_app(parts),
        host=host,
        port=port,
        http=ImpatientProtocol,
        ws="none",
        access_log=False,  # it would show whose days are looked at
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    pa.array([datetime.now(UTC)]).to_pylist()  # loads pandas, which takes a second: not in somebody's first request
    uvicorn.Server(config).run()
