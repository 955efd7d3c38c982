"""Which object store a landing URL names."""

from __future__ import annotations

from pathlib import Path

from fit_platform.landing.store import FolderStore, ObjectStore


def open_store(url: str, *, project: str | None = None) -> ObjectStore:
    """The store that a landing URL names: a folder, or gs://bucket/prefix (in a Google Cloud project)."""
    if url.startswith("gs://"):
        from fit_platform.landing.gcs import GcsStore  # only where it is used: its libraries take a second to load

        return GcsStore.from_url(url, project=project)
    return FolderStore(Path(url).expanduser().absolute())
