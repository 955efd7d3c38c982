"""Values out of JSON: durations, times and numbers of every documented form, and the refusal of everything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fit_platform.errors import BadRecord
from fit_platform.providers import fields, sql
from fit_platform.providers.pulling import identity
from fit_platform.providers.registry import PROVIDERS, every_resource, resource

_parts = st.tuples(st.integers(0, 40), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99_999))


@given(_parts)
def test_an_iso_duration_is_the_sum_of_its_parts_fractions_included(parts):
    days, hours, minutes, milliseconds = parts
    text = f"P{days}DT{hours}H{minutes}M{milliseconds / 1000}S"
    assert fields.iso_seconds({"d": text}, "d") == pytest.approx(
        days * 86_400 + hours * 3_600 + minutes * 60 + milliseconds / 1000
    )


@settings(max_examples=20, deadline=None)  # a first query on a busy machine takes its time
@given(st.lists(_parts, min_size=1, max_size=10))
def test_sql_and_python_read_a_duration_alike(samples):
    texts = [f"P{d}DT{h}H{m}M{ms / 1000:.3f}S" for d, h, m, ms in samples]
    with duckdb.connect() as db:
        read = db.execute(f"SELECT {sql.iso_seconds('t')} FROM (SELECT unnest(?) AS t)", [texts]).fetchall()
    assert [value for (value,) in read] == pytest.approx([fields.iso_seconds({"d": t}, "d") for t in texts])


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT6917.941S", 6917.941), ("PT2H44M45S", 9885), ("PT0S", 0), ("P1D", 86400)]
)
def test_the_durations_that_polar_has_sent_are_read(text, seconds):
    assert fields.iso_seconds({"d": text}, "d") == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1:30", "PT5", "P1Y", "PT1.2.3S", 90.5])
def test_what_is_no_iso_duration_names_its_key(text):
    with pytest.raises(BadRecord, match="`active_duration`"):
        fields.iso_seconds({"active_duration": text}, "active_duration")


@given(st.decimals(-100_000, 100_000, places=3))
def test_a_protobuf_duration_keeps_sign_and_fraction(seconds):
    assert fields.proto_seconds({"d": f"{seconds:f}s"}, "d") == pytest.approx(float(seconds))


@given(st.integers(946_684_800, 4_102_444_800), st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_the_same_whatever_zone_it_is_written_in(epoch_seconds, offset_minutes):
    instant = datetime.fromtimestamp(epoch_seconds, UTC)
    written = instant.astimezone(timezone(timedelta(minutes=offset_minutes))).isoformat()
    assert fields.instant({"t": written}, "t") == instant


@pytest.mark.parametrize(
    "text", ["2026-09-01T10:00", "2026-09-01T10:00Z", "2026-09-01T10:00:00.000000000Z", "2026-09-01T12:00:00.0+02:00"]
)
def test_seconds_may_be_dropped_and_fractions_may_have_any_length(text):
    assert fields.instant({"t": text}, "t") == datetime(2026, 9, 1, 10, tzinfo=UTC)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'Asia/Kolkata'")
        (read,) = db.execute(f"SELECT {sql.instant('t')} FROM (SELECT ? AS t)", [text]).fetchone()
    assert read == datetime(2026, 9, 1, 10, tzinfo=UTC)


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_may_come_as_text(value):
    assert fields.whole({"n": str(value)}, "n") == value == fields.whole({"n": value}, "n")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (fields.number, "twelve"),
        (fields.number, True),
        (fields.number, "nan"),
        (fields.number, {}),
        (fields.whole, 1.5),
        (fields.flag, "true"),
        (fields.text, ["a"]),
        (fields.instant, "yesterday"),
        (fields.child, []),
        (fields.children, {}),
        (fields.proto_seconds, "3600"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_its_key_and_not_quoted(read, value):
    with pytest.raises(BadRecord, match="`key`") as caught:
        read({"key": value}, "key")
    assert str(value) not in str(caught.value).replace("true or false", "") or value in ([], {})


def test_either_spelling_of_a_key_is_found():
    assert (
        fields.found({"running-index": 51}, "running_index")
        == 51
        == fields.found({"running_index": 51}, "running_index")
    )


def test_an_object_without_its_id_still_has_a_stable_identity():
    broken = {"start": "x", "n": [1]}
    assert identity(broken, "id") == identity(dict(reversed(broken.items())), "id")
    assert identity({"id": 7}, "id") == "7"
    assert identity(None, "id").startswith("unidentified-")


def test_the_registry_names_every_resource_once_and_only_needs_what_it_has():
    keys = [r.key for r in every_resource()]
    assert len(keys) == len(set(keys))
    assert {provider for provider, _ in keys} == {"polar", "strava", "fitbit"}
    for r in every_resource():
        assert set(r.needs) <= {other.name for other in PROVIDERS[r.provider]}
        assert r.description
        assert r.calls
        columnar = set(r.parse.columnar.selects) if r.parse.columnar else set()
        assert columnar <= {table.name for table in r.tables}
    assert resource("strava", "streams").needs == ("activities",)
