"""The landing zone's promises: verbatim, rewritten only on change, nothing forgotten."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit_platform.landing.envelope import HEAD_BYTES, content_hash, decode_lines, encode_lines, hash_in_header, line_of
from fit_platform.landing.layout import DayKey
from fit_platform.landing.store import FolderStore
from fit_platform.landing.zone import LandingZone
from fit_platform.providers.base import DayAnswer, DayOf, Item, Parser, Rejected, Resource
from fit_platform.providers.strava.tables import ACTIVITIES

DAY = date(2026, 3, 1)
KEY = DayKey("strava", "activities", DAY, "ada")
T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
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


def item(body: str, at: datetime = T0, **request: object) -> Item:
    return Item(body.encode(), {"path": "/athlete/activities", **request}, at)


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(FolderStore(tmp_path))


def land(zone: LandingZone, *items: Item | Rejected, at: datetime = T0) -> bool:
    return zone.write_day(ACTIVITY, "ada", DayAnswer(DAY, items), at).changed


def test_a_payload_lands_byte_for_byte_in_a_three_key_line(zone: LandingZone, tmp_path: Path) -> None:
    body = '{"id":1, "distance": 12.10, "name":"Ütli – früh", "big": 12345678901234567890}'
    land(zone, item(body))
    lines = gzip.decompress((tmp_path / KEY.path).read_bytes()).splitlines()
    assert len(lines) == 1
    assert body.encode() in lines[0], "numbers, spaces and letters stay as the provider wrote them"
    assert set(json.loads(lines[0])) == {"fetched_at", "request", "payload"}


def test_the_layout_is_the_documented_one() -> None:
    assert KEY.path == "raw/provider=strava/resource=activities/dt=2026-03-01/athlete=ada/part.ndjson.gz"
    assert DayKey.from_path(f"/somewhere/{KEY.path}") == KEY
    assert DayKey.from_path("raw/provider=strava/notes.txt") is None


def test_the_same_answer_again_rewrites_nothing(zone: LandingZone, tmp_path: Path) -> None:
    assert land(zone, item('{"id":1}'), item('{"id":2}'))
    before = (tmp_path / KEY.path).read_bytes()
    assert not land(zone, item('{"id":2}', T0 + HOUR), item('{"id":1}', T0 + HOUR, page=7), at=T0 + HOUR)
    assert (tmp_path / KEY.path).read_bytes() == before
    assert not (tmp_path / "_history").exists()


def test_an_empty_day_is_an_object_with_no_lines_not_a_missing_one(zone: LandingZone) -> None:
    assert zone.lines(KEY) is None
    land(zone)
    assert zone.lines(KEY) == []


def test_an_edit_keeps_the_old_version_and_when_the_object_was_first_seen(zone: LandingZone, tmp_path: Path) -> None:
    land(zone, item('{"id":1,"name":"Run"}'), item('{"id":2}'))
    assert land(zone, item('{"id":1,"name":"Trail"}', T0 + HOUR), item('{"id":2}', T0 + HOUR), at=T0 + HOUR)
    lines = zone.lines(KEY) or []
    edited = next(line for line in lines if b"Trail" in line.payload)
    untouched = next(line for line in lines if b'"id":2' in line.payload)
    assert (edited.first_fetched_at, edited.fetched_at) == (T0, T0 + HOUR)
    assert untouched.fetched_at == T0, "an unchanged object keeps the line it had"
    kept = list((tmp_path / "_history").rglob("*.ndjson.gz"))
    assert len(kept) == 1
    assert b"Run" in gzip.decompress(kept[0].read_bytes())


def test_a_vanished_object_leaves_a_tombstone_and_may_come_back(zone: LandingZone) -> None:
    land(zone, item('{"id":1}'), item('{"id":2}'))
    land(zone, item('{"id":2}'), at=T0 + HOUR)
    grave = next(line for line in zone.lines(KEY) or [] if line.tombstone)
    assert grave.tombstone is not None
    assert grave.tombstone["object_id"] == "1"
    assert grave.fetched_at == T0 + HOUR
    assert len(zone.items(KEY)) == 1
    assert not land(zone, item('{"id":2}'), at=T0 + 2 * HOUR), "the tombstone itself is stable"
    land(zone, item('{"id":1}', T0 + 3 * HOUR), item('{"id":2}'), at=T0 + 3 * HOUR)
    back = zone.lines(KEY) or []
    assert len(back) == 2
    assert all(line.is_live for line in back)


def test_a_day_that_could_not_be_read_whole_loses_nothing(zone: LandingZone) -> None:
    land(zone, item('{"id":1}'), item('{"id":2}'))
    html = Rejected(b"<html>502</html>", "an HTML page", {"path": "/activities"}, T0 + HOUR)
    land(zone, item('{"id":1}'), html, at=T0 + HOUR)
    lines = zone.lines(KEY) or []
    assert sum(line.is_live for line in lines) == 2, "object 2 is not known to be gone"
    assert [line.rejected["body"] for line in lines if line.rejected] == ["<html>502</html>"]
    land(zone, item('{"id":1}'), item('{"id":2}'), at=T0 + 2 * HOUR)
    assert all(line.is_live for line in zone.lines(KEY) or []), "a good answer replaces the rejected one"


def test_the_hash_in_the_gzip_header_is_the_contents_hash() -> None:
    lines = [line_of(item('{"id":1}')), line_of(item('{"id":2}'))]
    body = encode_lines(lines)
    assert hash_in_header(body[:HEAD_BYTES]) == content_hash(lines)
    assert hash_in_header(gzip.compress(b"{}\n")) is None, "an object that somebody else wrote"


def test_an_object_that_somebody_else_wrote_is_read_all_the_same(zone: LandingZone, tmp_path: Path) -> None:
    land(zone, item('{"id":1}'))
    path = tmp_path / KEY.path
    known = zone.content_hash(KEY)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    assert zone.content_hash(KEY) == known


def test_a_half_written_file_is_not_an_object(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.write("raw/a", b"1")
    (tmp_path / "raw" / ".part-killed").write_bytes(b"half")
    assert list(store.names("raw/")) == ["raw/a"]
    assert list(store.names("")) == list(store.names("raw")) == ["raw/a"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=6), st.randoms())
def test_lines_survive_the_round_trip_and_their_order_does_not_matter(payloads, random) -> None:
    lines = [line_of(item(msgspec.json.encode(payload).decode(), n=i)) for i, payload in enumerate(payloads)]
    shuffled = lines[:]
    random.shuffle(shuffled)
    assert decode_lines(encode_lines(lines)) == lines
    assert content_hash(lines) == content_hash(shuffled)


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=4), min_size=1, max_size=5))
def test_live_objects_are_always_those_of_the_last_complete_answer(tmp_path_factory, answers) -> None:
    zone = LandingZone(FolderStore(tmp_path_factory.mktemp("landing")))
    first_seen: dict[str, datetime] = {}
    for n, answer in enumerate(answers):
        at = T0 + n * HOUR
        land(zone, *(item(json.dumps({"id": name, "v": value}), at) for name, value in answer.items()), at=at)
        for name in answer:
            first_seen.setdefault(name, at)
    lines = zone.lines(KEY) or []
    live = {json.loads(line.payload)["id"]: line for line in lines if line.is_live}
    assert {name: json.loads(line.payload)["v"] for name, line in live.items()} == answers[-1]
    assert len(lines) == len(first_seen), "every object ever seen is a live line or a tombstone"
    assert all(line.first_fetched_at == first_seen[name] for name, line in live.items())


def test_what_a_pull_lands_while_a_day_is_purged_is_purged_as_well(
    zone: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must neither be lost in silence nor outlive the purge: the note that closes the day stands alone."""
    land(zone, item('{"id":1}'))
    write_if = zone.store.write_if

    def after_a_pull(*arguments: Any, **options: Any) -> bool:
        monkeypatch.undo()
        land(zone, item('{"id":1}'), item('{"id":2}', T0 + HOUR), at=T0 + HOUR)
        return write_if(*arguments, **options)

    monkeypatch.setattr(zone.store, "write_if", after_a_pull)
    assert zone.purge(KEY, T0 + 2 * HOUR, closed="too old").lines == 2
    assert zone.closed_because(KEY) == "too old"
    assert zone.items(KEY) == []
