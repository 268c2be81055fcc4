"""Sensitisation: how far wear lowers an activation threshold, and no further.

A relay that can release is worn down to its release threshold, so that up ≥ down always.  A
ratchet has none; its floor is 0, where it is on without any load, or `up` where that is lower.
"""

from __future__ import annotations

import numpy as np

from sim.compiled import inlined
from sim.population import Population
from sim.streams import FloatArray


@inlined
def floor_of(up, down):  # type: ignore[no-untyped-def]
    """Return the lowest that `up` can be worn down to [load]."""
    return down if down > -np.inf else min(up, 0.0)


@inlined
def worn_down(up, down, wear):  # type: ignore[no-untyped-def]
    """Return the activation threshold in force [load]."""
    return max(up - wear, floor_of(up, down))


def in_force(up: FloatArray, down: FloatArray, wear: FloatArray) -> FloatArray:
    """Return the activation thresholds in force, as `worn_down`, all of one shape."""
    floor = np.where(np.isneginf(down), np.minimum(up, 0.0), down)
    return np.maximum(up - wear, floor)


def largest_wear(population: Population) -> FloatArray:
    """Return the wear at which every threshold is at its floor, (K, N) [load]."""
    up, down = population.up.astype(np.float64), population.down.astype(np.float64)
    return up - in_force(up, down, np.full(up.shape, np.inf))
