"""How well provider records were matched into activities, measured against the simulated world's truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any

from fit_platform.providers.base import Window

Record = tuple[str, str, str]  # athlete, provider, the provider's activity id
Pair = frozenset[Record]


@dataclass(frozen=True, slots=True)
class MatchScore:
    """Pairs of records: those that are one activity in truth, those that were matched, and those that are both."""

    activities: int
    true_pairs: int
    matched_pairs: int
    right_pairs: int

    @property
    def precision_words(self) -> str:
        """Of the matched pairs, those that are right."""
        return _share(self.right_pairs, self.matched_pairs)

    @property
    def recall_words(self) -> str:
        """Of the true pairs, those that were matched."""
        return _share(self.right_pairs, self.true_pairs)


def score_matching(truth: Mapping[str, Any], sources: Iterable[Mapping[str, Any]], window: Window) -> MatchScore:
    """Score `activity_sources` rows against the truth's activities that started in the window and were recorded.

    A true pair whose records the platform never got counts as not found.
    """
    real: dict[Hashable, list[Record]] = {
        activity["true_id"]: [
            (str(activity["athlete"]), str(record["provider"]), str(record["provider_activity_id"]))
            for record in activity["records"]
        ]
        for activity in truth["activities"]
        if activity["records"] and date.fromisoformat(str(activity["started_at"])[:10]) in window
    }
    built: defaultdict[Hashable, list[Record]] = defaultdict(list)
    for row in sources:
        record = str(row["athlete_id"]), str(row["provider"]), str(row["provider_activity_id"])
        built[row["activity_id"]].append(record)
    true_pairs, matched_pairs = _pairs(real), _pairs(built)
    return MatchScore(len(real), len(true_pairs), len(matched_pairs), len(true_pairs & matched_pairs))


def _pairs(activities: Mapping[Hashable, Iterable[Record]]) -> set[Pair]:
    return {frozenset(pair) for records in activities.values() for pair in combinations(set(records), 2)}


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / whole:.1%})" if whole else "none of none"
