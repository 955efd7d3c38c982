"""What costs a call per activity (streams, details, files): asked for once, and again when the activity changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fit_platform.errors import NotFound, Transient
from fit_platform.providers.base import DayAnswer, Item, Landed, Pulled, Rejected, Window
from fit_platform.providers.http import ApiClient
from fit_platform.providers.pulling import decoded

# So many activities in a row that cannot be had are no longer the activities' fault.
_FAILURES_IN_A_ROW = 3

About = dict[str, Any]
"""What is noted of an activity beside the request: its `id`, and a `fingerprint` where a change of it matters."""


@dataclass(frozen=True, slots=True)
class PerActivity:
    """One kind of thing that an activity has. Activities may have other names at their provider: `of` says which."""

    resource: str
    of: str  # the resource whose landed objects are the activities
    what: str
    about: Callable[[Any], About | None]  # decoded activity -> its note; None: it has no such thing, or no id
    fetch: Callable[[ApiClient, About], bytes]  # NotFound: there is none, for good
    path: str  # with {id}
    params: Mapping[str, str] = field(default_factory=dict)

    def pull(self, api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
        """That of the activities that have landed. What is landed already of an unchanged activity stays, uncalled."""
        failures = 0
        for day in window.days():
            known = {item.request.get("path"): item for item in landed(self.resource, day)}
            items: list[Item | Rejected] = []
            for about in (self.about(decoded(item)) for item in landed(self.of, day)):
                if about is None:
                    continue
                request = self._request(about)
                old = known.get(request["path"])
                if old is not None and _fingerprint(old.request) == _fingerprint(request):
                    items.append(old)
                    continue
                try:
                    items.append(self._item(api, request))
                    failures = 0
                except Transient as error:
                    # Strava answers 500 for ever on some damaged activities: that one waits, the others go on.
                    failures += 1
                    if error.status is None or failures == _FAILURES_IN_A_ROW:
                        raise
                    reason = f"{self.what} of an activity: {error.status} {error.detail}"
                    items += [old] if old is not None else []
                    items.append(Rejected(getattr(error, "body", b""), reason, request, api.clock()))
            yield DayAnswer(day, tuple(items))

    def _item(self, api: ApiClient, request: dict[str, Any]) -> Item:
        try:
            payload = self.fetch(api, request["activity"])
        except NotFound as error:
            # The one terminal answer: there is none. Kept, so that it is not asked for again.
            return Item(b"null", {**request, "status": error.status}, api.clock())
        return Item(payload, request, api.clock())

    def _request(self, about: About) -> dict[str, Any]:
        return {"path": self.path.format(id=about["id"]), "params": dict(self.params), "activity": about}


def _fingerprint(request: Mapping[str, Any]) -> Any:
    return (request.get("activity") or {}).get("fingerprint")
