"""First-passage times of thresholds, with direction; never crossed is censored, not late."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def first_passage(path: Sequence[float], *, level: float, direction: str = "up") -> int | None:
    """Return the first index at which a path has crossed a level, or None if it never does.

    Parameters
    ----------
    path
        Values at steps 0, 1, 2 …
    level
        The threshold.
    direction
        `up`: from below the level to at or above it; `down`: from above to at or below it.  A
        path that starts beyond the level must first come back to count.

    Examples
    --------
    >>> first_passage([0.0, 0.2, 0.6], level=0.5)
    2
    >>> first_passage([0.9, 0.6, 0.5], level=0.5, direction="down")
    2
    >>> first_passage([0.0, 0.1], level=0.5) is None
    True
    """
    sign = {"up": 1.0, "down": -1.0}[direction]
    beyond = sign * (np.asarray(path, dtype=np.float64) - level) >= 0.0
    crossed = np.flatnonzero(beyond[1:] & ~beyond[:-1])
    return int(crossed[0]) + 1 if crossed.size else None


def raster_table(crossings: pd.DataFrame) -> pd.DataFrame:
    """Return every first passage of every replicate, replicates sorted for display.

    Columns: role, row (from 0: sorted by the first passage of the highest threshold, ties by the
    next lower one, those who never crossed last), replicate, level, direction, step (inf where
    never crossed).  One row a role, replicate and threshold.

    Examples
    --------
    >>> columns = {"role": "scenario", "level": 0.5, "direction": "up", "replicate": [0, 1]}
    >>> found = pd.DataFrame({**columns, "step": [np.nan, 7.0], "censored": [True, False]})
    >>> raster_table(found)[["row", "replicate", "step"]].values.tolist()
    [[0.0, 1.0, 7.0], [1.0, 0.0, inf]]
    """
    steps = crossings["step"].astype(np.float64).where(~crossings["censored"].astype(bool), np.inf)
    parts = []
    for role, group in crossings.assign(step=steps).groupby("role", sort=True):
        wide = group.pivot(index="replicate", columns=["level", "direction"], values="step")
        highest_first = sorted(wide.columns, reverse=True)
        order = wide.sort_values(highest_first, kind="stable").index
        row = dict(zip(order, range(len(order)), strict=True))
        parts.append(group.assign(role=role, row=group["replicate"].map(row)))
    columns = ["role", "row", "replicate", "level", "direction", "step"]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts)[columns]
    return table.sort_values(["role", "row", "level", "direction"], ignore_index=True)
