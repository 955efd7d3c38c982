"""What a versioned bucket keeps behind our back goes when we say so; the emulators keep no versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from fit_platform.landing.gcs import GcsStore
from fit_platform.landing.inbox import ChangeEvent, Inbox

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


@dataclass
class Generation:
    name: str
    generation: int
    body: bytes
    time_deleted: datetime | None = None
    metadata: None = None


@dataclass
class VersionedBucket:
    """A bucket with object versioning, as far as an inbox uses it: it is client, bucket and blob maker at once."""

    name: str = "b"
    kept: list[Generation] = field(default_factory=list)

    def bucket(self, name: str) -> VersionedBucket:
        return self

    def blob(self, name: str) -> VersionedBlob:
        return VersionedBlob(self, name)

    def live(self, name: str) -> Generation | None:
        return next((one for one in self.kept if one.name == name and one.time_deleted is None), None)

    def put(self, name: str, body: bytes) -> None:
        self.supersede(name)
        self.kept.append(Generation(name, len(self.kept) + 1, body))

    def supersede(self, name: str) -> None:
        if one := self.live(name):
            one.time_deleted = NOW

    def copy_blob(self, blob: VersionedBlob, bucket: VersionedBucket, name: str, **_: Any) -> None:
        found = self.live(blob.name)
        assert found is not None
        self.put(name, found.body)

    def list_blobs(self, bucket: VersionedBucket, prefix: str, *, versions: bool = False, **_: Any) -> list[Generation]:
        found = [one for one in self.kept if one.name.startswith(prefix)]
        return sorted((one for one in found if versions or one.time_deleted is None), key=lambda one: one.name)

    def delete_blob(self, name: str, *, generation: int, **_: Any) -> None:
        self.kept = [one for one in self.kept if (one.name, one.generation) != (name, generation)]


@dataclass
class VersionedBlob:
    within: VersionedBucket
    name: str
    chunk_size: int | None = None
    generation: int = 0

    def upload_from_file(self, file: Any, **_: Any) -> None:
        self.within.put(self.name, file.read())

    def download_as_bytes(self, **_: Any) -> bytes:
        from google.api_core.exceptions import NotFound

        if (found := self.within.live(self.name)) is None:
            raise NotFound("no such object")  # type: ignore[no-untyped-call]
        return found.body

    def delete(self, **_: Any) -> None:
        self.within.supersede(self.name)


@pytest.fixture
def bucket() -> VersionedBucket:
    return VersionedBucket()


def put(inbox: Inbox, athlete_id: str, *, done: bool = False) -> None:
    name = inbox.put(ChangeEvent(provider="strava", athlete_id=athlete_id, origin="webhook", seen_at=NOW))
    if done:
        inbox.done(inbox.take(name))


def test_the_steps_of_an_erased_athletes_events_are_not_kept_as_generations(bucket: VersionedBucket) -> None:
    inbox = Inbox(GcsStore(bucket, "b", "landing"))
    put(inbox, "ada", done=True)
    put(inbox, "ada")
    put(inbox, "ben")
    bucket.put("landing/raw/part", b"ada")
    bucket.put("landing/raw/part", b"ada, edited")
    assert inbox.forget("strava", "ada") == 2
    in_inbox = [one for one in bucket.kept if one.name.startswith("landing/inbox/")]
    assert [b"ben" in one.body for one in in_inbox] == [True]
    assert len(bucket.kept) == 3, "the landing zone's history is another matter"


def test_one_objects_versions_go_and_those_of_a_longer_name_stay(bucket: VersionedBucket) -> None:
    store = GcsStore(bucket, "b")
    for name in ("raw/part", "raw/part", "raw/part2", "raw/part2"):
        store.write(name, b"x")
    assert store.forget_versions("raw/part", "") == 1
    assert [one.name for one in bucket.kept] == ["raw/part", "raw/part2", "raw/part2"]


def test_done_events_leave_no_generations_after_their_week(bucket: VersionedBucket) -> None:
    inbox = Inbox(GcsStore(bucket, "b"))
    put(inbox, "ada", done=True)
    assert inbox.forget_done(NOW.replace(month=5)) == 1
    assert bucket.kept == []
