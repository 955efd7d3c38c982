"""Does a built documentation site keep to itself? `python -m tests.site FOLDER` lists what would ask another host.

Links that a reader may click are fine; what a browser fetches by itself is not: scripts, styles, fonts, pictures.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

_FETCHED = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src",
    "object": "data", "link": "href",
}  # fmt: skip
_CSS = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")
_ONLY_NAMES = {"canonical", "next", "prev"}  # a link of this kind is a statement, nothing is fetched


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        address = given.get(_FETCHED.get(tag, ""), "")
        named_only = tag == "link" and given.get("rel") in _ONLY_NAMES
        for found in (address, *given.get("srcset", "").split(",")):
            if re.match(r"\s*(https?:)?//", found) and not named_only:
                self.outside.append(f"<{tag}> {found.strip()}")


def outside_references(site: Path) -> Iterator[str]:
    """What the pages and styles of a site would fetch from elsewhere."""
    for path in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        yield from (f"{path.relative_to(site)}: {found}" for found in page.outside)
        yield from (f"{path.relative_to(site)}: {found}" for found in _CSS.findall(path.read_text(encoding="utf-8")))
    for path in sorted(site.rglob("*.css")):
        yield from (f"{path.relative_to(site)}: {found}" for found in _CSS.findall(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    found = list(outside_references(Path(sys.argv[1])))
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.exit(1 if found else 0)
