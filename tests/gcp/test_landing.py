"""The landing zone keeps its promises in a bucket as it does in a folder, and when the bucket has a bad minute."""

from __future__ import annotations

import gzip
import json
import os
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fit_platform.errors import ConfigError
from fit_platform.landing.gcs import GcsStore
from fit_platform.landing.inbox import ChangeEvent, Inbox
from fit_platform.landing.layout import DayKey
from fit_platform.landing.opening import open_store
from fit_platform.landing.store import FolderStore, ObjectStore
from fit_platform.landing.zone import LandingZone, Written
from fit_platform.providers.base import DayAnswer, DayOf, Item, Parser, Resource
from fit_platform.providers.strava.tables import ACTIVITIES
from tests.gcp.emulators import PROJECT
from tests.gcp.flaky_proxy import FlakyProxy, flaky_proxy

DAY = date(2026, 3, 1)
KEY = DayKey("strava", "activities", DAY, "ada")
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ACTIVITY = Resource(
    provider="strava",
    name="activities",
    description="test",
    day_of=DayOf.UTC_START,
    tables=(ACTIVITIES,),
    pull=lambda client, window, landed: iter(()),
    parse=Parser(records=lambda payload, context: iter(())),
    object_id=lambda payload: str(payload["id"]),
)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "landing")
    request.getfixturevalue("storage_client")
    return open_store(f"gs://{request.getfixturevalue('bucket')}/some/prefix", project=PROJECT)


def land(store: ObjectStore, *ids: int, at: datetime = NOW, day: date = DAY, name: str = "Run") -> Written:
    items = tuple(Item(json.dumps({"id": i, "name": name}).encode(), {"path": "/activities"}, at) for i in ids)
    return LandingZone(store).write_day(ACTIVITY, "ada", DayAnswer(day, items), at)


def test_objects_come_back_as_they_were_written(store: ObjectStore) -> None:
    assert (store.read("raw/a"), store.read_version("raw/a"), store.head("raw/a", 4)) == (None, None, None)
    store.write("raw/a", b"first version")
    store.write("raw/a", b"second version")
    store.write("raw/empty", b"")
    assert (store.read("raw/a"), store.head("raw/a", 6)) == (b"second version", b"second")
    assert (store.read("raw/empty"), store.head("raw/empty", 6)) == (b"", b"")
    store.move("raw/a", "kept/a")
    store.delete("raw/a")
    store.delete("raw/a")
    assert (store.read("raw/a"), store.read("kept/a")) == (None, b"second version")


def test_gzipped_objects_are_not_unpacked_on_the_way(store: ObjectStore, tmp_path: Path) -> None:
    body = gzip.compress(b'{"id": 1}\n')
    store.write("raw/a.ndjson.gz", body)
    (copy,) = store.local_files(["raw/a.ndjson.gz"], tmp_path / "copies")
    assert store.read("raw/a.ndjson.gz") == body == copy.read_bytes()
    assert copy.as_posix().endswith("raw/a.ndjson.gz")


def test_names_are_listed_from_an_offset_on(store: ObjectStore) -> None:
    names = [f"raw/dt=2026-03-{day:02}/athlete={athlete}/part" for day in (1, 2, 10) for athlete in ("ada", "bob")]
    for name in reversed(names):
        store.write(name, b"x")
    store.write("other/object", b"x")
    assert list(store.names("raw/")) == names
    assert list(store.names("raw/", start_offset="raw/dt=2026-03-02/")) == names[2:]
    assert list(store.names("raw/", start_offset=names[3])) == names[3:]
    ranged = store.listing("raw/", start_offset="raw/dt=2026-03-02/", end_offset="raw/dt=2026-03-10/")
    assert [listed.name for listed in ranged] == names[2:4]


def test_a_write_on_top_of_somebody_elses_write_is_refused(store: ObjectStore) -> None:
    options = {"content_hash": "h", "history": "_history/a"}
    assert store.write_if("raw/a", b"mine", None, **options)
    assert not store.write_if("raw/a", b"theirs", None, **options), "there is one already"
    _, version = store.read_version("raw/a") or (b"", "")
    assert store.write_if("raw/a", b"second", version, **options)
    assert not store.write_if("raw/a", b"third", version, **options), "the version that was read is gone"
    assert store.read("raw/a") == b"second"


def test_an_unchanged_day_is_not_written_again(store: ObjectStore) -> None:
    assert land(store, 1, 2).changed
    before = store.read_version(KEY.path)
    assert not land(store, 2, 1, at=NOW + timedelta(hours=1)).changed
    assert store.read_version(KEY.path) == before


def test_writers_that_race_for_a_day_lose_no_edit(store: ObjectStore) -> None:
    """Each writer's answer lacks what the others saw: every object must end up alive or as a tombstone."""
    together = threading.Barrier(6)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            together.wait(10)
            land(store, number, at=NOW + timedelta(seconds=number))
        except BaseException as error:  # noqa: BLE001 a thread's error would be lost
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    lines = LandingZone(store).lines(KEY) or []
    seen = {line.tombstone["object_id"] if line.tombstone else str(json.loads(line.payload)["id"]) for line in lines}
    assert seen == {"0", "1", "2", "3", "4", "5"}


