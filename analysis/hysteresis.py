"""The loop of prevalence against exposure: up while stress lasts, down while it fades."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.summary import median_of

Row = dict[str, Any]


def loop_table(path: pd.DataFrame) -> pd.DataFrame:
    """Return medians over replicates at each step.

    Columns: role, phase (exposure, then rest), step, exposure [load], prevalence [share], and the
    means over persons of narrative, lock_in and trust.
    """
    keys = ["role", "phase", "step"]
    columns = ["exposure", "prevalence", "narrative", "lock_in", "trust"]
    medians = path.groupby(keys, sort=True)[columns]
    return medians.quantile(0.5, interpolation="lower").reset_index()


def loop_area(exposure: np.ndarray[Any, Any], prevalence: np.ndarray[Any, Any]) -> float:
    """Return −∮ P dE [share · load]: how much more is constrained on the way down than up.

    The path is joined by straight lines and not closed: where exposure does not come back to
    where it began, the last part of the loop is missing.

    Examples
    --------
    >>> loop_area(np.array([0.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    0.0
    >>> loop_area(np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    1.0
    """
    middle = 0.5 * (prevalence[1:] + prevalence[:-1])
    return float(-np.sum(middle * np.diff(exposure))) + 0.0


def area_table(path: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return the area of the loop up to the longest delay and back.

    Columns: role, area (median over replicates) with area_low and area_high (95 % bootstrap
    interval), open (median of the exposure left at the end) [load].
    """
    rows = []
    for role, group in path.groupby("role", sort=True):
        areas, left = [], []
        for _, one in group.groupby("replicate", sort=True):
            up = one[one["phase"] == "exposure"].sort_values("step")
            down = one[one["phase"] == "rest"].sort_values("step")
            turn = down["step"].iloc[0]
            joined = pd.concat([up[up["step"] < turn], down])
            areas.append(loop_area(joined["exposure"].to_numpy(), joined["prevalence"].to_numpy()))
            left.append(joined["exposure"].iloc[-1])
        row: Row = {"role": role} | median_of(pd.Series(areas), "area", seed)
        rows.append(row | {"open": float(np.quantile(left, 0.5, method="inverted_cdf"))})
    return pd.DataFrame(rows)
