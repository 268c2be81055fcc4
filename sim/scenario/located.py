"""Values that know where they stand: sources, places and nodes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Scalar = str | int | float | bool

_INDEX = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Source:
    """A text that settings came from: a file or one `--set` argument.

    Attributes
    ----------
    name
        What people call it: the path as given, or `--set KEY=VALUE`.
    lines
        Its lines without line ends; empty when it could not be read.
    path
        The file itself; none for a text that was not read from a file.
    override
        Whether it is a `--set` argument.
    """

    name: str
    lines: Sequence[str] = ()
    path: Path | None = None
    override: bool = False


@dataclass(slots=True, eq=False)
class Place:
    """A stretch of one line of a source.

    Attributes
    ----------
    line
        Line, from 1; 0 stands for the source as a whole.
    column
        Column of the first character, from 1.
    width
        Number of characters.
    """

    source: Source
    line: int = 0
    column: int = 1
    width: int = 1

    def __str__(self) -> str:
        if not self.line:
            return self.source.name
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(slots=True, eq=False, kw_only=True)
class Node(Place):
    """A value and the place where it stands.

    Attributes
    ----------
    value
        A scalar, a mapping of key to node, or a list of nodes.
    raw
        The scalar as written, quotes included; empty for mappings and lists.
    key
        Where its key stands; none at the top and in lists.
    """

    value: Scalar | dict[str, Node] | list[Node]
    raw: str = ""
    key: Place | None = None

    @property
    def quoted(self) -> bool:
        """Whether the value is text in quotes or a block of text."""
        return self.raw.startswith(("'", '"', "|", ">"))

    def child(self, part: str | int) -> Node | None:
        """Return the node under a key or an index from 0, or none."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list) and _INDEX.fullmatch(str(part)):
            index = int(part)
            return self.value[index] if index < len(self.value) else None
        return None


def plain(node: Node) -> Any:
    """Return the value of a node with plain dicts, lists and scalars below it."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return value


def kind_of(node: Node) -> str:
    """Return what a value is, in words: a mapping, a list, text, a number or a truth value."""
    match node.value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "text"
        case bool():
            return "a truth value"
        case _:
            return "a number"


def shortened(text: str, limit: int = 40) -> str:
    """Return the first line of a text, cut to at most `limit` characters.

    >>> shortened("a long line", limit=7)
    'a long…'
    """
    line = text.split("\n", 1)[0]
    return line if line == text and len(line) <= limit else line[: limit - 1] + "…"