def test_hashes_of_a_range_of_days_are_those_of_the_days(store: ObjectStore) -> None:
    written = {DAY + timedelta(days=n): land(store, n, day=DAY + timedelta(days=n)) for n in range(4)}
    zone = LandingZone(store)
    hashes = zone.hashes("strava", "activities", DAY + timedelta(days=1), DAY + timedelta(days=2))
    assert {key.dt: content for key, content in hashes.items()} == {
        day: written[day].content_hash for day in (DAY + timedelta(days=1), DAY + timedelta(days=2))
    }
    assert set(hashes) == set(zone.keys("strava", "activities")) - {
        DayKey("strava", "activities", DAY, "ada"),
        DayKey("strava", "activities", DAY + timedelta(days=3), "ada"),
    }


def test_the_inbox_works_in_a_bucket_too(store: ObjectStore) -> None:
    inbox = Inbox(store)
    event = ChangeEvent(provider="strava", athlete_id="ada", origin="webhook", seen_at=NOW, days=(DAY,))
    name = inbox.put(event)
    assert inbox.due("strava", NOW, limit=10) == [name]
    assert inbox.read(name) == event
    inbox.done(name)
    assert inbox.due("strava", NOW, limit=10) == []
    assert [kept.rpartition("/")[2] for kept in store.names("inbox/_done/")] == [name.rpartition("/")[2]]


# --- the bucket alone -----------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(storage_url: str, bucket: str, monkeypatch: pytest.MonkeyPatch):
    with flaky_proxy(storage_url) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        monkeypatch.setattr("google.api_core.retry.retry_unary.time.sleep", lambda seconds: None)
        yield proxy


@pytest.fixture
def flaky(proxy: FlakyProxy, bucket: str) -> GcsStore:
    return GcsStore.from_url(f"gs://{bucket}", project=PROJECT)


@pytest.mark.parametrize("faults", [[503, 503], [429], [500, 502, 504], [408]])
def test_transient_errors_are_tried_again(flaky: GcsStore, proxy: FlakyProxy, faults: list[int | str]) -> None:
    for action in (
        lambda: flaky.write("raw/a", b"1"),
        lambda: flaky.read("raw/a"),
        lambda: flaky.head("raw/a", 1),
        lambda: list(flaky.names("raw/")),
        lambda: flaky.move("raw/a", "raw/b"),
        lambda: flaky.delete("raw/b"),
    ):
        proxy.faults = list(faults)
        action()
        assert proxy.faults == [], "every fault was met"
    assert flaky.read("raw/a") == b"1"
    assert flaky.read("raw/b") is None


def test_a_write_whose_answer_was_lost_is_found_again_and_not_repeated(flaky: GcsStore, proxy: FlakyProxy) -> None:
    land(flaky, 1)
    proxy.faults = [None, "lost answer"]
    land(flaky, 1, 2, at=NOW + timedelta(hours=1))
    assert proxy.faults == []
    lines = LandingZone(flaky).lines(KEY) or []
    assert sorted(json.loads(line.payload)["id"] for line in lines) == [1, 2]
    assert len(lines) == 2


def test_listing_tells_the_hashes_without_reading_an_object(flaky: GcsStore, proxy: FlakyProxy) -> None:
    for n in range(5):
        land(flaky, n, day=DAY + timedelta(days=n))
    proxy.seen.clear()
    hashes = LandingZone(flaky).hashes("strava", "activities", date.min, date.max)
    assert len(hashes) == 5
    assert len(proxy.seen) == 1


def test_an_object_that_somebody_else_put_there_is_hashed_by_its_content(flaky: GcsStore) -> None:
    known = land(flaky, 1).content_hash
    flaky.write(KEY.path, gzip.compress(gzip.decompress(flaky.read(KEY.path) or b"")))
    assert LandingZone(flaky).hashes("strava", "activities", DAY, DAY) == {KEY: known}


def test_a_large_object_goes_up_in_pieces_and_comes_down_to_disk(
    flaky: GcsStore, proxy: FlakyProxy, tmp_path: Path
) -> None:
    body = os.urandom(20 * 2**20)
    flaky.write("raw/large", body)
    assert sum(line.startswith("PUT") for line in proxy.seen) == 3
    (path,) = flaky.local_files(["raw/large"], tmp_path)
    assert path.read_bytes() == body


def test_a_bucket_that_is_not_there_is_said_so_and_is_not_an_empty_landing_zone(storage_client) -> None:
    store = open_store("gs://no-such-bucket", project=PROJECT)
    with pytest.raises(ConfigError, match=r"gs://no-such-bucket/raw/.*create it"):
        list(store.names("raw/"))
    with pytest.raises(ConfigError, match=r"names no bucket"):
        open_store("gs://")
