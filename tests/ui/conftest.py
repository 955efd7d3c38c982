"""A browser, and two dashboards on loopback: the demo's, and ten years of three invented athletes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import duckdb
import pytest
import requests
import uvicorn

from fit_platform.dashboard.app import build_app
from tests.dashboard_home import DashboardHome, make_home

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEMO_DAYS = 14
GIVEN_HOME = os.environ.get("FIT_UI_HOME")  # a demo home that is there already, to be copied instead of made
PICTURES = os.environ.get("FIT_UI_PICTURES")  # a folder to keep pictures of the pages in, for people
_DEMO_SECONDS = 900
_START_SECONDS = 60
_READY = "domcontentloaded"


def missing() -> str | None:
    """Why no browser can be had here."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed; run make test-ui"
    return None if CHROMIUM else "there is no Chromium here; on Debian: apt-get install chromium"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, and say why."""
    reason = missing()
    for item in items:
        if reason and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=reason))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until_served(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/health", timeout=2).ok:
                return
        except requests.ConnectionError:
            threading.Event().wait(0.05)
    pytest.fail(f"{url} does not answer")


@dataclass(frozen=True)
class Served:
    """A dashboard that answers, and what it shows."""

    url: str
    folder: Path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The published marts, to compare with."""
        path = self.folder / "published" / "current" / "fitness.duckdb"
        with duckdb.connect(str(path), read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.execute(sql).fetchall()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's home: made here, or copied from FIT_UI_HOME, because tests change it."""
    folder = tmp_path_factory.mktemp("demo") / "home"
    if GIVEN_HOME:
        shutil.copytree(GIVEN_HOME, folder, symlinks=True)
        return folder
    done = subprocess.run(
        [sys.executable, "-m", "fit_platform", "demo", "--days", str(DEMO_DAYS), "--no-serve"],
        env={**os.environ, "FIT_HOME": str(folder)}, cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=_DEMO_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="session")
def demo(demo_folder: Path) -> Iterator[Served]:
    """`fit-platform dashboard` itself, as a process, on the demo."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "fit_platform", "dashboard", "--port", str(port)],
        env={**os.environ, "FIT_HOME": str(demo_folder)}, cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until_served(f"http://127.0.0.1:{port}")
        yield Served(f"http://127.0.0.1:{port}", demo_folder)
    finally:
        process.terminate()
        process.wait(timeout=20)


def served(home: DashboardHome) -> Iterator[Served]:
    """A dashboard in a thread."""
    port = free_port()
    config = uvicorn.Config(build_app(home.parts()), host="127.0.0.1", port=port, log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until_served(f"http://127.0.0.1:{port}")
    yield Served(f"http://127.0.0.1:{port}", home.folder)
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture(scope="session")
def decade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Ten years of three athletes."""
    yield from served(make_home(tmp_path_factory.mktemp("decade"), 3653, detail_days=30))


@pytest.fixture(scope="session")
def unpublished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A home in which nothing was published yet."""
    yield from served(DashboardHome(tmp_path_factory.mktemp("nothing"), 0))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@dataclass
class Look:
    """A page in the browser, and everything that it asked for and complained about."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: str | None = None  # a complaint of the browser itself that the test provokes

    def open(self, served_by: Served, address: str) -> None:
        """Go there, and wait until the view is drawn."""
        self.page.goto(served_by.url + address, wait_until=_READY)
        self.shown(address)

    def shown(self, address: str | None = None) -> None:
        """Wait until the view of this address (or of any) is drawn, charts too."""
        self.page.wait_for_selector(
            f'body[data-shown="{address}"]' if address else "body[data-shown]", state="attached"
        )
        self.page.wait_for_selector("main:not([aria-busy])", state="attached")
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def chart(self, name: str) -> dict[str, list[Any]]:
        """What a chart shows: series name -> data."""
        series = self.page.evaluate("(name) => window.fitCharts[name]()", name)
        return {one["name"]: one["data"] for one in series}

    def charts(self) -> list[str]:
        return list(self.page.evaluate("() => Object.keys(window.fitCharts)"))

    def tile(self, name: str) -> str:
        return str(self.page.locator(f'[data-tile="{name}"] .value').inner_text())


def look_at(browser: Browser, **context: Any) -> Iterator[Look]:
    """A fresh page; at its end nothing may have left loopback, and nothing may have been complained about."""
    opened = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **context})
    opened.set_default_timeout(20_000)
    look = Look(opened.new_page())
    look.page.on("request", lambda request: look.asked.append(request.url))
    look.page.on("pageerror", lambda error: look.complaints.append(str(error)))
    look.page.on(
        "console",
        lambda message: look.complaints.append(message.text) if message.type in ("error", "warning") else None,
    )
    yield look
    opened.close()
    outside = [url for url in look.asked if urlsplit(url).hostname != "127.0.0.1" and not url.startswith("data:")]
    assert outside == []
    assert [text for text in look.complaints if not look.expected or look.expected not in text] == []


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    yield from look_at(browser)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Look]:
    yield from look_at(browser, viewport={"width": 360, "height": 780}, has_touch=True, is_mobile=True)


@pytest.fixture
def dark(browser: Browser) -> Iterator[Look]:
    yield from look_at(browser, color_scheme="dark")
