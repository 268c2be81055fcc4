"""Where the errors of pydantic lie in a tree of settings, one for each mistake made."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic_core import ErrorDetails

from sim.scenario.located import Node, plain
from sim.scenario.problems import did_you_mean

Location = tuple[int | str, ...]

# What pydantic puts at the end of a location to say that the key itself is wrong.
_KEY_MARK = "[key]"
_MAX_READINGS = 64
_WRONG_SHAPE = re.compile(r".+_(type|parsing)|int_from_float|is_instance_of")
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class Fault:
    """An error and the node it is about.

    Attributes
    ----------
    error
        The error as pydantic reports it; none if no member of a union has the node's shape.
    node
        The node, or the mapping that lacks it.
    path
        Keys and indices that lead to the node.
    tags
        Names of union members on the way, each with the part of the location before it.
    """

    error: ErrorDetails | None
    node: Node
    path: tuple[str, ...]
    tags: tuple[tuple[Location, str], ...] = ()

    @property
    def about_key(self) -> bool:
        """Whether the key of the node is wrong, not its value."""
        return self.error is not None and _about_key(self.error)

    @property
    def kind(self) -> str:
        """Name of the broken rule."""
        return self.error["type"] if self.error else "union"


def find_faults(errors: Sequence[ErrorDetails], root: Node) -> list[Fault]:
    """Return the faults that a list of errors stands for, those of a union made one.

    Pydantic tries every member of a union and reports what each did not like.  Of these only
    the errors of the member that has the shape of the node are kept, or a single fault if none
    has.
    """
    faults = [_fault(error, root) for error in errors if not _follows_from(error, errors)]
    return list(_collapsed(faults, root))


def follow(root: Node, path: Sequence[str]) -> tuple[Node, int]:
    """Return the last node on a path that exists, and how many parts lead to it."""
    node = root
    for length, part in enumerate(path):
        child = node.child(part)
        if child is None:
            return node, length
        node = child
    return node, len(path)


def _follows_from(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Tell whether a list is only too short because entries of it are wrong."""
    location = error["loc"]
    return error["type"] == "too_short" and any(
        len(other["loc"]) > len(location) and other["loc"][: len(location)] == location
        for other in errors
    )


def _about_key(error: ErrorDetails) -> bool:
    location = error["loc"]
    return location[-1:] == (_KEY_MARK,) and location[-2:-1] == (error["input"],)


def _fault(error: ErrorDetails, root: Node) -> Fault:
    location = error["loc"]
    absent = error["type"] == "missing" or _about_key(error)
    parts = location[:-1] if absent else location
    node, skipped = next(_readings(root, parts, ()))
    if skipped:
        # A name can be both a key and a union member: what pydantic saw decides.
        others = islice(_readings(root, parts, ()), _MAX_READINGS)
        same = (reading for reading in others if _is_input(reading[0], error["input"]))
        node, skipped = next(same, (node, skipped))
    path = tuple(str(part) for index, part in enumerate(parts) if index not in skipped)
    tags = tuple((location[:index], str(location[index])) for index in skipped)
    return Fault(error, node, path, tags)


def _readings(
    node: Node, parts: Location, skipped: tuple[int, ...], start: int = 0
) -> Iterator[tuple[Node, tuple[int, ...]]]:
    """Yield the nodes a location can mean, with the indices of parts that are no keys."""
    if start == len(parts):
        yield node, skipped
        return
    child = node.child(parts[start])
    if child is not None:
        yield from _readings(child, parts, skipped, start + 1)
    yield from _readings(node, parts, (*skipped, start), start + 1)


def _is_input(node: Node, received: Any) -> bool:
    value = plain(node)
    return type(value) is type(received) and bool(value == received)


def _collapsed(faults: Sequence[Fault], root: Node) -> Iterator[Fault]:
    members: dict[Location, set[str]] = defaultdict(set)
    for fault in faults:
        for before, tag in fault.tags:
            members[before].add(tag)
    unions: dict[Location, list[Fault]] = defaultdict(list)
    for fault in faults:
        union = next((before for before, _ in fault.tags if len(members[before]) > 1), None)
        if union is None:
            yield fault
        else:
            unions[union].append(fault)
    for before, group in unions.items():
        yield from _of_one_member(group, before, root)


def _of_one_member(group: Sequence[Fault], before: Location, root: Node) -> Iterator[Fault]:
    """Yield the faults of the union member that is meant, or one fault if none can be told."""
    members: dict[str, list[Fault]] = defaultdict(list)
    for fault in group:
        members[dict(fault.tags)[before]].append(fault)
    no_keys = {len(skipped) for skipped, _ in group[0].tags}
    path = tuple(str(part) for index, part in enumerate(before) if index not in no_keys)
    meant = [
        faults
        for faults in members.values()
        if not any(fault.path == path and _wrong_shape(fault) for fault in faults)
    ]
    if meant:
        yield from _collapsed(min(meant, key=len), root)
    else:
        yield Fault(None, follow(root, path)[0], path)


def _wrong_shape(fault: Fault) -> bool:
    """Tell whether an error says that another member of the union is meant."""
    if fault.error is not None and fault.kind in ("literal_error", "enum"):
        words = _QUOTED.findall(str(fault.error.get("ctx", {}).get("expected", "")))
        return not (isinstance(fault.node.value, str) and did_you_mean(fault.node.value, words))
    return _WRONG_SHAPE.fullmatch(fault.kind) is not None
