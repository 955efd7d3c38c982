"""Who may see what on the dashboard, and what no request may do: foreign athletes, foreign pages, foreign SQL."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.auth import crypt, jwt
from starlette.routing import Route
from starlette.testclient import TestClient

from fit_platform.dashboard.answers import STATIC
from fit_platform.dashboard.app import build_app
from fit_platform.dashboard.serve import serve
from fit_platform.dashboard.sign_in import COOKIE, IdentityAwareProxy, Links, ProxyHeader, SignIn, sign_in_of
from fit_platform.dashboard.viewers import Viewer, ViewerStore
from fit_platform.errors import ConfigError
from fit_platform.retention.words import without
from fit_platform.settings import Settings
from tests.dashboard_home import ATHLETES, LAST, NOW, DashboardHome, activity_id, make_home

URL = "https://fit.example"
SECRET = "a-secret-of-the-proxy"
ENDPOINTS = (
    "/api/overview",
    "/api/heart-rate",
    f"/api/heart-rate/{LAST}",
    "/api/activities",
    "/api/sleep",
    f"/api/activities/{activity_id('ada', 0)}",
    f"/api/activities/{activity_id('ada', 1)}",
    f"/api/activities/{activity_id('ada', 2)}",
)
EVIL = (
    "' OR '1'='1",
    "ada' --",
    "ada'; DROP TABLE marts.activities; --",
    "ada' UNION SELECT * FROM marts.athletes --",
    "%27%20OR%201=1",
    "../../../../etc/passwd",
    "..%2f..%2fathletes.json",
    "\x00",
    "ada\n",
    "ADA",
    "ada ",
    "a" * 5000,
    "💥",
    "-1",
    "9" * 40,
    "[]",
    "{}",
    "null",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> DashboardHome:
    return make_home(tmp_path_factory.mktemp("home"), 60)


@pytest.fixture(scope="module")
def viewers(home: DashboardHome) -> ViewerStore:
    store = ViewerStore(home.folder)
    store.add(Viewer(name="ada@example.org", athlete_id="ada"))
    store.add(Viewer(name="ben@example.org", athlete_id="ben"))
    store.add(Viewer(name="coach@example.org", shared_with=("ada",)))
    store.add(Viewer(name="owner@example.org", is_owner=True))
    return store


def proxied(home: DashboardHome, store: ViewerStore) -> TestClient:
    sign_in = ProxyHeader(store, SECRET, "X-Forwarded-Email")
    return TestClient(build_app(home.parts(sign_in, URL)), base_url=URL)


Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask(home: DashboardHome, viewers: ViewerStore) -> Ask:
    client = proxied(home, viewers)

    def get(who: str, path: str, **params: str) -> Any:
        headers = {"x-forwarded-email": f"{who}@example.org", "x-fit-proxy-secret": SECRET}
        return client.get(path, params=params, headers=headers)

    return get


@pytest.fixture(scope="module")
def local(home: DashboardHome) -> TestClient:
    return TestClient(build_app(home.parts()), base_url="http://127.0.0.1:8088")


@pytest.mark.parametrize("path", ENDPOINTS)
def test_an_athlete_sees_their_own_data_and_nobody_else_s(ask: Ask, path: str) -> None:
    assert ask("ada", path, athlete="ada").status_code == 200
    for other in ("ben", "cleo"):
        refused = ask("ada", path, athlete=other)
        assert refused.status_code == 404
        assert refused.json() == {"error": "no such athlete"}
    for stranger in ("ben", "owner"):
        assert ask(stranger, path, athlete="ada").status_code == 404


@pytest.mark.parametrize("number", range(30))
def test_no_activity_of_another_athlete_opens_under_one_s_own_name(ask: Ask, number: int) -> None:
    for other in ("ben", "cleo"):
        assert ask("ada", f"/api/activities/{activity_id(other, number)}", athlete="ada").status_code == 404


def test_every_answer_about_an_athlete_is_looked_at_for_leaks(home: DashboardHome) -> None:
    """A new endpoint joins ENDPOINTS, or this test says so."""
    routes = [route for route in build_app(home.parts()).routes if isinstance(route, Route)]
    asked = {route.path for route in routes if route.path.startswith("/api/") and "GET" in (route.methods or ())}
    looked_at = {
        route.path for route in routes for path in ENDPOINTS if route.path in asked and route.path_regex.match(path)
    }
    assert asked - looked_at == {"/api/session", "/api/pipeline"}  # of no single athlete; they have tests of their own


def test_no_answer_names_another_athlete(ask: Ask) -> None:
    for path in (*ENDPOINTS, "/api/session"):
        text = ask("ada", path, **({} if path == "/api/session" else {"athlete": "ada"})).text.lower()
        assert not [other for other in ("ben-", "cleo", "of ben") if other in text], path
    assert [known["athlete_id"] for known in ask("ada", "/api/session").json()["athletes"]] == ["ada"]


def test_a_missing_athlete_and_a_foreign_one_get_the_same_answer(ask: Ask) -> None:
    answers = {ask("ada", "/api/overview", athlete=name).text for name in ("ben", "nobody", "")}
    assert len(answers) == 1


@pytest.mark.parametrize("path", [*ENDPOINTS, "/api/session", "/api/pipeline"])
def test_nobody_gets_in_without_the_proxy_s_word(home: DashboardHome, viewers: ViewerStore, path: str) -> None:
    client = proxied(home, viewers)
    named = {"x-forwarded-email": "ada@example.org"}
    for headers in (
        {},
        named,
        {**named, "x-fit-proxy-secret": "wrong"},
        {**named, "x-fit-proxy-secret": ""},
        {"x-fit-proxy-secret": SECRET},
        {"x-forwarded-email": "stranger@example.org", "x-fit-proxy-secret": SECRET},
    ):
        assert client.get(path, params={"athlete": "ada"}, headers=headers).status_code == 401


def test_only_the_owner_sees_the_pipeline(ask: Ask) -> None:
    assert ask("owner", "/api/pipeline").status_code == 200
    for who in ("ada", "ben", "coach"):
        assert ask(who, "/api/pipeline").status_code == 403


# --- what is shared leaves out what came over Strava's API ---------------------------------------------------------


def test_a_shared_view_has_no_row_that_came_over_strava_s_api(ask: Ask) -> None:
    """Every third activity is Strava's alone; of those it has a part in, the fields that are Strava's are blank."""
    own = ask("ada", "/api/activities", athlete="ada").json()["activities"]
    shared = ask("coach", "/api/activities", athlete="ada").json()["activities"]
    strava_alone = {row["activity_id"] for row in own if {s["provider"] for s in row["sources"]} == {"strava"}}
    assert strava_alone
    assert {row["activity_id"] for row in shared} == {row["activity_id"] for row in own} - strava_alone
    assert not [row for row in shared if any(s["provider"] == "strava" for s in row["sources"])]
    merged = {row["activity_id"] for row in own if len(row["sources"]) == 3}
    for row in shared:
        blank = row["activity_id"] in merged
        assert (row["title"] is None) == blank
        assert (row["ascent_m"] is None) == blank
        assert row["moving_seconds"] == (3600 if blank else 3500)  # the elapsed time in its place
        assert row["sport"] is not None  # Polar's
        assert row["distance_m"] is not None  # Polar's


def test_the_marts_made_with_strava_s_rows_are_left_out_of_a_shared_view(home: DashboardHome, ask: Ask) -> None:
    overview = ask("coach", "/api/overview", athlete="ada").json()
    assert overview["load"]["ctl"] == []  # the load of every activity, Strava's too
    merged, polar, strava = (activity_id("ada", number) for number in range(3))
    assert {record["activity_id"] for record in overview["records"]} & {merged, strava} <= {
        merged
    }  # distance is Polar's
    assert ask("coach", f"/api/activities/{strava}", athlete="ada").status_code == 404
    for wanted, is_touched in ((merged, True), (polar, False)):
        detail = ask("coach", f"/api/activities/{wanted}", athlete="ada").json()
        assert bool(detail["zones"]) != is_touched
        assert bool(detail["efforts"]) != is_touched
        assert "strava" not in json.dumps([detail["sources"], detail["pairs"], detail["laps"]])
        assert detail["can_decide"] is False
    hours = ask("coach", "/api/heart-rate", athlete="ada").json()
    assert hours["hours"] < ask("ada", "/api/heart-rate", athlete="ada").json()["hours"]
    with home.connect() as db:
        touched = db.execute(
            "SELECT count(DISTINCT local_date) FROM marts.activities AS a JOIN marts.activity_sources AS s "
            "USING (activity_id) WHERE a.athlete_id = 'ada' AND s.provider = 'strava' "
            "AND a.local_date > DATE '2026-10-24'"
        ).fetchone()
    assert len(hours["daily"]["local_date"]) == 28 - touched[0]


def test_a_coach_decides_nothing(home: DashboardHome, viewers: ViewerStore) -> None:
    client = proxied(home, viewers)
    headers = {"x-forwarded-email": "coach@example.org", "x-fit-proxy-secret": SECRET}
    token = client.get("/api/session", headers=headers).json()["csrf"]
    answer = client.post("/api/decisions", json=decision(), headers={**headers, "x-fit-csrf": token})
    assert answer.status_code == 404


# --- what may not be asked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("path", ["/api/overview", "/api/heart-rate", "/api/activities", "/api/sleep"])
def test_no_parameter_becomes_sql(local: TestClient, home: DashboardHome, path: str, evil: str) -> None:
    names = ("athlete", "from", "to", "sport", "provider", "q", "sort", "order", "skip", "unknown")
    for name in names:
        answer = local.get(path, params={"athlete": "ada", name: evil})
        assert answer.status_code in (200, 400, 404), (name, answer.text)
        assert "something went wrong" not in answer.text
        if answer.status_code == 200 and path == "/api/activities":
            assert name in ("q", "sport", "provider")  # bound values: they match only what holds them as text
            assert answer.json()["totals"]["activities"] == (30 if evil.strip().lower() == "ada" else 0)
    with home.connect() as db:
        assert db.execute("SELECT count(DISTINCT athlete_id) FROM marts.activities").fetchone() == (3,)


@pytest.mark.parametrize("evil", [*EVIL, activity_id("ada", 0).upper(), activity_id("ada", 0) + "0"])
def test_no_path_becomes_sql_or_a_file(local: TestClient, evil: str) -> None:
    for path in ("/api/activities/", "/api/heart-rate/", "/assets/", "/"):
        try:
            answer = local.get(path + evil, params={"athlete": "ada"})
        except Exception as error:  # noqa: BLE001  # the client itself refuses to send some of these
            assert "httpx" in type(error).__module__  # noqa: PT017
            continue
        assert answer.status_code in (200, 400, 404)
        assert "something went wrong" not in answer.text
        assert "root:" not in answer.text
        if answer.status_code == 200:
            assert "<!doctype html>" in answer.text.lower()


def test_only_files_of_the_page_are_served(local: TestClient) -> None:
    names = {path.name for path in STATIC.iterdir()} - {"index.html", "bundle.json"}
    assert {name for name in names if local.get(f"/assets/{name}").status_code == 200} == names
    for name in ("index.html", "bundle.json", "../app.py", "..%2fapp.py", "%2e%2e/app.py", ".", "app.py"):
        assert local.get(f"/assets/{name}").status_code == 404, name


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8088",
        "10.0.0.5:8088",
        "",
        "a@127.0.0.1",
        "[::1",
    ],
)
def test_a_page_that_points_its_name_at_this_machine_is_refused(local: TestClient, host: str) -> None:
    for path in ("/", "/api/session", "/assets/app.js", "/health"):
        answer = local.get(path, headers={"host": host})
        assert answer.status_code == 421
        assert "csrf" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8088", "localhost:1", "LOCALHOST", "[::1]:8088", "127.0.0.1"])
def test_this_machine_s_names_are_known(local: TestClient, host: str) -> None:
    assert local.get("/api/session", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/session", "/api/overview", "/assets/app.js", "/nowhere", "/health"])
def test_every_answer_tells_the_browser_what_it_may_not_do(local: TestClient, path: str) -> None:
    headers = local.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    if path.startswith("/api"):
        assert "private" in headers["cache-control"] or headers["cache-control"] == "no-store"


def test_the_page_has_no_script_and_no_style_in_it(local: TestClient) -> None:
    page = local.get("/").text
    assert "<script>" not in page
    assert "<style" not in page
    assert " on" not in page.replace(" one", "").split("<body>")[0]
    assert "http://" not in page
    assert "https://" not in page


# --- changes -------------------------------------------------------------------------------------------------------


def decision(what: str = "different", athlete: str = "ada", number: int = 0) -> dict[str, Any]:
    return {
        "athlete": athlete,
        "decision": what,
        "one": {"provider": "polar", "provider_activity_id": f"{athlete}-polar-{number}"},
        "other": {"provider": "strava", "provider_activity_id": f"{athlete}-strava-{number}"},
    }


@pytest.fixture
def fresh(tmp_path: Path) -> TestClient:
    return TestClient(build_app(make_home(tmp_path, 20).parts()), base_url="http://127.0.0.1:8088")


def test_a_decision_is_written_where_the_next_build_reads_it_and_can_be_taken_back(
    fresh: TestClient, tmp_path: Path
) -> None:
    headers = {"x-fit-csrf": fresh.get("/api/session").json()["csrf"]}
    activity = f"/api/activities/{activity_id('ada', 0)}"
    assert fresh.get(activity, params={"athlete": "ada"}).json()["decisions"] == []
    assert fresh.post("/api/decisions", json=decision(), headers=headers).json()["changed"] is True
    assert (tmp_path / "overrides.csv").read_text().splitlines()[1:] == [
        "ada,polar,ada-polar-0,strava,ada-strava-0,force_different"
    ]
    shown = fresh.get(activity, params={"athlete": "ada"}).json()["decisions"]
    assert [known["decision"] for known in shown] == ["force_different"]
    assert fresh.post("/api/decisions", json=decision("same"), headers=headers).json()["changed"] is True
    assert fresh.post("/api/decisions", json=decision("undo"), headers=headers).json()["decisions"] == []
    assert fresh.get(activity, params={"athlete": "ada"}).json()["decisions"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-fit-csrf": "0" * 64},
        {"x-fit-csrf": "TOKEN", "origin": "https://evil.example"},
        {"x-fit-csrf": "TOKEN", "origin": "null"},
        {"x-fit-csrf": "TOKEN", "origin": "http://localhost:9999"},
        {"x-fit-csrf": "TOKEN", "sec-fetch-site": "cross-site"},
        {"x-fit-csrf": "TOKEN", "sec-fetch-site": "same-site"},
        {"x-fit-csrf": "TOKEN", "content-type": "text/plain"},
        {"x-fit-csrf": "TOKEN", "content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_foreign_page_can_decide_nothing(fresh: TestClient, tmp_path: Path, headers: dict[str, str]) -> None:
    token = fresh.get("/api/session").json()["csrf"]
    sent = {"content-type": "application/json"} | {k: v.replace("TOKEN", token) for k, v in headers.items()}
    answer = fresh.post("/api/decisions", content=json.dumps(decision()), headers=sent)
    assert answer.status_code == 403
    assert not (tmp_path / "overrides.csv").exists()


@pytest.mark.parametrize(
    "body",
    [
        decision("force_same"),
        decision(number=99),
        {**decision(), "one": {"provider": "polar", "provider_activity_id": "ben-polar-0"}},
        {**decision(), "one": decision()["other"]},
        {**decision(), "one": {"provider": "garmin", "provider_activity_id": "ada-polar-0"}},
        {**decision(), "one": "ada-polar-0"},
        {**decision(), "one": {"provider": 1, "provider_activity_id": []}},
        {**decision(), "one": {"provider": "polar", "provider_activity_id": "' OR 1=1 --"}},
        {**decision(), "one": {"provider": "polar", "provider_activity_id": "=cmd|' /C calc'!A0"}},
        {**decision(), "athlete": None},
        {**decision(), "athlete": "nobody"},
        {},
        [],
        "text",
    ],
)
def test_a_decision_on_anything_but_two_records_of_the_athlete_is_refused(
    fresh: TestClient, tmp_path: Path, body: Any
) -> None:
    headers = {"x-fit-csrf": fresh.get("/api/session").json()["csrf"]}
    assert fresh.post("/api/decisions", json=body, headers=headers).status_code in (400, 404)
    assert not (tmp_path / "overrides.csv").exists()


def test_a_body_that_is_too_large_or_no_json_is_refused(fresh: TestClient) -> None:
    headers = {"x-fit-csrf": fresh.get("/api/session").json()["csrf"], "content-type": "application/json"}
    assert fresh.post("/api/decisions", content=b"{" * 5000, headers=headers).status_code == 413
    assert fresh.post("/api/decisions", content=b"{", headers=headers).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(local: TestClient, method: str) -> None:
    assert local.request(method, "/api/decisions").status_code == 405
    assert local.get("/api/decisions").status_code == 405
    assert local.post("/api/overview").status_code == 405


# --- links ---------------------------------------------------------------------------------------------------------


def test_a_link_becomes_a_cookie_that_ends_with_the_link(home: DashboardHome, tmp_path: Path) -> None:
    store = ViewerStore(tmp_path)
    now = NOW
    client = TestClient(build_app(home.parts(Links(store, lambda: now), URL)), base_url=URL)
    token = store.add_link(Viewer(name="Ada", athlete_id="ada"), 30, NOW)
    assert token not in (tmp_path / "state" / "viewers.json").read_text()
    assert client.get("/api/overview", params={"athlete": "ada"}).status_code == 401
    for wrong in ("", "x", token[:-1], token + "a", None, 1):
        assert client.post("/api/enter", json={"token": wrong}).status_code == 401
    entered = client.post("/api/enter", json={"token": token})
    cookie = entered.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "secure", "samesite=strict"))
    assert client.get("/api/overview", params={"athlete": "ada"}).status_code == 200
    assert client.get("/api/overview", params={"athlete": "ben"}).status_code == 404
    now = NOW + timedelta(days=31)
    assert client.get("/api/overview", params={"athlete": "ada"}).status_code == 401
    now = NOW
    assert store.remove("Ada")
    assert client.get("/api/overview", params={"athlete": "ada"}).status_code == 401


def test_who_was_erased_sees_nothing_and_the_others_still_get_in(home: DashboardHome, tmp_path: Path) -> None:
    store = ViewerStore(tmp_path)
    token = store.add_link(Viewer(name="Ada", athlete_id="ada"), 30, NOW)
    client = TestClient(build_app(home.parts(Links(store, lambda: NOW), URL)), base_url=URL)
    store.add(Viewer(name="Ben", athlete_id="ben", shared_with=("ada",)))
    path = tmp_path / "state" / "viewers.json"
    path.write_text(without(path.read_text(), {"ben"}))
    assert "ben" not in path.read_text()
    client.post("/api/enter", json={"token": token})
    assert client.get("/api/overview", params={"athlete": "ada"}).status_code == 200
    (erased,) = [viewer for viewer in store.list() if viewer.name != "Ada"]
    assert not any(erased.may_see(athlete) for athlete in ("ben", "cleo"))


def test_leaving_forgets_the_cookie(home: DashboardHome, tmp_path: Path) -> None:
    store = ViewerStore(tmp_path)
    client = TestClient(build_app(home.parts(Links(store, lambda: NOW), URL)), base_url=URL)
    client.post("/api/enter", json={"token": store.add_link(Viewer(name="Ada", athlete_id="ada"), 30, NOW)})
    assert client.get("/api/session").status_code == 200
    client.post("/api/leave")
    assert COOKIE not in client.cookies
    assert client.get("/api/session").status_code == 401


def test_only_the_public_address_is_answered_where_there_is_one(home: DashboardHome, viewers: ViewerStore) -> None:
    client = proxied(home, viewers)
    headers = {"x-forwarded-email": "ada@example.org", "x-fit-proxy-secret": SECRET}
    assert client.get("/api/session", headers=headers).status_code == 200
    assert client.get("/api/session", headers={**headers, "host": "127.0.0.1:8088"}).status_code == 421
    assert "max-age" in client.get("/").headers["strict-transport-security"]


# --- Identity-Aware Proxy ------------------------------------------------------------------------------------------


class Google:
    """Signs assertions as Google does, with keys of its own."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.fetched = 0

    def keys(self) -> dict[str, str]:
        self.fetched += 1
        public = self.key.public_key()
        form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return {"k1": public.public_bytes(*form).decode()}

    def assertion(self, key_id: str = "k1", **claims: Any) -> str:
        now = int(time.time())
        facts = {"aud": "/projects/1/us", "iss": "https://cloud.google.com/iap", "iat": now, "exp": now + 600}
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        signer = crypt.ES256Signer.from_string(pem, key_id)
        return jwt.encode(signer, {**facts, "email": "ada@example.org", **claims}).decode()


