"""What costs one call per activity (streams, detail): asked for once, and again only when the activity has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fit_platform.errors import NotFound, Transient
from fit_platform.providers.base import DayAnswer, Item, Landed, Pulled, Rejected, Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.pulling import decoded, fingerprint

# So many activities in a row that cannot be had are no longer the activities' fault.
_FAILURES_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class PerActivity:
    """One kind of thing that an activity has.

    `implied_by` names the summary fields whose change implies that it is another one now.
    """

    resource: str
    what: str
    fetch: Callable[[ApiClient, str], bytes]
    path: str  # with {id}
    implied_by: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    has_manual: bool = True  # whether activities typed in by hand have it

    def pull(self, api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
        """That of the activities that have landed. What is landed already of an unchanged activity stays, uncalled."""
        failures = 0
        for day in window.days():
            known = {_about(item).get("id"): item for item in landed(self.resource, day)}
            items: list[Item | Rejected] = []
            for about in (self._activity(item) for item in landed("activities", day)):
                if about is None:
                    continue
                old = known.get(about["id"])
                if old is not None and _about(old) == about:
                    items.append(old)
                    continue
                try:
                    items.append(self._item(api, about))
                    failures = 0
                except Transient as error:
                    # Strava answers 500 for ever on some damaged activities: that one waits, the others go on.
                    failures += 1
                    if error.status is None or failures == _FAILURES_IN_A_ROW:
                        raise
                    reason = f"{self.what} of an activity: {error.status} {error.detail}"
                    items += [old] if old is not None else []
                    items.append(Rejected(getattr(error, "body", b""), reason, self._request(about), api.clock()))
            yield DayAnswer(day, tuple(items))

    def _item(self, api: ApiClient, about: dict[str, Any]) -> Item:
        request = self._request(about)
        try:
            payload = self.fetch(api, about["id"])
        except NotFound as error:
            # The one terminal answer: there is none. Kept, so that it is not asked for again.
            return Item(b"null", {**request, "status": error.status}, api.clock())
        return Item(payload, request, api.clock())

    def _request(self, about: dict[str, Any]) -> dict[str, Any]:
        return {"path": self.path.format(id=about["id"]), "params": dict(self.params), "activity": about}

    def _activity(self, item: Item) -> dict[str, Any] | None:
        """What is noted of an activity beside what was asked for; None where it has none, or no id or start."""
        summary = decoded(item)
        if not isinstance(summary, dict) or summary.get("id") is None or not isinstance(summary.get("start_date"), str):
            return None
        if not self.has_manual and summary.get("manual") is True and summary.get("upload_id") is None:
            return None
        return {
            "id": str(summary["id"]),
            "start_date": summary["start_date"],
            "fingerprint": fingerprint([summary.get(key) for key in self.implied_by]),
        }


def _about(item: Item) -> dict[str, Any]:
    return dict(item.request.get("activity") or {})
