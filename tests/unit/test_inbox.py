"""The inbox: an event waits once, nothing hides behind another, and rubbish never blocks the rest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit_platform.landing.inbox import ChangeEvent, Inbox, PoisonEvent
from fit_platform.landing.store import FolderStore

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


def event(**changes: object) -> ChangeEvent:
    base = ChangeEvent(provider="strava", athlete_id="anna", origin="webhook", seen_at=NOW, object_id="17")
    return msgspec.structs.replace(base, **changes)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(FolderStore(tmp_path))


def test_an_event_comes_back_as_it_was_written(inbox: Inbox) -> None:
    written = event(days=(date(2026, 3, 31),), resources=("activities", "streams"), version="1", detail="update")
    name = inbox.put(written)
    assert inbox.due("strava", NOW, 10) == [name]
    assert inbox.read(name) == written


def test_a_delivery_that_the_provider_repeats_is_one_event(inbox: Inbox, tmp_path: Path) -> None:
    first = inbox.put(event())
    again = inbox.put(event(seen_at=NOW + timedelta(seconds=40), detail="again"))
    another_process = Inbox(FolderStore(tmp_path)).put(event(seen_at=NOW + timedelta(seconds=80)))
    assert first == again == another_process
    assert list(inbox.names()) == [first]


def test_two_deliveries_at_the_same_moment_are_one_event(inbox: Inbox) -> None:
    """Polar was seen to send SLEEP twice at once."""
    events = [event(seen_at=NOW + timedelta(microseconds=i)) for i in range(32)]
    with ThreadPoolExecutor(16) as threads:
        names = set(threads.map(inbox.put, events))
    assert names == set(inbox.names())
    assert len(names) == 1


def test_a_change_that_comes_after_the_first_was_done_waits_again(inbox: Inbox) -> None:
    name = inbox.put(event())
    inbox.done(name)
    assert list(inbox.names()) == []
    assert inbox.put(event(seen_at=NOW + timedelta(seconds=5))) != name
    assert len(list(inbox.names())) == 1


def test_a_process_that_does_not_know_that_another_finished_the_event_puts_it_again(
    inbox: Inbox, tmp_path: Path
) -> None:
    name = inbox.put(event())
    Inbox(FolderStore(tmp_path)).done(name)
    assert inbox.put(event(seen_at=NOW + timedelta(seconds=5))) != name


def test_an_event_that_is_put_off_is_due_later_and_not_before(inbox: Inbox) -> None:
    name = inbox.put(event(attempt=1), due=NOW + timedelta(minutes=2))
    assert inbox.due("strava", NOW + timedelta(minutes=1), 10) == []
    assert inbox.due("strava", NOW + timedelta(minutes=3), 10) == [name]


def test_the_oldest_events_come_first_and_no_more_than_the_limit(inbox: Inbox) -> None:
    names = [inbox.put(event(object_id=str(n), seen_at=NOW - timedelta(seconds=n))) for n in range(5)]
    assert inbox.due("strava", NOW, 3) == names[:1:-1]


def test_an_event_written_late_under_an_early_name_is_still_found(inbox: Inbox) -> None:
    newest = inbox.put(event(object_id="1"))
    inbox.done(newest)
    straggler = inbox.put(event(object_id="2", seen_at=NOW - timedelta(hours=1)))
    assert inbox.due("strava", NOW, 10) == [straggler]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"provider":"strava"}',
        b"\x00\xff",
        msgspec.json.encode(event(provider="polar")),
    ],
)
def test_rubbish_in_the_inbox_is_put_aside_with_its_reason(inbox: Inbox, body: bytes) -> None:
    good = inbox.put(event())
    inbox.store.write("inbox/strava/rubbish.json", body)
    assert set(inbox.due("strava", NOW, 10)) == {good, "inbox/strava/rubbish.json"}
    with pytest.raises(PoisonEvent) as poison:
        inbox.read("inbox/strava/rubbish.json")
    inbox.reject("inbox/strava/rubbish.json", str(poison.value))
    assert inbox.due("strava", NOW, 10) == [good]
    assert list(inbox.rejected()) == [("inbox/_rejected/strava/rubbish.json", str(poison.value))]


def test_news_that_comes_while_the_same_news_is_being_acted_on_waits_anew(inbox: Inbox) -> None:
    """A notification without a time of its own, sent again after the run had read the day: it must not be swallowed."""
    taken = inbox.take(inbox.put(event()))
    again = inbox.put(event(seen_at=NOW + timedelta(seconds=5)))
    assert (inbox.taken("strava"), inbox.due("strava", NOW + timedelta(minutes=1), 10)) == ([taken], [again])
    assert inbox.read(taken) == event()
    inbox.done(taken)
    assert (inbox.taken("strava"), list(inbox.names("strava"))) == ([], [again])


def test_done_events_are_forgotten_after_a_week(inbox: Inbox) -> None:
    inbox.done(inbox.put(event()))
    assert inbox.forget_done(NOW + timedelta(days=6)) == 0
    assert inbox.forget_done(NOW + timedelta(days=8)) == 1


class MemoryStore(FolderStore):
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self.objects.get(name)

    def head(self, name: str, length: int) -> bytes | None:
        return None if name not in self.objects else self.objects[name][:length]

    def write(self, name: str, body: bytes) -> None:
        self.objects[name] = body

    def settle(self, name: str) -> None:
        """Memory survives nothing."""

    def move(self, name: str, to: str) -> None:
        self.objects[to] = self.objects[name]

    def delete(self, name: str) -> None:
        self.objects.pop(name, None)

    def names(self, prefix: str) -> Iterator[str]:
        return iter(sorted(name for name in self.objects if name.startswith(prefix)))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-3600, 3600)), max_size=40))
def test_whatever_the_order_every_change_waits_exactly_once(deliveries: list[tuple[int, int]]) -> None:
    inbox = Inbox(MemoryStore())
    for object_id, seconds in deliveries:
        inbox.put(event(object_id=str(object_id), seen_at=NOW + timedelta(seconds=seconds)))
    waiting = [inbox.read(name) for name in inbox.names()]
    assert sorted(e.object_id for e in waiting if e) == sorted({str(object_id) for object_id, _ in deliveries})


def test_where_very_much_waits_the_inbox_is_not_listed_again_for_each_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fit_platform.landing.inbox._REMEMBERED", 10)
    for number in range(40):
        Inbox(FolderStore(tmp_path)).put(event(object_id=f"old{number}"))
    inbox, listings = Inbox(FolderStore(tmp_path)), 0
    names = inbox.names

    def counted(provider: str | None = None) -> Iterator[str]:
        nonlocal listings
        listings += 1
        return names(provider)

    monkeypatch.setattr(inbox, "names", counted)
    for number in range(35):
        inbox.put(event(object_id=f"new{number}"))
    assert listings == 1
    for number in range(35, 60):
        inbox.put(event(object_id=f"new{number}"))
    assert listings == 2, "what others took off is forgotten in the end"
