"""A plain OAuth client for tests of the simulators: it knows the documented flows, and nothing of our own clients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from fit_platform.simulator import environment

REDIRECT = "http://127.0.0.1:9/callback"
GOOGLE = "https://www.googleapis.com/auth/googlehealth."
SCOPES = {
    "polar": ("accesslink.read_all",),
    "strava": ("read", "activity:read_all", "profile:read_all"),
    "fitbit": tuple(
        f"{GOOGLE}{name}.readonly"
        for name in ("activity_and_fitness", "health_metrics_and_measurements", "sleep", "profile", "settings")
    ),
}


@dataclass
class Client:
    """One athlete at one provider."""

    base_url: str
    provider: str
    athlete: str = "ada"
    token: dict[str, Any] = field(default_factory=dict)

    def setting(self, name: str) -> str:
        return environment(self.base_url)[f"FIT_{self.provider.upper()}_{name}"]

    def authorize_query(self, **more: str) -> dict[str, str]:
        separator = "," if self.provider == "strava" else " "
        return {
            "client_id": self.setting("CLIENT_ID"),
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "state": "s-1",
            "scope": separator.join(SCOPES[self.provider]),
            **({"access_type": "offline", "prompt": "consent"} if self.provider == "fitbit" else {}),
            **more,
        }

    def consent(self, scopes: tuple[str, ...] | None = None, decision: str = "allow", **more: str) -> dict[str, str]:
        """Answer the consent page as a browser does; the parameters of the redirect."""
        separator = "," if self.provider == "strava" else " "
        asked = separator.join(dict.fromkeys((*SCOPES[self.provider], *(scopes or ()))))
        url, query = self.setting("AUTHORIZE_URL"), self.authorize_query(**{"scope": asked, **more})
        page = requests.get(url, params=query, timeout=10)
        assert page.status_code == 200, page.text
        assert 'type="checkbox"' in page.text
        form: dict[str, Any] = {"athlete": self.athlete, "decision": decision, "shown": "1"}
        form["scope"] = list(SCOPES[self.provider] if scopes is None else scopes)
        answer = requests.post(url, params=query, data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 303, answer.text
        target = urlsplit(answer.headers["location"])
        assert f"{target.scheme}://{target.netloc}{target.path}" == REDIRECT
        return {name: values[0] for name, values in parse_qs(target.query).items()}

    def ask_token(self, **form: str) -> requests.Response:
        own = self.setting("CLIENT_ID"), self.setting("CLIENT_SECRET")
        basic = own if self.provider == "polar" else None
        credentials = {} if basic else {"client_id": own[0], "client_secret": own[1]}
        return requests.post(self.setting("TOKEN_URL"), data={**credentials, **form}, auth=basic, timeout=10)

    def exchange(self, code: str, **more: str) -> requests.Response:
        return self.ask_token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT, **more)

    def login(self, scopes: tuple[str, ...] | None = None) -> Client:
        """The whole flow, and Polar's registration."""
        answer = self.exchange(self.consent(scopes)["code"])
        assert answer.status_code == 200, answer.text
        self.token = answer.json()
        if self.provider == "polar":
            assert self.post("/users", {"member-id": f"m-{self.athlete}"}).status_code in (200, 409)
        return self

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.get('access_token', '')}", "Accept": "application/json"}

    def get(self, path: str, **query: Any) -> requests.Response:
        return requests.get(self.setting("API_URL") + path, params=query, headers=self.headers, timeout=30)

    def post(self, path: str, body: Any) -> requests.Response:
        return requests.post(self.setting("API_URL") + path, json=body, headers=self.headers, timeout=30)

    def json(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text[:300]
        return answer.json()

    def points(self, data_type: str, operation: str = "", **query: Any) -> Iterator[dict[str, Any]]:
        """Walk a Google Health list until there is no token, past empty pages."""
        token: dict[str, str] = {}
        while True:
            page = self.json(f"/users/me/dataTypes/{data_type}/dataPoints{operation}", **query, **token)
            yield from page.get("dataPoints", [])
            if "nextPageToken" not in page:
                return
            token = {"pageToken": page["nextPageToken"]}
