"""Works in progress: what was paid for, on its way to becoming shelter."""

from __future__ import annotations

import numpy as np

from sim.processes.stage import Frame, weighted
from sim.streams import FloatArray


def per_person(quantity: FloatArray, *, frame: Frame) -> FloatArray:
    """Return a quantity by group and channel, (G, K, R), per person of the population, (R,)."""
    by_group = weighted(np.ones(quantity.shape[1]), quantity.swapaxes(0, 1))
    return weighted(frame.population.group_share, by_group)


def deliver(pipeline: FloatArray, ordered: FloatArray, *, frame: Frame) -> FloatArray:
    """Order a stock, (G, K, R), add what is finished in this step to the shelter and return it.

    The pipeline, (lead time + 1, G, K, R), what is finished first, moves on in place.
    """
    pipeline[-1] += ordered
    finished: FloatArray = pipeline[0].copy()
    frame.state.shelter += finished
    pipeline[:-1] = pipeline[1:]
    pipeline[-1] = 0.0
    return finished
