"""Publishing marts to the readers' dataset: all of them together, only when something changed, never half."""

from __future__ import annotations

from typing import Any

import pytest

from fit_platform.errors import FitError
from fit_platform.warehouse.bigquery_publish import newest_publication, publish, published_dataset, withdraw
from fit_platform.warehouse.bigquery_warehouse import BigQueryWarehouse


@pytest.fixture
def built(warehouse: BigQueryWarehouse) -> BigQueryWarehouse:
    """Two marts, one of them partitioned by day."""
    warehouse.prepare([])
    make(warehouse, "nights", "SELECT 'ada' AS athlete_id, DATE '2026-03-01' AS local_date, 7.5 AS hours", "local_date")
    make(warehouse, "walks", "SELECT 'ada' AS athlete_id, 1 AS steps")
    return warehouse


def make(warehouse: BigQueryWarehouse, mart: str, query: str, partitioned_by: str | None = None) -> None:
    partition = f"PARTITION BY {partitioned_by} " if partitioned_by else ""
    warehouse.jobs.script(f"CREATE OR REPLACE TABLE {warehouse.relation('marts', mart)} {partition}AS {query}")


def published(warehouse: BigQueryWarehouse, mart: str) -> list[dict[str, Any]]:
    return warehouse.query(f"SELECT * FROM {warehouse.relation('published', mart)} ORDER BY 1, 2").to_pylist()


def test_readers_see_every_mart_as_it_was_published_last(built: BigQueryWarehouse) -> None:
    assert published_dataset(built) is None
    done = publish(built)
    assert (done.changed, done.rows) == (True, {"nights": 1, "walks": 1})
    assert published_dataset(built) == done.dataset
    make(built, "walks", "SELECT 'ada' AS athlete_id, 2 AS steps UNION ALL SELECT 'ben', 3")
    assert published(built, "walks") == [{"athlete_id": "ada", "steps": 1}], "built and not published yet"
    again = publish(built)
    assert again.version != done.version
    assert [row["steps"] for row in published(built, "walks")] == [2, 3]
    latest = newest_publication(built)
    assert latest is not None
    assert latest.version == again.version


def test_the_same_content_is_not_published_again(built: BigQueryWarehouse) -> None:
    first = publish(built)
    make(built, "walks", "SELECT 'ada' AS athlete_id, 1 AS steps")  # built anew, with the same rows
    again = publish(built)
    assert (again.changed, again.version) == (False, first.version)


def test_a_mart_of_days_is_published_in_months(built: BigQueryWarehouse) -> None:
    """A transaction may change 4,000 partitions: eleven years of days would be too many."""
    publish(built)
    table = built.client.get_table(f"{built.dataset('published')}.nights")
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("MONTH", "local_date")
    assert table.labels["app"] == "fit-platform"


def test_a_mart_with_other_columns_and_one_that_is_no_more_are_followed(built: BigQueryWarehouse) -> None:
    publish(built)
    make(built, "walks", "SELECT 'ada' AS athlete_id, 1 AS steps, TRUE AS is_indoor")
    built.delete(f"{built.dataset('marts')}.nights")
    publish(built)
    assert built.tables("published") == {"walks"}
    assert published(built, "walks") == [{"athlete_id": "ada", "steps": 1, "is_indoor": True}]


def test_a_publication_that_fails_leaves_readers_what_they_had(
    built: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(built)
    make(built, "nights", "SELECT 'ben' AS athlete_id, DATE '2026-03-02' AS local_date, 8.5 AS hours", "local_date")
    whole = built.transaction

    def broken(statements: list[str], labels: dict[str, str]) -> None:
        whole([*statements[:-1], f"INSERT INTO {built.relation('published', 'nowhere')} (x) VALUES (1)"], labels)

    monkeypatch.setattr(built, "transaction", broken)
    with pytest.raises(FitError):
        publish(built)
    monkeypatch.undo()
    assert [row["athlete_id"] for row in published(built, "nights")] == ["ada"]
    latest = newest_publication(built)
    assert latest is not None
    assert latest.version == first.version
    assert publish(built).changed


def test_a_warehouse_that_was_made_before_there_was_publishing_gains_what_it_lacks(built: BigQueryWarehouse) -> None:
    built.delete(f"{built.dataset('ops')}.publications")
    built.client.delete_dataset(built.dataset("published"))
    assert publish(built).changed
    assert built.tables("published") == {"nights", "walks"}


def test_emptying_the_warehouse_leaves_readers_their_marts_and_withdrawing_does_not(built: BigQueryWarehouse) -> None:
    publish(built)
    built.drop()
    assert built.tables("marts") == set()
    assert built.tables("published") == {"nights", "walks"}
    withdraw(built)
    assert built.tables("published") == set()
    built.prepare([])
    assert published_dataset(built) is None
