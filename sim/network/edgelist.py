"""Edge lists from CSV files, refused with file, line, column, rule and hint."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from sim.network.assembly import check_size
from sim.network.graph import Graph

_REQUIRED = ("source", "target")
_ALLOWED = (*_REQUIRED, "weight")
_HEADER = "the first line must be source,target or source,target,weight"
_WHOLE = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BLOCK = 10_000
_NOT_FINITE = {"nan", "inf", "infinity"}


class EdgeListError(ValueError):
    """An edge list was refused.

    Attributes
    ----------
    path, line, column
        Where: file, and line and character counted from 1 (0 where no place can be named).
    rule
        What the file must satisfy.
    hint
        What to do about it; may be empty.
    """

    def __init__(self, rule: str, *, path: Path, line: int = 0, column: int = 0, hint: str = ""):
        self.rule, self.path, self.line, self.column, self.hint = rule, path, line, column, hint
        place = f"{path}:{line}:{column}" if line else f"{path}"
        super().__init__(f"{place}: {rule}" + (f" ({hint})" if hint else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are rebuilt from positional arguments alone, and a worker's error travels.
        place: dict[str, Any] = {"path": self.path, "line": self.line, "column": self.column}
        return partial(EdgeListError, self.rule, hint=self.hint, **place), ()


@dataclass(frozen=True, slots=True)
class _Rules:
    n_persons: int
    signed: bool

    def fault(self, name: str, text: str) -> tuple[str, str] | None:
        """Return the (rule, hint) that a field breaks, or None."""
        return self._weight_fault(text) if name == "weight" else self._id_fault(name, text)

    def _id_fault(self, name: str, text: str) -> tuple[str, str] | None:
        if not _WHOLE.fullmatch(text):
            hint = "write 3, not 3.0" if _DECIMAL.fullmatch(text) else ""
            return f"{name} = {text!r} must be a whole number", hint
        # Long digit strings are out of range already and int() refuses to read them.
        if len(text) > 20 or not 0 <= int(text) < self.n_persons:
            hint = "ids start at 0" if len(text) > 20 or int(text) > 0 else ""
            return f"{name} = {text} must lie in [0, {self.n_persons - 1}]", hint
        return None

    def _weight_fault(self, text: str) -> tuple[str, str] | None:
        if text.lower().lstrip("+-") in _NOT_FINITE:
            return f"weight = {text} must be finite", ""
        if not _DECIMAL.fullmatch(text):
            return f"weight = {text!r} must be a number", ""
        value = float(text)
        if not np.isfinite(value):
            return f"weight = {text} must be finite", ""
        if value < 0.0 and not self.signed:
            return f"weight = {text} must be >= 0", "negative influence needs signed: true"
        return None

    def all_hold(self, table: pa.Table) -> bool:
        """Return whether no field breaks a rule."""
        for name in _REQUIRED:
            ids = table[name].to_numpy()
            if ids.min() < 0 or ids.max() >= self.n_persons:
                return False
        if "weight" not in table.column_names:
            return True
        weights = table["weight"].to_numpy()
        return bool(np.isfinite(weights).all() and (self.signed or weights.min() >= 0.0))


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) of the lines that are not blank, whatever ends a line."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(text, start=1):
        if line := line.removesuffix("\n"):
            yield number, line


def _fields(line: str) -> Iterator[tuple[int, str]]:
    """Yield (column, text) of the fields of a line; a quoted comma is not expected in a number."""
    column = 1
    for field in line.split(","):
        text = field.strip(" \t")
        yield column + len(field) - len(field.lstrip(" \t")), re.sub(r'^"(.*)"$', r"\1", text)
        column += len(field) + 1


def _header(path: Path, content: bytes) -> list[str]:
    line, header = next(_lines(content), (0, ""))
    if not header:
        raise EdgeListError("the file is empty", path=path, hint=_HEADER)
    fields = list(_fields(header))
    names = [text for _, text in fields]
    for position, (column, name) in enumerate(fields):
        if name not in _ALLOWED:
            close = difflib.get_close_matches(name.lower(), _ALLOWED, n=1)
            hint = f"did you mean {close[0]!r}?" if close else _HEADER
            if len(fields) == 1 and re.search(r"[;\t ]", name):
                hint = "fields are separated by commas"
            raise EdgeListError(
                f"unknown column {name!r}", path=path, line=line, column=column, hint=hint
            )
        if name in names[:position]:
            raise EdgeListError(f"repeated column {name!r}", path=path, line=line, column=column)
    for name in _REQUIRED:
        if name not in names:
            raise EdgeListError(
                f"missing column {name!r}", path=path, line=line, column=1, hint=_HEADER
            )
    return names


def _fault_in(
    path: Path, lines: list[tuple[int, str]], *, names: list[str], rules: _Rules
) -> EdgeListError | None:
    """Return the error of the first faulty field of these lines, or None."""
    for line, text in lines:
        fields = list(_fields(text))
        if len(fields) != len(names):
            return EdgeListError(
                f"{len(fields)} fields where the header has {len(names)}",
                path=path,
                line=line,
                column=fields[min(len(fields) - 1, len(names))][0],
            )
        for name, (column, field) in zip(names, fields, strict=True):
            if fault := rules.fault(name, field):
                return EdgeListError(fault[0], path=path, line=line, column=column, hint=fault[1])
    return None


def _first_fault(path: Path, content: bytes, *, names: list[str], rules: _Rules) -> EdgeListError:
    """Return the error of the first faulty line; only for content in which something is wrong.

    Going through a million lines field by field takes a quarter of a minute, so blocks of lines
    are tried as a whole and only the first faulty one is looked into.
    """
    lines = _lines(content)
    next(lines)
    while block := list(islice(lines, _BLOCK)):
        table = _parse("\n".join(text for _, text in block).encode(), names)
        if table is None or not rules.all_hold(table):
            if fault := _fault_in(path, block, names=names, rules=rules):
                return fault
            break
    return EdgeListError("the file cannot be read as comma-separated numbers", path=path)


def _parse(content: bytes, names: list[str]) -> pa.Table | None:
    types = {name: pa.float64() if name == "weight" else pa.int64() for name in names}
    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            read_options=csv.ReadOptions(use_threads=False, column_names=names),
            convert_options=csv.ConvertOptions(
                column_types=types, null_values=[], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    # The parser also reads 0x1F, which is no id here.
    return None if re.search(rb"[xX]", content) else table


def _body(content: bytes) -> bytes:
    """Return what follows the header line."""
    match = re.match(rb"(\xef\xbb\xbf)?[\r\n]*[^\r\n]*(\r\n|\r|\n|$)", content)
    return content[match.end() :] if match else b""


def read_edge_list(
    path: str | Path,
    *,
    n_persons: int,
    directed: bool,
    signed: bool = False,
    self_loops: bool = False,
) -> Graph:
    """Return the graph of a CSV file with the header `source,target` or `source,target,weight`.

    A row says that source influences target, and the reverse too unless `directed`.  Rows may
    repeat: see `Graph.from_edges`.  Blank lines are skipped.

    Parameters
    ----------
    path
        The file: UTF-8, fields separated by commas.
    n_persons
        Number of persons N; ids are whole numbers in [0, N).
    directed
        Whether influence goes one way only.
    signed
        Allow negative weights.
    self_loops
        Keep ties of a person to themself.

    Raises
    ------
    EdgeListError
        At the first line that breaks a rule, or if the file cannot be read or holds no edge.
    ValueError
        If `n_persons` is not in [1, 2**31).
    """
    check_size(n_persons)
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EdgeListError(
            f"the file cannot be read: {error.strerror or error}", path=path
        ) from error
    names = _header(path, content)
    body = _body(content)
    if not body.strip(b"\r\n"):
        raise EdgeListError("no edges below the header", path=path, line=1, column=1)
    rules = _Rules(n_persons, signed)
    table = _parse(body, names)
    if table is None or not rules.all_hold(table):
        raise _first_fault(path, content, names=names, rules=rules)
    try:
        return Graph.from_edges(
            table["source"].to_numpy(),
            table["target"].to_numpy(),
            n_persons=n_persons,
            weights=table["weight"].to_numpy() if "weight" in names else None,
            directed=directed,
            signed=signed,
            self_loops=self_loops,
        )
    except ValueError as error:  # each weight is fine, and their sum is too large
        raise EdgeListError(str(error), path=path) from error
