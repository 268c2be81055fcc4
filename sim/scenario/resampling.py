"""Rows with a time of their own, put on the scenario's clock: one value a step."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.scenario.located import Node
from sim.scenario.schema.population import Time
from sim.scenario.schema.stressors import SeriesStressor
from sim.scenario.sheet import NUMBER, Sheet, refused

if TYPE_CHECKING:
    import pandas as pd

UNITS: Mapping[str, str] = {
    "hour": "h",
    "day": "D",
    "week": "W",
    "month": "M",
    "quarter": "Q",
    "year": "Y",
}
"""Units of a step that have a place in the calendar, and what pandas calls them."""


_SORTED = "times must rise from row to row, in UTC where they have an offset"


def resampled(
    stressor: SeriesStressor, sheet: Sheet, *, values: Sequence[float], node: Node, time: Time
) -> tuple[list[int], list[float]]:
    """Return steps, strictly increasing from 0 on, and a value for each.

    Step 0 is the hour, day, week (from Monday), month, quarter or year in which `begin` lies, or
    begins at that number.  Rows in one step become one; steps without a row are left out.

    Parameters
    ----------
    values
        One a row of the sheet.
    node
        Where the stressor stands in the scenario, for errors.

    Raises
    ------
    ScenarioError
        If a time is missing, no date and no number, or not later than the one before; if dates
        meet a unit that has no place in the calendar; or if no row belongs to the scenario.
    """
    assert stressor.time is not None
    place = node.child("time") or node
    entries = sheet.entries(stressor.time, place=place)
    for row, entry in enumerate(entries):
        if not entry.strip():
            message = f"{sheet.where(row)}: nothing in column `{stressor.time}`"
            raise refused(message, place, hint="every row needs a time")
    if all(NUMBER.fullmatch(entry) for entry in entries) and not isinstance(stressor.begin, str):
        _check_counted(stressor, sheet, entries, node=node, time=time)
        at = _counted(stressor, [float(entry) for entry in entries])
        _check_rising(sheet, entries, np.array([float(e) for e in entries]), node=node)
    else:
        dates = _dates(stressor, sheet, entries, node=node)
        _check_rising(sheet, entries, dates.asi8, node=node)
        at = _calendar(stressor, dates, node=node, time=time)
    steps, pooled = _pooled(at, values, how=stressor.aggregate)
    if steps[-1] < 0:
        message = f"{sheet.name} ends before step 0"
        raise refused(message, node.child("begin") or place, hint="choose an earlier `begin`")
    if steps[0] >= time.steps:
        message = (
            f"{sheet.name} begins at step {steps[0]:,}, and the last step is {time.steps - 1:,}"
        )
        raise refused(message, node.child("begin") or place, hint="choose a later `begin`")
    return _from_zero(steps, pooled, linear=stressor.interpolation == "linear")


def _check_counted(
    stressor: SeriesStressor, sheet: Sheet, entries: Sequence[str], *, node: Node, time: Time
) -> None:
    """Refuse numbers that look like dates where the steps have a place in the calendar."""
    if time.unit in UNITS and all(re.fullmatch(r"[12]\d{3}(\d{4})?", entry) for entry in entries):
        where = f"{sheet.where(0)}: `{entries[0]}` in column `{stressor.time}`"
        message = f"{where} could be a date or a step"
        hint = "write dates as 2001-03-31 or `begin` as a date, or give time.unit another name"
        raise refused(message, node.child("time") or node, hint=hint)


def _counted(stressor: SeriesStressor, times: Sequence[float]) -> list[int]:
    begin = 0.0 if stressor.begin is None else float(stressor.begin)
    return [math.floor(time - begin) for time in times]


def _dates(
    stressor: SeriesStressor, sheet: Sheet, entries: Sequence[str], *, node: Node
) -> pd.DatetimeIndex:
    """Return dates in UTC, of which those without an offset are taken to be."""
    import pandas as pd

    dates = pd.to_datetime(pd.Index(entries), format="ISO8601", utc=True, errors="coerce")
    if dates.hasnans:
        row = int(np.argmax(dates.isna()))
        message = f"{sheet.where(row)}: `{entries[row]}` in column `{stressor.time}` is no ISO date"
        hint = "write dates as 2001-03-31, or all times as numbers in steps"
        raise refused(message, node.child("time") or node, hint=hint)
    return dates


def _check_rising(sheet: Sheet, entries: Sequence[str], times: np.ndarray, *, node: Node) -> None:
    for row, (before, now) in enumerate(itertools.pairwise(times.tolist()), 1):
        if now > before:
            continue
        fault = "is given twice" if now == before else f"comes after `{entries[row - 1]}`"
        message = f"{sheet.where(row)}: the time `{entries[row]}` {fault}"
        raise refused(message, node.child("time") or node, hint=_SORTED)


def _calendar(
    stressor: SeriesStressor, dates: pd.DatetimeIndex, *, node: Node, time: Time
) -> list[int]:
    """Return the step of each date."""
    import pandas as pd

    if time.unit not in UNITS:
        message = f"dates cannot be put on steps of one `{time.unit}`"
        hint = f"set time.unit to {', '.join(UNITS)}, or write times as numbers in steps"
        raise refused(message, node.child("time") or node, hint=hint)
    begin = dates[0]
    if stressor.begin is not None:
        written = stressor.begin if isinstance(stressor.begin, str) else f"{stressor.begin:g}"
        begin = pd.to_datetime(written, format="ISO8601", utc=True, errors="coerce")
        if begin is pd.NaT:
            message = f"`begin` must be an ISO date; got `{written}`"
            raise refused(message, node.child("begin") or node, hint="write it as 2001-03-31")
    first = pd.Period(begin.tz_localize(None), UNITS[time.unit]).ordinal
    ordinals = dates.tz_localize(None).to_period(UNITS[time.unit]).asi8
    return [int(ordinal) - first for ordinal in ordinals]


def _pooled(
    at: Sequence[int], values: Sequence[float], *, how: str
) -> tuple[list[int], list[float]]:
    """Return the steps that have rows, and what becomes of the rows of each."""
    import pandas as pd

    pooled = pd.Series(values, dtype=np.float64).groupby(np.asarray(at, dtype=np.int64)).agg(how)
    return pooled.index.tolist(), pooled.tolist()


def _from_zero(
    steps: list[int], values: list[float], *, linear: bool
) -> tuple[list[int], list[float]]:
    """Return the same from step 0 on, with the value there that earlier rows give it."""
    first = int(np.searchsorted(steps, 0))
    if first == 0 or steps[first] == 0:
        return steps[first:], values[first:]
    now = float(np.interp(0, steps, values)) if linear else values[first - 1]
    return [0, *steps[first:]], [now, *values[first:]]
