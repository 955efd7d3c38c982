"""How well records were put together: pairwise and B-cubed measures, lost sessions, double counting; rival rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from tests.bench.matching_world import Record, Session

Key = tuple[str, str, str]
WEEK_S = 7 * 86400


@dataclass(frozen=True)
class Found:
    """What a matcher says of one record: its cluster, its relation to it, whether the cluster's times are its."""

    cluster: Hashable
    relation: str
    is_primary: bool
    cluster_seconds: float
    cluster_distance_m: float


@dataclass(frozen=True)
class Score:
    """Measures of one stratum."""

    pairs: int
    precision: float
    recall: float
    b_cubed_f1: float
    relation_accuracy: float
    sessions: int
    lost: int
    lost_traps: int
    minutes_error: float
    km_error: float
    held_back: int


def pair_counts(truth: Mapping[Key, Hashable], found: Mapping[Key, Hashable]) -> tuple[int, int, int]:
    """Pairs linked in truth and found, found, and in truth. Both map every record to its cluster."""
    both = sum(n * (n - 1) // 2 for n in Counter((truth[key], found[key]) for key in truth).values())
    said = sum(n * (n - 1) // 2 for n in Counter(found[key] for key in truth).values())
    true = sum(n * (n - 1) // 2 for n in Counter(truth.values()).values())
    return both, said, true


def b_cubed(truth: Mapping[Key, Hashable], found: Mapping[Key, Hashable]) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1: per record the overlap of its two clusters, then the mean."""
    both = Counter((truth[key], found[key]) for key in truth)
    said, true = Counter(found[key] for key in truth), Counter(truth.values())
    precision = sum(both[truth[key], found[key]] / said[found[key]] for key in truth) / len(truth)
    recall = sum(both[truth[key], found[key]] / true[truth[key]] for key in truth) / len(truth)
    return precision, recall, 2 * precision * recall / (precision + recall)


def score(records: Sequence[Record], found: Mapping[Key, Found]) -> Score:
    """Score the records that a matcher saw. A record that `found` lacks was held back."""
    truth: dict[Key, Hashable] = {record.key: record.session.key for record in records if not record.is_spanning}
    clusters: dict[Key, Hashable] = {key: found[key].cluster if key in found else ("held back", key) for key in truth}
    both, said, true = pair_counts(truth, clusters)
    sizes, cluster_sizes = Counter(truth.values()), Counter((truth[key], clusters[key]) for key in truth)
    related = [
        record
        for record in records
        if record.key in truth
        and sizes[record.session.key] > 1
        and cluster_sizes[record.session.key, clusters[record.key]] > 1
    ]
    sessions = {record.session.key: record.session for record in records}
    shown = {record.session.key for record in records if record.key in found and found[record.key].is_primary}
    lost = [session for key, session in sessions.items() if key not in shown]
    minutes, km = _weekly_errors(records, sessions.values(), found)
    return Score(
        pairs=true,
        precision=both / said if said else 1.0,
        recall=both / true if true else 1.0,
        b_cubed_f1=b_cubed(truth, clusters)[2],
        relation_accuracy=(
            sum(_relation_is_right(record, found) for record in related) / len(related) if related else 1.0
        ),
        sessions=len(sessions),
        lost=len(lost),
        lost_traps=sum(session.is_trap for session in lost),
        minutes_error=minutes,
        km_error=km,
        held_back=sum(record.key not in found for record in records),
    )


def _relation_is_right(record: Record, found: Mapping[Key, Found]) -> bool:
    return record.key in found and (found[record.key].is_primary or found[record.key].relation == record.relation)


def _weekly_errors(
    records: Sequence[Record], sessions: Iterable[Session], found: Mapping[Key, Found]
) -> tuple[float, float]:
    """|counted - true| / true, of minutes and of kilometres, over the weeks of every athlete: nothing nets out.

    A true distance is a range: what the sensors of the session's records say of its way, from the least to the most.
    """
    athlete_of = {record.session.key: record.athlete for record in records}
    records_of: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        records_of[record.session.key].append(record)
    weeks_s: defaultdict[tuple[str, int], Week] = defaultdict(Week)
    weeks_m: defaultdict[tuple[str, int], Week] = defaultdict(Week)
    for session in sessions:
        week = athlete_of[session.key], session.started // WEEK_S
        known = _knowable_seconds(session, records_of[session.key])
        weeks_s[week].expect(known, known)
        factors = [one.distance_factor for one in records_of[session.key] if one.distance_factor] or [0.0]
        metres = session.sport.speed_mps * known
        weeks_m[week].expect(metres * min(factors), metres * max(factors))
    for record in records:
        if record.key in found and found[record.key].is_primary:
            week = record.athlete, record.session.started // WEEK_S
            weeks_s[week].counted += found[record.key].cluster_seconds
            weeks_m[week].counted += found[record.key].cluster_distance_m
    return weekly_error(weeks_s.values()), weekly_error(weeks_m.values())


@dataclass
class Week:
    """What an athlete did in a week, from the least to the most that can be known, and what was counted."""

    least: float = 0.0
    most: float = 0.0
    counted: float = 0.0

    def expect(self, least: float, most: float) -> None:
        """One more true session."""
        self.least += least
        self.most += most


def weekly_error(weeks: Iterable[Week]) -> float:
    """Sum over the weeks of what was counted too much or too little, by the sum of what is true."""
    weeks = list(weeks)
    total = sum(week.most for week in weeks)
    return sum(max(0.0, w.counted - w.most, w.least - w.counted) for w in weeks) / total if total else 0.0


def _knowable_seconds(session: Session, records: Sequence[Record]) -> int:
    """As much of a session as its records cover together, pauses included: what nobody recorded, nobody can count."""
    if session.counted_seconds is not None:
        return session.counted_seconds
    first = min(record.started - record.clock_off_s for record in records)
    last = max(record.ended - record.clock_off_s for record in records)
    return max(0, min(last, session.ended) - max(first, session.started))


# --- rules that others have published, for comparison

Rule = Callable[[Record, Record, Callable[[Record], str]], bool]


def _overlap(one: Record, other: Record) -> float:
    return max(0, min(one.ended, other.ended) - max(one.started, other.started))


RULES: dict[str, Rule] = {
    "start within 60 s": lambda a, b, family: abs(a.started - b.started) <= 60,
    "start within 3 min, same sport": lambda a, b, family: abs(a.started - b.started) <= 180 and family(a) == family(b),
    "overlap 70 % of one, start within 20 min": lambda a, b, family: (
        _overlap(a, b) >= 0.7 * max(1, min(a.seconds, b.seconds)) and abs(a.started - b.started) <= 1200
    ),
    "overlap 85 %, both ends within 15 min": lambda a, b, family: (
        _overlap(a, b) >= 0.85 * max(1, a.seconds, b.seconds)
        and abs(a.started - b.started) <= 900
        and abs(a.ended - b.ended) <= 900
    ),
}


def by_rule(records: Sequence[Record], rule: Rule, family: Callable[[Record], str]) -> dict[Key, Found]:
    """Clusters by a pairwise rule: whatever it connects, Polar before Strava before Fitbit for the times."""
    parent = {record.key: record.key for record in records}

    def root(key: Key) -> Key:
        while parent[key] != key:
            key = parent[key]
        return key

    by_day: defaultdict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        by_day[record.athlete, record.started // 86400].append(record)
    for (athlete, day), todays in by_day.items():
        near = [*todays, *by_day.get((athlete, day + 1), [])]
        for one, other in combinations(near, 2):
            if one.provider != other.provider and rule(one, other, family):
                parent[root(one.key)] = root(other.key)
    best: dict[Key, Record] = {}
    for record in sorted(records, key=lambda r: (("polar", "strava", "fitbit").index(r.provider), r.record_id)):
        best.setdefault(root(record.key), record)
    return {
        record.key: Found(
            root(record.key),
            "same",
            best[root(record.key)] is record,
            best[root(record.key)].seconds,
            best[root(record.key)].row["distance_m"] or 0.0,
        )
        for record in records
    }
