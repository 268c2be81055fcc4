"""What a restoration takes, counted in three ways."""

from __future__ import annotations

import pandas as pd

from analysis.summary import of_median_cost

Row = dict[str, object]


def effort_table(cost: pd.DataFrame) -> pd.DataFrame:
    """Return the effort of the cheapest restorations: one row a role, target and delay.

    Columns: role, target, delay, replicates, finite (replicates with a finite cost), l1 [load ·
    steps], peak [load], length [steps], quadratic [load² · steps], constant (height of the least
    constant correction, so the effort per step of keeping it up) [load].  All of the pulse of one
    replicate, the one of median cost; l1 is infinite where that is.
    """
    names = {"l1": "cost", "peak": "height", "length": "length", "quadratic": "quadratic"}
    names["constant"] = "constant_height"
    rows = []
    for (role, target, delay), group in cost.groupby(["role", "target", "delay"], sort=True):
        row: Row = {"role": role, "target": target, "delay": delay}
        row |= {"replicates": len(group), "finite": int((~group["censored"]).sum())}
        median = of_median_cost(group)
        row |= {name: median[column] for name, column in names.items()}
        rows.append(row)
    return pd.DataFrame(rows)
