"""First-passage times of thresholds, with direction; never crossed is censored, not late."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