def test_an_assertion_of_google_s_proxy_signs_in_and_no_other_does(home: DashboardHome, viewers: ViewerStore) -> None:
    google, stranger, now = Google(), Google(), 0.0
    sign_in: SignIn = IdentityAwareProxy(viewers, "/projects/1/us", google.keys, lambda: now)
    client = TestClient(build_app(home.parts(sign_in, URL)), base_url=URL)

    def status(assertion: str | None) -> int:
        headers = {} if assertion is None else {"x-goog-iap-jwt-assertion": assertion}
        return client.get("/api/overview", params={"athlete": "ada"}, headers=headers).status_code

    past = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
    assert status(google.assertion()) == 200
    header, body, signature = google.assertion().split(".")
    unsigned = "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ"
    for refused in (
        None,
        "",
        "a.b.c",
        f"{unsigned}.{body}.",
        f"{header}.{body}.{signature[:-4]}AAAA",
        stranger.assertion(),
        google.assertion(aud="/projects/2/us"),
        google.assertion(iss="https://evil.example"),
        google.assertion(iat=past, exp=past + 600),
        google.assertion(email="stranger@example.org"),
        google.assertion(email=None),
        google.assertion("k2"),
    ):
        assert status(refused) == 401
    assert google.fetched == 1
    now = 61.0
    assert status(google.assertion("k2")) == 401
    assert google.fetched == 2  # an unknown key is asked for again, once a minute


