"""The receiver as a process, served by uvicorn until it is told to end."""

from __future__ import annotations

import logging

import uvicorn

from fit_platform.feed.asgi import BUCKET_THREADS, DISK_THREADS, build_app
from fit_platform.feed.assemble import build_receiver, secrets_file
from fit_platform.patience import ImpatientProtocol
from fit_platform.settings import Settings

_GRACE_SECONDS = 8  # Cloud Run kills ten seconds after SIGTERM
_MAX_CONNECTIONS = 400  # of 256 KiB at most: bounds the memory

log = logging.getLogger(__name__)


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered first. Re-raises the signal at the end."""
    secrets_file(settings).prepared()
    receiver = build_receiver(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        build_app(receiver, threads=BUCKET_THREADS if settings.landing_dir.startswith("gs://") else DISK_THREADS),
        host=host,
        port=port,
        http=ImpatientProtocol,
        ws="none",
        access_log=False,  # it would show the secret part of the path
        log_config=None,
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    try:
        uvicorn.Server(config).run()
    finally:
        for (provider, outcome), times in sorted(receiver.counts().items()):
            log.info("since the start: %s, %s: %d", provider, outcome, times)
