"""The landing zone in a Cloud Storage bucket: the same names as in the folder, guarded by generations.

A generation is the bucket's version of an object. Writing "only if the generation is still the one that I read" lets
two writers never lose an update; the bucket's object versioning keeps what is replaced. Objects carry their content
hash as metadata, so that a listing, a thousand objects a call, tells what changed. They have no content encoding: the
bytes come back as they were written, and BigQuery and every tool can read them.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from google.api_core.exceptions import NotFound, PreconditionFailed, RequestRangeNotSatisfiable
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from fit_platform.errors import ConfigError
from fit_platform.gcp import DEADLINE_SECONDS, REQUEST_TIMEOUT_SECONDS, explained
from fit_platform.landing.store import Listed

if TYPE_CHECKING:
    from google.cloud.storage import Blob

_RETRY = DEFAULT_RETRY.with_timeout(DEADLINE_SECONDS)
_CHUNK_BYTES = 8 * 2**20  # larger objects go up in pieces of this size, each retried on its own
_CONTENT_HASH = "content-hash"
_PARALLEL_DOWNLOADS = 8  # under the client's connection pool of ten
_DOWNLOADS_AHEAD = 64


class GcsStore:
    """Objects of a bucket, under a prefix."""

    def __init__(self, client: storage.Client, bucket: str, prefix: str = "") -> None:
        """Use a bucket, which must exist; nothing is asked of it yet."""
        self.client = client
        self.bucket = client.bucket(bucket)
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @classmethod
    def from_url(cls, url: str, *, project: str | None = None) -> GcsStore:
        """The store of gs://bucket/prefix. Honours STORAGE_EMULATOR_HOST."""
        bucket, _, prefix = url.removeprefix("gs://").partition("/")
        if not bucket:
            raise ConfigError(f"FIT_LANDING_URL: {url} names no bucket; write gs://bucket or gs://bucket/prefix")
        with explained(f"gs://{bucket}"):
            return cls(storage.Client(project=project), bucket, prefix)

    def read(self, name: str) -> bytes | None:
        """The whole object, or None."""
        found = self.read_version(name)
        return None if found is None else found[0]

    def read_version(self, name: str) -> tuple[bytes, str] | None:
        """The whole object and its generation, or None. Generation and bytes are of one answer."""
        blob = self._blob(name)
        with explained(self._url(name)):
            try:
                body = blob.download_as_bytes(raw_download=True, timeout=REQUEST_TIMEOUT_SECONDS, retry=_RETRY)
            except NotFound as error:
                _refuse_missing_bucket(error)
                return None
        return bytes(body), str(blob.generation)

    def head(self, name: str, length: int) -> bytes | None:
        """The first `length` bytes, or None."""
        blob = self._blob(name)
        with explained(self._url(name)):
            try:
                return bytes(
                    blob.download_as_bytes(
                        start=0, end=length - 1, raw_download=True, timeout=REQUEST_TIMEOUT_SECONDS, retry=_RETRY
                    )
                )
            except RequestRangeNotSatisfiable:  # there is an object, and it is empty
                return b""
            except NotFound as error:
                _refuse_missing_bucket(error)
                return None

    def write(self, name: str, body: bytes) -> None:
        """Write an object, whatever is there."""
        with explained(self._url(name)):
            self._upload(self._blob(name), body, None)

    def write_if(self, name: str, body: bytes, version: str | None, *, content_hash: str, history: str) -> bool:
        """Write unless the generation is another one than was read (0: none). The bucket keeps the replaced version.

        A try that was carried out but whose answer was lost is refused when it is repeated; the caller then reads what
        it wrote itself, and finds nothing to change.
        """
        blob = self._blob(name)
        blob.metadata = {_CONTENT_HASH: content_hash}
        with explained(self._url(name)):
            try:
                self._upload(blob, body, int(version or 0))
            except PreconditionFailed:
                return False
        return True

    def settle(self, name: str) -> None:
        """Nothing to wait for: what the bucket has acknowledged is durable."""

    def move(self, name: str, to: str) -> None:
        """Copy an object to a second name, inside the bucket."""
        with explained(self._url(name)):
            self.bucket.copy_blob(
                self._blob(name), self.bucket, self.prefix + to, timeout=REQUEST_TIMEOUT_SECONDS, retry=_RETRY
            )

    def delete(self, name: str) -> None:
        """Remove an object; the bucket's versioning keeps it for as long as its lifecycle says."""
        with explained(self._url(name)):
            try:
                self._blob(name).delete(timeout=REQUEST_TIMEOUT_SECONDS, retry=_RETRY)
            except NotFound as error:
                _refuse_missing_bucket(error)

    def forget_versions(self, name: str, history: str) -> int:
        """Delete the noncurrent generations of an object, and say how many. A bucket's soft delete may keep them on."""
        return self._forget_noncurrent(name, lambda found: found == name)

    def forget_replaced(self, prefix: str) -> int:
        """Delete the noncurrent generations of every object under a prefix, of deleted ones too; say how many."""
        return self._forget_noncurrent(prefix, lambda found: True)

    def _forget_noncurrent(self, prefix: str, is_meant: Callable[[str], bool]) -> int:
        deleted = 0
        with explained(self._url(prefix)):
            versions = self.client.list_blobs(
                self.bucket, prefix=self.prefix + prefix, versions=True, timeout=REQUEST_TIMEOUT_SECONDS, retry=_RETRY
            )
            for blob in versions:
                if blob.time_deleted is not None and is_meant(blob.name.removeprefix(self.prefix)):
                    self.bucket.delete_blob(
                        blob.name, generation=blob.generation, timeout=REQUEST_TIMEOUT_SECONDS, retry=_RETRY
                    )
                    deleted += 1
        return deleted

    def names(self, prefix: str, start_offset: str = "") -> Iterator[str]:
        """Names under a prefix, sorted."""
        for listed in self.listing(prefix, start_offset):
            yield listed.name

    def listing(self, prefix: str, start_offset: str = "", end_offset: str = "") -> Iterator[Listed]:
        """Objects under a prefix with the hashes that they were written with; a thousand objects a call."""
        with explained(self._url(prefix)):
            for blob in self.client.list_blobs(
                self.bucket,
                prefix=self.prefix + prefix,
                start_offset=self.prefix + start_offset if start_offset else None,
                end_offset=self.prefix + end_offset if end_offset else None,
                fields="items(name,metadata),nextPageToken",
                timeout=REQUEST_TIMEOUT_SECONDS,
                retry=_RETRY,
            ):
                yield Listed(blob.name.removeprefix(self.prefix), (blob.metadata or {}).get(_CONTENT_HASH))

    def local_files(self, names: Iterable[str], folder: Path) -> Iterator[Path]:
        """Copies in `folder`, streamed to disk, some at a time."""
        remaining = iter(names)
        with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
            while ahead := list(itertools.islice(remaining, _DOWNLOADS_AHEAD)):
                yield from pool.map(lambda name: self._download(name, folder), ahead)

    def _download(self, name: str, folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with explained(self._url(name)):
            try:
                with path.open("wb") as file:
                    self._blob(name).download_to_file(
                        file, raw_download=True, timeout=REQUEST_TIMEOUT_SECONDS, retry=_RETRY
                    )
            except NotFound:
                raise FileNotFoundError(self._url(name)) from None
        return path

    def _upload(self, blob: Blob, body: bytes, generation: int | None) -> None:
        if len(body) > _CHUNK_BYTES:
            blob.chunk_size = _CHUNK_BYTES
        blob.upload_from_file(
            io.BytesIO(body),
            size=len(body),
            content_type="application/json" if blob.name.endswith(".json") else "application/octet-stream",
            if_generation_match=generation,
            timeout=REQUEST_TIMEOUT_SECONDS,
            retry=_RETRY,
        )

    def _blob(self, name: str) -> Blob:
        return self.bucket.blob(self.prefix + name)

    def _url(self, name: str) -> str:
        return f"gs://{self.bucket.name}/{self.prefix}{name}"


def _refuse_missing_bucket(error: NotFound) -> None:
    """A missing object is an answer; a missing bucket must not look like an empty landing zone."""
    if "bucket does not exist" in str(error):
        raise error