# --- starting ------------------------------------------------------------------------------------------------------


def test_without_a_sign_in_only_this_machine_can_be_served(home: DashboardHome) -> None:
    for host in ("0.0.0.0", "192.168.1.5", "::"):
        with pytest.raises(ConfigError, match="FIT_DASHBOARD_SIGN_IN"):
            serve(home.parts(), host, 8088)


def test_a_sign_in_says_what_it_lacks(tmp_path: Path) -> None:
    for given, missing in (
        ({"dashboard_sign_in": "link"}, "FIT_DASHBOARD_URL"),
        ({"dashboard_sign_in": "proxy", "dashboard_url": URL}, "FIT_DASHBOARD_PROXY_SECRET"),
        ({"dashboard_sign_in": "proxy", "dashboard_url": URL, "dashboard_proxy_secret": "short"}, "16 characters"),
        ({"dashboard_sign_in": "iap", "dashboard_url": URL}, "FIT_DASHBOARD_IAP_AUDIENCE"),
    ):
        with pytest.raises(ConfigError, match=missing):
            sign_in_of(Settings(home=tmp_path, **given))
    assert sign_in_of(Settings(home=tmp_path)).kind == "none"


def test_every_athlete_can_be_looked_at_on_this_machine(local: TestClient) -> None:
    for athlete in ATHLETES:
        assert local.get("/api/overview", params={"athlete": athlete}).status_code == 200
