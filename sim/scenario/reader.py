"""Strict YAML in which every value knows where it stands.

Built on parser events, so that a hostile file is refused before anything is made of it.  What a
scenario means is no concern of this module.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from sim.scenario.builder import LARGE, TABS, Builder, refused
from sim.scenario.located import Node, Place, Source, kind_of
from sim.scenario.problems import ScenarioError

__all__ = ["MAX_BYTES", "Node", "read_value", "read_yaml"]

MAX_BYTES = 1_000_000
"""Size of a file [bytes]."""

_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_LINE_END = re.compile(r"\r\n|\r|\n")
# YAML's printable characters, without those that only some readers take for the end of a line.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SYNTAX_HINTS = (
    ("mapping values are not allowed", "quote text that holds `: `, or check the indentation"),
    ("cannot start any token", "quote text that starts with this character"),
    ("expected ',' or", "close every bracket and put a comma between entries"),
    ("unexpected end of stream", "close the quotes"),
    ("could not find expected ':'", "write `key: value`"),
    ("expected key", "check the indentation and the brackets"),
    ("expected '-' indicator", "check the indentation"),
    ("expected <block end>", "check the indentation and the brackets"),
)


def read_yaml(content: str | bytes, *, name: str, path: Path | None = None) -> Node:
    """Return the top mapping of a YAML document.

    Scalars follow the YAML 1.2 core schema.  Refused, besides what is not YAML: nulls, numbers
    that are not finite or not plainly decimal, duplicate keys, keys that are not text, anchors,
    aliases, tags, merge keys, directives, a second document, indentation by tabs, and files
    above the limits of size, depth and number of values.

    Parameters
    ----------
    content
        The document; bytes must be UTF-8.
    name
        What messages call it.
    path
        The file it was read from, if any; every node remembers it.

    Raises
    ------
    ScenarioError
        With the first problem found.
    """
    text = _decoded(content, Source(name, path=path))
    source = Source(name, _LINE_END.split(text), path)
    root = read_value(text, source)
    if root is None:
        raise refused("the file is empty", Place(source, 1))
    if not isinstance(root.value, dict):
        message = f"the file holds {kind_of(root)}, not a mapping"
        raise refused(message, root, hint="write lines of `key: value`")
    return root


def read_value(text: str, source: Source) -> Node | None:
    """Return the one value a text holds, none if it holds nothing; as strict as `read_yaml`."""
    _check_characters(text, source)
    builder = Builder(text, source)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        raise _not_yaml(error, source) from None
    return builder.root


def _decoded(content: str | bytes, source: Source) -> str:
    octets = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(octets) > MAX_BYTES:
        message = f"the file has more than {MAX_BYTES:,} bytes"
        raise refused(message, Place(source, 1), hint=LARGE)
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _LINE_END.split(octets[: error.start].decode("utf-8", "replace"))
        message = f"byte 0x{octets[error.start]:02x} is not UTF-8 text"
        place = Place(source, len(before), len(before[-1]) + 1)
        raise refused(message, place, hint="save the file as UTF-8") from None


def _check_characters(text: str, source: Source) -> None:
    found = _UNPRINTABLE.search(text)
    if found:
        before = _LINE_END.split(text[: found.start()])
        message = f"the character U+{ord(found[0]):04X} is not allowed"
        raise refused(message, Place(source, len(before), len(before[-1]) + 1))


def _not_yaml(error: yaml.YAMLError, source: Source) -> ScenarioError:
    """Return the located form of a syntax error."""
    context = str(getattr(error, "context", "") or "")
    reason = str(getattr(error, "problem", "") or context or error)
    marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
    found = [Place(source, mark.line + 1, mark.column + 1) for mark in marks if mark is not None]
    place, *others = found or [Place(source, 1)]
    # At the end of a line there is nothing to see: better show what was left open.
    if others and place.column > len(_line(place)):
        place, others = others[0], [place]
    hint = next((hint for part, hint in _SYNTAX_HINTS if part in reason), "")
    if "\t" in _line(place)[: place.column]:
        hint = TABS
    related = [(context, other) for other in others if other.line < place.line]
    return refused(f"not valid YAML: {reason}", place, hint=hint, related=related)


def _line(place: Place) -> str:
    lines = place.source.lines
    return lines[place.line - 1] if place.line <= len(lines) else ""
