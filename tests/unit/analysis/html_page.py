"""A page read back: its elements, its text and its tables."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link", "path", "use", "rect"}


class Page(HTMLParser):
    """Elements in order, text, and tables by caption, the first of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.captions: list[str] = []
        self.texts: dict[str, str] = {}
        self.words: list[str] = []
        self._open: list[tuple[str, str | None]] = []
        self._rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        if tag not in VOID:
            self._open.append((tag, dict(attrs).get("id")))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag
        if tag == "table":
            self.captions.append(self._caption)
            self.tables.setdefault(self._caption, self._rows)

    def handle_data(self, text):
        tags = [tag for tag, _ in self._open]
        if "style" in tags:
            return
        self.words.append(text)
        for _, name in self._open:
            if name:
                self.texts[name] = self.texts.get(name, "") + text
        if tags and tags[-1] in ("td", "th"):
            self._rows[-1][-1] += text
        elif tags and tags[-1] == "caption":
            self._caption += text

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def rows(self, caption: str) -> list[list[str]]:
        (found,) = [name for name in self.tables if name.startswith(caption)]
        return self.tables[found][1:]
