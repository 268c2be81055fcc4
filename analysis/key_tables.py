"""The short tables of a cost report: its key quantities and its checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from analysis.summary import Summary
from analysis.table import Table, in_order, replicates_of, role_name
from analysis.wording import NOTHING, interval, number, of, span


def premium_at_last(summary: Summary) -> Table:
    """Return the irreversibility premium at the longest delay."""
    last = in_order(_last_delay(summary.premium))
    rows = tuple(
        (
            row.target,
            interval(row.premium, row.premium_low, row.premium_high, infinite="∞ (lost)"),
            *(number(n) for n in (row.finite, row.lost, row.gained, row.undefined)),
        )
        for row in last.itertuples()
    )
    premium = "Premium [95 % interval] [load·steps]"
    columns = ("Target", premium, "Finite pairs", "Lost", "Gained", "Undefined")
    notes = (
        "Cost above the reversible twin's, matched by replicate. Lost: infinite here, finite in "
        "the twin; ranked as ∞. Gained: the reverse; ranked as −∞. Undefined: infinite in both; "
        "left out.",
    )
    caption = f"Irreversibility premium at the longest delay ({_steps(last)})"
    return Table("premium-last", caption, columns, rows, notes=notes)


def no_return(summary: Summary) -> Table:
    """Return the point of no return at the largest height tried."""
    table = summary.no_return
    largest = table[table["u_max"] == table["u_max"].max()]
    notes = (
        "First of the delays measured from which the cost stays infinite. Undefined: lost, then "
        "regained at a later delay; such replicates are left out of the median.",
    )
    columns = ("Run", "Target", "T*, median [95 % interval] [steps]", "Never lost", "Undefined")
    rows = tuple((row[0], row[1], *row[3:]) for row in _no_return_rows(largest, summary))
    return Table("no-return", "Point of no return T*", columns, rows, headers=2, notes=notes)


def no_return_by_height(summary: Summary) -> Table:
    """Return the point of no return for every smaller limit on the height."""
    columns = (
        "Run",
        "Target",
        "u_max [load]",
        "T*, median [95 % interval] [steps]",
        "Never lost",
        "Undefined",
    )
    rows = tuple(_no_return_rows(summary.no_return, summary))
    caption = "Point of no return T* by the largest height allowed"
    return Table("no-return-by-height", caption, columns, rows, headers=3)


def _no_return_rows(table: pd.DataFrame, summary: Summary) -> Iterator[tuple[str, ...]]:
    replicates = replicates_of(summary.curve)
    for row in in_order(table).itertuples():
        n = replicates[row.role]
        known = n - row.undefined
        estimate = interval(
            row.no_return,
            row.no_return_low,
            row.no_return_high,
            infinite="never lost",
            end="never",
        )
        never = of(row.never * known, n) if known else of(0, n)
        yield (
            role_name(row.role),
            row.target,
            number(row.u_max),
            estimate if known else "undefined",
            never,
            of(row.undefined, n),
        )


_REMAINS = {
    "prevalence": "prevalence [share]",
    "cost_hold": "cost R∞ to hold [load·steps]",
    "cost_heal": "cost R∞ to heal [load·steps]",
    "exposure_memory": "exposure memory [load]",
}


def remanence(summary: Summary) -> Table:
    """Return what remains after ever longer rests; exposure memory stands in a table of its own."""
    chosen = summary.remanence[summary.remanence["quantity"] != "exposure_memory"]
    notes = (
        f"After a delay of {_steps(chosen)}, the larger of the last two of a doubling sequence of "
        f"rests on the bench, of up to {number(chosen['rest'].max())} steps. Converged: replicates "
        "in which the two agree; where they do not, what is shown may still change.",
    )
    caption = "Remanent prevalence and cost after rest"
    return _remaining(chosen, summary, name="remanence", caption=caption, notes=notes)


def memory(summary: Summary) -> Table:
    """Return the exposure that remains after ever longer rests."""
    chosen = summary.remanence[summary.remanence["quantity"] == "exposure_memory"]
    notes = (
        "Mean exposure left, weighted over channels. Exposure is an integrator: what it keeps is "
        "memory of the past load, not hysteresis, and is not counted as remanence.",
    )
    caption = "Exposure memory after rest"
    return _remaining(chosen, summary, name="memory", caption=caption, notes=notes)


def _remaining(
    chosen: pd.DataFrame, summary: Summary, *, name: str, caption: str, notes: tuple[str, ...]
) -> Table:
    replicates = replicates_of(summary.curve)
    columns = (
        "Run",
        "Quantity",
        "Median [95 % interval]",
        "Converged",
    )
    rows = tuple(
        (
            role_name(row.role),
            _REMAINS[row.quantity],
            interval(row.value, row.value_low, row.value_high),
            "one rest only"
            if np.isnan(row.converged)
            else of(row.converged * replicates[row.role], replicates[row.role]),
        )
        for row in chosen.itertuples()
    )
    return Table(name, caption, columns, rows, headers=2, notes=notes)


def floor(summary: Summary, *, tolerated: float) -> Table:
    """Return how far the largest correction brings prevalence down at the longest delay."""
    last = _last_delay(summary.curve).drop_duplicates("role")
    columns = (
        "Run",
        "After exposure",
        "After rest",
        "Under the largest correction",
        "Harm [share·steps]",
    )
    rows = tuple(
        (
            role_name(row.role),
            *(number(v) for v in (row.prevalence_exposed, row.prevalence_rested)),
            *(number(v) for v in (row.floor, row.harm)),
        )
        for row in last.itertuples()
    )
    notes = (
        f"Medians. Safe is at most ε = {number(tolerated)}. The floor is the largest prevalence "
        "in the last D steps of the horizon under the constant correction of height u_max. Harm "
        "is prevalence summed over the steps of exposure.",
    )
    caption = f"Prevalence and its floor at the longest delay ({_steps(last)})"
    return Table("floor", caption, columns, rows, notes=notes)


def crossings(summary: Summary) -> Table:
    """Return when declared thresholds of prevalence are crossed."""
    columns = (
        "Run",
        "Threshold",
        "Direction",
        "First passage, median [95 % interval] [steps]",
        "Crossed",
        "Censored",
    )
    rows = tuple(
        (
            role_name(row.role),
            number(row.level),
            row.direction,
            interval(
                row.step, row.step_low, row.step_high, infinite="never (censored)", end="never"
            ),
            number(row.crossed),
            number(row.censored),
        )
        for row in summary.crossings.itertuples()
    )
    notes = ("Censored: replicates that never crossed during exposure.",)
    return Table("crossings", "Crossing times of prevalence", columns, rows, headers=3, notes=notes)


def effort_at_last(table: pd.DataFrame) -> Table:
    """Return the effort of restorations at the last delay of which the median cost is finite."""
    finite = table[np.isfinite(table["l1"])]
    last = finite.loc[finite.groupby(["role", "target"])["delay"].idxmax()]
    notes = (
        "Of the replicate of median cost. Three ways to count one pulse: L1 is height × length, "
        "peak is the height, quadratic is height² × length. Constant: the least height that does "
        "it when kept up for the whole horizon, which is its effort per step.",
    )
    caption = "Effort at the last delay with a finite median cost"
    return _effort(last, name="effort-last", caption=caption, notes=notes)


def effort(table: pd.DataFrame) -> Table:
    """Return the effort of restorations at every delay, from `analysis.effort.effort_table`."""
    return _effort(table, name="effort", caption="Effort by delay")


def _effort(table: pd.DataFrame, *, name: str, caption: str, notes: tuple[str, ...] = ()) -> Table:
    columns = (
        "Run",
        "Target",
        "Delay [steps]",
        "Finite",
        "L1 [load·steps]",
        "Peak [load]",
        "Length [steps]",
        "Quadratic [load²·steps]",
        "Constant [load]",
    )
    rows = tuple(
        (
            role_name(row.role),
            row.target,
            number(row.delay),
            of(row.finite, row.replicates),
            *(number(v) for v in (row.l1, row.peak, row.length, row.quadratic, row.constant)),
        )
        for row in in_order(table).itertuples()
    )
    return Table(name, caption, columns, rows, headers=3, notes=notes)


def certificates(checks: pd.DataFrame, *, proofs: Mapping[str, bool]) -> Table:
    """Return how the worst state rests, by role.

    Parameters
    ----------
    proofs
        Whether each role is cooperative, so that one run proves something.
    """
    columns = (
        "Run",
        "Certified",
        "Prevalence reached 0",
        "Steps it took",
        "Prevalence left in the others",
        "One run is a proof",
    )
    rows = []
    for role, group in checks.groupby("role", sort=True):
        reached = group["certificate_prevalence"] == 0.0
        steps = group.loc[reached, "certificate_steps"]
        left = group.loc[~reached, "certificate_prevalence"]
        rows.append(
            (
                role_name(role),
                of(group["certificate_holds"].sum(), len(group)),
                of(reached.sum(), len(group)),
                *(span(s.min(), s.max()) if len(s) else NOTHING for s in (steps, left)),
                ("yes" if proofs[str(role)] else "no") if reached.any() else NOTHING,
            )
        )
    notes = (
        "Replicates in which the worst state rests to prevalence 0. In a cooperative scenario "
        "(A1) the path from the worst state stays above every other, so that one run is a proof "
        "for its replicate. Elsewhere it is an observation and certifies nothing. Ratchets never "
        "release: where there are any no rest is made, and the prevalence left is theirs alone.",
    )
    caption = "Certificate of reversibility"
    return Table("certificates", caption, columns, tuple(rows), notes=notes)


def checks_on_the_path(checks: pd.DataFrame) -> Table:
    """Return what was checked on the runs themselves, by role."""
    columns = (
        "Run",
        "Path nondecreasing over the delays",
        "Feasibility inversions",
        "Corrections tried",
    )
    rows = tuple(
        (
            role_name(role),
            f"{of((group['path_violations'] == 0).sum(), len(group))} replicates",
            number(group["inversions"].sum()),
            number(group["evaluations"].sum()),
        )
        for role, group in checks.groupby("role", sort=True)
    )
    notes = (
        "The first column checks A2 component by component on the states at the delays. An "
        "inversion is a state that one height restores and a greater one does not.",
    )
    return Table("checks", "Checks on the runs", columns, rows, notes=notes)


def _last_delay(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["delay"] == table["delay"].max()]


def _steps(table: pd.DataFrame) -> str:
    """Return the longest delay in words."""
    longest = table["delay"].max()
    return f"{number(longest)} {'step' if longest == 1 else 'steps'}"
