"""The page on which an invented athlete says yes or no, for all three providers, and the redirect back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fit_platform.simulator.config import Provider
from fit_platform.simulator.simulation import Simulation

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{name} (simulated): allow access?</title><style>
body{{font:16px/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1c1e21;margin:0}}
main{{max-width:30rem;margin:8vh auto;background:#fff;padding:2rem;border-radius:12px;border-top:6px solid {colour};
box-shadow:0 2px 12px #0002}} h1{{font-size:1.3rem;margin:0 0 .5rem}} fieldset{{border:1px solid #ddd;border-radius:8px;
margin:1rem 0}} label{{display:block;padding:.15rem 0;overflow-wrap:anywhere}} small{{color:#666}}
button{{font:inherit;padding:.5rem 1.4rem;border:0;border-radius:8px;margin-right:.6rem;cursor:pointer}}
.allow{{background:{colour};color:#fff}}</style></head><body><main>
<h1>{name}: let <em>{client}</em> read your data?</h1>
<p><small>A simulated provider with invented people. Nothing leaves this machine.</small></p>
<form method="post"><input type="hidden" name="shown" value="1">
<fieldset><legend>Log in as</legend>{athletes}</fieldset>
<fieldset><legend>It may see</legend>{scopes}</fieldset>
<button class="allow" name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button></form></main></body></html>"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A valid authorization request."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    query: dict[str, str]


@dataclass(frozen=True, slots=True)
class ConsentScreen:
    """One provider's authorize endpoint. `refuse(field)` is its answer to a wrong client_id, redirect_uri or scope."""

    provider: Provider
    title: str
    colour: str
    separator: str
    default_scopes: tuple[str, ...]
    known_scopes: tuple[str, ...]
    refuse: Callable[[str], Response]

    async def answer(self, request: Request, sim: Simulation) -> Response:
        """GET shows the page, POST of its form redirects back with a code, or with access_denied."""
        asked = self._asked(request, sim)
        if isinstance(asked, Response):
            return asked
        if request.method == "GET":
            return HTMLResponse(self._page(asked, sim))
        form = await request.form()
        state = {"state": asked.state} if asked.state is not None else {}
        if form.get("decision") != "allow":
            return RedirectResponse(_with_query(asked.redirect_uri, {"error": "access_denied", **state}), 303)
        athlete = str(form.get("athlete", ""))
        if athlete not in sim.world.people:
            return HTMLResponse(f"<h1>No athlete {escape(athlete)!s} in this world</h1>", 400)
        granted = _ticked(form, asked.scopes)
        wants_refresh = self._wants_refresh(asked, athlete, sim)
        code = sim.grants.issue_code(
            self.provider,
            athlete,
            granted,
            asked.redirect_uri,
            challenge=asked.query.get("code_challenge"),
            wants_refresh=wants_refresh,
        )
        scope = {"scope": self.separator.join(granted)} if self.provider != "polar" else {}
        return RedirectResponse(_with_query(asked.redirect_uri, {**state, "code": code, **scope}), 303)

    def _wants_refresh(self, asked: Asked, athlete: str, sim: Simulation) -> bool:
        # Google hands out a refresh token for offline access only, and again only when consent was asked for again.
        is_first = sim.grants.first_consent(self.provider, athlete)
        if self.provider != "fitbit":
            return True
        is_asked_again = "consent" in asked.query.get("prompt", "").split()
        return asked.query.get("access_type") == "offline" and (is_first or is_asked_again)

    def _asked(self, request: Request, sim: Simulation) -> Asked | Response:
        query = dict(request.query_params)
        if query.get("client_id") != sim.config.credentials(self.provider).client_id:
            return self.refuse("client_id")
        redirect_uri = query.get("redirect_uri")
        if redirect_uri is None or not _is_allowed(redirect_uri, sim.config.redirect_uris):
            return self.refuse("redirect_uri")
        if query.get("response_type") != "code":
            return self.refuse("response_type")
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            return self.refuse("code_challenge_method")
        asked = tuple(s for s in query.get("scope", "").replace(",", " ").split() if s) or self.default_scopes
        if not asked or any(scope not in self.known_scopes for scope in asked):
            return self.refuse("scope")
        return Asked(query["client_id"], redirect_uri, asked, query.get("state"), query)

    def _page(self, asked: Asked, sim: Simulation) -> str:
        people = [person.athlete for person in sim.world.people.values()]
        athletes = "".join(
            f'<label><input type="radio" name="athlete" value="{escape(a.athlete_id)}"{" checked" if not i else ""}> '
            f"{escape(a.first_name)} {escape(a.last_name)} <small>{escape(a.timezone)}</small></label>"
            for i, a in enumerate(people)
        )
        scopes = "".join(
            f'<label><input type="checkbox" name="scope" value="{escape(scope)}" checked> {escape(scope)}</label>'
            for scope in asked.scopes
        )
        return _PAGE.format(
            name=escape(self.title),
            colour=self.colour,
            client=escape(asked.client_id),
            athletes=athletes,
            scopes=scopes,
        )


def _ticked(form: FormData, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The granted scopes. A form that never showed the boxes (a headless client) and names none grants all."""
    named = [str(value) for value in form.getlist("scope")]
    if not named and "shown" not in form:
        return asked
    return tuple(scope for scope in asked if scope in named)


def _is_allowed(redirect_uri: str, allowed: tuple[str, ...]) -> bool:
    parts = urlsplit(redirect_uri)
    return redirect_uri in allowed or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _with_query(url: str, query: dict[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"
