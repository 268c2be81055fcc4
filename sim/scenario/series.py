"""Stressor levels from one column of a CSV or Parquet file."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from sim.scenario.located import Node, Place
from sim.scenario.resampling import resampled
from sim.scenario.schema.population import Time
from sim.scenario.schema.stressors import SeriesStressor, TableStressor
from sim.scenario.sheet import Sheet, refused

MAX_STEPS = 1_000_000
"""Steps a series may last."""
MAX_LEVEL = 1e9
"""Largest level that a stressor may have."""

_MAX_BYTES = 50_000_000
_TOO_LARGE = f"levels go up to {MAX_LEVEL:g}; check `scale`"


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
            raise refused(f"{name} is not a plain file", place)
        with path.open("rb") as stream:
            return stream.read(limit)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = ""
        if isinstance(error, FileNotFoundError) and not Path(name).is_absolute():
            origin = "current folder" if place.source.override else "scenario file"
            hint = f"paths are relative to the {origin}"
        raise refused(f"cannot read {name}: {reason}", place, hint=hint) from None


def read_series(stressor: SeriesStressor, path: Path, *, node: Node, time: Time) -> TableStressor:
    """Return the table that a series stands for.

    Parameters
    ----------
    path
        The CSV or Parquet file.
    node
        Where the stressor stands in the scenario, for errors.
    time
        The scenario's clock, on which rows with a time are put.

    Raises
    ------
    ScenarioError
        If the file cannot be read, lacks the column, or holds anything but finite numbers there;
        or if its rows have times that cannot be put on the clock.
    """
    place = node.child("file") or node
    content = read_plain(path, stressor.file, place=place, limit=_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise refused(f"{stressor.file} is larger than {_MAX_BYTES:,} bytes", place)
    sheet = Sheet.of(content, stressor.file, place=place)
    values = sheet.numbers(stressor.column, node=node)
    _check_levels(stressor, sheet, values, node=node)
    if not values:
        raise refused(f"{stressor.file} has no rows below its header", place)
    if stressor.time is None:
        steps = list(range(0, len(values) * stressor.steps_per_row, stressor.steps_per_row))
    else:
        steps, values = resampled(stressor, sheet, values=values, node=node, time=time)
    _check_end(stressor, steps[-1], n_rows=len(sheet.rows), node=node)
    levels = tuple(_level(stressor, value) for value in values)
    if max(levels) > MAX_LEVEL:
        message = f"the rows of one step become a level of {max(levels)}"
        raise refused(message, node.child("aggregate") or place, hint=_TOO_LARGE)
    return TableStressor(
        kind="table",
        channel=stressor.channel,
        groups=stressor.groups,
        steps=tuple(steps),
        levels=levels,
        interpolation=stressor.interpolation,
    )


def _level(stressor: SeriesStressor, value: float) -> float:
    return max(0.0, (value - stressor.offset) * stressor.scale)


def _check_levels(
    stressor: SeriesStressor, sheet: Sheet, values: Sequence[float], *, node: Node
) -> None:
    for row, value in enumerate(values):
        if not (level := _level(stressor, value)) <= MAX_LEVEL:
            entry = sheet.entries(stressor.column, place=node)[row]
            message = (
                f"{sheet.where(row)}: `{entry}` in column `{stressor.column}` becomes a level of "
                f"{level}"
            )
            raise refused(message, node.child("file") or node, hint=_TOO_LARGE)


def _check_end(stressor: SeriesStressor, last: int, *, n_rows: int, node: Node) -> None:
    if last > MAX_STEPS:
        rows = f"{n_rows:,} rows"
        if stressor.time is None:
            rows += f" of {stressor.steps_per_row:,} steps"
        where = node.child("steps_per_row") or node.child("file") or node
        hint = f"a series lasts at most {MAX_STEPS:,} steps"
        raise refused(f"{rows} end at step {last:,}", where, hint=hint)
