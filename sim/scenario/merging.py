"""Laying one tree of settings over another, and one value over a tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.scenario.located import Node, Place, kind_of, plain
from sim.scenario.narrative_rules import READ_BY
from sim.scenario.problems import ScenarioError, refuse


def merged(base: Node, top: Node) -> Node:
    """Return `top` laid over `base`; neither is changed.

    Mappings are merged key by key; anything else in `top` replaces what `base` has.  A mapping
    with a `kind` that `base` does not have replaces it as a whole, so that settings of one kind
    never reach another; so does a mapping of mappings, such as one distribution a channel, laid
    over a mapping with a `kind`.  A `rule` drops the settings in `base` that only other rules read.
    """
    if not isinstance(base.value, dict) or not isinstance(top.value, dict):
        return top
    kind = top.child("kind")
    if kind is not None and not _same(kind, base.child("kind")):
        return top
    if kind is None and base.child("kind") is not None and _of_mappings(top.value):
        return top
    entries = dict(base.value)
    _forget_other_rules(entries, top.child("rule"))
    for key, node in top.value.items():
        entries[key] = merged(entries[key], node) if key in entries else node
    return Node(top.source, top.line, top.column, top.width, value=entries, key=top.key)


def _forget_other_rules(entries: dict[str, Node], rule: Node | None) -> None:
    """Drop what only other rules than a narrative one read, except what overrides gave."""
    if rule is None or rule.value == "none":
        return
    for key, rules in READ_BY.items():
        if key in entries and rule.value not in rules and not entries[key].source.override:
            del entries[key]


def _of_mappings(value: dict[str, Node]) -> bool:
    return bool(value) and all(isinstance(node.value, dict) for node in value.values())


def put(root: Node, path: Sequence[tuple[str, Place]], *, value: Node) -> None:
    """Lay a value over what a tree has at a path; mappings on the way are made as needed.

    A new `kind` clears the other keys of its mapping except those that overrides gave, so it
    does not matter in which order overrides come; a `rule` does so with keys of other rules.

    Parameters
    ----------
    path
        Keys, or indices of lists, each with the place where it is written; at least one.

    Raises
    ------
    ScenarioError
        If the path crosses a scalar or leaves a list.
    """
    node = root
    for depth in range(len(path) - 1):
        node = _step(node, path[: depth + 1])
    part, place = path[-1]
    if isinstance(node.value, list):
        node.value[_index(node, path)] = merged(_step(node, path), value)
        return
    entries = _entries(node, path)
    if part == "kind" and not _same(value, entries.get("kind")):
        for name in [name for name, entry in entries.items() if not entry.source.override]:
            del entries[name]
    if part == "rule":
        _forget_other_rules(entries, value)
    value.key = place
    entries[part] = merged(entries[part], value) if part in entries else value


def _step(node: Node, path: Sequence[tuple[str, Place]]) -> Node:
    """Return what stands under the last part of the path, an empty mapping if nothing does."""
    if isinstance(node.value, list):
        return node.value[_index(node, path)]
    part, place = path[-1]
    new = Node(place.source, place.line, place.column, place.width, value={}, key=place)
    return _entries(node, path).setdefault(part, new)


def _entries(node: Node, path: Sequence[tuple[str, Place]]) -> dict[str, Node]:
    part = path[-1][0]
    if not isinstance(node.value, dict):
        message = f"`{_dotted(path[:-1])}` is {kind_of(node)}; it has no `{part}`"
        raise _misfit(message, node, path)
    if part.isdecimal() and not node.value and node.source.override:
        message = f"there is no list `{_dotted(path[:-1])}` to take entry {part} from"
        raise _misfit(message, None, path)
    return node.value


def _index(node: Node, path: Sequence[tuple[str, Place]]) -> int:
    part = path[-1][0]
    if node.child(part) is not None:
        return int(part)
    size = len(node.value) if isinstance(node.value, list) else 0
    there = f"its entries are 0 to {size - 1}" if size else "it is empty"
    raise _misfit(f"the list `{_dotted(path[:-1])}` has no entry `{part}`; {there}", node, path)


def _misfit(message: str, node: Node | None, path: Sequence[tuple[str, Place]]) -> ScenarioError:
    details: dict[str, Any] = {"rule": "layers", "key": _dotted(path)}
    if node is not None:
        details["related"] = [("set here", node.key or node)]
    return refuse(message, path[-1][1], **details)


def _dotted(path: Sequence[tuple[str, Place]]) -> str:
    return ".".join(part for part, _ in path)


def _same(one: Node, other: Node | None) -> bool:
    return other is not None and bool(plain(one) == plain(other))
