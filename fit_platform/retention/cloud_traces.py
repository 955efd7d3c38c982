"""What an erasure has to look after on Google Cloud: the bucket's objects and every text column of our datasets.

The landing zone's objects are found by their names, which hold the athlete; what other athletes' objects say is looked
for in the tables that are made of them. Change events are opened: there are few of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor

from fit_platform.retention.words import mentions
from fit_platform.runtime import Runtime

_PARALLEL_QUERIES = 8
_WORDS = "[A-Za-z0-9_-]+"  # as in `words`


def withdraw_published(runtime: Runtime) -> None:
    """Take the published marts away: the next publication brings back what is left of them."""
    from fit_platform.warehouse.bigquery_publish import withdraw

    withdraw(runtime.bigquery)


def kept_for_a_while(runtime: Runtime) -> Iterator[str]:
    """What Google keeps of deleted data for some days, where nobody but Google's restore functions reaches it."""
    if runtime.settings.landing_dir.startswith("gs://"):
        yield (
            "the bucket's soft delete, where it is on, keeps deleted objects for as long as it says; "
            "`gcloud storage buckets update --clear-soft-delete` ends that"
        )
    if runtime.settings.target == "gcp":
        from fit_platform.warehouse.bigquery_schema import TIME_TRAVEL_HOURS

        yield (
            f"BigQuery keeps deleted rows for {TIME_TRAVEL_HOURS} hours of time travel and seven days of fail-safe, "
            "which cannot be shortened"
        )


def objects_with(runtime: Runtime, words: Set[str]) -> list[str]:
    """The objects of the landing zone with one of the words in their name, and change events with one inside."""
    store, root = runtime.zone.store, runtime.settings.landing_dir.rstrip("/")
    found = []
    for name in store.names(""):
        is_event = not name.startswith(("raw/", "_history/"))
        if mentions(name, words) or (
            is_event and mentions((store.read(name) or b"").decode("utf-8", "replace"), words)
        ):
            found.append(f"{root}/{name}")
    return found


def columns_with(runtime: Runtime, words: Set[str]) -> list[str]:
    """The tables of our datasets with one of the words in a text column; views are made of tables and left out."""
    from fit_platform.warehouse.bigquery_schema import DATASETS

    warehouse = runtime.bigquery

    def has_word(schema: str, table: str, columns: dict[str, str]) -> bool:
        texts = [name for name, kind in columns.items() if kind == "STRING"]
        if not texts:
            return False
        any_of = " OR ".join(
            f"EXISTS (SELECT 1 FROM UNNEST(REGEXP_EXTRACT_ALL(`{name}`, r'{_WORDS}')) AS word WHERE word IN UNNEST(?))"
            for name in texts
        )
        days = "dt >= DATE '0001-01-01' AND " if columns.get("dt") == "DATE" else ""
        sql = f"SELECT count(*) AS n FROM {warehouse.relation(schema, table)} WHERE {days}({any_of})"
        return bool(warehouse.query(sql, [sorted(words)] * len(texts)).column("n")[0].as_py())

    tables = [
        (schema, table, columns)
        for schema in DATASETS
        if schema != "staging"
        for table, columns in sorted(warehouse.columns(schema).items())
    ]
    with ThreadPoolExecutor(_PARALLEL_QUERIES) as pool:
        hits = pool.map(lambda one: has_word(*one), tables)
        return [f"{warehouse.dataset(s)}.{t}" for (s, t, _), hit in zip(tables, hits, strict=True) if hit]
