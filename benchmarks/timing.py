"""The shortest of several timings: the one least disturbed by the machine."""

from __future__ import annotations

import time
from collections.abc import Callable


def best_of(repeats: int, call: Callable[[], object]) -> float:
    """Return the shortest wall time of a call [s]."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
