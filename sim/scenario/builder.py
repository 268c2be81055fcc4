"""From YAML parser events to located nodes, refusing what a scenario must not contain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from sim.scenario.located import Node, Place, Source, kind_of, shortened
from sim.scenario.problems import ScenarioError, refuse
from sim.scenario.scalars import NULLS, UnclearScalarError, parse_scalar

MAX_DEPTH = 24
"""Mappings and lists inside one another."""
MAX_VALUES = 50_000
"""Values in a text, mappings and lists included."""
LARGE = "put tables into a CSV file and name that file here"
"""What to do about a file that is too large."""
TABS = "indent with spaces, not tabs"
"""What to do about tabs."""

# Escapes in double quotes can still bring these in.
_NEVER_IN_TEXT = re.compile("[\x00\ud800-\udfff]")
_INDENTED_BY_TAB = re.compile(r" *\t[ \t]*")


def refused(message: str, place: Place, **details: Any) -> ScenarioError:
    """Return an error of one problem about how a text is written."""
    return refuse(message, place, rule="yaml", **details)


@dataclass(slots=True)
class _Open:
    """A mapping or list still being read: its key or index, and the key whose value comes next."""

    node: Node
    part: str
    flow: bool
    key: Node | None = None


class Builder:
    """Makes nodes of the events of one text.

    Attributes
    ----------
    root
        The outermost value; none as long as there is none.
    """

    def __init__(self, text: str, source: Source) -> None:
        self.root: Node | None = None
        self._text = text
        self._source = source
        self._tabs = "\t" in text
        self._stack: list[_Open] = []
        self._n_values = 0
        self._n_documents = 0

    def take(self, event: Any) -> None:
        """Add one event; raise `ScenarioError` if it brings something that is not allowed."""
        if isinstance(event, yaml.ScalarEvent):
            self._check(event)
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._check(event)
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            raise self._no_anchors(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event)

    def _document(self, event: Any) -> None:
        self._n_documents += 1
        if self._n_documents > 1:
            hint = "one file holds one scenario"
            raise refused("a second document starts here", self._place(event), hint=hint)
        if event.version or event.tags:
            raise refused("directives (`%`) are not allowed", self._place(event))

    def _check(self, event: Any) -> None:
        """Refuse what no value may have: an anchor, a tag, a tab before it."""
        if event.anchor is not None:
            raise self._no_anchors(event)
        if event.tag is not None:
            message = f"tags (`{shortened(event.tag)}`) are not allowed"
            raise refused(message, self._place(event), hint="write the value alone")
        if self._tabs:
            mark = event.start_mark
            before = self._source.lines[mark.line : mark.line + 1]
            if before and _INDENTED_BY_TAB.fullmatch(before[0][: mark.column]):
                raise refused("a tab in the indentation", self._place(event), hint=TABS)

    def _no_anchors(self, event: Any) -> ScenarioError:
        return refused(
            "anchors (`&`) and aliases (`*`) are not allowed",
            self._place(event),
            hint="share settings with `extends:`; quote text that starts with `&` or `*`",
        )

    def _scalar(self, event: Any) -> None:
        raw = self._text[event.start_mark.index : event.end_mark.index]
        if not event.style and event.value in NULLS:
            self._null(event, raw)
            return
        node = self._node(event, "", raw)
        try:
            node.value = event.value if event.style else parse_scalar(event.value)
        except UnclearScalarError as error:
            raise refused(error.message, node, hint=error.hint, key=self._path()) from None
        if event.style == '"' and _NEVER_IN_TEXT.search(event.value):
            raise refused("the text holds a character that is not allowed", node, key=self._path())
        self._put(node)

    def _null(self, event: Any, raw: str) -> None:
        top = self._stack[-1] if self._stack else None
        if top is None and not raw:
            return  # an empty document
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            raise refused("a key is missing here", self._place(event))
        # An empty value has no width; its key shows better where it should be.
        place = self._place(event) if raw or top is None or top.key is None else top.key
        raise refused(
            "a value is missing here",
            place,
            hint="give a value, or leave the key out to get its default",
            key=self._path(),
        )

    def _open(self, event: Any) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        node = self._node(event, {} if mapping else [])
        if len(self._stack) >= MAX_DEPTH:
            raise refused(f"nested deeper than {MAX_DEPTH} levels", node)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            raise refused(f"a key must be text, not {kind_of(node)}", node)
        part = self._part()
        self._put(node)
        self._stack.append(_Open(node, part, flow=bool(event.flow_style)))

    def _close(self, event: Any) -> None:
        closed = self._stack.pop()
        node, end = closed.node, event.end_mark
        if closed.flow and end.line + 1 == node.line:
            node.width = end.column + 1 - node.column

    def _put(self, node: Node) -> None:
        """Give a node its place in the innermost open mapping or list."""
        if not self._stack:
            self.root = node
            self._count(node)
            return
        top = self._stack[-1]
        if isinstance(top.node.value, list):
            top.node.value.append(node)
            self._count(node)
        elif top.key is None:
            self._check_key(node, top.node)
            top.key = node
        elif isinstance(top.node.value, dict):
            node.key = top.key
            top.node.value[str(top.key.value)] = node
            top.key = None
            self._count(node)

    def _check_key(self, key: Node, mapping: Node) -> None:
        siblings = mapping.value if isinstance(mapping.value, dict) else {}
        if not isinstance(key.value, str):
            raw = shortened(key.raw)
            hint = f"put it in quotes: '{raw}'"
            raise refused(f"the key `{raw}` is {kind_of(key)}, not text", key, hint=hint)
        if key.value == "<<":
            raise refused("merge keys (`<<`) are not allowed", key, hint="use `extends:`")
        if key.value in siblings:
            first = siblings[key.value].key
            raise refused(
                f"the key `{shortened(key.value)}` is given twice",
                key,
                related=[("first given here", first)] if first else (),
                key=".".join(filter(None, (self._path(), key.value))),
            )
        if not siblings and (key.line, key.column) == (mapping.line, mapping.column):
            mapping.width = key.width

    def _count(self, node: Node) -> None:
        self._n_values += 1
        if self._n_values > MAX_VALUES:
            raise refused(f"more than {MAX_VALUES:,} values", node, hint=LARGE)

    def _node(self, event: Any, value: Any, raw: str = "") -> Node:
        start = event.start_mark
        line, column, width = start.line + 1, start.column + 1, self._width(event)
        return Node(self._source, line, column, width, value=value, raw=raw)

    def _place(self, event: Any) -> Place:
        start = event.start_mark
        return Place(self._source, start.line + 1, start.column + 1, self._width(event))

    def _width(self, event: Any) -> int:
        start, end = event.start_mark, event.end_mark
        if end.line == start.line:
            return max(1, int(end.column - start.column))
        # More than one line: the rest of the first.
        return max(1, len(self._source.lines[start.line]) - int(start.column))

    def _part(self) -> str:
        """Return the key or index of the value that comes next."""
        top = self._stack[-1] if self._stack else None
        if top is None:
            return ""
        if isinstance(top.node.value, list):
            return str(len(top.node.value))
        return str(top.key.value) if top.key else ""

    def _path(self) -> str:
        """Return the dotted path of the value that comes next."""
        parts = [*(level.part for level in self._stack), self._part()]
        return ".".join(part for part in parts if part)
