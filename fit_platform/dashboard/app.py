"""The dashboard as an ASGI application: one page, its files, and JSON answers that are kept until the next publish."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fit_platform.accounts.overrides import OverrideStore
from fit_platform.dashboard import params
from fit_platform.dashboard.activities import SORTS, activities
from fit_platform.dashboard.activity import UnknownActivity, activity
from fit_platform.dashboard.answers import Kept, answer_with, digest, file_endpoint, page_files
from fit_platform.dashboard.decisions import decide, decisions
from fit_platform.dashboard.guard import Csrf, Guard
from fit_platform.dashboard.heart_rate import heart_rate, heart_rate_day
from fit_platform.dashboard.overview import overview
from fit_platform.dashboard.params import BadRequest
from fit_platform.dashboard.scope import Scope
from fit_platform.dashboard.sign_in import COOKIE, Links, SignIn
from fit_platform.dashboard.sleep import sleep
from fit_platform.dashboard.source import NothingPublished, Source, Unreadable
from fit_platform.dashboard.tables import newest_day
from fit_platform.dashboard.viewers import Viewer
from fit_platform.errors import FitError

_PAGES = (
    "/",
    "/heart-rate",
    "/heart-rate/{day}",
    "/activities",
    "/activities/{activity}",
    "/sleep",
    "/pipeline",
    "/enter",
)
_KEPT_BYTES = 64 * 2**20  # of answers
_MAX_BODY_BYTES = 4096
_MAX_BODY_SECONDS = 10.0
_GZIP_LEVEL = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What the application is made of."""

    source: Source
    sign_in: SignIn
    overrides: OverrideStore
    pipeline: Callable[[], Mapping[str, Any]]
    clock: Callable[[], datetime]
    public_url: str | None = None
    is_demo: bool = False
    target: str = "local"


