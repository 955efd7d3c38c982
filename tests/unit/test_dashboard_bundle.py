"""The page in the package is what its sources build to: told without Node, by the digests that the build wrote down."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from fit_platform.dashboard.answers import STATIC

SOURCES = Path(__file__).parents[2] / "dashboard_src"
STAMP = json.loads((STATIC / "bundle.json").read_text())


def digests(folder: Path, paths: list[Path]) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_page_was_built_from_these_sources() -> None:
    building = [SOURCES / name for name in ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")]
    sources = [path for path in (SOURCES / "src").rglob("*") if path.is_file()]
    assert digests(SOURCES, [*sources, *building]) == STAMP["sources"], "run: make dashboard-bundle"


def test_nobody_changed_the_page_by_hand() -> None:
    built = [path for path in STATIC.iterdir() if path.name != "bundle.json"]
    assert digests(STATIC, built) == STAMP["built"], "run: make dashboard-bundle"
