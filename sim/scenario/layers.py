"""One tree of settings from a file, the files it extends and `--set` arguments."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from sim.scenario.builder import MAX_DEPTH
from sim.scenario.located import Node, Place, Source, plain, shortened
from sim.scenario.merging import merged, put
from sim.scenario.problems import ScenarioError, did_you_mean, refuse
from sim.scenario.reader import MAX_BYTES, read_value, read_yaml

__all__ = ["MAX_EXTENDS", "load_layers", "plain"]

MAX_EXTENDS = 8
"""Files a scenario may extend, one through the other."""

_SUFFIXES = (".yaml", ".yml")
_MAX_SIBLINGS = 1_000
_MAX_NAMED = 10


def load_layers(path: str | os.PathLike[str], *, overrides: Sequence[str] = ()) -> Node:
    """Return the settings of a file laid over those it extends, with overrides on top.

    `extends: other.yaml` at the top of a file names another file, relative to the first.  Every
    node keeps the place in its own layer; `merging.merged` says how layers are laid over one
    another.

    Parameters
    ----------
    overrides
        Each `a.b.c=value`: a dotted path, in which an entry of a list goes by its index from 0,
        and a scalar, or a list or mapping in brackets.  They are laid over the files in order.

    Raises
    ------
    ScenarioError
        If a file cannot be read, is not strict YAML, extends itself or more than `MAX_EXTENDS`
        files, or an override does not fit the tree.
    """
    name = os.fspath(path)
    root = _load_file(Path(name), name, asked=Place(Source(name)), chain=())
    return lay_over(root, overrides)


def lay_over(root: Node, overrides: Sequence[str]) -> Node:
    """Return a tree with overrides, as in `load_layers`, laid over it in order, in place."""
    for override in overrides:
        _override(root, override)
    return root


def _load_file(path: Path, name: str, *, asked: Place, chain: tuple[str, ...]) -> Node:
    """Return the settings of a file over those it extends; `chain` are the files that led here."""
    content = _octets(path, name, asked)
    identity = os.path.realpath(path)
    if identity in chain:
        raise _refused("`extends` goes round in a circle", asked, key="extends")
    if len(chain) > MAX_EXTENDS:
        message = f"more than {MAX_EXTENDS} files are extended, one through the other"
        raise _refused(message, asked, key="extends")
    root = read_yaml(content, name=name, path=path)
    extends = root.value.pop("extends", None) if isinstance(root.value, dict) else None
    if extends is None:
        return root
    if not isinstance(extends.value, str) or not extends.value:
        raise _refused("`extends` must name one file", extends, key="extends")
    base = _load_file(
        path.parent / extends.value,
        os.path.normpath(Path(name).parent / extends.value),
        asked=extends,
        chain=(*chain, identity),
    )
    return merged(base, root)


def _octets(path: Path, name: str, asked: Place) -> bytes:
    """Return the content of a plain file, at most one byte more than is allowed."""
    try:
        # Looked at before it is opened: opening a named pipe would wait for ever.
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _refused(f"no such file: {name}", asked, hint=_near(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _refused(f"cannot read {shortened(name, 200)}: {reason}", asked) from None
    if stat.S_ISDIR(mode):
        raise _refused(f"{name} is a directory", asked, hint=_scenarios_in(path))
    raise _refused(f"{name} is not a plain file", asked)


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    return did_you_mean(path.name, _yaml_files(path.parent)) or _scenarios_in(path.parent)


def _scenarios_in(folder: Path) -> str:
    names = _yaml_files(folder)
    more = ", ..." if len(names) > _MAX_NAMED else ""
    return f"files there: {', '.join(names[:_MAX_NAMED])}{more}" if names else ""


def _yaml_files(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, _MAX_SIBLINGS)]
    except OSError:
        return []
    return sorted(name for name in names if name.endswith(_SUFFIXES))


def _override(root: Node, argument: str) -> None:
    """Lay the value of one `--set` argument over the tree."""
    dotted, equals, _ = argument.partition("=")
    source = Source(f"--set {shortened(argument, 60)}", (argument,), override=True)
    parts = dotted.split(".")
    whole = Place(source, 1, 1, max(1, len(argument)))
    if not equals or not all(parts):
        hint = "write KEY=VALUE, with dots in KEY: `--set time.steps=50`"
        raise _refused("expected KEY=VALUE", whole, hint=hint)
    if len(parts) > MAX_DEPTH:
        raise _refused(f"nested deeper than {MAX_DEPTH} levels", whole)
    ends = accumulate(len(part) + 1 for part in parts)
    path = [
        (part, Place(source, 1, end - len(part), len(part)))
        for part, end in zip(parts, ends, strict=True)
    ]
    put(root, path, value=_override_value(argument, len(dotted) + 1, source))


def _override_value(argument: str, start: int, source: Source) -> Node:
    """Return the value that begins at an offset of a `--set` argument."""
    # Blanks in place of the key keep the columns those of the argument.
    text = " " * start + argument[start:].rstrip()
    place = Place(source, 1, start + 1, max(1, len(text) - start))
    if len(text) > MAX_BYTES:
        raise _refused(f"the value has more than {MAX_BYTES:,} characters", place)
    if "\n" in text or "\r" in text:
        raise _refused("the value must stand on one line", place)
    node = read_value(text, source)
    if node is None:
        raise _refused("a value is missing here", place, key=argument[: start - 1])
    if isinstance(node.value, (dict, list)) and text[node.column - 1] not in "{[":
        hint = "write `{key: value}` or `[1, 2]`"
        raise _refused("a mapping or list needs brackets here", place, hint=hint)
    end = node.column - 1 + node.width
    if end < len(text):
        rest = Place(source, 1, end + 1, len(text) - end)
        raise _refused("this would be read as a comment", rest, hint="put the value in quotes")
    return node


def _refused(message: str, place: Place, **details: Any) -> ScenarioError:
    return refuse(message, place, rule="layers", **details)
