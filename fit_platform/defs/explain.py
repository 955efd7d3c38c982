"""What the UI says about dbt's models and tests: the page that explains a model, what to do when a test fails."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

_PAGES = {
    "metrics": ("heart_rate", "zones", "load", "efforts", "athlete_estimates", "athlete_settings", "interval", "bpm"),
    "matching": ("activities", "activity_sources", "match", "pairs", "candidates", "clusters", "records", "overrides"),
}
_WAY_OUT = (
    "When it fails nothing is published and readers keep the last good set. Run `fit-platform rebuild`, which makes "
    "the tables anew from the landing zone. If it fails again the model is wrong: the rows are what the test's SQL "
    "selects, in `FIT_HOME/dbt/` under `compiled`."
)
_WARNS = "When it fails the marts are published all the same. "


def page_of(model: str) -> str:
    """The page of the docs that explains a model."""
    for page, words in _PAGES.items():
        if any(word in model for word in words):
            return f"docs/{page}.md"
    return "docs/how-it-works.md"


def explained(spec: dg.AssetCheckSpec, test: Mapping[str, Any]) -> dg.AssetCheckSpec:
    """The check of a dbt test, with what it looks at and what to do when it fails. `test`: its node in the manifest."""
    return dg.AssetCheckSpec(
        name=spec.name,
        asset=spec.asset_key,
        description=spec.description or describe_test(test),
        additional_deps=spec.additional_deps,
        blocking=spec.blocking,
        metadata=spec.metadata,
    )


def describe_test(test: Mapping[str, Any]) -> str:
    """A dbt test in words, by its kind."""
    facts = test.get("test_metadata") or {}
    given = facts.get("kwargs", {})
    columns = ", ".join(f"`{column}`" for column in given.get("columns", [given.get("column_name", "")]))
    kind = facts.get("name")
    if kind == "unique_grain":
        return f"No two rows share {columns}, and none of these is null. {_WAY_OUT}"
    if kind == "never_null":
        return f"{columns}: never null. {_WAY_OUT}"
    if kind == "always_true":
        conditions = "\n".join(f"- `{condition}`" for condition in given.get("conditions", []))
        return f"Holds in every row, or is unknown:\n\n{conditions}\n\n{_WAY_OUT}"
    if kind == "relationships":
        return f"Every `{given.get('column_name')}` is in `{given.get('to')}`. {_WAY_OUT}"
    if kind == "below_set_maximum":
        way_out = "Set a higher maximum (`fit-platform athletes ATHLETE --max-hr BPM`), or look at the sensor."
        return f"No heart rate is above the athlete's set maximum. {_WARNS}{way_out}"
    if kind == "few_possible":
        way_out = (
            "Decide on them: in the dashboard's review, or in `overrides.csv`. If they came all at once, look for a "
            "wrong clock or time zone first."
        )
        return f"Few of an athlete's pairs that may be one activity are left for a person. {_WARNS}{way_out}"
    if kind == "unique_pair":
        return f"No two decisions are on the same pair of records, in whichever order they stand. {_WAY_OUT}"
    if kind == "no_missing_days":
        return f"Each athlete has a row for every day from the first to the last. {_WAY_OUT}"
    return f"{test['name']}. {_WAY_OUT}"
