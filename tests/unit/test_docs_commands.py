"""Every command that a page shows can be typed: command, arguments and options exist; the site leaves no page out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from fit_platform.cli import app
from tests.site import outside_references

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md") if page.name != "reference.md")]
_SHOWN = re.compile(r"^(?:    |\$ )?(?:\.venv/bin/)?(fit-platform .*)$|`(fit-platform [^`]*)`", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b|…|\|")


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for match in _SHOWN.finditer(page.read_text()):
            yield str(page.relative_to(ROOT)), (match[1] or match[2]).split("  #")[0].strip()


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_a_command_that_a_page_shows_has_these_options(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command: Any = typer.main.get_group(app)
    while hasattr(command, "get_command") and words and not words[0].startswith("-"):
        name = words.pop(0)
        if _PLACEHOLDER.fullmatch(name):
            return
        found = command.get_command(None, name)
        assert found is not None, f"{page}: there is no command {name!r} in {line!r}"
        command = found
    known = {text for option in command.params for text in [*option.opts, *option.secondary_opts]} | {"--help"}
    given = {word.split("=")[0] for word in words if word.startswith("--")}
    assert given <= known, f"{page}: {line!r} has {given - known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for named in re.findall(r"`make ([a-z-]+)`|^(?:    )?make ([a-z-]+)", page.read_text(), re.MULTILINE):
        target = next(name for name in named if name)
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_the_site_has_every_page_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]

    def pages(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for part in entry.values() if isinstance(entry, dict) else entry:
                yield from pages(part)

    assert sorted(pages(nav)) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_pictures_are_small_and_used() -> None:
    shown = "\n".join(page.read_text() for page in PAGES)
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size <= 200_000, picture.name
        assert picture.name in shown, f"no page shows {picture.name}"


def test_what_a_browser_would_fetch_from_elsewhere_is_found_and_a_link_to_click_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<link rel="canonical" href="https://x.example/"><a href="https://x.example/">x</a><script src="a.js"></script>'
    )
    assert list(outside_references(tmp_path)) == []
    (tmp_path / "b.html").write_text(
        '<script src="//cdn.example/a.js"></script><link rel="stylesheet" href="https://fonts.example/b.css">'
        "<style>@import 'https://x.example/c.css'; a { background: url(http://x.example/d.png) }</style>"
    )
    assert len(list(outside_references(tmp_path))) == 4


def test_the_site_builds_without_a_warning_and_asks_no_other_host(tmp_path: Path) -> None:
    mkdocs = pytest.importorskip("mkdocs.commands.build", reason="`make docs` brings it: uv's group docs")
    config = pytest.importorskip("mkdocs.config").load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
    mkdocs.build(config)
    assert (tmp_path / "site" / "how-to" / "bi.html").is_file()
    assert list(outside_references(tmp_path / "site")) == []
