"""The long tables of a cost report: every number, by delay or step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.figures import drawn_steps
from analysis.summary import Summary
from analysis.table import Formats, Table, in_order, listing, role_name
from analysis.wording import NOTHING, interval, number, percent


def curve(summary: Summary) -> Table:
    """Return every number of the cost figure."""
    load, cost = "[load]", "[load·steps]"
    formats: Formats = {
        "role": ("Run", role_name),
        "target": ("Target", str),
        "delay": ("Delay [steps]", number),
        "replicates": ("Replicates", number),
        "cost": (f"Cost, median {cost}", number),
        "cost_low": ("95 % interval, low", number),
        "cost_high": ("95 % interval, high", number),
        "censored": ("Censored", percent),
        "finite_low": ("Least finite cost", number),
        "finite_high": ("Greatest finite cost", number),
        "height": (f"Height of the median pulse {load}", number),
        "length": ("Length of the median pulse [steps]", number),
        "floor": ("Floor of prevalence", number),
        "prevalence_exposed": ("Prevalence after exposure", number),
        "prevalence_rested": ("Prevalence after rest", number),
        "exposure_memory": (f"Exposure memory after rest {load}", number),
        "harm": ("Harm [share·steps]", number),
    }
    return listing(summary.curve, formats, name="curve", caption="Cost by delay", headers=3)


def marginal(summary: Summary) -> Table:
    """Return the cost of waiting a step longer, between neighboring delays."""
    formats: Formats = {
        "role": ("Run", role_name),
        "target": ("Target", str),
        "delay_from": ("From delay", number),
        "delay_to": ("To delay", number),
        "marginal": ("Marginal cost, median [load]", number),
        "marginal_low": ("95 % interval, low", number),
        "marginal_high": ("95 % interval, high", number),
        "finite": ("Finite pairs", number),
        "lost": ("Lost", number),
        "gained": ("Gained", number),
        "undefined": ("Undefined", number),
        "decreases": ("Cost fell", number),
    }
    notes = (
        "Matched differences of one replicate's cost between neighboring delays, per step of "
        "delay. Lost: finite, then infinite; ranked as ∞. Gained: infinite, then finite; ranked "
        "as −∞. Undefined: both infinite; left out of the median.",
    )
    caption = "Marginal cost of delay"
    return listing(
        summary.marginal, formats, name="marginal", caption=caption, headers=4, notes=notes
    )


def premium(summary: Summary) -> Table:
    """Return the irreversibility premium at every delay."""
    formats: Formats = {
        "target": ("Target", str),
        "delay": ("Delay [steps]", number),
        "premium": ("Premium, median [load·steps]", number),
        "premium_low": ("95 % interval, low", number),
        "premium_high": ("95 % interval, high", number),
        "finite": ("Finite pairs", number),
        "lost": ("Lost", number),
        "gained": ("Gained", number),
        "undefined": ("Undefined", number),
    }
    caption = "Irreversibility premium by delay"
    return listing(summary.premium, formats, name="premium", caption=caption, headers=2)


def path(table: pd.DataFrame) -> Table:
    """Return prevalence during exposure, from `analysis.summary.path_table`."""
    formats: Formats = {
        "role": ("Run", role_name),
        "step": ("Step", number),
        "median": ("Prevalence, median", number),
        "low": ("10 %", number),
        "high": ("90 %", number),
    }
    drawn = drawn_steps(table)
    spaced = len(drawn) < len(table)
    notes = ("Evenly spaced steps; the table of paths holds them all.",) if spaced else ()
    return listing(
        drawn, formats, name="path", caption="Prevalence by step", headers=2, notes=notes
    )


def raster(table: pd.DataFrame, *, n_steps: int) -> Table:
    """Return every replicate's first passages, from `analysis.crossings.raster_table`."""
    thresholds = sorted(set(zip(table["level"], table["direction"], strict=True)))
    never = f"never, in {number(n_steps)} steps"
    rows = []
    for (role, _, replicate), one in in_order(table).groupby(
        ["role", "row", "replicate"], sort=False
    ):
        steps = one.set_index(["level", "direction"])["step"]
        cells = (number(steps[threshold], infinite=never) for threshold in thresholds)
        rows.append((role_name(role), number(replicate), *cells))
    columns = ("Run", "Replicate", *(f"{number(level)} {way} [steps]" for level, way in thresholds))
    notes = ("In the order of the figure. Never: censored at the end of the exposure.",)
    caption = "First passages by replicate"
    return Table("raster", caption, columns, tuple(rows), headers=2, notes=notes)


def loop(table: pd.DataFrame) -> Table:
    """Return the hysteresis loop, from `analysis.hysteresis.loop_table`."""
    formats: Formats = {
        "role": ("Run", role_name),
        "phase": ("Phase", str),
        "step": ("Step", number),
        "exposure": ("Mean exposure [load]", number),
        "prevalence": ("Prevalence", number),
    }
    drawn = drawn_steps(table)
    notes = ("Medians of replicates.",)
    caption = "Prevalence and exposure by step"
    return listing(drawn, formats, name="loop", caption=caption, headers=3, notes=notes)


def loop_area(table: pd.DataFrame) -> Table:
    """Return the area of the loop, from `analysis.hysteresis.area_table`."""
    rows = tuple(
        (role_name(row.role), interval(row.area, row.area_low, row.area_high), number(row.open))
        for row in in_order(table).itertuples()
    )
    columns = ("Run", "Area, median [95 % interval] [share · load]", "Exposure left [load]")
    notes = (
        "−∮ P dE up to the longest delay and back at rest. Without memory other than exposure it "
        "is 0 in the limit of slow stress; at a finite rate, delays in the response count too.",
    )
    return Table("loop-area", "Area of the loop", columns, rows, notes=notes)


def manifest(entries: Mapping[str, Any]) -> Table:
    """Return the manifest of a run, nested entries by dotted name."""
    rows = tuple(
        (name, NOTHING if value in (None, "") else str(value)) for name, value in _flat(entries, "")
    )
    return Table("manifest", "Manifest", ("Entry", "Value"), rows, prose=True)


def _flat(entries: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in entries.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
