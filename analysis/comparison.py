"""Tables of a comparison: who lives how well at what cost, matched by replicate."""

from __future__ import annotations

import math

import pandas as pd

from analysis.contest import BASELINE, BOUNDS, written
from analysis.intervals import mean_interval, quantile_interval
from analysis.trials import Row


def chosen(tuning: pd.DataFrame, kind: str, cure: float) -> str:
    """Return the setting chosen for a contestant, as written; its own where none was tried."""
    rows = tuning[(tuning["kind"] == kind) & (tuning["cure"] == cure) & tuning["chosen"]]
    return str(rows["setting"].iloc[0]) if len(rows) else written({})


def with_distance(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the table with `distance`: lived alignment of the best bound less one's own.

    The best bound is, at each φ, the one of `BOUNDS` with the highest mean lived alignment over
    replicates; without any, the contestant that has it.  Matched by replicate, so it may be
    negative: a bound within its own family, and a sample, can be beaten.
    """
    parts = []
    for _, rows in comparison.groupby("cure", sort=False):
        bound = rows[rows["kind"] == bound_of(rows)].set_index("replicate")["lived_alignment"]
        distance = rows["replicate"].map(bound) - rows["lived_alignment"]
        parts.append(rows.assign(distance=distance))
    return pd.concat(parts).loc[comparison.index] if parts else comparison.assign(distance=[])


def bound_of(rows: pd.DataFrame) -> str:
    """Return the contestant that distances are taken from, at one φ."""
    allowed = rows[rows["kind"].isin(BOUNDS)]
    means = (rows if allowed.empty else allowed).groupby("kind", sort=False)["lived_alignment"]
    return str(means.mean().idxmax())


_MEANS = (
    "lived_alignment", "apparent_alignment", "prevalence_end", "harm", "spent", "failures",
    "distance",
)  # fmt: skip


def standings(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return a row a contestant and φ: means with 95 % t intervals over matched replicates.

    Columns: cure, kind, setting, replicates, then NAME, NAME_low, NAME_high of what is measured
    and of `gain` and `gap`; `safe`, the share of replicates kept safe; `front`, whether no other
    contestant that can be deployed costs no more and lives better (Pareto).

    Parameters
    ----------
    comparison
        From `with_distance`.

    Notes
    -----
    `gain` is lived alignment less the baseline's in the same replicate, nan where the baseline
    has none; `gap` is apparent less lived alignment.
    """
    rows = []
    for (cure, kind), mine in comparison.groupby(["cure", "kind"], sort=False):
        base = comparison[(comparison["cure"] == cure) & (comparison["kind"] == BASELINE)]
        base = base.set_index("replicate")["lived_alignment"]
        lived = mine.set_index("replicate")["lived_alignment"]
        row: Row = {
            "cure": cure, "kind": kind, "setting": mine["setting"].iloc[0],
            "replicates": len(mine), "safe": float(mine["safe"].mean()),
        }  # fmt: skip
        paired = (lived - base.reindex(lived.index)).dropna()
        samples = {
            "gain": paired if len(paired) else pd.Series([math.nan]),
            "gap": mine["apparent_alignment"] - mine["lived_alignment"],
            **{name: mine[name] for name in _MEANS},
        }
        for name, sample in samples.items():
            ends = mean_interval(sample)
            row |= {name: ends.estimate, f"{name}_low": ends.low, f"{name}_high": ends.high}
        rows.append(row)
    table = pd.DataFrame(rows)
    table["front"] = _on_front(table)
    return table.sort_values("cure", kind="stable", ignore_index=True)


def _on_front(table: pd.DataFrame) -> list[bool]:
    front = []
    for row in table.itertuples():
        others = table[(table["cure"] == row.cure) & ~table["kind"].isin(BOUNDS)]
        better = (others["spent"] <= row.spent) & (others["lived_alignment"] >= row.lived_alignment)
        better &= (others["spent"] < row.spent) | (others["lived_alignment"] > row.lived_alignment)
        front.append(row.kind not in BOUNDS and not bool(better.any()))
    return front


def delay_curve(delays: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return a row a contestant, φ and delay: the median least budget, 95 % interval, censoring."""
    rows = []
    for (cure, kind, delay), mine in delays.groupby(["cure", "kind", "delay"], sort=False):
        ends = quantile_interval(mine["budget"], seed=seed)
        single = len(mine) == 1
        rows.append(
            {
                "cure": cure, "kind": kind, "delay": delay, "replicates": len(mine),
                "budget": ends.estimate, "budget_low": math.nan if single else ends.low,
                "budget_high": math.nan if single else ends.high,
                "censored": float(mine["censored"].mean()),
            }
        )  # fmt: skip
    columns = [
        "cure", "kind", "delay", "replicates", "budget", "budget_low", "budget_high", "censored",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("cure", kind="stable", ignore_index=True)