class _Refused(Exception):
    """A request that gets no answer: status and words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def build_app(parts: Parts) -> Starlette:
    """The application around its parts."""
    api = _Api(parts)
    views: dict[str, Callable[[Viewer, Request], Any]] = {
        "/api/session": api.session,
        "/api/overview": api.overview,
        "/api/heart-rate": api.heart_rate,
        "/api/heart-rate/{day}": api.heart_rate_day,
        "/api/activities": api.activities,
        "/api/activities/{activity}": api.activity,
        "/api/sleep": api.sleep,
        "/api/pipeline": api.pipeline,
    }
    files = page_files()
    routes = [Route(path, api.endpoint(view), methods=["GET"]) for path, view in views.items()]
    routes += [
        Route("/api/decisions", api.decide, methods=["POST"]),
        Route("/api/enter", api.enter, methods=["POST"]),
        Route("/api/leave", api.leave, methods=["POST"]),
        Route("/health", _health, methods=["GET"]),
    ]
    routes += [Route(path, file_endpoint(files["index.html"], is_page=True), methods=["GET"]) for path in _PAGES]
    routes += [
        Route(f"/assets/{name}", file_endpoint(file, is_page=False), methods=["GET"])
        for name, file in files.items()
        if name != "index.html"
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, public_url=parts.public_url)])


async def _health(_: Request) -> Response:
    return Response("ok\n", media_type="text/plain")


class _Api:
    """The JSON answers. A view takes the viewer and the request and gives plain data, or raises."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._csrf = Csrf(parts.public_url)
        self._kept = Kept(_KEPT_BYTES)
        self._known_zones: tuple[str, dict[str, str]] | None = None

    def endpoint(self, view: Callable[[Viewer, Request], Any]) -> Callable[[Request], Any]:
        """A GET endpoint around a view, which runs in a thread."""

        def work(request: Request) -> Response:
            try:
                try:
                    return self._fresh(request, view)
                except Unreadable:  # a publish in the middle of the answer: the new version has it
                    return self._fresh(request, view)
            except Exception as error:  # noqa: BLE001  # every kind has its status; the rest is logged and says nothing
                return _refusal(error)

        async def answer(request: Request) -> Response:
            return await run_in_threadpool(work, request)

        return answer

    def _fresh(self, request: Request, view: Callable[[Viewer, Request], Any]) -> Response:
        viewer = self._viewer(request)
        if len(set(request.query_params)) != len(request.query_params.multi_items()):
            raise BadRequest("a parameter is given twice")
        key = self._key(viewer, request, view)
        entry = self._kept.get(key) if key else None
        if entry is None:
            body = json.dumps(view(viewer, request), separators=(",", ":"), allow_nan=False).encode()
            entry = (body, gzip.compress(body, _GZIP_LEVEL, mtime=0))
            if key:
                self._kept.put(key, entry)
        etag = f'"{digest(entry[0])}"'
        return answer_with(request, *entry, etag, "application/json", "private, no-cache")

    def _key(self, viewer: Viewer, request: Request, view: Callable[[Viewer, Request], Any]) -> str | None:
        """What an answer depends on; None for what changes without a publish."""
        if view in (self.session, self.pipeline):
            return None
        decided = self._parts.overrides.path
        changed = decided.stat().st_mtime_ns if view == self.activity and decided.exists() else 0
        asked = sorted(request.query_params.items())
        who = viewer.model_dump_json(include={"name", "athlete_id", "shared_with", "is_local"})
        return repr((self._parts.source.version(), who, request.url.path, asked, changed, self._today("UTC")))

    def _viewer(self, request: Request) -> Viewer:
        viewer = self._parts.sign_in.viewer(request.headers, request.cookies)
        if viewer is None:
            raise _Refused(401, "sign in first")
        return viewer

    def _scope(self, viewer: Viewer, athlete_id: str | None) -> Scope:
        """What the viewer may read of an athlete. An unknown athlete and a foreign one get the same answer."""
        if not athlete_id or not viewer.may_see(athlete_id):
            raise _Refused(404, "no such athlete")
        try:
            scope = Scope(self._parts.source, athlete_id, is_shared=not viewer.is_athlete(athlete_id))
        except ValueError:
            raise _Refused(404, "no such athlete") from None
        if athlete_id not in self._zones():
            raise _Refused(404, "no such athlete")
        return scope

    def _athletes(self, viewer: Viewer) -> list[dict[str, Any]]:
        source = self._parts.source
        rows = source.query(
            "SELECT athlete_id, display_name, timezone, max_hr_bpm, resting_hr_bpm "
            f"FROM {source.mart('athletes')} AS a ORDER BY athlete_id"
        ).to_pylist()
        return [
            {**row, "is_shared": not viewer.is_athlete(row["athlete_id"])}
            for row in rows
            if viewer.may_see(row["athlete_id"])
        ]

    def _zones(self) -> dict[str, str]:
        """Every athlete's time zone, asked for once a publish."""
        source, known = self._parts.source, self._known_zones
        version = source.version()
        if known is None or known[0] != version:
            rows = source.query(f"SELECT athlete_id, timezone FROM {source.mart('athletes')} AS a").to_pylist()
            known = self._known_zones = (version, {row["athlete_id"]: row["timezone"] or "UTC" for row in rows})
        return known[1]

    def _timezone(self, scope: Scope) -> str:
        return self._zones()[scope.athlete_id]

    def _today(self, timezone: str) -> date:
        return self._parts.clock().astimezone(ZoneInfo(timezone)).date()

    # --- views --------------------------------------------------------------------------------------------------

    def session(self, viewer: Viewer, request: Request) -> dict[str, Any]:
        """Who is looking, at whom, and how to ask for changes."""
        params.only(request.query_params)
        try:
            athletes, nothing, version = self._athletes(viewer), None, self._parts.source.version()
        except NothingPublished as error:
            athletes, nothing, version = [], str(error), None
        return {
            "viewer": viewer.name,
            "sign_in": self._parts.sign_in.kind,
            "sees_pipeline": viewer.sees_pipeline,
            "athletes": athletes,
            "csrf": self._csrf.token(viewer.name),
            "version": version,
            "nothing_published": nothing,
            "is_demo": self._parts.is_demo,
            "target": self._parts.target,
        }

    def overview(self, viewer: Viewer, request: Request) -> dict[str, Any]:
        """The first page."""
        params.only(request.query_params, "athlete")
        scope = self._scope(viewer, request.query_params.get("athlete"))
        return overview(scope, self._today(self._timezone(scope)))

    def heart_rate(self, viewer: Viewer, request: Request) -> dict[str, Any]:
        """A range of heart rate."""
        query = request.query_params
        params.only(query, "athlete", "from", "to")
        scope = self._scope(viewer, query.get("athlete"))
        newest = newest_day(scope, self._today(self._timezone(scope)))
        return heart_rate(scope, *params.span(query, newest, 28))

    def heart_rate_day(self, viewer: Viewer, request: Request) -> dict[str, Any]:
        """A day of it."""
        params.only(request.query_params, "athlete")
        scope = self._scope(viewer, request.query_params.get("athlete"))
        day = params.day({"day": request.path_params["day"]}, "day")
        assert day is not None
        return heart_rate_day(scope, day)

    def activities(self, viewer: Viewer, request: Request) -> dict[str, Any]:
        """A page of the list."""
        query = request.query_params
        params.only(query, "athlete", "from", "to", "sport", "provider", "q", "sort", "order", "skip")
        return activities(
            self._scope(viewer, query.get("athlete")),
            first=params.day(query, "from"),
            last=params.day(query, "to"),
            sport=params.word(query, "sport"),
            provider=params.word(query, "provider"),
            contains=params.text(query, "q"),
            sort=params.choice(query, "sort", tuple(SORTS)),
            order=params.choice(query, "order", ("desc", "asc")),
            skip=params.whole(query, "skip", 0, 1_000_000),
        )

    def activity(self, viewer: Viewer, request: Request) -> dict[str, Any]:
        """One activity, with the decisions on its records."""
        params.only(request.query_params, "athlete")
        scope = self._scope(viewer, request.query_params.get("athlete"))
        found = activity(scope, params.activity_id(request.path_params["activity"]))
        mine = {(row["provider"], row["provider_activity_id"]) for row in found["sources"]}
        made = [] if scope.is_shared else decisions(scope, self._parts.overrides)
        return {
            **found,
            "can_decide": not scope.is_shared,
            "decisions": [
                known
                for known in made
                if (known["provider"], known["provider_activity_id"]) in mine
                or (known["other_provider"], known["other_provider_activity_id"]) in mine
            ],
        }

    def sleep(self, viewer: Viewer, request: Request) -> dict[str, Any]:
        """A range of nights."""
        query = request.query_params
        params.only(query, "athlete", "from", "to")
        scope = self._scope(viewer, query.get("athlete"))
        timezone = self._timezone(scope)
        newest = newest_day(scope, self._today(timezone))
        return sleep(scope, *params.span(query, newest, 28), timezone)

    def pipeline(self, viewer: Viewer, request: Request) -> Mapping[str, Any]:
        """How the platform does, for who runs it."""
        params.only(request.query_params)
        if not viewer.sees_pipeline:
            raise _Refused(403, "only who runs this installation sees the pipeline")
        return self._parts.pipeline()

    # --- changes ------------------------------------------------------------------------------------------------

    async def decide(self, request: Request) -> Response:
        """Take a decision on a pair of records."""
        try:
            body = await _json_body(request)
            return JSONResponse(await run_in_threadpool(self._decided, request, body))
        except Exception as error:  # noqa: BLE001  # as in `endpoint`
            return _refusal(error)

    def _decided(self, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
        viewer = self._viewer(request)
        if not self._csrf.is_ours(request.headers, viewer.name):
            raise _Refused(403, "not from this page; load it again")
        athlete_id = body.get("athlete")
        if not isinstance(athlete_id, str) or not viewer.is_athlete(athlete_id):
            raise _Refused(404, "no such athlete")
        return decide(self._scope(viewer, athlete_id), self._parts.overrides, body)

    async def enter(self, request: Request) -> Response:
        """Turn a link's token into a cookie."""
        try:
            body = await _json_body(request)
            token, sign_in = body.get("token"), self._parts.sign_in
            if not isinstance(sign_in, Links) or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
                raise _Refused(404, "no such page")
            if not isinstance(token, str) or sign_in.viewer({}, {COOKIE: token}) is None:
                raise _Refused(401, "this link is wrong or has ended; ask for a new one")
        except Exception as error:  # noqa: BLE001  # as in `endpoint`
            return _refusal(error)
        response = JSONResponse({"entered": True})
        is_https = (self._parts.public_url or "").startswith("https://")
        response.set_cookie(COOKIE, token, max_age=400 * 86_400, httponly=True, samesite="strict", secure=is_https)
        return response

    async def leave(self, request: Request) -> Response:
        """Forget the cookie."""
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return JSONResponse({"error": "not from this page"}, 403)
        response = JSONResponse({"left": True})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response


async def _json_body(request: Request) -> dict[str, Any]:
    body = bytearray()
    try:
        async with asyncio.timeout(_MAX_BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > _MAX_BODY_BYTES:
                    raise _Refused(413, "too large")
    except TimeoutError:
        raise _Refused(408, "the body did not come in time") from None
    except ClientDisconnect:
        raise BadRequest("the body broke off") from None
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON") from None
    if not isinstance(parsed, dict):
        raise BadRequest("the body is no JSON object")
    return parsed


def _refusal(error: Exception) -> Response:
    """An error as an answer. What we did not foresee is logged, and the answer says nothing of it."""
    if isinstance(error, _Refused):
        unread = {"connection": "close"} if error.status in (408, 413) else None  # the rest of a body is not waited for
        return JSONResponse({"error": str(error)}, error.status, unread)
    if isinstance(error, BadRequest):
        return JSONResponse({"error": str(error)}, 400)
    if isinstance(error, UnknownActivity):
        return JSONResponse({"error": "no such activity; the next build may have merged it with another"}, 404)
    if isinstance(error, Unreadable):
        log.error("the published data cannot be read", exc_info=error)
    if isinstance(error, NothingPublished | Unreadable):
        return JSONResponse({"error": str(error)}, 503)
    if isinstance(error, FitError):
        return JSONResponse({"error": str(error)}, 409)
    log.error("a request failed", exc_info=error)
    return JSONResponse({"error": "something went wrong here; the server's log says what"}, 500)
