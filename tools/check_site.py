"""Fail where a page of the built site loads anything from elsewhere.

Links that a reader may follow are allowed; scripts, styles, fonts and pictures from another host
are not, since then the site could not be read offline.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

SITE = Path("build/site")
ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
IN_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?\s*(?:https?:)?//[^\"')\s]*", re.IGNORECASE)
LOADING = {"src", "srcset", "data", "poster"}
FOLLOWED = {"canonical", "next", "prev", "index", "search", "author", "help"}
"""Relations of a `link` that load nothing."""


class Page(HTMLParser):
    """What a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note addresses that a browser would fetch unasked."""
        loads = set(LOADING)
        if tag == "link" and not set((dict(attrs).get("rel") or "").split()) & FOLLOWED:
            loads.add("href")
        for name, value in attrs:
            if name in loads and ELSEWHERE.match(value or ""):
                self.loaded.append(f"{tag} {value}")


def offences(path: Path) -> list[str]:
    """Return what a page or a style sheet loads from elsewhere."""
    text = path.read_text(encoding="utf-8")
    page = Page()
    if path.suffix == ".html":
        page.feed(text)
    return [f"{path}: loads {what}" for what in [*page.loaded, *IN_CSS.findall(text)]]


def main() -> int:
    """Return 1 after listing what is loaded from elsewhere, 0 where nothing is."""
    files = sorted([*SITE.rglob("*.html"), *SITE.rglob("*.css")])
    found = [line for path in files for line in offences(path)]
    print("\n".join([*found, f"check_site: {len(files)} files, {len(found)} offences"]))
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
