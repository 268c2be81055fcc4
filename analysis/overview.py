"""Several cost runs side by side: the table that a page of several reports begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.restoration import TARGETS
from analysis.summary import Summary
from analysis.table import Table
from analysis.wording import NOTHING, interval, number

Row = dict[str, Any]


def overview_table(labels: Sequence[str], summaries: Sequence[Summary]) -> pd.DataFrame:
    """Return the key quantities of several runs, of the scenario alone and not of its twin.

    Columns: run, target, replicates, delay_first and delay_last; cost_first, cost_last,
    no_return (at the largest height), remanent (prevalence) and premium (at the longest delay),
    each a median with _low and _high; never (share never lost).  The premium is nan where there
    is no twin or no finite pair.
    """
    rows = []
    for label, summary in zip(labels, summaries, strict=True):
        for target in TARGETS:
            curve = _of(summary.curve, target).sort_values("delay")
            first, last = curve.iloc[0], curve.iloc[-1]
            row: Row = {"run": label, "target": target, "replicates": last["replicates"]}
            row |= {"delay_first": first["delay"], "delay_last": last["delay"]}
            row |= _estimate("cost_first", first, "cost") | _estimate("cost_last", last, "cost")
            lost = _of(summary.no_return, target).sort_values("u_max").iloc[-1]
            row |= _estimate("no_return", lost, "no_return") | {"never": lost["never"]}
            left = summary.remanence
            chosen = (left["role"] == "scenario") & (left["quantity"] == "prevalence")
            row |= _estimate("remanent", left[chosen].iloc[0], "value")
            row |= _premium(summary.premium, target)
            rows.append(row)
    return pd.DataFrame(rows)


def _of(table: pd.DataFrame, target: str) -> pd.DataFrame:
    return table[(table["role"] == "scenario") & (table["target"] == target)]


def _estimate(name: str, row: pd.Series, column: str) -> Row:
    return {f"{name}{end}": float(row[f"{column}{end}"]) for end in ("", "_low", "_high")}


def _premium(premium: pd.DataFrame, target: str) -> Row:
    if premium.empty:
        return {f"premium{end}": np.nan for end in ("", "_low", "_high")}
    rows = premium[premium["target"] == target].sort_values("delay")
    return _estimate("premium", rows.iloc[-1], "premium")


def overview(table: pd.DataFrame) -> Table:
    """Return the overview as text, from `overview_table`."""
    rows = tuple(
        (
            row.run,
            row.target,
            number(row.replicates),
            f"{_interval(row, 'cost_first')} at {number(row.delay_first)}",
            f"{_interval(row, 'cost_last')} at {number(row.delay_last)}",
            _interval(row, "no_return", infinite="never lost", end="never")
            if not np.isnan(row.no_return)
            else "undefined",
            _interval(row, "remanent"),
            _interval(row, "premium", infinite="∞ (lost)")
            if not np.isnan(row.premium)
            else NOTHING,
        )
        for row in table.itertuples()
    )
    columns = (
        "Run",
        "Target",
        "Replicates",
        "Cost, shortest delay",
        "Cost, longest delay",
        "T*",
        "Remanent prevalence",
        "Premium, longest delay",
    )
    notes = (
        "Medians of matched replicates, 95 % intervals in brackets. Costs and premium in "
        "load·steps per person, delays and T* in steps of each run's own length. T*: first delay "
        "from which the cost stays infinite. Premium: cost above the reversible twin’s; a dash "
        "where there is no twin. Runs share no draws unless their seeds agree.",
    )
    return Table("overview", "The runs side by side", columns, rows, headers=2, notes=notes)


def _interval(row: Any, name: str, **words: str) -> str:
    estimate, low, high = (getattr(row, f"{name}{end}") for end in ("", "_low", "_high"))
    return interval(estimate, low, high, **words)
