"""Stressor levels from one column of a CSV file."""

from __future__ import annotations

import csv
import io
import math
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from sim.scenario.located import Node, Place
from sim.scenario.problems import ScenarioError, did_you_mean, refuse
from sim.scenario.schema.stressors import SeriesStressor, TableStressor

MAX_ROWS = 100_000
"""Rows of a series."""
MAX_STEPS = 1_000_000
"""Steps a series may last."""
MAX_LEVEL = 1e9
"""Largest level that a stressor may have."""

_MAX_BYTES = 50_000_000
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


def read_plain(path: Path, name: str, *, place: Place, limit: int = -1) -> bytes:
    """Return the content of a plain file, or its first `limit` bytes.

    Raises
    ------
    ScenarioError
        If it cannot be read or is a folder, a pipe or a device.
    """
    try:
        # Looked at before it is opened: opening a named pipe would wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refused(f"{name} is not a plain file", place)
        with path.open("rb") as stream:
            return stream.read(limit)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(f"cannot read {name}: {reason}", place) from None


def read_series(stressor: SeriesStressor, path: Path, *, node: Node) -> TableStressor:
    """Return the table that a series stands for.

    Parameters
    ----------
    path
        The CSV file.
    node
        Where the stressor stands in the scenario, for errors.

    Raises
    ------
    ScenarioError
        If the file cannot be read, lacks the column, or holds anything but finite numbers there.
    """
    place = node.child("file") or node
    content = read_plain(path, stressor.file, place=place, limit=_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise _refused(f"{stressor.file} is larger than {_MAX_BYTES:,} bytes", place)
    try:
        text = content.decode("utf-8-sig")
        levels = tuple(_levels(stressor, text, node))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(f"cannot read {stressor.file}: {error}", place) from None
    if not levels:
        raise _refused(f"{stressor.file} has no rows below its header", place)
    last = (len(levels) - 1) * stressor.steps_per_row
    if last > MAX_STEPS:
        message = f"{len(levels):,} rows of {stressor.steps_per_row:,} steps end at step {last:,}"
        where = node.child("steps_per_row") or place
        raise _refused(message, where, hint=f"a series lasts at most {MAX_STEPS:,} steps")
    return TableStressor(
        kind="table",
        channel=stressor.channel,
        groups=stressor.groups,
        steps=tuple(range(0, last + 1, stressor.steps_per_row)),
        levels=levels,
        interpolation=stressor.interpolation,
    )


def _levels(stressor: SeriesStressor, text: str, node: Node) -> Iterator[float]:
    place = node.child("file") or node
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    position = _column(stressor, next(rows, []), node)
    for number, row in enumerate(filter(None, rows), 1):
        if number > MAX_ROWS:
            raise _refused(f"{stressor.file} has more than {MAX_ROWS:,} rows", place)
        where = f"{stressor.file}:{rows.line_num}"
        field = row[position] if position < len(row) else ""
        if not _NUMBER.fullmatch(field) or not math.isfinite(float(field)):
            message = f"{where}: `{field}` in column `{stressor.column}` is not a number"
            raise _refused(message, place, hint="every row needs a finite number")
        level = max(0.0, (float(field) - stressor.offset) * stressor.scale)
        if not level <= MAX_LEVEL:
            message = f"{where}: `{field}` in column `{stressor.column}` becomes a level of {level}"
            raise _refused(message, place, hint=f"levels go up to {MAX_LEVEL:g}; check `scale`")
        yield level


def _column(stressor: SeriesStressor, header: list[str], node: Node) -> int:
    """Return the position of the column that is asked for."""
    place = node.child("column") or node
    if header.count(stressor.column) > 1:
        raise _refused(f"{stressor.file} has several columns `{stressor.column}`", place)
    if stressor.column not in header:
        columns = [name for name in header if name]
        hint = did_you_mean(stressor.column, columns) or f"columns: {', '.join(columns)}"
        raise _refused(f"{stressor.file} has no column `{stressor.column}`", place, hint=hint)
    return header.index(stressor.column)


def _refused(message: str, place: Place, *, hint: str = "") -> ScenarioError:
    return refuse(message, place, hint=hint, rule="file")
